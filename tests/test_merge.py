"""Merging two customers: everything moves, nothing is lost, and it can be taken back, and that too."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from db import models
from db.models import Access, ProblemCode, TokenScope, table_of
from resolvers import ids
from resolvers.contact import create_contact, delete_contact, update_contact
from resolvers.customer import CUSTOMER, delete_customer, restore_customer, update_customer
from resolvers.references import Ref
from resolvers.upsert import upsert_cases, upsert_contacts, upsert_invoices
from tests.builders import (
    a_case,
    a_contact,
    a_customer,
    a_viewer,
    an_id,
    an_industry,
    an_invoice,
    an_organization,
    ref,
)
from tests.mass_updates import COUNTS, counts, row, some
from tests.worlds import told

OPERATION = f"""operation {{
  id status {COUNTS} undoes {{ id status }}
  changes(first: 1000) {{ nodes {{ kind entityType entityId field old new oldLabel newLabel }} }}
  rejections {{ nodes {{ customerId problem {{ code message path entityId }} }} }}
}}"""
MERGE = f"""mutation($into: ID!, $from: ID!, $take: [String!]) {{
  answer: mergeCustomers(into: $into, from: $from, take: $take) {{
    customer {{ id number name version contacts {{ nodes {{ lastName }} }} }}
    {OPERATION}
    problems {{ code message path entityId }}
  }}
}}"""
UNDO = f"""mutation($id: ID!, $onConflict: UndoConflict!) {{
  answer: undoBulkOperation(id: $id, onConflict: $onConflict) {{ {OPERATION} problems {{ code message path }} }}
}}"""

TABLES = ("customers", "contacts", "cases", "invoices")
STAMPS = ("version", "updated_at", "deleted_at")


async def merge(database, viewer, into: str, other: str, *take: str) -> Any:
    variables = {"into": into, "from": other, **({"take": list(take)} if take else {})}
    return (await told(database, viewer, MERGE, variables))["answer"]


async def merged(database, viewer, into: str, other: str, *take: str) -> Any:
    answer = await merge(database, viewer, into, other, *take)
    assert answer["problems"] == []
    return answer["operation"]


async def undo(database, viewer, operation: Any, policy: str = "SKIP") -> Any:
    answer = (await told(database, viewer, UNDO, {"id": operation["id"], "onConflict": policy}))["answer"]
    assert answer["operation"], answer["problems"]
    return answer["operation"]


def refused(answer: Any) -> list[tuple[str, list[str]]]:
    """Code and path of each problem, where nothing was done."""
    assert (answer["customer"], answer["operation"]) == (None, None)
    return [(problem["code"], problem["path"]) for problem in answer["problems"]]


def rejections(operation: Any) -> list[tuple[str, str, str | None]]:
    """Whom, why, and what it is about."""
    nodes = operation["rejections"]["nodes"]
    assert operation["rejected"] == len(nodes)
    return [(each["customerId"], each["problem"]["code"], each["problem"]["entityId"]) for each in nodes]


async def everything(database) -> dict[str, Any]:
    """All rows of customers and of what hangs on them, but for stamps; whether each is there."""
    async with database.sessions() as session:
        return await everything_in(session)


async def everything_in(session) -> dict[str, Any]:
    """The same as the session sees it."""
    found: dict[str, Any] = {}
    for name in TABLES:
        for each in (await session.execute(sa.select(models.metadata.tables[name]))).mappings():
            plain = {column: value for column, value in each.items() if column not in STAMPS}
            found[str(each["id"])] = {**plain, "is_there": each.get("deleted_at") is None}
    addresses = table_of(models.Address)
    kept = sa.select(addresses).order_by(addresses.c.customer_id, addresses.c.position)
    for each in (await session.execute(kept)).mappings():
        lines = found[str(each["customer_id"])].setdefault("addresses", [])
        lines.append({name: each[name] for name in ("kind", "street", "city")})
    return found


@pytest.fixture
async def pair(database, viewer) -> tuple[str, str]:
    """Two customers, the second with everything that can hang on one."""
    async with database.sessions.begin() as session:
        into = await a_customer(session, viewer, name="Nordsken Oy", business_id="0112038-9", number=5)
        other = await a_customer(
            session,
            viewer,
            name="Nordsken Ab",
            number=70,
            phone="040 123 4567",
            external_id="old-1",
            industry=ref("Industry", await an_industry(session, viewer, name="Retail")),
            owner=ref("User", viewer.user_id),
            addresses=[{"kind": models.AddressKind.VISITING, "city": "Espoo"}],
        )
        await a_contact(session, viewer, into, last_name="Berg")
        await a_contact(session, viewer, other, last_name="Dahl")
        gone = await a_contact(session, viewer, other, last_name="Holm")
        await delete_contact(session, viewer, an_id("Contact", gone))
        case = await a_case(session, viewer, other)
        await an_invoice(session, viewer, other, case=ref("Case", case))
        return an_id("Customer", into), an_id("Customer", other)


async def hanging(database, id_text: str) -> dict[str, int]:
    """How much of each kind hangs on a customer."""
    async with database.sessions() as session:
        found = {}
        for name in TABLES[1:]:
            table = models.metadata.tables[name]
            alive = [table.c.deleted_at.is_(None)] if "deleted_at" in table.c else []
            mine = sa.select(sa.func.count()).where(table.c.customer_id == ids.find_key("Customer", id_text), *alive)
            found[name] = await session.scalar(mine)
        return found


# ---------------------------------------------------------------------- what a merge does


async def test_what_hangs_on_the_one_moves_to_the_other(database, viewer, pair):
    into, other = pair
    answer = await merge(database, viewer, into, other)
    assert answer["problems"] == []
    people = [each["lastName"] for each in answer["customer"]["contacts"]["nodes"]]
    assert (answer["customer"]["name"], answer["customer"]["version"], people) == ("Nordsken Oy", 1, ["Berg", "Dahl"])
    assert await hanging(database, into) == {"contacts": 2, "cases": 1, "invoices": 1}
    assert await hanging(database, other) == {"contacts": 0, "cases": 0, "invoices": 0}
    assert (await row(database, other)).deleted_at
    assert await told(database, viewer, f'{{ customer(id: "{other}") {{ id }} }}') == {"customer": None}


async def test_the_one_that_stays_is_found_by_the_people_who_came(database, viewer, pair):
    document = '{ customers(search: "dahl") { nodes { name } } }'
    assert (await told(database, viewer, document))["customers"]["nodes"] == [{"name": "Nordsken Ab"}]
    operation = await merged(database, viewer, *pair)
    assert (await told(database, viewer, document))["customers"]["nodes"] == [{"name": "Nordsken Oy"}]
    await undo(database, viewer, operation)
    assert (await told(database, viewer, document))["customers"]["nodes"] == [{"name": "Nordsken Ab"}]


async def test_a_merge_is_an_operation_with_its_trail(database, viewer, pair):
    into, other = pair
    operation = await merged(database, viewer, into, other, "phone")
    assert (operation["status"], counts(operation)) == ("APPLIED", (2, 2, 0, 0, 0))
    changes = [(each["kind"], each["entityType"], each["field"]) for each in operation["changes"]["nodes"]]
    assert sorted(changes, key=str) == [
        ("DELETED", "Customer", None),
        ("UPDATED", "Case", "customer"),
        ("UPDATED", "Contact", "customer"),
        ("UPDATED", "Customer", "phone"),
        ("UPDATED", "Invoice", "customer"),
    ]
    moved = [each for each in operation["changes"]["nodes"] if each["field"] == "customer"]
    assert {(each["old"], each["new"], each["oldLabel"], each["newLabel"]) for each in moved} == {
        (other, into, "Nordsken Ab", "Nordsken Oy")
    }


async def test_the_one_that_stays_keeps_its_own_values_but_for_what_it_takes(database, viewer, pair):
    into, other = pair
    before, theirs = await row(database, into), await row(database, other)
    taken = ("number", "phone", "externalId", "industry", "owner", "addresses")
    operation = await merged(database, viewer, into, other, *taken)
    after = await row(database, into)
    assert (after.number, after.phone, after.external_id) == (70, "+358401234567", "old-1")
    assert (after.industry_id, after.owner_id) == (theirs.industry_id, viewer.user_id)
    assert (after.name, after.business_id, after.version) == (before.name, before.business_id, 2)
    document = f'{{ customer(id: "{into}") {{ addresses {{ kind city }} }} }}'
    found = await told(database, viewer, document)
    assert found["customer"]["addresses"] == [{"kind": "VISITING", "city": "Espoo"}]
    fields = {each["field"] for each in operation["changes"]["nodes"] if each["entityId"] == into}
    assert fields == set(taken)


async def test_nothing_can_be_taken_over_as_well(database, viewer, pair):
    into, other = pair
    await merged(database, viewer, into, other, "businessId")
    assert (await row(database, into)).business_id is None


async def test_what_is_taken_must_be_right_where_it_goes(database, viewer):
    finnish, norwegian = await some(
        database, viewer, {"business_id": "0112038-9"}, {"country": "NO", "business_id": "923609016"}
    )
    answer = await merge(database, viewer, finnish, norwegian, "name", "businessId")
    assert refused(answer) == [("INVALID", ["take", "1"])]
    assert (await row(database, norwegian)).deleted_at is None
    await merged(database, viewer, finnish, norwegian, "country", "businessId")
    after = await row(database, finnish)
    assert (after.country, after.business_id) == ("NO", "923609016")


@pytest.mark.parametrize("name", ["", "nme", "business_id", "id", "version", "contacts", "viewerCanEdit"])
async def test_only_fields_can_be_taken(database, viewer, pair, name):
    answer = await merge(database, viewer, *pair, "name", name)
    assert refused(answer) == [("INVALID", ["take", "1"])]
    assert "businessId" in answer["problems"][0]["message"]


def test_every_field_can_be_named():
    known = {each.client_name for each in CUSTOMER.fields}
    assert {"businessId", "isInternal", "addresses", "owner"} <= known


async def test_a_customer_is_not_merged_with_itself(database, viewer, pair):
    assert refused(await merge(database, viewer, pair[0], pair[0])) == [("INVALID", ["from"])]


async def test_both_must_be_there(database, viewer, pair):
    into, other = pair
    contact = (await told(database, viewer, "{ contacts { nodes { id } } }"))["contacts"]["nodes"][0]["id"]
    assert refused(await merge(database, viewer, into, contact)) == [("NOT_FOUND", ["from"])]
    assert refused(await merge(database, viewer, "", other)) == [("NOT_FOUND", ["into"])]
    both = refused(await merge(database, viewer, "cus_" + "0" * 32, "nonsense"))
    assert sorted(both) == [("NOT_FOUND", ["from"]), ("NOT_FOUND", ["into"])]
    await merged(database, viewer, into, other)
    assert refused(await merge(database, viewer, into, other)) == [("NOT_FOUND", ["from"])]


async def test_an_internal_customer_merges_with_its_like_only(database, viewer, pair):
    own, second = await some(database, viewer, {"is_internal": True}, {"is_internal": True})
    assert refused(await merge(database, viewer, own, pair[0])) == [("CONFLICT", ["from"])]
    assert refused(await merge(database, viewer, pair[0], own)) == [("CONFLICT", ["from"])]
    await merged(database, viewer, own, second)


async def test_both_must_be_editable(database, viewer, pair):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
        blind = await a_viewer(session, viewer, read_customers=Access.OWN, edit_customers=Access.OWN)
    (own,) = await some(database, viewer, {"owner": ref("User", clerk.user_id)})
    assert refused(await merge(database, clerk, own, pair[0])) == [("FORBIDDEN", ["from"])]
    assert refused(await merge(database, clerk, pair[0], own)) == [("FORBIDDEN", ["into"])]
    assert sorted(refused(await merge(database, blind, *pair))) == [("NOT_FOUND", ["from"]), ("NOT_FOUND", ["into"])]
    reader = replace(viewer, scope=TokenScope.READ)
    assert refused(await merge(database, reader, *pair)) == [("FORBIDDEN", [])]
    assert (await row(database, own)).deleted_at is None


async def test_nothing_crosses_into_another_organisation(database, viewer, pair):
    async with database.sessions.begin() as session:
        stranger = await an_organization(session, name="Other")
    (theirs,) = await some(database, stranger, {})
    assert refused(await merge(database, viewer, pair[0], theirs)) == [("NOT_FOUND", ["from"])]
    assert refused(await merge(database, stranger, theirs, pair[1])) == [("NOT_FOUND", ["from"])]


async def test_what_the_viewer_does_not_see_moves_along_untold(database, viewer, pair):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.ALL)
    before = await everything(database)
    operation = await merged(database, clerk, *pair)
    assert {each["entityType"] for each in operation["changes"]["nodes"]} == {"Customer", "Contact"}
    assert counts(operation) == (2, 1, 1, 0, 0)
    assert await hanging(database, pair[0]) == {"contacts": 2, "cases": 1, "invoices": 1}
    taken_back = await undo(database, clerk, operation, "REJECT_ALL")
    assert (taken_back["status"], rejections(taken_back)) == ("APPLIED", [])
    assert await everything(database) == before


async def test_nothing_is_told_of_hidden_rows_that_cannot_move_back(database, viewer, pair):
    into, other = pair
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.ALL)
        third = await a_customer(session, viewer)
    operation = await merged(database, clerk, into, other)
    async with database.sessions.begin() as session:
        (invoice,) = await session.scalars(sa.select(table_of(models.Invoice).c.external_id))
        elsewhere = {"external_id": invoice, "customer": ref("Customer", third)}
        assert not (await upsert_invoices(session, viewer, [elsewhere])).problems
    taken_back = await undo(database, clerk, operation, "REJECT_ALL")
    assert (taken_back["status"], rejections(taken_back)) == ("APPLIED", [])
    assert await hanging(database, other) == {"contacts": 1, "cases": 1, "invoices": 0}


# ---------------------------------------------------------------------- taking it back


async def test_undoing_brings_everything_back(database, viewer, pair):
    before = await everything(database)
    operation = await merged(database, viewer, *pair, "number", "businessId", "owner", "addresses", "externalId")
    taken_back = await undo(database, viewer, operation)
    assert (taken_back["status"], counts(taken_back)) == ("APPLIED", (2, 2, 0, 0, 0))
    assert taken_back["undoes"] == {"id": operation["id"], "status": "UNDONE"}
    assert await everything(database) == before
    kinds = [each["kind"] for each in taken_back["changes"]["nodes"] if each["entityId"] == pair[1]]
    assert kinds == ["RESTORED"]


async def test_undoing_a_merge_can_be_undone_and_so_on(database, viewer, pair):
    before = await everything(database)
    operation = await merged(database, viewer, *pair, "number", "externalId", "addresses")
    after = await everything(database)
    for turn in range(4):
        operation = await undo(database, viewer, operation, "REJECT_ALL" if turn % 2 else "SKIP")
        assert (operation["status"], counts(operation)) == ("APPLIED", (2, 2, 0, 0, 0))
        assert await everything(database) == (after if turn % 2 else before)


async def alone(database, function, *arguments) -> None:
    async with database.sessions.begin() as session:
        assert not (await function(session, *arguments)).problems


async def test_a_later_change_of_the_one_that_stays_is_kept(database, viewer, pair):
    into, other = pair
    operation = await merged(database, viewer, into, other, "phone", "language")
    await alone(database, update_customer, viewer, into, {"phone": "+358501234567", "notes": "Called"})
    merged_so = await everything(database)
    refusal = await undo(database, viewer, operation, "REJECT_ALL")
    assert (refusal["status"], rejections(refusal)) == ("REJECTED", [(into, "STALE", None)])
    assert await everything(database) == merged_so
    taken_back = await undo(database, viewer, operation)
    assert (counts(taken_back), rejections(taken_back)) == ((2, 1, 0, 1, 0), [(into, "STALE", None)])
    after = await row(database, into)
    assert (after.phone, after.notes) == ("+358501234567", "Called")
    assert (await row(database, other)).deleted_at is None
    assert await hanging(database, other) == {"contacts": 1, "cases": 1, "invoices": 1}


async def test_a_later_change_of_another_field_does_not_matter(database, viewer, pair):
    operation = await merged(database, viewer, *pair, "phone")
    await alone(database, update_customer, viewer, pair[0], {"notes": "Called"})
    assert rejections(await undo(database, viewer, operation, "REJECT_ALL")) == []
    after = await row(database, pair[0])
    assert (after.phone, after.notes) == (None, "Called")


async def test_what_has_moved_on_stays_where_it_is(database, viewer, pair):
    into, other = pair
    operation = await merged(database, viewer, into, other)
    (third,) = await some(database, viewer, {})
    dahl = await contact_called(database, "Dahl")
    await alone(database, update_contact, viewer, dahl, {"customer": ref("Customer", ids.find_key("Customer", third))})
    refusal = await undo(database, viewer, operation, "REJECT_ALL")
    assert (refusal["status"], rejections(refusal)) == ("REJECTED", [(third, "STALE", dahl)])
    assert (await row(database, other)).deleted_at
    taken_back = await undo(database, viewer, operation)
    assert rejections(taken_back) == [(third, "STALE", dahl)]
    assert await hanging(database, other) == {"contacts": 0, "cases": 1, "invoices": 1}


async def test_what_is_gone_meanwhile_is_told(database, viewer, pair):
    into, other = pair
    operation = await merged(database, viewer, into, other)
    await alone(database, delete_contact, viewer, await contact_called(database, "Dahl"))
    assert rejections(await undo(database, viewer, operation)) == [(into, "NOT_FOUND", None)]


async def contact_called(database, name: str) -> str:
    contacts = table_of(models.Contact)
    async with database.sessions() as session:
        key = await session.scalar(sa.select(contacts.c.id).where(contacts.c.last_name == name))
        return an_id("Contact", key)


async def test_a_number_taken_meanwhile_keeps_the_other_one_away_with_all_that_was_its(database, viewer, pair):
    into, other = pair
    operation = await merged(database, viewer, into, other)
    (newcomer,) = await some(database, viewer, {"external_id": "old-1"})
    merged_so = await everything(database)
    for policy in ("REJECT_ALL", "SKIP"):
        refusal = await undo(database, viewer, operation, policy)
        found = rejections(refusal)
        assert (other, "DUPLICATE", newcomer) in found
        if policy == "SKIP":
            assert {(whom, code) for whom, code, _ in found} == {(other, "DUPLICATE"), (into, "CONFLICT")}
            assert len(found) == 4
        assert await everything(database) == merged_so


async def test_one_that_was_restored_by_hand_is_told_and_gets_its_own_back(database, viewer, pair):
    into, other = pair
    operation = await merged(database, viewer, into, other)
    await alone(database, restore_customer, viewer, other)
    taken_back = await undo(database, viewer, operation)
    assert rejections(taken_back) == [(other, "STALE", None)]
    assert await hanging(database, other) == {"contacts": 1, "cases": 1, "invoices": 1}


async def test_nothing_goes_back_to_one_that_has_become_internal(database, viewer, pair):
    into, other = pair
    operation = await merged(database, viewer, into, other)
    await alone(database, restore_customer, viewer, other)
    await alone(database, update_customer, viewer, other, {"is_internal": True})
    taken_back = await undo(database, viewer, operation)
    assert {(whom, code) for whom, code, _ in rejections(taken_back)} == {(other, "STALE"), (into, "CONFLICT")}
    assert await hanging(database, other) == {"contacts": 1, "cases": 1, "invoices": 0}


async def test_merging_again_waits_until_nothing_new_hangs_on_the_other(database, viewer, pair):
    into, other = pair
    operation = await undo(database, viewer, await merged(database, viewer, into, other, "externalId"))
    await alone(
        database,
        create_contact,
        viewer,
        {"customer": ref("Customer", ids.find_key("Customer", other)), "last_name": "New"},
    )
    apart = await everything(database)
    refusal = await undo(database, viewer, operation, "REJECT_ALL")
    assert refusal["status"] == "REJECTED"
    assert (other, "CONFLICT", None) in rejections(refusal)
    assert await everything(database) == apart
    taken_back = await undo(database, viewer, operation)
    assert rejections(taken_back) == [(other, "CONFLICT", None), (into, "DUPLICATE", other)]
    assert await hanging(database, into) == {"contacts": 2, "cases": 1, "invoices": 1}


async def test_a_merge_is_undone_by_who_may_still_edit(database, viewer, pair):
    into, other = pair
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
    for each in pair:
        await alone(database, update_customer, viewer, each, {"owner": ref("User", clerk.user_id)})
    operation = await merged(database, clerk, into, other, "phone")
    await alone(database, update_customer, viewer, into, {"owner": ref("User", viewer.user_id)})
    dahl = await contact_called(database, "Dahl")
    taken_back = await undo(database, clerk, operation)
    assert rejections(taken_back) == [(into, "FORBIDDEN", None), (into, "FORBIDDEN", dahl)]


# ---------------------------------------------------------------------- at the same time


async def test_two_merges_into_each_other_leave_one(database, viewer):
    for _ in range(5):
        one, two = await some(database, viewer, {}, {})
        answers = await asyncio.gather(merge(database, viewer, one, two), merge(database, viewer, two, one))
        assert sorted(bool(answer["problems"]) for answer in answers) == [False, True]
        assert [(await row(database, each)).deleted_at is None for each in (one, two)].count(True) == 1


async def test_nobody_joins_a_customer_that_goes(database, viewer):
    """Whatever comes while two are merged either moves along or is refused."""

    async def write(function, values):
        async with database.sessions.begin() as session:
            return await function(session, viewer, values)

    for _ in range(5):
        into, other = await some(database, viewer, {}, {})
        there = ref("Customer", ids.find_key("Customer", other))
        deal = {"customer": there, "name": "Deal", "sales_status": Ref("name", "In progress")}
        people = [write(create_contact, {"customer": there, "last_name": f"Joined {turn}"}) for turn in range(4)]
        sales = [write(upsert_cases, [{**deal, "external_id": f"{other} {turn}"}]) for turn in range(4)]
        answer, *outcomes = await asyncio.gather(merge(database, viewer, into, other), *people, *sales)
        assert answer["problems"] == []
        assert sum((await hanging(database, other)).values()) == 0
        made = [outcome for outcome in outcomes if not outcome.problems]
        assert sum((await hanging(database, into)).values()) == len(made)
        assert {problem.code for outcome in outcomes for problem in outcome.problems} <= {ProblemCode.NOT_FOUND}


async def test_deleting_one_that_is_merged_at_once(database, viewer):
    for _ in range(5):
        into, other = await some(database, viewer, {}, {})

        async def delete(which):
            async with database.sessions.begin() as session:
                return await delete_customer(session, viewer, which)

        answer, outcome = await asyncio.gather(merge(database, viewer, into, other), delete(into))
        assert bool(answer["problems"]) or not outcome.problems
        assert (await row(database, into)).deleted_at or answer["customer"]


async def test_thousands_move_there_and_back(database, viewer):
    into, other = await some(database, viewer, {}, {})
    key = ids.find_key("Customer", other)
    rows = [{"customer": ref("Customer", key), "last_name": f"P{n}", "external_id": f"p{n}"} for n in range(3_000)]
    async with database.sessions.begin() as session:
        assert not (await upsert_contacts(session, viewer, rows)).problems
    operation = await merged(database, viewer, into, other)
    assert (await hanging(database, into))["contacts"] == 3_000
    await undo(database, viewer, operation)
    assert (await hanging(database, other))["contacts"] == 3_000
