"""Customers and contacts, one at a time: what is stored, what is refused and where."""

import uuid

import pytest

from db import models
from db.models import Access, AddressKind, ProblemCode, TokenScope
from resolvers import ids
from resolvers.contact import create_contact, delete_contact, update_contact
from resolvers.customer import create_customer, delete_customer, restore_customer, update_customer
from resolvers.problems import Problem
from resolvers.references import Ref
from tests.builders import (
    a_case,
    a_contact,
    a_customer,
    a_unit,
    a_viewer,
    an_industry,
    an_invoice,
    an_organization,
    ref,
    stored,
    trail_of,
)

C = ProblemCode


def where(problems):
    """Code and path of each problem."""
    return [(problem.code, problem.path) for problem in problems]


def cus(key):
    return ids.encode("Customer", key)


async def test_absent_values_of_a_new_customer_get_defaults(session):
    viewer = await an_organization(session, country="SE", currency="SEK")
    row = await stored(session, models.Customer, await a_customer(session, viewer, name="  Acme Oy "))
    assert (row.name, row.number, row.country, row.version) == ("Acme Oy", 1, "SE", 1)
    assert (row.is_active, row.is_internal, row.marketing_allowed) == (True, False, True)
    assert row.owner_id is None


async def test_the_trail_of_a_new_customer_has_its_values(session):
    viewer = await an_organization(session)
    industry = await an_industry(session, viewer, name="Retail")
    address = {"kind": AddressKind.POSTAL, "street": "Katu 1", "country": "fi"}
    key = await a_customer(session, viewer, name="Acme", industry=Ref("name", "retail"), addresses=[address])
    (change,) = await trail_of(session, key)
    assert (change.kind, change.entity_type, change.entity_label, change.field) == ("CREATED", "Customer", "Acme", None)
    assert (change.by_id, change.old, change.new_label) == (viewer.user_id, None, "Acme")
    assert change.new == {
        "number": 1,
        "name": "Acme",
        "country": "FI",
        "industry": ids.encode("Industry", industry),
        "isInternal": False,
        "isActive": True,
        "marketingAllowed": True,
        "addresses": [{"kind": "POSTAL", "street": "Katu 1", "country": "FI"}],
    }


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"name": " "}, ("name",)),
        ({"name": None}, ("name",)),
        ({"name": "x" * 301}, ("name",)),
        ({"name": "a\0b"}, ("name",)),
        ({"name": "\ud800"}, ("name",)),
        ({"number": 0}, ("number",)),
        ({"number": 2**31}, ("number",)),
        ({"number": None}, ("number",)),
        ({"country": "ZZ"}, ("country",)),
        ({"country": "UK"}, ("country",)),
        ({"country": None}, ("country",)),
        ({"country": ""}, ("country",)),
        ({"language": "finnish please"}, ("language",)),
        ({"is_active": None}, ("isActive",)),
        ({"vat_number": "1" * 41}, ("vatNumber",)),
        ({"addresses": [{"kind": "POSTAL"}, {"kind": "POSTAL", "country": "XX"}]}, ("addresses", "1", "country")),
        ({"addresses": [{"kind": "POSTAL", "post_code": "1" * 21}]}, ("addresses", "0", "postCode")),
        ({"addresses": [{"kind": None}]}, ("addresses", "0", "kind")),
    ],
)
async def test_a_value_that_cannot_be_is_refused_at_its_place(session, values, path):
    viewer = await an_organization(session)
    outcome = await create_customer(session, viewer, {"name": "Acme", **values})
    assert outcome.key is None
    assert where(outcome.problems) == [(C.INVALID, ("input", *path))]
    key = await a_customer(session, viewer)
    outcome = await update_customer(session, viewer, cus(key), values)
    assert where(outcome.problems) == [(C.INVALID, ("set", *path))]
    assert (await stored(session, models.Customer, key)).version == 1


async def test_messages_say_what_would_be_right(session):
    viewer = await an_organization(session)
    values = {"name": "x" * 301, "number": 0, "country": "UK"}
    outcome = await create_customer(session, viewer, values)
    assert [problem.message for problem in outcome.problems] == [
        "Number is 0; it must be greater than 0.",
        "Name has 301 characters; at most 300 fit.",
        "There is no country “UK”; did you mean GB?",
    ]


