"""The same call under the same key is done once, and answered as often as it is asked."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from db import models
from db.models import Access, table_of
from db.models.base import now
from resolvers.bulk_update import Named, bulk_update_customers
from resolvers.idempotency import Question, once
from tests.builders import a_viewer, an_organization
from tests.mass_updates import ALL, matching, operations, row, some, undo, update
from tests.worlds import told

KEYS = table_of(models.IdempotencyKey)


async def keys(database) -> int:
    async with database.sessions() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(KEYS)) or 0


async def test_the_same_call_is_done_once(database, viewer):
    made = await some(database, viewer, {}, {})
    first = await update(database, viewer, {"ids": made}, key="k", language="fi")
    assert first["operation"]["changed"] == 2
    async with database.sessions.begin() as session:
        await session.execute(sa.update(table_of(models.Customer)).values(language="sv"))
    assert await update(database, viewer, {"ids": made}, key="k", language="fi") == first
    assert (await row(database, made[0])).language == "sv"
    assert await operations(database) == 1


async def test_at_the_same_time_from_two_clients_too(database, viewer):
    made = await some(database, viewer, *[{} for _ in range(20)])
    answers = await asyncio.gather(*(update(database, viewer, {"ids": made}, key="k", language="fi") for _ in range(5)))
    assert answers == [answers[0]] * 5
    assert answers[0]["operation"]["changed"] == 20
    assert await operations(database) == 1


async def test_another_call_under_the_key_is_refused(database, viewer):
    made = await some(database, viewer, {}, {})
    await update(database, viewer, {"ids": made}, key="k", language="fi")
    others: list[tuple[Any, dict[str, Any]]] = [
        ({"ids": made[::-1]}, {"language": "fi"}),
        ({"ids": made}, {"language": "sv"}),
        (matching(2, filter=ALL), {"language": "fi"}),
        ({"ids": made}, {"language": "fi", "policy": "REJECT_ROWS"}),
    ]
    for target, values in others:
        answer = await update(database, viewer, target, key="k", **values)
        assert answer["operation"] is None
        assert [(each["code"], each["path"]) for each in answer["problems"]] == [
            ("IDEMPOTENCY_REUSED", ["idempotencyKey"])
        ]
    assert (await row(database, made[0])).version == 2


async def test_the_same_call_in_other_words_is_the_same(database, viewer):
    """By variables or not, in another order, with what is the default anyway; and each gets what it asks for."""
    (one,) = await some(database, viewer, {})
    first = await update(database, viewer, {"ids": [one]}, key="k", language="fi", isActive=False)
    written = f"""mutation($active: Boolean) {{ answer: bulkUpdateCustomers(
      idempotencyKey: "k", errorPolicy: REJECT_ALL,
      set: {{isActive: $active, language: "fi"}}, target: {{ids: ["{one}"]}}
    ) {{ made: operation {{ id at changes {{ nodes {{ field by {{ email }} }} }} }} problems {{ code }} }} }}"""
    answer = (await told(database, viewer, written, {"active": False}))["answer"]
    assert answer["problems"] == []
    assert answer["made"]["id"] == first["operation"]["id"]
    assert {change["field"] for change in answer["made"]["changes"]["nodes"]} == {"isActive", "language"}
    assert (await row(database, one)).version == 2


async def test_what_was_undone_since_is_not_done_again(database, viewer):
    (one,) = await some(database, viewer, {})
    first = await update(database, viewer, {"ids": [one]}, key="k", language="fi")
    await undo(database, viewer, first["operation"])
    again = await update(database, viewer, {"ids": [one]}, key="k", language="fi")
    assert again["operation"]["id"] == first["operation"]["id"]
    assert again["operation"]["changes"] == first["operation"]["changes"]
    assert (await row(database, one)).language is None
    assert await operations(database) == 2


async def test_a_rejected_operation_is_an_answer_too(database, viewer):
    one, internal = await some(database, viewer, {}, {"is_internal": True})
    first = await update(database, viewer, {"ids": [one, internal]}, key="k", language="fi")
    assert first["operation"]["status"] == "REJECTED"
    async with database.sessions.begin() as session:
        await session.execute(sa.update(table_of(models.Customer)).values(is_internal=False))
    assert await update(database, viewer, {"ids": [one, internal]}, key="k", language="fi") == first


@pytest.mark.parametrize(("target", "code"), [({"ids": []}, "INVALID"), (matching(7, filter=ALL), "STALE")])
async def test_a_refusal_is_an_answer_too(database, viewer, target, code):
    first = await update(database, viewer, target, key="k", language="fi")
    assert [problem["code"] for problem in first["problems"]] == [code]
    await some(database, viewer, *[{} for _ in range(7)])
    assert await update(database, viewer, target, key="k", language="fi") == first
    assert await operations(database) == 0


async def test_keys_belong_to_their_user(database, viewer):
    made = await some(database, viewer, {})
    async with database.sessions.begin() as session:
        other = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.ALL)
        stranger = await an_organization(session, name="Other")
    answers = [await update(database, who, {"ids": made}, key="k", language="fi") for who in (viewer, other, stranger)]
    found = [answer["operation"] for answer in answers]
    assert [(each["changed"], each["unchanged"], each["rejected"]) for each in found] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
    ]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\0b"])
async def test_a_key_that_cannot_be_kept_is_refused(database, viewer, key):
    made = await some(database, viewer, {})
    answer = await update(database, viewer, {"ids": made}, key=key, language="fi")
    assert [(each["code"], each["path"]) for each in answer["problems"]] == [("INVALID", ["idempotencyKey"])]
    assert (await row(database, made[0])).version == 1


async def test_a_preview_takes_no_key(database, viewer):
    made = await some(database, viewer, {})
    answer = await update(database, viewer, {"ids": made}, key="k", dry=True, language="fi")
    assert [(each["code"], each["path"]) for each in answer["problems"]] == [("INVALID", ["idempotencyKey"])]
    assert answer["operation"] is None
    assert await keys(database) == 0


async def test_keys_are_kept_for_a_day_and_not_for_ever(database, viewer):
    made = await some(database, viewer, {})
    for key, hours in (("a day", 25), ("three days", 72)):
        await update(database, viewer, {"ids": made}, key=key, language="fi")
        async with database.sessions.begin() as session:
            long_ago = sa.update(KEYS).where(KEYS.c.key == key).values(created_at=now() - timedelta(hours=hours))
            await session.execute(long_ago)
    await update(database, viewer, {"ids": made}, key="new", language="fi")
    async with database.sessions() as session:
        assert set(await session.scalars(sa.select(KEYS.c.key))) == {"a day", "new"}


async def test_what_is_not_committed_leaves_no_answer(database, viewer):
    made = await some(database, viewer, {})
    question = Question("bulkUpdateCustomers", "k", b"")
    news: dict[str, Any] = {"language": "fi"}
    async with database.sessions() as session:  # as if the server died before the commit
        await once(session, viewer, question, lambda: bulk_update_customers(session, viewer, Named(made), news))
    assert (await row(database, made[0])).version == 1
    async with database.sessions.begin() as session:
        act = await once(session, viewer, question, lambda: bulk_update_customers(session, viewer, Named(made), news))
    assert act.operation_id
    assert (await row(database, made[0])).version == 2
