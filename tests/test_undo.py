"""Undoing a mass update: old values come back where nobody has changed them since, and the undoing can be undone."""

import asyncio
from dataclasses import replace
from typing import Any

from db import models
from db.models import Access
from resolvers import ids
from resolvers.contact import CONTACT
from resolvers.customer import delete_customer, update_customer
from resolvers.operations import Counts, Operation, close_operation, open_operation
from resolvers.sweep import set_fields
from resolvers.undo import undo_bulk_operation
from resolvers.writer import Draft, get_writer
from resolvers.writing import read_values
from tests.builders import a_contact, a_viewer, an_industry, an_organization, ref, stored, trail_of
from tests.mass_updates import counts, operations, row, some, undo, update, write
from tests.worlds import told


async def changed(database, viewer, made, **values) -> Any:
    answer = await update(database, viewer, {"ids": made}, **values)
    assert answer["problems"] == []
    return answer["operation"]


async def alone(database, viewer, id_text, **values):
    async with database.sessions.begin() as session:
        assert not (await update_customer(session, viewer, id_text, values)).problems


def plain(found: Any) -> dict[str, Any]:
    return {name: value for name, value in found._mapping.items() if name not in ("version", "updated_at")}


async def test_old_values_come_back(database, viewer):
    async with database.sessions.begin() as session:
        retail = await an_industry(session, viewer, name="Retail")
        await an_industry(session, viewer, name="Wholesale")
    full: dict[str, Any] = {"language": "sv", "industry": ref("Industry", retail), "is_active": False}
    made = await some(database, viewer, full, {}, {"country": "NO", "owner": ref("User", viewer.user_id)})
    before = [plain(await row(database, each)) for each in made]
    news = {"language": "fi", "industry": {"name": "Wholesale"}, "isActive": True, "country": "SE", "owner": None}
    operation = await changed(database, viewer, made, **news)
    answer = await undo(database, viewer, operation)
    assert answer["problems"] == []
    assert counts(answer["operation"]) == (3, 3, 0, 0, 0)
    assert answer["operation"]["undoes"] == {
        "id": operation["id"],
        "status": "UNDONE",
        "undoneBy": {"id": answer["operation"]["id"]},
    }
    assert [plain(await row(database, each)) for each in made] == before
    assert [(await row(database, each)).version for each in made] == [3, 3, 3]


async def test_an_old_country_comes_back_whatever_is_thought_of_the_business_id_there(database, viewer):
    (one,) = await some(database, viewer, {})
    await write(database, one, business_id="from before")
    operation = await changed(database, viewer, [one], country="DE")
    answer = await undo(database, viewer, operation)
    assert (answer["problems"], counts(answer["operation"])) == ([], (1, 1, 0, 0, 0))
    found = await row(database, one)
    assert (found.country, found.business_id) == ("FI", "from before")


async def test_the_trail_of_the_undoing_is_the_other_way_round(database, viewer):
    made = await some(database, viewer, {"language": "sv"}, {})
    operation = await changed(database, viewer, made, language="fi", isActive=False)
    there = {
        (each["entityId"], each["field"], each["new"], each["old"], each["newLabel"], each["oldLabel"])
        for each in operation["changes"]["nodes"]
    }
    back = (await undo(database, viewer, operation))["operation"]["changes"]["nodes"]
    assert {tuple(each.values()) for each in back} == there
    assert len(there) == len(back) == 4


async def test_rows_changed_since_are_skipped_and_listed(database, viewer):
    other, again, gone, fine = made = await some(database, viewer, {}, {}, {}, {})
    operation = await changed(database, viewer, made, language="fi", isActive=False)
    await alone(database, viewer, other, notes="later")
    await alone(database, viewer, again, language="sv")
    async with database.sessions.begin() as session:
        await delete_customer(session, viewer, gone)
    answer = await undo(database, viewer, operation)
    assert {(each["customerId"], each["problem"]["code"]) for each in answer["operation"]["rejections"]["nodes"]} == {
        (again, "STALE"),
        (gone, "NOT_FOUND"),
    }
    assert {tuple(problem["path"]) for problem in answer["problems"]} == {("id",)}
    assert counts(answer["operation"]) == (4, 2, 0, 2, 0)
    found = [await row(database, each) for each in (other, again, fine)]
    assert [(each.language, each.is_active, each.notes) for each in found] == [
        (None, True, "later"),
        ("sv", False, None),
        (None, True, None),
    ]


async def test_one_row_changed_since_stops_it_where_that_is_asked_for(database, viewer):
    first, second = made = await some(database, viewer, {}, {})
    operation = await changed(database, viewer, made, language="fi")
    await alone(database, viewer, first, language="sv")
    answer = await undo(database, viewer, operation, "REJECT_ALL")
    assert answer["operation"]["status"] == "REJECTED"
    assert counts(answer["operation"]) == (2, 0, 0, 1, 0)
    assert answer["operation"]["undoes"] == {"id": operation["id"], "status": "APPLIED", "undoneBy": None}
    assert (await row(database, second)).language == "fi"
    assert counts((await undo(database, viewer, operation))["operation"]) == (2, 1, 0, 1, 0)