async def test_absent_is_left_alone_null_clears_and_a_list_replaces(session):
    viewer = await an_organization(session)
    key = await a_customer(
        session,
        viewer,
        email="a@b.fi",
        phone="040 123456",
        notes="Hello",
        addresses=[{"kind": "POSTAL"}, {"kind": "BILLING"}],
    )
    outcome = await update_customer(
        session, viewer, cus(key), {"email": None, "notes": "  ", "addresses": [{"kind": "VISITING", "city": "Oulu"}]}
    )
    assert outcome.key == key
    row = await stored(session, models.Customer, key)
    assert (row.email, row.phone, row.notes, row.version) == (None, "+35840123456", None, 2)
    *_, email, notes, addresses = await trail_of(session, key)
    assert (email.field, email.old, email.new, email.old_label, email.new_label) == (
        "email",
        "a@b.fi",
        None,
        "a@b.fi",
        None,
    )
    assert notes.field == "notes"
    assert addresses.old == [{"kind": "POSTAL"}, {"kind": "BILLING"}]
    assert addresses.new == [{"kind": "VISITING", "city": "Oulu"}]
    assert addresses.new_label == "Visiting: Oulu"
    await update_customer(session, viewer, cus(key), {"addresses": None})
    assert (await trail_of(session, key))[-1].new == []


async def test_what_does_not_change_leaves_no_trace(session):
    viewer = await an_organization(session)
    address = {"kind": "POSTAL", "city": "Oulu"}
    key = await a_customer(session, viewer, name="Acme", email="a@b.fi", addresses=[address])
    before = await stored(session, models.Customer, key)
    same = {"name": " Acme", "email": "a@b.fi", "country": "fi", "addresses": [address], "owner": None, "number": 1}
    outcome = await update_customer(session, viewer, cus(key), same)
    assert outcome.key == key
    assert await stored(session, models.Customer, key) == before
    assert len(await trail_of(session, key)) == 1


async def test_links_are_trailed_by_id_and_by_name(session):
    viewer = await an_organization(session)
    retail = await an_industry(session, viewer, name="Retail")
    mining = await an_industry(session, viewer, name="Mining")
    key = await a_customer(session, viewer, industry=ref("Industry", retail))
    await update_customer(session, viewer, cus(key), {"industry": ref("Industry", mining)})
    await update_customer(session, viewer, cus(key), {"industry": None, "is_active": False})
    _, moved, cleared, inactive = await trail_of(session, key)
    assert (moved.field, moved.old_label, moved.new_label) == ("industry", "Retail", "Mining")
    assert (moved.old, moved.new) == (ids.encode("Industry", retail), ids.encode("Industry", mining))
    assert (cleared.new, cleared.new_label) == (None, None)
    assert (inactive.field, inactive.old, inactive.new, inactive.new_label) == ("isActive", True, False, "no")


async def test_an_unexpected_version_is_stale(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer)
    assert not (await update_customer(session, viewer, cus(key), {"name": "B"}, 1)).problems
    outcome = await update_customer(session, viewer, cus(key), {"name": "C"}, 1)
    assert where(outcome.problems) == [(C.STALE, ("expectedVersion",))]
    assert "version 2, you expected 1" in outcome.problems[0].message


async def test_references_that_lead_nowhere_are_not_found(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer)
    for value in (
        Ref("name", "Nothing"),
        Ref("name", "a\0"),
        Ref("name", "\ud800"),
        Ref("id", "nonsense"),
        ref("Customer", key),
        ref("Industry", uuid.uuid4()),
    ):
        outcome = await update_customer(session, viewer, cus(key), {"industry": value})
        assert where(outcome.problems) == [(C.NOT_FOUND, ("set", "industry"))]
    outcome = await update_customer(session, viewer, cus(key), {"owner": Ref("email", "x@y.fi")})
    assert outcome.problems == (
        Problem(C.NOT_FOUND, "There is no user with the e-mail address “x@y.fi”.", ("set", "owner")),
    )


async def test_a_taken_number_business_id_or_external_id_names_the_holder(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer, name="First", number=7, business_id="0112038-9", external_id="x")
    outcome = await create_customer(
        session, viewer, {"name": "B", "number": 7, "business_id": "0112038-9", "external_id": "x"}
    )
    assert [(problem.code, problem.path, problem.entity) for problem in outcome.problems] == [
        (C.DUPLICATE, ("input", "number"), ("Customer", key)),
        (C.DUPLICATE, ("input", "businessId"), ("Customer", key)),
        (C.DUPLICATE, ("input", "externalId"), ("Customer", key)),
    ]
    # The same number of another country is another number.
    assert not (
        await create_customer(session, viewer, {"name": "B", "business_id": "0112038-9", "country": "DE"})
    ).problems


