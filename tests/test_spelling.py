"""What clients spell in their own ways: stored in one, told where it is wrong, and found again as a duplicate."""

from typing import Any

import pytest
import sqlalchemy as sa

from db import models
from db.models import Access, table_of
from resolvers import ids
from tests.builders import a_contact, a_customer, a_viewer, trail_of
from tests.worlds import key_in, told

CUSTOMER_FIELDS = "businessId vatNumber country email phone website version"
CREATE_CUSTOMER = f"""mutation ($input: CustomerInput!) {{ payload: createCustomer(input: $input) {{
  customer {{ id {CUSTOMER_FIELDS} }} problems {{ code message path entityId }} }} }}"""
UPDATE_CUSTOMER = f"""mutation ($id: ID!, $set: CustomerSet!) {{ payload: updateCustomer(id: $id, set: $set) {{
  customer {{ id {CUSTOMER_FIELDS} }} problems {{ code message path entityId }} }} }}"""
CREATE_CONTACT = """mutation ($input: ContactInput!) { payload: createContact(input: $input) {
  contact { id email phone mobile } problems { code message path } } }"""
UPDATE_CONTACT = """mutation ($id: ID!, $set: ContactSet!) { payload: updateContact(id: $id, set: $set) {
  contact { id email phone mobile } problems { code message path } } }"""
UPSERT_CUSTOMERS = """mutation ($input: [CustomerInput!]!) {
  payload: upsertCustomers(input: $input, errorPolicy: REJECT_ROWS) {
  created updated unchanged rejected problems { code path entityId } } }"""
UPSERT_CONTACTS = """mutation ($input: [ContactInput!]!) {
  payload: upsertContacts(input: $input, errorPolicy: REJECT_ROWS) {
  created updated unchanged rejected problems { code path } } }"""
DELETE_CUSTOMER = "mutation ($id: ID!) { payload: deleteCustomer(id: $id) { problems { code } } }"
NOKIA = {"name": "Nokia", "businessId": "0112038-9"}


async def payload(database, viewer, document, **variables):
    return (await told(database, viewer, document, variables))["payload"]


async def created(database, viewer, **values):
    answer = await payload(database, viewer, CREATE_CUSTOMER, input={"name": "Acme", **values})
    assert answer["problems"] == []
    return answer["customer"]


def where(answer):
    return [(problem["code"], problem["path"]) for problem in answer["problems"]]


async def test_a_customer_is_stored_in_the_spelling_of_its_country(database, viewer):
    customer = await created(
        database,
        viewer,
        businessId="fi 01120389",
        vatNumber="0112038-9",
        email="Anna.Lind@Example.COM",
        phone="040 123 4567",
        website="www.example.com/",
    )
    assert customer | {"id": ""} == {
        "id": "",
        "businessId": "0112038-9",
        "vatNumber": "FI01120389",
        "country": "FI",
        "email": "Anna.Lind@example.com",
        "phone": "+358401234567",
        "website": "https://www.example.com",
        "version": 1,
    }
    swede = await created(database, viewer, country="se", businessId="556016-0680", phone="08-123 456 78")
    assert (swede["businessId"], swede["phone"]) == ("5560160680", "+46812345678")


async def test_each_value_that_cannot_be_is_told_at_its_place(database, viewer):
    wrong = {"businessId": "0112038-8", "vatNumber": "FI1", "email": "info@", "phone": "12", "website": "ftp://x.fi"}
    answer = await payload(database, viewer, CREATE_CUSTOMER, input={"name": "Acme", **wrong})
    assert answer["customer"] is None
    assert {(problem["code"], *problem["path"]) for problem in answer["problems"]} == {
        ("INVALID", "input", name) for name in wrong
    }
    for problem in answer["problems"]:
        assert f"“{wrong[problem['path'][-1]]}”" in problem["message"]
    customer = await created(database, viewer)
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set=wrong)
    assert {(problem["code"], *problem["path"]) for problem in answer["problems"]} == {
        ("INVALID", "set", name) for name in wrong
    }


