"""Mass updates as front ends send them: by variables over HTTP, twice, at once, broken off, and page by page."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from db import models
from db.models import TokenScope, table_of
from kartotek.settings import Settings
from tests.clients import a_token, client_on
from tests.mass_updates import ALL, UPDATE, asked, counts, matching, operations, row, some

CUSTOMERS, CHANGES = table_of(models.Customer), table_of(models.Change)


@pytest.fixture
async def headers(sessions, viewer):
    return await a_token(sessions, viewer)


async def sent(client, headers, target: Any, **options: Any) -> Any:
    """What the mutation answers."""
    body = {"query": UPDATE, "variables": asked(target, **options)}
    answer = await client.post("/graphql", json=body, headers=headers)
    assert answer.status_code == 200
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]["answer"]


async def versions(database, made) -> list[int]:
    return [(await row(database, each)).version for each in made]


async def test_many_are_set_by_variables(client, headers, database, viewer):
    first, second, third = made = await some(database, viewer, {}, {"language": "fi"}, {})
    answer = await sent(client, headers, {"ids": [first, second]}, language="fi")
    assert counts(answer["operation"]) == (2, 1, 1, 0, 0)
    answer = await sent(client, headers, matching(2, filter=ALL, excludeIds=[third]), language=None)
    assert counts(answer["operation"]) == (2, 2, 0, 0, 0)
    assert await versions(database, made) == [3, 2, 1]


async def test_a_preview_and_then_the_act_tell_the_same(client, headers, database, viewer):
    one, internal, other = made = await some(database, viewer, {}, {"is_internal": True}, {"is_active": False})
    target = {"ids": [one, "nonsense", internal, other]}
    preview, act = [
        await sent(client, headers, target, policy="REJECT_ROWS", dry=dry, language="sv", isActive=False)
        for dry in (True, False)
    ]
    assert [each["operation"]["status"] for each in (preview, act)] == ["PREVIEW", "APPLIED"]
    assert counts(preview["operation"]) == counts(act["operation"]) == (4, 2, 0, 2, 0)
    assert preview["problems"] == act["problems"]
    assert told_of(preview) == told_of(act)
    assert await versions(database, made) == [2, 1, 2]
    assert await operations(database) == 1


def told_of(answer: Any) -> tuple[Any, Any]:
    """Changes without their ids, which are others for a preview, and rejections."""
    operation = answer["operation"]
    changes = [{**change, "id": None} for change in operation["changes"]["nodes"]]
    return sorted(changes, key=repr), operation["rejections"]


async def test_a_key_sent_twice_is_done_once(client, headers, database, viewer):
    made = await some(database, viewer, {}, {})
    first, second = [await sent(client, headers, {"ids": made}, key="k", language="fi") for _ in range(2)]
    assert first == second
    assert counts(first["operation"]) == (2, 2, 0, 0, 0)
    assert await versions(database, made) == [2, 2]


async def test_a_key_sent_to_two_servers_at_once_is_done_once(client, headers, database, database_url, viewer):
    made = await some(database, viewer, *[{} for _ in range(20)])
    async for other in client_on(Settings(database_url=database_url)):
        both = (client, other, client, other)
        answers = await asyncio.gather(*(sent(each, headers, {"ids": made}, key="k", language="fi") for each in both))
    assert answers == [answers[0]] * 4
    assert answers[0]["operation"]["changed"] == 20
    assert await versions(database, made) == [2] * 20
    assert await operations(database) == 1


@pytest.mark.parametrize("dry", [False, True])
async def test_a_token_for_reading_changes_nothing(client, database, sessions, viewer, dry):
    made = await some(database, viewer, {})
    reading = await a_token(sessions, viewer, scope=TokenScope.READ)
    answer = await sent(client, reading, {"ids": made}, dry=dry, language="fi")
    assert [(problem["code"], problem["path"]) for problem in answer["problems"]] == [("FORBIDDEN", [])]
    assert answer["operation"] is None
    assert await versions(database, made) == [1]


async def test_without_a_token_nothing_is_changed(client, database, viewer):
    made = await some(database, viewer, {})
    body = {"query": UPDATE, "variables": asked({"ids": made}, language="fi")}
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = await client.post("/graphql", json=body, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await versions(database, made) == [1]


async def test_a_link_changes_nothing(client, headers, database, viewer):
    """What a browser follows without asking is a GET."""
    (one,) = await some(database, viewer, {})
    query = f'mutation {{ bulkUpdateCustomers(target: {{ids: ["{one}"]}}, set: {{language: "fi"}}) {{ __typename }} }}'
    answer = await client.get("/graphql", params={"query": query}, headers=headers)
    assert 400 <= answer.status_code < 500
    assert await versions(database, [one]) == [1]


async def test_the_changes_are_paged(client, headers, database, viewer):
    made = await some(database, viewer, *[{} for _ in range(12)])
    operation = (await sent(client, headers, {"ids": made}, language="fi", isActive=False))["operation"]
    query = """query($id: ID!, $first: Int!, $after: String) {
      bulkOperation(id: $id) { changes(first: $first, after: $after) {
        totalCount nodes { id entityId field old new } pageInfo { hasNextPage endCursor } } } }"""
    found: list[Any] = []
    after, more = None, True
    while more:
        body = {"query": query, "variables": {"id": operation["id"], "first": 5, "after": after}}
        answer = (await client.post("/graphql", json=body, headers=headers)).json()
        page = answer["data"]["bulkOperation"]["changes"]
        assert page["totalCount"] == 24
        assert len(page["nodes"]) == min(5, 24 - len(found))
        found += page["nodes"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    names = ("id", "entityId", "field", "old", "new")
    assert found == [{name: node[name] for name in names} for node in operation["changes"]["nodes"]]
    assert {(each["entityId"], each["field"]) for each in found} == {
        (each, field) for each in made for field in ("language", "isActive")
    }


CUTS = 40


async def test_a_request_broken_off_anywhere_is_done_once_when_sent_again(client, headers, database, viewer):
    """Each time a little later: before anything is done, in the middle of it, and after all is committed."""
    made = await some(database, viewer, *[{} for _ in range(5)])
    length = 0
    for turn in range(CUTS):
        call = {"key": f"k{turn}", "isActive": bool(turn % 2)}
        broken = asyncio.ensure_future(sent(client, headers, {"ids": made}, **call))
        await turns_until(broken, most=length * turn // CUTS)
        broken.cancel()
        await asyncio.wait([broken])
        ((number, changes, kept),) = await state(database)
        assert number in (turn, turn + 1)
        assert (changes, kept) == (5 * number, number)
        again = asyncio.ensure_future(sent(client, headers, {"ids": made}, **call))
        length = max(await turns_until(again), length // 2)
        assert counts((await again)["operation"]) == (5, 5, 0, 0, 0)
        assert await state(database) == [(turn + 1, 5 * (turn + 1), turn + 1)]


async def turns_until(task: asyncio.Future[Any], most: int = 1_000_000) -> int:
    """Turns of the event loop until the task is done, or so many have gone by."""
    for turn in range(most):
        if task.done():
            return turn
        await asyncio.sleep(0)
    return most


async def state(database) -> list[tuple[int, int, int]]:
    """The changes that each customer has seen, those in the trail and the operations, all at one moment."""
    changes = sa.select(sa.func.count()).where(CHANGES.c.kind == "UPDATED").scalar_subquery()
    kept = sa.select(sa.func.count()).select_from(table_of(models.BulkOperation)).scalar_subquery()
    async with database.sessions() as session:
        found = await session.execute(sa.select(CUSTOMERS.c.version - 1, changes, kept).distinct())
        return [tuple(each) for each in found]