async def test_the_holder_stays_hidden_from_those_who_may_not_see_it(session):
    admin = await an_organization(session)
    await a_customer(session, admin, name="Secret", number=7)
    own = await a_viewer(session, admin, read_customers=Access.OWN, edit_customers=Access.OWN)
    (problem,) = (await create_customer(session, own, {"name": "B", "number": 7})).problems
    assert (problem.code, problem.entity) == (C.DUPLICATE, None)
    assert "Secret" not in problem.message


async def test_customer_numbers_run_on_and_are_never_given_twice(session):
    viewer = await an_organization(session)

    async def number(**values):
        return (await stored(session, models.Customer, await a_customer(session, viewer, **values))).number

    assert [await number(), await number(), await number(number=10), await number(), await number(number=5)] == [
        1,
        2,
        10,
        11,
        5,
    ]
    last = await a_customer(session, viewer)
    await delete_customer(session, viewer, cus(last))
    assert await number() == 13
    key = await a_customer(session, viewer)
    await update_customer(session, viewer, cus(key), {"number": 100})
    assert await number() == 101


async def test_a_deleted_customer_frees_its_keys_and_comes_back_with_its_contacts(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer, number=7, external_id="x")
    gone_before = await a_contact(session, viewer, key)
    stays = await a_contact(session, viewer, key, last_name="Stays")
    await delete_contact(session, viewer, ids.encode("Contact", gone_before))
    assert (await delete_customer(session, viewer, cus(key))).key == key
    assert (await stored(session, models.Contact, stays)).deleted_at is not None
    assert (await trail_of(session, stays))[-1].kind == "DELETED"
    assert (await trail_of(session, key))[-1].old["externalId"] == "x"

    other = await a_customer(session, viewer, number=7, external_id="x")
    outcome = await restore_customer(session, viewer, cus(key))
    assert [(p.code, p.path, p.entity) for p in outcome.problems] == [(C.DUPLICATE, ("id",), ("Customer", other))] * 2
    await update_customer(session, viewer, cus(other), {"number": 8, "external_id": None})
    assert (await restore_customer(session, viewer, cus(key))).key == key
    row = await stored(session, models.Customer, key)
    assert (row.deleted_at, row.version) == (None, 3)
    assert (await stored(session, models.Contact, stays)).deleted_at is None
    assert (await stored(session, models.Contact, gone_before)).deleted_at is not None
    assert [change.kind for change in await trail_of(session, stays)] == ["CREATED", "DELETED", "RESTORED"]


async def test_deleting_what_is_deleted_finds_nothing(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer)
    await delete_customer(session, viewer, cus(key))
    assert where((await delete_customer(session, viewer, cus(key))).problems) == [(C.NOT_FOUND, ("id",))]
    assert where((await update_customer(session, viewer, cus(key), {})).problems) == [(C.NOT_FOUND, ("id",))]


async def test_a_customer_with_cases_or_invoices_is_made_inactive_instead(session):
    viewer = await an_organization(session)
    with_case, with_invoice = await a_customer(session, viewer), await a_customer(session, viewer)
    await a_case(session, viewer, with_case)
    await an_invoice(session, viewer, with_invoice)
    for key in (with_case, with_invoice):
        (problem,) = (await delete_customer(session, viewer, cus(key))).problems
        assert (problem.code, problem.path) == (C.CONFLICT, ("id",))
        assert "make it inactive" in problem.message


async def test_a_customer_with_invoices_cannot_become_internal(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer)
    await an_invoice(session, viewer, key)
    outcome = await update_customer(session, viewer, cus(key), {"is_internal": True})
    assert where(outcome.problems) == [(C.CONFLICT, ("set", "isInternal"))]


async def test_own_customers_only(session):
    admin = await an_organization(session)
    viewer = await a_viewer(session, admin, read_customers=Access.ALL, edit_customers=Access.OWN)
    mine = await a_customer(session, viewer)
    assert (await stored(session, models.Customer, mine)).owner_id == viewer.user_id
    theirs = await a_customer(session, admin, owner=ref("User", admin.user_id))
    nobody = await a_customer(session, admin)
    for values in ({"owner": ref("User", admin.user_id)}, {"owner": None}):
        outcome = await create_customer(session, viewer, {"name": "B", **values})
        assert where(outcome.problems) == [(C.FORBIDDEN, ("input", "owner"))]
    for key in (theirs, nobody):
        outcome = await update_customer(session, viewer, cus(key), {"name": "B"})
        assert where(outcome.problems) == [(C.FORBIDDEN, ("id",))]
        assert where((await delete_customer(session, viewer, cus(key))).problems) == [(C.FORBIDDEN, ("id",))]
        outcome = await create_contact(session, viewer, {"customer": ref("Customer", key), "last_name": "A"})
        assert where(outcome.problems) == [(C.FORBIDDEN, ("input", "customer"))]
    # Handing it away is fine; afterwards it is somebody else's.
    assert not (await update_customer(session, viewer, cus(mine), {"owner": ref("User", admin.user_id)})).problems
    outcome = await update_customer(session, viewer, cus(mine), {"name": "B"})
    assert where(outcome.problems) == [(C.FORBIDDEN, ("id",))]