async def test_another_spelling_of_what_is_stored_changes_nothing(database, viewer):
    customer = await created(database, viewer, businessId="0112038-9", phone="040 123 4567", website="example.com")
    again = {"businessId": "FI01120389", "phone": "+358 40 1234567", "website": "HTTPS://EXAMPLE.COM"}
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set=again)
    assert answer["customer"] == customer


async def test_what_is_given_with_a_new_country_is_spelt_there(database, viewer):
    customer = await created(database, viewer)
    changed = {"phone": "08-123 456 78", "businessId": "556016-0680", "country": "SE"}
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set=changed)
    assert answer["customer"]["phone"] == "+46812345678"
    assert answer["customer"]["businessId"] == "5560160680"


async def test_a_country_that_changes_alone_leaves_what_is_spelt_alike_everywhere(database, viewer):
    customer = await created(database, viewer, vatNumber="FI01120389", phone="040 1234567")
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set={"country": "SE"})
    assert answer["customer"] == customer | {"country": "SE", "version": 2}


async def test_a_country_that_changes_alone_takes_along_a_number_that_is_right_there(database, viewer):
    customer = await created(database, viewer, country="FR", businessId="552008443")
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set={"country": "RE"})
    assert answer["customer"] == customer | {"country": "RE", "version": 2}
    assert await traced(database, customer) == [("country", "FR", "RE")]


async def test_a_number_that_is_spelt_otherwise_in_the_new_country_is_stored_and_traced_so(database, viewer):
    customer = await created(database, viewer, country="US", businessId="fi 0112 0389")
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set={"country": "FI"})
    assert answer["customer"] == customer | {"country": "FI", "businessId": "0112038-9", "version": 2}
    assert await traced(database, customer) == [("businessId", "fi 0112 0389", "0112038-9"), ("country", "US", "FI")]


async def test_a_number_that_cannot_be_in_the_new_country_stops_the_country(database, viewer):
    customer = await created(database, viewer, businessId="0112038-9")
    moved = {"country": "SE", "name": "B"}
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set=moved)
    assert where(answer) == [("INVALID", ["set", "country"])]
    (problem,) = answer["problems"]
    assert "“0112038-9” is no organisationsnummer of Sweden" in problem["message"]
    assert problem["message"].endswith("give businessId too, or null.")
    assert await traced(database, customer) == []
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set=moved | {"businessId": None})
    assert (answer["customer"]["country"], answer["customer"]["businessId"]) == ("SE", None)


async def test_a_number_is_not_looked_at_again_where_the_country_stays(database, viewer):
    customer = await created(database, viewer, businessId="0112038-9")
    async with database.sessions.begin() as session:
        await session.execute(sa.update(table_of(models.Customer)).values(business_id="none"))
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set={"country": "fi", "name": "B"})
    assert answer["problems"] == []
    assert answer["customer"]["businessId"] == "none"


async def test_a_number_and_a_country_that_both_cannot_be_are_each_told_once(database, viewer):
    customer = await created(database, viewer, businessId="0112038-9")
    wrong = {"country": "SE", "businessId": "0112038-9"}
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set=wrong)
    assert where(answer) == [("INVALID", ["set", "businessId"])]
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set={"country": "UK"})
    assert where(answer) == [("INVALID", ["set", "country"])]