async def test_undoing_can_be_undone(database, viewer):
    made = await some(database, viewer, {}, {"language": "sv"})
    first = await changed(database, viewer, made, language="fi")
    second = (await undo(database, viewer, first))["operation"]
    third = (await undo(database, viewer, second))["operation"]
    assert [(await row(database, each)).language for each in made] == ["fi", "fi"]
    document = f'{{ bulkOperation(id: "{first["id"]}") {{ status undoneBy {{ id }} }} }}'
    assert (await told(database, viewer, document))["bulkOperation"] == {"status": "APPLIED", "undoneBy": None}
    fourth = (await undo(database, viewer, third))["operation"]
    assert [(await row(database, each)).language for each in made] == [None, "sv"]
    found = (await told(database, viewer, document))["bulkOperation"]
    assert found == {"status": "UNDONE", "undoneBy": {"id": second["id"]}}
    assert fourth["status"] == "APPLIED"


async def test_only_what_stands_can_be_undone(database, viewer):
    one, internal = await some(database, viewer, {}, {"is_internal": True})
    applied = await changed(database, viewer, [one], language="fi")
    await undo(database, viewer, applied)
    refused = (await update(database, viewer, {"ids": [one, internal]}, language="fi"))["operation"]
    for operation in (applied, refused):
        answer = await undo(database, viewer, operation)
        assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [("CONFLICT", ["id"])]
        assert answer["operation"] is None


async def test_of_two_who_undo_one_comes_too_late(database, viewer):
    made = await some(database, viewer, *[{} for _ in range(20)])
    operation = await changed(database, viewer, made, language="fi")
    answers = await asyncio.gather(*(undo(database, viewer, operation) for _ in range(2)))
    assert sorted([problem["code"] for problem in answer["problems"]] for answer in answers) == [[], ["CONFLICT"]]


async def test_what_one_does_not_see_or_edit_stays(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
        stranger = await an_organization(session, name="Other")
    kept, handed = made = await some(database, viewer, *[{"owner": ref("User", clerk.user_id)}] * 2)
    operation = await changed(database, clerk, made, language="fi")
    await alone(database, viewer, handed, owner=None)
    for who, id_text in ((stranger, operation["id"]), (clerk, "nonsense"), (clerk, made[0])):
        answer = await undo(database, who, id_text)
        assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [("NOT_FOUND", ["id"])]
    answer = await undo(database, clerk, operation)
    assert [(each["customerId"], each["problem"]["code"]) for each in answer["operation"]["rejections"]["nodes"]] == [
        (handed, "FORBIDDEN")
    ]
    assert [(await row(database, each)).language for each in (kept, handed)] == [None, "fi"]


async def test_an_operation_of_somebody_else_is_for_administrators(database, viewer):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.ALL)
    made = await some(database, viewer, {})
    operation = await changed(database, viewer, made, language="fi")
    assert [problem["code"] for problem in (await undo(database, clerk, operation))["problems"]] == ["NOT_FOUND"]
    operation = await changed(database, clerk, made, language="sv")
    assert (await undo(database, viewer, operation))["operation"]["changed"] == 1


async def test_a_number_taken_meanwhile_stays_with_who_has_it(database, viewer):
    (moved,) = await some(database, viewer, {"country": "DE", "business_id": "5560125790"})
    operation = await changed(database, viewer, [moved], country="SE")
    (newcomer,) = await some(database, viewer, {"country": "DE", "business_id": "5560125790"})
    answer = await undo(database, viewer, operation)
    assert [(each["code"], each["entityId"]) for each in answer["problems"]] == [("DUPLICATE", newcomer)]
    assert (await row(database, moved)).country == "SE"


async def test_what_a_merge_moves_comes_back_too(database, viewer):
    first, second = (ids.find_key("Customer", each) for each in await some(database, viewer, {}, {}))
    assert first
    async with database.sessions.begin() as session:
        contact = await a_contact(session, viewer, first)
        writer = get_writer(session, viewer)
        operation, draft = Operation(), Draft((), {"customer": ref("Customer", second)})
        await open_operation(writer, operation)
        await read_values(writer, CONTACT, [draft])
        moved = await set_fields(writer, operation, CONTACT, draft, lambda table: table.c.customer_id == first)
        await close_operation(writer, operation, models.BulkStatus.APPLIED, Counts(matched=1, changed=moved))
        assert moved == 1
        assert (await stored(session, models.Contact, contact)).customer_id == second
        await undo_bulk_operation(session, viewer, ids.encode("BulkOperation", operation.id))
        assert (await stored(session, models.Contact, contact)).customer_id == first
        assert [change.field for change in await trail_of(session, contact)].count("customer") == 2


async def test_a_token_that_reads_undoes_nothing(database, viewer):
    made = await some(database, viewer, {})
    operation = await changed(database, viewer, made, language="fi")
    answer = await undo(database, replace(viewer, scope=models.TokenScope.READ), operation)
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [("FORBIDDEN", [])]
    assert await operations(database) == 1