async def test_customers_of_the_unit(session):
    admin = await an_organization(session)
    top = await a_unit(session, admin, name="Top")
    below = await a_unit(session, admin, name="Below", parent=Ref("name", "top"))
    rights = {"read_customers": Access.UNIT, "edit_customers": Access.UNIT}
    chief = await a_viewer(session, admin, unit=ref("Unit", top), **rights)
    member = await a_viewer(session, admin, unit=ref("Unit", below), **rights)
    of_member = await a_customer(session, chief, owner=ref("User", member.user_id))
    of_chief = await a_customer(session, chief)
    assert not (await update_customer(session, chief, cus(of_member), {"name": "B"})).problems
    outcome = await update_customer(session, member, cus(of_chief), {"name": "B"})
    assert where(outcome.problems) == [(C.NOT_FOUND, ("id",))]
    outcome = await create_customer(session, member, {"name": "B", "owner": ref("User", chief.user_id)})
    assert where(outcome.problems) == [(C.FORBIDDEN, ("input", "owner"))]
    await delete_customer(session, chief, cus(of_chief))
    assert where((await restore_customer(session, member, cus(of_chief))).problems) == [(C.NOT_FOUND, ("id",))]
    assert not (await restore_customer(session, chief, cus(of_chief))).problems


async def test_who_may_not_edit_creates_nothing(session):
    admin = await an_organization(session)
    viewer = await a_viewer(session, admin, read_customers=Access.ALL)
    key = await a_customer(session, admin)
    assert where((await create_customer(session, viewer, {"name": "B"})).problems) == [(C.FORBIDDEN, ())]
    given = {"customer": ref("Customer", key), "last_name": "A"}
    assert where((await create_contact(session, viewer, given)).problems) == [(C.FORBIDDEN, ())]


async def test_a_reading_token_writes_nothing(session):
    from dataclasses import replace

    admin = await an_organization(session)
    key = await a_customer(session, admin)
    reader = replace(admin, scope=TokenScope.READ)
    for outcome in (
        await create_customer(session, reader, {"name": "B"}),
        await update_customer(session, reader, cus(key), {}),
        await delete_customer(session, reader, cus(key)),
        await restore_customer(session, reader, cus(key)),
        await create_contact(session, reader, {"customer": ref("Customer", key), "last_name": "A"}),
    ):
        assert where(outcome.problems) == [(C.FORBIDDEN, ())]


async def test_contacts_go_with_their_customers(session):
    admin = await an_organization(session)
    viewer = await a_viewer(session, admin, read_customers=Access.OWN, edit_customers=Access.OWN)
    mine = await a_customer(session, viewer, name="Mine")
    theirs = await a_customer(session, admin, number=50)
    key = await a_contact(session, viewer, mine, first_name="Aino", last_name="Virtanen")
    con = ids.encode("Contact", key)
    outcome = await update_contact(session, viewer, con, {"customer": Ref("number", 50)})
    assert where(outcome.problems) == [(C.NOT_FOUND, ("set", "customer"))]
    outcome = await update_contact(session, viewer, con, {"customer": None, "last_name": None})
    assert where(outcome.problems) == [(C.INVALID, ("set", "customer")), (C.INVALID, ("set", "lastName"))]
    assert not (await update_contact(session, admin, con, {"customer": Ref("number", 50)}, 1)).problems
    created, moved = await trail_of(session, key)
    assert (created.entity_label, created.new["customer"]) == ("Aino Virtanen", cus(mine))
    assert (moved.field, moved.old_label, moved.new) == ("customer", "Mine", cus(theirs))
    assert where((await delete_contact(session, viewer, con)).problems) == [(C.NOT_FOUND, ("id",))]
    assert where((await update_contact(session, admin, con, {}, 1)).problems) == [(C.STALE, ("expectedVersion",))]
    assert not (await delete_contact(session, admin, con)).problems


async def test_a_contact_cannot_be_given_to_a_customer_that_is_gone(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer, external_id="x")
    await delete_customer(session, viewer, cus(key))
    outcome = await create_contact(session, viewer, {"customer": Ref("external_id", "x"), "last_name": "A"})
    assert where(outcome.problems) == [(C.NOT_FOUND, ("input", "customer"))]