async def test_rows_that_are_sent_in_with_another_country_are_read_anew_too(database, viewer):
    first = [
        {"name": name, "externalId": name, "country": country, "businessId": number}
        for name, country, number in (
            ("stays", "FR", "552008443"),
            ("respelt", "US", "112038-9"),
            ("wrong", "FI", "2900100-7"),
            ("given", "FI", "2900101-5"),
            ("cleared", "FI", "2900102-3"),
        )
    ]
    assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=first))["created"] == 5
    again = [
        {"name": "stays", "externalId": "stays", "country": "RE"},
        {"name": "respelt", "externalId": "respelt", "country": "FI"},
        {"name": "wrong", "externalId": "wrong", "country": "SE"},
        {"name": "given", "externalId": "given", "country": "SE", "businessId": "556016-0680"},
        {"name": "cleared", "externalId": "cleared", "country": "SE", "businessId": None},
    ]
    answer = await payload(database, viewer, UPSERT_CUSTOMERS, input=again)
    assert where(answer) == [("INVALID", ["input", "2", "country"])]
    assert (answer["updated"], answer["rejected"]) == (4, 1)
    async with database.sessions() as session:
        customers = table_of(models.Customer)
        rows = await session.execute(
            sa.select(customers.c.name, customers.c.country, customers.c.business_id).order_by(customers.c.name)
        )
        assert [tuple(row) for row in rows] == [
            ("cleared", "SE", None),
            ("given", "SE", "5560160680"),
            ("respelt", "FI", "0112038-9"),
            ("stays", "RE", "552008443"),
            ("wrong", "FI", "2900100-7"),
        ]


async def test_a_number_that_becomes_anothers_by_being_read_anew_is_a_duplicate(database, viewer):
    holder = await created(database, viewer, businessId="0112038-9")
    other = await created(database, viewer, country="US", businessId="112038-9")
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=other["id"], set={"country": "FI"})
    assert where(answer) == [("DUPLICATE", ["set", "businessId"])]
    assert answer["problems"][0]["entityId"] == holder["id"]


async def traced(database, customer):
    """What the trail says has changed: field, old and new value."""
    async with database.sessions() as session:
        changes = await trail_of(session, ids.find_key("Customer", customer["id"]))
    return [(change.field, change.old, change.new) for change in changes if change.kind == "UPDATED"]


async def test_a_country_that_cannot_be_hides_what_else_only_it_could_tell(database, viewer):
    answer = await payload(database, viewer, CREATE_CUSTOMER, input={"name": "A", "country": "UK", "phone": "1"})
    assert where(answer) == [("INVALID", ["input", "country"])]


async def test_values_from_before_block_no_other_change(database, viewer):
    customer = await created(database, viewer)
    before = {"phone": "ask Matti", "business_id": "none", "email": "?", "website": "soon"}
    async with database.sessions.begin() as session:
        await session.execute(sa.update(table_of(models.Customer)).values(before))
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set={"name": "B", "language": "sv"})
    assert (answer["customer"]["phone"], answer["customer"]["businessId"]) == ("ask Matti", "none")
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set={"phone": None, "businessId": " "})
    assert (answer["customer"]["phone"], answer["customer"]["businessId"]) == (None, None)


async def test_what_is_stored_already_is_looked_at_again_only_in_another_country(database, viewer):
    customer = await created(database, viewer, externalId="1")
    async with database.sessions.begin() as session:
        before = {"phone": "ask Matti", "business_id": "none", "vat_number": "12", "email": "?"}
        await session.execute(sa.update(table_of(models.Customer)).values(before))
    same = {"name": "Acme", "phone": "ask Matti", "businessId": "none", "vatNumber": "12", "email": "?"}
    row = [same | {"externalId": "1", "country": "FI"}]
    assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=row))["unchanged"] == 1
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=customer["id"], set=same)
    assert (answer["problems"], answer["customer"]["version"]) == ([], 1)
    moved = [same | {"externalId": "1", "country": "SE"}]
    wrong = [("INVALID", ["input", "0", name]) for name in ("businessId", "vatNumber", "phone")]
    assert where(await payload(database, viewer, UPSERT_CUSTOMERS, input=moved)) == wrong
    async with database.sessions.begin() as session:
        made = await a_contact(session, viewer, key_in(customer["id"]))
        swede = ids.encode("Customer", await a_customer(session, viewer, country="SE"))
        await session.execute(sa.update(table_of(models.Contact)).values(phone="ask Matti"))
    contact = ids.encode("Contact", made)
    answer = await payload(database, viewer, UPDATE_CONTACT, id=contact, set={"phone": "ask Matti"})
    assert answer["problems"] == []
    elsewhere = {"phone": "ask Matti", "customer": {"id": swede}}
    answer = await payload(database, viewer, UPDATE_CONTACT, id=contact, set=elsewhere)
    assert where(answer) == [("INVALID", ["set", "phone"])]


