"""Mass updates among others: what changes while they wait is seen, readers never wait, and nobody sees half of one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from db import models
from db.connection import Database, connected
from db.models import Access, table_of
from resolvers import ids
from resolvers.contact import create_contact
from resolvers.customer import delete_customer, update_customer
from resolvers.upsert import upsert_customers
from tests.builders import a_contact, a_viewer, an_id, ref
from tests.mass_updates import ALL, counts, matching, operations, row, some, undo, update
from tests.waiting import PATIENCE, until, waiting
from tests.worlds import told

CUSTOMERS, CHANGES = table_of(models.Customer), table_of(models.Change)
MANY = 1_200
"""So many that a sweep reads tables as a whole."""

QUESTIONS = (
    "customers(first: 1000) { totalCount nodes { language version contacts { nodes { name } } updatedAt } }",
    'customers(search: "customer", filter: { isActive: { eq: true } }) { totalCount }',
    "contacts { nodes { customer { language } } }",
    "changes { totalCount nodes { entityLabel operation { status } } }",
    "kpis { activeCustomers { value } prospectsInPipeline { value } marginThisYear { value { amount } } }",
    "viewer { user { name } permissions { editCustomers } }",
)


async def crowd(database: Database, viewer: Any, size: int) -> list[str]:
    """Many customers; their ids in the order of their keys."""
    async with database.sessions.begin() as session:
        made = await upsert_customers(session, viewer, [{"name": f"C{n}", "external_id": f"{n}"} for n in range(size)])
        assert made.created == size
    return [an_id("Customer", key) for key in sorted(filter(None, made.ids))]


async def languages(database: Database) -> dict[str | None, int]:
    """How many customers have which."""
    async with database.sessions() as session:
        found = await session.execute(sa.select(CUSTOMERS.c.language, sa.func.count()).group_by(CUSTOMERS.c.language))
        return {each["language"]: each["count"] for each in found.mappings()}


async def updates_traced(database: Database) -> int:
    async with database.sessions() as session:
        traced = sa.select(sa.func.count()).select_from(CHANGES).where(CHANGES.c.kind == "UPDATED")
        return await session.scalar(traced) or 0


@asynccontextmanager
async def in_the_middle(database: Database, last: str, work: Any) -> AsyncIterator[asyncio.Future[Any]]:
    """The work has locked all customers but the last, which somebody else still has."""
    async with database.sessions.begin() as session:
        await session.execute(
            sa.select(CUSTOMERS.c.id).where(CUSTOMERS.c.id == ids.find_key("Customer", last)).with_for_update()
        )
        task = asyncio.ensure_future(work)
        await until(lambda: waiting(database))
        yield task
        assert not task.done()


# ---------------------------------------------------------------------- readers


async def test_readers_of_anything_do_not_wait(database, database_url, viewer):
    made = await crowd(database, viewer, MANY)
    async with database.sessions.begin() as session:
        key = ids.find_key("Customer", made[0])
        assert key
        await a_contact(session, viewer, key)
    before = [await told(database, viewer, f"{{ {question} }}") for question in QUESTIONS]
    # Whoever had to wait would be stopped.
    async with (
        connected(database_url, statement_timeout=PATIENCE / 4) as hasty,
        in_the_middle(database, made[-1], update(database, viewer, {"ids": made}, language="fi")) as task,
    ):
        for question, answer in zip(QUESTIONS, before, strict=True):
            assert await told(hasty, viewer, f"{{ {question} }}") == answer
        nodes = f'{{ nodes(ids: ["{made[0]}", "{made[-1]}"]) {{ ... on Customer {{ language }} }} }}'
        assert (await told(hasty, viewer, nodes))["nodes"] == [{"language": None}] * 2
    assert (await task)["operation"]["changed"] == MANY
    assert await languages(database) == {"fi": MANY}


async def test_nobody_sees_half_of_one(database, viewer):
    made = await crowd(database, viewer, 300)
    seen: list[set[tuple[str | None, int]]] = []

    async def look(until_done: asyncio.Future[Any]) -> None:
        while not until_done.done():
            answer = await told(database, viewer, "{ customers(first: 1000) { nodes { language version } } }")
            nodes = answer["customers"]["nodes"]
            assert len(nodes) == 300
            seen.append({(node["language"], node["version"]) for node in nodes})

    async def change() -> None:
        for turn in range(10):
            await update(database, viewer, {"ids": made}, language=("fi", "sv")[turn % 2])

    changing = asyncio.ensure_future(change())
    await asyncio.gather(look(changing), look(changing), changing)
    assert all(len(each) == 1 for each in seen)
    assert len({version for each in seen for _, version in each}) > 1


async def test_what_does_not_touch_the_customers_goes_on(database, database_url, viewer):
    """Contacts come to customers that are being changed, and other customers are changed."""
    *made, other, last = await crowd(database, viewer, 20)
    async with connected(database_url, statement_timeout=PATIENCE / 4) as hasty:
        work = update(database, viewer, {"ids": [*made, last]}, language="fi")
        async with in_the_middle(database, last, work) as task, hasty.sessions.begin() as session:
            contact = {"customer": ref("Customer", ids.find_key("Customer", made[0])), "last_name": "Virtanen"}
            assert not (await create_contact(session, viewer, contact)).problems
            assert not (await update_customer(session, viewer, other, {"language": "sv"})).problems
    assert (await task)["operation"]["changed"] == 19
    assert await languages(database) == {"fi": 19, "sv": 1}


# ---------------------------------------------------------------------- one bad row among many


@pytest.mark.parametrize("place", [0, MANY // 2, MANY - 1])
async def test_one_bad_row_of_many_stops_all(database, viewer, place):
    made = await crowd(database, viewer, MANY)
    async with database.sessions.begin() as session:
        await update_customer(session, viewer, made[place], {"is_internal": True})
    answer = await update(database, viewer, {"ids": made}, language="fi")
    assert counts(answer["operation"]) == (MANY, 0, 0, 1, 0)
    assert answer["operation"]["status"] == "REJECTED"
    assert [problem["path"] for problem in answer["problems"]] == [["target", "ids", str(place)]]
    assert await languages(database) == {None: MANY}
    assert await updates_traced(database) == 1
    answer = await update(database, viewer, {"ids": made}, policy="REJECT_ROWS", language="fi")
    assert counts(answer["operation"]) == (MANY, MANY - 1, 0, 1, 0)
    assert await languages(database) == {"fi": MANY - 1, None: 1}


async def test_one_bad_row_of_many_matching_stops_all(database, viewer):
    made = await crowd(database, viewer, MANY)
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
    await update(database, viewer, {"ids": made[:-1]}, owner={"id": an_id("User", clerk.user_id)})
    answer = await update(database, clerk, matching(MANY, filter=ALL), language="fi")
    assert counts(answer["operation"]) == (MANY, 0, 0, 1, 0)
    assert [problem["code"] for problem in answer["problems"]] == ["FORBIDDEN"]
    assert await languages(database) == {None: MANY}
    answer = await update(database, clerk, matching(MANY, filter=ALL), policy="REJECT_ROWS", language="fi")
    assert counts(answer["operation"]) == (MANY, MANY - 1, 0, 1, 0)
    assert await languages(database) == {"fi": MANY - 1, None: 1}


BECOMES = {
    "internal": ({"is_internal": True}, "CONFLICT"),
    "somebody else's": ({"owner": None}, "FORBIDDEN"),
    "gone": (None, "NOT_FOUND"),
}


async def becoming(session: Any, viewer: Any, one: str, values: Any) -> None:
    """Change one, or delete it."""
    changed = update_customer(session, viewer, one, values) if values else delete_customer(session, viewer, one)
    assert not (await changed).problems


@pytest.mark.parametrize("how", BECOMES)
@pytest.mark.parametrize("policy", ["REJECT_ALL", "REJECT_ROWS"])
async def test_a_row_that_becomes_a_bad_one_at_the_same_time_is_one(database, viewer, how, policy):
    async with database.sessions.begin() as session:
        clerk = await a_viewer(session, viewer, read_customers=Access.ALL, edit_customers=Access.OWN)
    made = await some(database, viewer, *[{"owner": ref("User", clerk.user_id)} for _ in range(5)])
    values, code = BECOMES[how]
    async with database.sessions.begin() as session:
        await becoming(session, viewer, made[2], values)
        task = asyncio.ensure_future(update(database, clerk, {"ids": made}, policy=policy, language="fi"))
        await until(lambda: waiting(database))
    answer = await task
    assert [(problem["code"], problem["path"][-1]) for problem in answer["problems"]] == [(code, "2")]
    changed = 0 if policy == "REJECT_ALL" else 4
    assert counts(answer["operation"]) == (5, changed, 0, 1, 0)
    assert [(await row(database, each)).language for each in made].count("fi") == changed
    assert (await row(database, made[2])).language is None


async def test_a_row_that_no_longer_matches_makes_it_stale(database, viewer):
    made = await some(database, viewer, *[{} for _ in range(5)])
    async with database.sessions.begin() as session:
        await becoming(session, viewer, made[2], {"is_active": False})
        task = asyncio.ensure_future(update(database, viewer, matching(5, filter=ALL), language="fi"))
        await until(lambda: waiting(database))
    answer = await task
    assert [problem["code"] for problem in answer["problems"]] == ["STALE"]
    assert answer["operation"] is None
    assert await languages(database) == {None: 5}
    assert await operations(database) == 0


# ---------------------------------------------------------------------- undoing


@pytest.mark.parametrize("policy", ["SKIP", "REJECT_ALL"])
@pytest.mark.parametrize(("values", "code"), [({"language": "sv"}, "STALE"), (None, "NOT_FOUND")])
async def test_a_row_changed_while_the_undoing_waits_is_changed_since(database, viewer, values, code, policy):
    made = await some(database, viewer, *[{} for _ in range(5)])
    operation = (await update(database, viewer, {"ids": made}, language="fi"))["operation"]
    async with database.sessions.begin() as session:
        await becoming(session, viewer, made[2], values)
        task = asyncio.ensure_future(undo(database, viewer, operation, policy))
        await until(lambda: waiting(database))
    answer = await task
    assert [problem["code"] for problem in answer["problems"]] == [code]
    assert [each["customerId"] for each in answer["operation"]["rejections"]["nodes"]] == [made[2]]
    back = 4 if policy == "SKIP" else 0
    assert counts(answer["operation"]) == (5, back, 0, 1, 0)
    assert [(await row(database, each)).language for each in made].count(None) == back


async def test_an_undoing_of_many_sets_all_back(database, viewer):
    made = await crowd(database, viewer, MANY)
    operation = (await update(database, viewer, {"ids": made}, language="fi", isActive=False))["operation"]
    answer = await undo(database, viewer, operation)
    assert counts(answer["operation"]) == (MANY, MANY, 0, 0, 0)
    assert await languages(database) == {None: MANY}
    assert await updates_traced(database) == 4 * MANY
