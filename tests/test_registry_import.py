"""Customers from national registers over GraphQL: imported, refreshed, compared; what came from where stays known."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from db.models import Access
from plugins.contract import Address, AddressKind, CompanyStatus, IndustryCode
from resolvers.customer import delete_customer
from resolvers.upsert import upsert_industries
from schema.context import Context
from tests.a_register import MYLLY, SWISS, forget_kept
from tests.builders import a_customer, a_viewer, an_id, an_industry, an_organization
from tests.clients import data_of

CUSTOMER = """
    id number name businessId vatNumber country email phone website marketingAllowed version
    industry { name code } owner { email } addresses { kind street postCode city country }
    registryLink { registryId businessId status fetchedAt fields }
"""
PROBLEMS = "problems { code message path entityId retryAfter }"
IMPORT = f"""mutation($businessId: String!, $country: CountryCode! = "FI", $overrides: CustomerSet,
    $onDuplicate: OnDuplicate! = REJECT, $allow: Boolean! = false, $registryId: String) {{
  done: importCustomer(businessId: $businessId, country: $country, overrides: $overrides, onDuplicate: $onDuplicate,
      allowNaturalPerson: $allow, registryId: $registryId) {{
    created {PROBLEMS} customer {{ {CUSTOMER} }}
  }}
}}"""
REFRESH = f"""mutation($id: ID!, $fields: [RegistryField!], $overwrite: Overwrite! = EMPTY_ONLY) {{
  done: refreshCustomer(id: $id, fields: $fields, overwrite: $overwrite) {{ {PROBLEMS} customer {{ {CUSTOMER} }} }}
}}"""
UPDATE = f"""mutation($id: ID!, $set: CustomerSet!) {{
  done: updateCustomer(id: $id, set: $set) {{ {PROBLEMS} customer {{ {CUSTOMER} }} }}
}}"""
DIFF = f"""query($id: ID!) {{
  done: registryDiff(customerId: $id) {{ status {PROBLEMS} fields {{ field current registry }} }}
}}"""
TRAIL = """query($id: ID!) {
  done: changes(filter: {entityId: {eq: $id}}) { nodes { kind field old new by { email } } }
}"""

EVERYTHING = ["NAME", "BUSINESS_ID", "VAT_NUMBER", "ADDRESSES", "PHONE", "EMAIL", "WEBSITE", "INDUSTRY"]
NUMBER = MYLLY.business_id


@pytest.fixture
def ask(database, viewer, registries):
    """Asks as the viewer, or as somebody else."""

    async def asked(document: str, by: Any = None, **variables: Any) -> Any:
        return (await data_of(Context(database, by or viewer, registries), document, **variables))["done"]

    return asked


async def imported(ask, number: str = NUMBER, **variables: Any) -> Any:
    done = await ask(IMPORT, businessId=number, **variables)
    assert done["problems"] == []
    return done["customer"]


async def refreshed(ask, customer: Any, **variables: Any) -> Any:
    done = await ask(REFRESH, id=customer["id"], **variables)
    assert done["problems"] == []
    return done["customer"]


def told(done: Any) -> list[tuple[str, list[str]]]:
    return [(problem["code"], problem["path"]) for problem in done["problems"]]


# ---------------------------------------------------------------- from a register


async def test_a_company_becomes_a_customer_with_all_that_its_register_has(ask, viewer):
    done = await ask(IMPORT, businessId=" fi 29001007 ")
    assert (done["created"], done["problems"]) == (True, [])
    customer = done["customer"]
    link = customer.pop("registryLink")
    assert customer.pop("id").startswith("cus_")
    assert customer == {
        "number": 1,
        "name": "Myllyn Paras Oy",
        "businessId": "2900100-7",
        "vatNumber": "FI29001007",
        "country": "FI",
        "email": "info@mylly.example",
        "phone": "+358191234567",
        "website": "https://www.mylly.example",
        "marketingAllowed": True,
        "version": 1,
        "industry": {"name": "Myllytuotteiden valmistus", "code": "10.611"},
        "owner": None,
        "addresses": [
            {"kind": "VISITING", "street": "Myllytie 1", "postCode": "05800", "city": "Hyvinkää", "country": None},
            {"kind": "POSTAL", "street": "PL 5", "postCode": "05801", "city": "Hyvinkää", "country": None},
        ],
    }
    assert link.pop("fetchedAt")
    assert link == {
        "registryId": "fi-testers",
        "businessId": "2900100-7",
        "status": "ACTIVE",
        "fields": EVERYTHING,
    }


async def test_what_is_imported_leaves_its_trail_and_so_does_the_industry(ask, viewer, database):
    customer = await imported(ask)
    (change,) = (await ask(TRAIL, id=customer["id"]))["nodes"]
    assert (change["kind"], change["new"]["name"], change["by"]["email"]) == (
        "CREATED",
        "Myllyn Paras Oy",
        "admin@example.com",
    )
    every = await ask("{ done: changes { nodes { entityType kind } } }")
    assert {"entityType": "Industry", "kind": "CREATED"} in every["nodes"]


async def test_overrides_win_and_are_no_longer_the_registers(ask):
    overrides = {"name": "Mylly", "phone": None, "industry": {"name": "Food"}, "notes": "From the fair"}
    missing = await ask(IMPORT, businessId=NUMBER, overrides=overrides)
    assert told(missing) == [("NOT_FOUND", ["overrides", "industry"])]
    customer = await imported(ask, overrides={**overrides, "industry": None})
    assert (customer["name"], customer["phone"], customer["industry"]) == ("Mylly", None, None)
    assert customer["registryLink"]["fields"] == ["BUSINESS_ID", "VAT_NUMBER", "ADDRESSES", "EMAIL", "WEBSITE"]


async def test_an_override_that_cannot_be_is_told_in_its_place_and_nothing_is_made(ask):
    done = await ask(IMPORT, businessId=NUMBER, overrides={"email": "nobody", "phone": "1"})
    assert told(done) == [("INVALID", ["overrides", "email"]), ("INVALID", ["overrides", "phone"])]
    assert (done["customer"], done["created"]) == (None, False)
    nothing = await ask("{ done: customers { totalCount } industries { totalCount } }")
    assert nothing["totalCount"] == 0


async def test_an_import_that_is_refused_leaves_no_industry_behind(ask):
    await ask(IMPORT, businessId=NUMBER, overrides={"email": "nobody"})
    assert (await ask("{ done: industries { totalCount } }"))["totalCount"] == 0


async def test_values_that_cannot_be_right_are_left_out(ask, register):
    register.change(
        vat_number="FI123",
        phone="call us",
        email="at mylly",
        website="none",
        addresses=(
            Address(kind=AddressKind.VISITING, street="x" * 301),
            Address(kind=AddressKind.POSTAL, city="Hyvinkää"),
        ),
        name="M" * 400,
    )
    customer = await imported(ask)
    assert [customer[name] for name in ("vatNumber", "phone", "email")] == [None, None, None]
    assert [address["city"] for address in customer["addresses"]] == ["Hyvinkää"]
    assert customer["name"] == "M" * 300


async def test_a_ban_on_marketing_becomes_a_value_of_the_customer(ask, register):
    register.change(marketing_blocked=True)
    customer = await imported(ask)
    assert not customer["marketingAllowed"]
    assert customer["registryLink"]["fields"] == [*EVERYTHING, "MARKETING_ALLOWED"]


async def test_a_person_in_business_is_imported_only_where_that_is_allowed(ask, register):
    register.change(is_natural_person=True)
    assert told(await ask(IMPORT, businessId=NUMBER)) == [("INVALID", ["allowNaturalPerson"])]
    assert (await imported(ask, allow=True))["name"] == MYLLY.name


@pytest.mark.parametrize("status", [CompanyStatus.BANKRUPT, CompanyStatus.DISSOLVED])
async def test_a_company_that_is_out_of_business_is_imported_and_says_so(ask, register, status):
    register.change(status=status)
    customer = await imported(ask)
    assert customer["registryLink"]["status"] == status
    found = await ask(
        "query($filter: CustomerFilter) { done: customers(filter: $filter) { nodes { id } } }",
        filter={"registryStatus": {"eq": status.value}},
    )
    assert found["nodes"] == [{"id": customer["id"]}]


async def test_a_number_that_a_customer_cannot_have_stays_in_the_link(ask):
    customer = await imported(ask, SWISS.business_id, country="CH")
    assert (customer["businessId"], customer["registryLink"]["businessId"]) == (None, SWISS.business_id)
    again = await ask(IMPORT, businessId=SWISS.business_id, country="CH")
    assert told(again) == [("DUPLICATE", ["businessId"])]
    assert again["problems"][0]["entityId"] == customer["id"]


# ---------------------------------------------------------------- who is there already


async def test_a_company_that_is_a_customer_already_is_named(ask, database, viewer):
    async with database.sessions.begin() as session:
        key = await a_customer(session, viewer, name="Mylly", business_id="FI29001007")
    done = await ask(IMPORT, businessId=NUMBER)
    assert told(done) == [("DUPLICATE", ["businessId"])]
    assert done["problems"][0]["entityId"] == an_id("Customer", key)
    assert (done["customer"], done["created"]) == (None, False)


async def test_it_may_be_brought_up_to_date_instead(ask, database, viewer):
    async with database.sessions.begin() as session:
        await an_industry(session, viewer, name="Own")
        addresses = [{"kind": "BILLING", "city": "Turku"}, {"kind": "POSTAL", "city": "Pori"}]
        key = await a_customer(
            session, viewer, name="Mylly", business_id=NUMBER, notes="ours", phone="040 1234567", addresses=addresses
        )
    done = await ask(IMPORT, businessId=NUMBER, onDuplicate="UPDATE", overrides={"phone": "040 765 4321"})
    customer = done["customer"]
    assert (done["created"], customer["id"], customer["version"]) == (False, an_id("Customer", key), 2)
    assert (customer["name"], customer["phone"]) == ("Myllyn Paras Oy", "+358407654321")
    cities = [(address["kind"], address["city"]) for address in customer["addresses"]]
    assert cities == [("VISITING", "Hyvinkää"), ("POSTAL", "Hyvinkää"), ("BILLING", "Turku")]
    assert customer["registryLink"]["fields"] == [each for each in EVERYTHING if each != "PHONE"]


async def test_a_deleted_customer_keeps_nobody_from_coming_again(ask, database, viewer):
    gone = await imported(ask)
    async with database.sessions.begin() as session:
        await delete_customer(session, viewer, gone["id"])
    assert (await imported(ask))["id"] != gone["id"]


async def test_the_same_company_imported_many_times_at_once_is_one_customer(ask):
    answers = await asyncio.gather(*(ask(IMPORT, businessId=NUMBER) for _ in range(8)))
    (made,) = (done for done in answers if done["created"])
    others = [done for done in answers if not done["created"]]
    assert {done["problems"][0]["entityId"] for done in others} == {made["customer"]["id"]}
    updating = await asyncio.gather(*(ask(IMPORT, businessId=NUMBER, onDuplicate="UPDATE") for _ in range(4)))
    assert {done["customer"]["version"] for done in updating} == {1}
    assert (await ask("{ done: customers { totalCount } }"))["totalCount"] == 1


async def test_whoever_may_not_create_or_see_customers_is_told_no_more_than_that(ask, database, viewer, register):
    await imported(ask)
    async with database.sessions.begin() as session:
        blind = await a_viewer(session, viewer, read_customers=Access.OWN, edit_customers=Access.OWN)
        reader = await a_viewer(session, viewer, read_customers=Access.ALL)
    for on_duplicate in ("REJECT", "UPDATE"):
        done = await ask(IMPORT, blind, businessId=NUMBER, onDuplicate=on_duplicate)
        assert told(done) == [("DUPLICATE", ["businessId"])]
        assert (done["problems"][0]["entityId"], "Mylly" in done["problems"][0]["message"]) == (None, False)
    done = await ask(IMPORT, reader, businessId=NUMBER, onDuplicate="UPDATE")
    assert told(done) == [("FORBIDDEN", ["businessId"])]
    register.change(replace(MYLLY, business_id="2900101-5", vat_number=None))
    assert told(await ask(IMPORT, reader, businessId="2900101-5")) == [("FORBIDDEN", [])]
    mine = await ask(IMPORT, blind, businessId="2900101-5")
    assert mine["customer"]["owner"]["email"]


async def test_another_organisation_has_customers_of_its_own(ask, database, viewer):
    await imported(ask)
    async with database.sessions.begin() as session:
        stranger = await an_organization(session, name="Other")
    assert (await ask(IMPORT, stranger, businessId=NUMBER))["created"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "NOT_FOUND"), (410, "REGISTRY_GONE"), (401, "REGISTRY_NEEDS_KEY"), (503, "REGISTRY_UNAVAILABLE")],
)
async def test_what_the_register_does_not_give_is_a_problem(ask, register, status, code):
    register.status = status
    done = await ask(IMPORT, businessId=NUMBER)
    assert [problem["code"] for problem in done["problems"]] == [code]
    assert (done["customer"], done["created"]) == (None, False)


async def test_numbers_and_registers_that_cannot_be_are_told(ask):
    assert told(await ask(IMPORT, businessId="2900100-8")) == [("INVALID", ["businessId"])]
    assert told(await ask(IMPORT, businessId=NUMBER, registryId="fi-none")) == [("REGISTRY_UNKNOWN", ["registryId"])]
    assert told(await ask(IMPORT, businessId="1", country="IS")) == [("REGISTRY_UNKNOWN", ["country"])]


# ---------------------------------------------------------------- industries


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"Food": "10"}, "Food"),
        ({"Food": "10", "Mills": "10.61", "Bakeries": "10.7"}, "Mills"),
        ({"Food": "C10"}, "Food"),
        ({"Mills": "10611"}, "Mills"),
        ({"One": "1", "Bakeries": "10.71", "Other": "10.6110"}, "Myllytuotteiden valmistus"),
        ({"myllytuotteiden VALMISTUS": None}, "myllytuotteiden VALMISTUS"),
    ],
)
async def test_the_industry_is_the_organisations_own_where_one_fits(ask, database, viewer, own, expected):
    async with database.sessions.begin() as session:
        for name, code in own.items():
            await an_industry(session, viewer, name=name, code=code)
    assert (await imported(ask))["industry"]["name"] == expected


async def test_an_industry_that_was_retired_is_neither_used_nor_made_anew(ask, database, viewer):
    async with database.sessions.begin() as session:
        await upsert_industries(session, viewer, [{"name": "Mills", "code": "10.61", "is_active": False}])
    customer = await imported(ask)
    assert (customer["industry"], "INDUSTRY" in customer["registryLink"]["fields"]) == (None, False)
    assert (await ask("{ done: industries { totalCount } }"))["totalCount"] == 1


async def test_two_companies_of_one_new_industry_share_it(ask, register):
    register.change(replace(MYLLY, business_id="2900101-5", vat_number=None))
    answers = await asyncio.gather(*(imported(ask, number) for number in (NUMBER, "2900101-5")))
    assert {customer["industry"]["code"] for customer in answers} == {"10.611"}
    assert (await ask("{ done: industries { totalCount } }"))["totalCount"] == 1


async def test_an_industry_without_a_name_is_called_by_its_code(ask, register):
    register.change(industry=IndustryCode(scheme="NACE2", code="10.61"))
    assert (await imported(ask))["industry"] == {"name": "10.61", "code": "10.61"}


# ---------------------------------------------------------------- provenance


EDITS: Any = {
    "NAME": ({"name": "Mylly"}, {"name": MYLLY.name}),
    "BUSINESS_ID": ({"businessId": None}, {"businessId": "29001007"}),
    "VAT_NUMBER": ({"vatNumber": None}, {"vatNumber": "FI29001007"}),
    "ADDRESSES": (
        {"addresses": [{"kind": "VISITING", "city": "Pori"}]},
        {
            "addresses": [
                {"kind": "VISITING", "street": "Myllytie 1", "postCode": "05800", "city": "Hyvinkää"},
                {"kind": "BILLING", "city": "Pori"},
                {"kind": "POSTAL", "street": "PL 5", "postCode": "05801", "city": "Hyvinkää"},
            ]
        },
    ),
    "PHONE": ({"phone": "09 1234567"}, {"phone": "+358 19 123 4567"}),
    "EMAIL": ({"email": "sales@mylly.example"}, {"email": "info@mylly.example"}),
    "WEBSITE": ({"website": None}, {"website": "www.mylly.example"}),
    "INDUSTRY": ({"industry": None}, {"industry": {"name": "Myllytuotteiden valmistus"}}),
}


@pytest.mark.parametrize("field", EDITS)
async def test_a_value_that_was_edited_is_not_the_registers_until_it_is_put_back(ask, field):
    customer = await imported(ask)
    edit, back = EDITS[field]
    edited = (await ask(UPDATE, id=customer["id"], set=edit))["customer"]
    assert edited["registryLink"]["fields"] == [each for each in EVERYTHING if each != field]
    restored = (await ask(UPDATE, id=customer["id"], set=back))["customer"]
    assert restored["registryLink"]["fields"] == EVERYTHING


async def test_a_mass_update_is_an_edit_and_its_undo_is_none(ask):
    customer = await imported(ask)
    document = """mutation($id: ID!) {
      done: bulkUpdateCustomers(target: {ids: [$id]}, set: {industry: null}) { operation { id } }
    }"""
    operation = (await ask(document, id=customer["id"]))["operation"]
    link = "query($id: ID!) { done: customer(id: $id) { registryLink { fields } } }"
    assert "INDUSTRY" not in (await ask(link, id=customer["id"]))["registryLink"]["fields"]
    await ask("mutation($id: ID!) { done: undoBulkOperation(id: $id) { operation { id } } }", id=operation["id"])
    assert "INDUSTRY" in (await ask(link, id=customer["id"]))["registryLink"]["fields"]


# ---------------------------------------------------------------- refreshing and comparing


async def test_refreshing_fills_what_is_empty_and_leaves_the_rest(ask, register, database):
    register.change(phone=None, email=None)
    customer = await imported(ask, overrides={"website": None})
    register.change(name="Mylly Oyj", phone="019 7654321", email=None, status=CompanyStatus.LIQUIDATION)
    await forget_kept(database)
    fresh = await refreshed(ask, customer)
    assert (fresh["name"], fresh["phone"], fresh["website"]) == (
        MYLLY.name,
        "+358197654321",
        "https://www.mylly.example",
    )
    assert (fresh["registryLink"]["status"], fresh["version"]) == ("LIQUIDATION", 2)
    assert fresh["registryLink"]["fetchedAt"] > customer["registryLink"]["fetchedAt"]
    assert fresh["registryLink"]["fields"] == [each for each in EVERYTHING if each != "EMAIL"]
    changes = (await ask(TRAIL, id=customer["id"]))["nodes"]
    assert sorted(change["field"] for change in changes if change["kind"] == "UPDATED") == ["phone", "website"]


async def test_refreshing_may_replace_everything_but_empties_nothing(ask, register, database):
    customer = await imported(ask)
    await ask(UPDATE, id=customer["id"], set={"email": "us@mylly.example", "name": "Mylly"})
    register.change(name="Mylly Oyj", phone=None, email="them@mylly.example", addresses=MYLLY.addresses[:1])
    await forget_kept(database)
    some = await refreshed(ask, customer, overwrite="ALL", fields=["EMAIL"])
    assert (some["name"], some["email"]) == ("Mylly", "them@mylly.example")
    fresh = await refreshed(ask, customer, overwrite="ALL")
    assert (fresh["name"], fresh["phone"]) == ("Mylly Oyj", customer["phone"])
    assert [address["kind"] for address in fresh["addresses"]] == ["VISITING", "POSTAL"]


async def test_refreshing_without_a_difference_changes_nothing(ask, database):
    customer = await imported(ask)
    await forget_kept(database)
    for overwrite in ("EMPTY_ONLY", "ALL"):
        fresh = await refreshed(ask, customer, overwrite=overwrite)
        assert fresh["version"] == 1
    assert len((await ask(TRAIL, id=customer["id"]))["nodes"]) == 1


async def test_addresses_are_filled_by_their_kind(ask, register, database):
    register.change(addresses=MYLLY.addresses[:1])
    customer = await imported(ask, overrides={"addresses": [{"kind": "POSTAL", "city": "Pori"}]})
    register.change()
    await forget_kept(database)
    fresh = await refreshed(ask, customer)
    assert [(each["kind"], each["city"]) for each in fresh["addresses"]] == [
        ("POSTAL", "Pori"),
        ("VISITING", "Hyvinkää"),
    ]
    assert "ADDRESSES" in fresh["registryLink"]["fields"]


async def test_a_new_ban_on_marketing_is_heeded_and_one_that_was_lifted_here_stays_lifted(ask, register, database):
    customer = await imported(ask)
    register.change(marketing_blocked=True)
    await forget_kept(database)
    assert not (await refreshed(ask, customer))["marketingAllowed"]
    await ask(UPDATE, id=customer["id"], set={"marketingAllowed": True})
    assert (await refreshed(ask, customer))["marketingAllowed"]
    assert not (await refreshed(ask, customer, overwrite="ALL"))["marketingAllowed"]


async def test_a_customer_that_was_typed_in_is_found_by_its_numbers(ask, database, viewer):
    async with database.sessions.begin() as session:
        by_number = await a_customer(session, viewer, business_id=NUMBER)
        nameless = await a_customer(session, viewer)
        by_vat = await a_customer(session, viewer, vat_number="FI29001007")
    fresh = await refreshed(ask, {"id": an_id("Customer", by_number)})
    assert fresh["registryLink"]["fields"] == [each for each in EVERYTHING if each not in ("NAME", "BUSINESS_ID")]
    assert told(await ask(REFRESH, id=an_id("Customer", nameless))) == [("INVALID", ["id"])]
    taken = await ask(REFRESH, id=an_id("Customer", by_vat))
    assert told(taken) == [("DUPLICATE", ["id"])]
    assert taken["problems"][0]["entityId"] == an_id("Customer", by_number)


async def test_differences_are_told_field_by_field_and_nothing_changes(ask, register, database):
    customer = await imported(ask)
    assert (await ask(DIFF, id=customer["id"]))["fields"] == []
    await ask(UPDATE, id=customer["id"], set={"website": None, "notes": "x"})
    register.change(
        name="Mylly Oyj",
        phone=None,
        email=None,
        industry=IndustryCode(scheme="TOL2025", code="10.71", label="Leivonta"),
        addresses=(Address(kind=AddressKind.VISITING, city="Turku"),),
        status=CompanyStatus.BANKRUPT,
        marketing_blocked=True,
    )
    await ask(UPDATE, id=customer["id"], set={"email": "us@mylly.example"})
    await forget_kept(database)
    done = await ask(DIFF, id=customer["id"])
    assert (done["status"], done["problems"]) == ("BANKRUPT", [])
    assert {each["field"]: (each["current"], each["registry"]) for each in done["fields"]} == {
        "NAME": ("Myllyn Paras Oy", "Mylly Oyj"),
        "ADDRESSES": ("Visiting: Myllytie 1, 05800, Hyvinkää", "Visiting: Turku"),
        "PHONE": ("+358191234567", None),
        "WEBSITE": (None, "https://www.mylly.example"),
        "INDUSTRY": ("Myllytuotteiden valmistus", "Leivonta (10.71)"),
        "MARKETING_ALLOWED": ("yes", "no"),
    }
    await refreshed(ask, customer, overwrite="ALL")
    rest = (await ask(DIFF, id=customer["id"]))["fields"]
    assert rest == [{"field": "PHONE", "current": "+358191234567", "registry": None}]


@pytest.mark.parametrize("document", [REFRESH, DIFF])
async def test_refreshing_and_comparing_stay_within_rights(ask, database, viewer, register, document):
    customer = await imported(ask)
    async with database.sessions.begin() as session:
        blind = await a_viewer(session, viewer, read_customers=Access.OWN, edit_customers=Access.OWN)
        reader = await a_viewer(session, viewer, read_customers=Access.ALL)
        stranger = await an_organization(session, name="Other")
    path = ["id"] if document is REFRESH else ["customerId"]
    calls = register.calls
    for nobody in (blind, stranger):
        assert told(await ask(document, nobody, id=customer["id"])) == [("NOT_FOUND", path)]
    assert register.calls == calls
    expected = [("FORBIDDEN", ["id"])] if document is REFRESH else []
    assert told(await ask(document, reader, id=customer["id"])) == expected


@pytest.mark.parametrize(("document", "path"), [(REFRESH, ["id"]), (DIFF, ["customerId"])])
@pytest.mark.parametrize(
    ("status", "code"), [(404, "NOT_FOUND"), (410, "REGISTRY_GONE"), (503, "REGISTRY_UNAVAILABLE")]
)
async def test_a_register_that_has_nothing_to_say_changes_nothing(
    ask, register, database, document, path, status, code
):
    customer = await imported(ask)
    register.status = status
    await forget_kept(database)
    done = await ask(document, id=customer["id"])
    assert told(done) == [(code, path)]
    link = "query($id: ID!) { done: customer(id: $id) { registryLink { status } version } }"
    assert await ask(link, id=customer["id"]) == {"registryLink": {"status": "ACTIVE"}, "version": 1}