async def test_addresses_that_are_there_already_are_left_alone(database, viewer):
    addresses = [{"kind": "POSTAL", "city": "Oulu"}, {"kind": "VISITING", "street": "Kauppakatu 1", "country": "FI"}]
    row: dict[str, Any] = {"name": "A", "externalId": "a", "addresses": addresses}
    assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=[row]))["created"] == 1
    assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=[row]))["unchanged"] == 1
    spelt = [{"kind": "POSTAL", "city": " Oulu "}, {**addresses[1], "country": "fi", "region": None}]
    again = row | {"addresses": spelt}
    assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=[again]))["unchanged"] == 1
    for other in (addresses[::-1], addresses[:1], [], [addresses[0] | {"city": "Turku"}, addresses[1]]):
        changed = row | {"addresses": other}
        assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=[changed]))["updated"] == 1
        assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=[row]))["updated"] == 1


async def test_a_contact_is_dialled_in_the_country_of_its_customer(database, viewer):
    async with database.sessions.begin() as session:
        swede = ids.encode("Customer", await a_customer(session, viewer, country="SE"))
        finn = ids.encode("Customer", await a_customer(session, viewer))
    values = {"customer": {"id": swede}, "lastName": "Lind", "phone": "08-123 456 78", "email": "Lind@EXAMPLE.se"}
    answer = await payload(database, viewer, CREATE_CONTACT, input=values)
    contact = answer["contact"]
    assert (contact["phone"], contact["email"]) == ("+46812345678", "Lind@example.se")
    answer = await payload(database, viewer, UPDATE_CONTACT, id=contact["id"], set={"mobile": "070-123 45 67"})
    assert answer["contact"]["mobile"] == "+46701234567"
    moved = {"customer": {"id": finn}, "mobile": "040 1234567"}
    answer = await payload(database, viewer, UPDATE_CONTACT, id=contact["id"], set=moved)
    assert answer["contact"] == contact | {"mobile": "+358401234567"}
    answer = await payload(database, viewer, UPDATE_CONTACT, id=contact["id"], set={"phone": "1", "mobile": "2"})
    assert where(answer) == [("INVALID", ["set", "phone"]), ("INVALID", ["set", "mobile"])]
    unknown = {"customer": {"number": 99}, "lastName": "Lind", "phone": "1"}
    answer = await payload(database, viewer, CREATE_CONTACT, input=unknown)
    assert where(answer) == [("NOT_FOUND", ["input", "customer"])]


async def test_a_bad_spelling_rejects_its_row_only(database, viewer):
    rows = [
        {"name": "A", "externalId": "a", "phone": "040 1234567"},
        {"name": "B", "externalId": "b", "phone": "1"},
        {"name": "C", "externalId": "c", "country": "SE", "phone": "08-123 456 78"},
    ]
    answer = await payload(database, viewer, UPSERT_CUSTOMERS, input=rows)
    assert (answer["created"], answer["rejected"]) == (2, 1)
    assert where(answer) == [("INVALID", ["input", "1", "phone"])]
    # A row that says nothing of its country is spelt in the one it has.
    again = [{"name": "C", "externalId": "c", "phone": "+46 8 123 456 78"}]
    assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=again))["unchanged"] == 1
    again = [{"name": "C", "externalId": "c", "phone": "08-123 456 78"}]
    assert (await payload(database, viewer, UPSERT_CUSTOMERS, input=again))["unchanged"] == 1
    people = [
        {"externalId": f"p{n}", "lastName": "L", "customer": {"externalId": customer}, "mobile": mobile}
        for n, (customer, mobile) in enumerate([("a", "040 1234567"), ("c", "070-123 45 67"), ("c", "12")])
    ]
    answer = await payload(database, viewer, UPSERT_CONTACTS, input=people)
    assert where(answer) == [("INVALID", ["input", "2", "mobile"])]
    async with database.sessions() as session:
        mobile = table_of(models.Contact).c.mobile
        assert list(await session.scalars(sa.select(mobile).order_by(mobile))) == ["+358401234567", "+46701234567"]


# ---------------------------------------------------------------- duplicates


@pytest.mark.parametrize("spelling", ["0112038-9", "01120389", "FI 01120389", "112038-9"])
async def test_a_taken_business_id_is_told_in_any_spelling(database, viewer, spelling):
    holder = await created(database, viewer, businessId="0112038-9")
    answer = await payload(database, viewer, CREATE_CUSTOMER, input=NOKIA | {"businessId": spelling})
    assert where(answer) == [("DUPLICATE", ["input", "businessId"])]
    assert answer["problems"][0]["entityId"] == holder["id"]
    other = await created(database, viewer)
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=other["id"], set={"businessId": spelling})
    assert [problem["entityId"] for problem in answer["problems"]] == [holder["id"]]


async def test_two_spellings_in_one_call_are_one_company(database, viewer):
    rows = [NOKIA, NOKIA | {"businessId": "FI01120389"}, {"name": "No company"}]
    answer = await payload(database, viewer, UPSERT_CUSTOMERS, input=rows)
    assert (answer["created"], where(answer)) == (2, [("DUPLICATE", ["input", "1", "businessId"])])


async def test_a_country_can_change_to_one_where_the_number_is_taken_only_with_another_number(database, viewer):
    holder = await created(database, viewer, country="DK", businessId="13585628")
    other = await created(database, viewer, country="CZ", businessId="25123891")
    async with database.sessions.begin() as session:
        customers = table_of(models.Customer)
        await session.execute(
            sa.update(customers).where(customers.c.country == "CZ").values(business_id=holder["businessId"])
        )
    answer = await payload(database, viewer, UPDATE_CUSTOMER, id=other["id"], set={"country": "DK"})
    assert where(answer) == [("DUPLICATE", ["set", "businessId"])]
    assert answer["problems"][0]["entityId"] == holder["id"]


async def test_a_hidden_holder_is_not_named(database, viewer):
    await created(database, viewer, name="Secret", businessId="0112038-9")
    async with database.sessions.begin() as session:
        own = await a_viewer(session, viewer, read_customers=Access.OWN, edit_customers=Access.OWN)
    answer = await payload(database, own, CREATE_CUSTOMER, input=NOKIA | {"businessId": "FI01120389"})
    (problem,) = answer["problems"]
    assert (problem["code"], problem["entityId"]) == ("DUPLICATE", None)
    assert "Secret" not in problem["message"]


async def test_a_deleted_customer_does_not_block(database, viewer):
    gone = await created(database, viewer, businessId="0112038-9")
    assert (await payload(database, viewer, DELETE_CUSTOMER, id=gone["id"]))["problems"] == []
    assert (await created(database, viewer, businessId="FI01120389"))["businessId"] == "0112038-9"


async def test_the_same_number_of_another_country_is_another_company(database, viewer):
    await created(database, viewer, country="DE", businessId="13585628")
    assert (await created(database, viewer, country="DK", businessId="DK 13585628"))["businessId"] == "13585628"


async def test_a_contact_of_a_customer_that_one_does_not_edit_is_refused_all_the_same(database, viewer):
    async with database.sessions.begin() as session:
        customer = await a_customer(session, viewer)
        contact = ids.encode("Contact", await a_contact(session, viewer, customer, phone="040 1234567"))
        reader = await a_viewer(session, viewer, read_customers=Access.ALL)
    answer = await payload(database, reader, UPDATE_CONTACT, id=contact, set={"phone": "1"})
    assert where(answer) == [("FORBIDDEN", ["id"])]
