"""Servers that are killed and clients that go away in the middle of a mass update: all is done once, or nothing is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from db import models
from db.connection import Database
from db.models import table_of
from tests.clients import a_token
from tests.mass_updates import UPDATE, asked, operations, row, some
from tests.processes import serving
from tests.waiting import PATIENCE, until, waiting
from tests.wire import wired


@pytest.fixture
async def headers(sessions, viewer):
    return await a_token(sessions, viewer)


async def sent(address: str, headers: Any, made: list[str]) -> Any:
    """What a server answers to the mass update that all of these tests are about."""
    body = {"query": UPDATE, "variables": asked({"ids": made}, key="k", language="fi")}
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(address, json=body, headers=headers)
    return answer.json()["data"]["answer"]


@asynccontextmanager
async def held_up(database: Database) -> AsyncIterator[None]:
    """Nobody else can change a customer meanwhile."""
    async with database.sessions.begin() as session:
        await session.execute(sa.select(table_of(models.Customer).c.id).with_for_update())
        yield


async def is_done_once(database: Database, made: list[str]) -> bool:
    return [(await row(database, each)).version for each in made] == [2] * len(made) and await operations(database) == 1


async def test_a_server_killed_between_commit_and_answer_has_done_it_once(
    server, database_url, database, viewer, headers
):
    """PostgreSQL has committed, and the server dies before it hears of it."""
    made = await some(database, viewer, {}, {}, {})
    async with (
        wired(server, cut_after="INSERT INTO bulk_operations") as wire,
        serving(wire.url(database_url)) as (process, address),
    ):
        unanswered = asyncio.create_task(sent(address, headers, made))
        await until(lambda: operations(database))
        assert not unanswered.done()
        process.kill()
        with pytest.raises(httpx.TransportError):
            await unanswered
    assert await is_done_once(database, made)
    async with database.sessions() as session:
        operation = (await session.execute(sa.select(table_of(models.BulkOperation)))).one()
    async with serving(database_url) as (_, address):
        first, second = await asyncio.gather(*(sent(address, headers, made) for _ in range(2)))
    assert first == second
    assert (first["operation"]["status"], first["operation"]["changed"], first["problems"]) == ("APPLIED", 3, [])
    assert first["operation"]["changes"]["totalCount"] == operation.changed == 3
    assert await is_done_once(database, made)


async def test_a_server_killed_before_the_commit_has_done_nothing(database_url, database, viewer, headers):
    made = await some(database, viewer, {}, {}, {})
    async with held_up(database):
        async with serving(database_url) as (process, address):
            unanswered = asyncio.create_task(sent(address, headers, made))
            await until(lambda: waiting(database))
            process.kill()
            with pytest.raises(httpx.TransportError):
                await unanswered
        assert [(await row(database, each)).version for each in made] == [1, 1, 1]
        assert await operations(database) == 0
    async with serving(database_url) as (_, address):
        answer = await sent(address, headers, made)
    assert (answer["operation"]["status"], answer["operation"]["changed"]) == ("APPLIED", 3)
    assert await is_done_once(database, made)


async def test_a_client_that_goes_away_in_the_middle_gets_its_answer_later(database_url, database, viewer, headers):
    made = await some(database, viewer, {}, {}, {})
    async with serving(database_url) as (_, address):
        async with held_up(database):
            gone = asyncio.create_task(sent(address, headers, made))
            await until(lambda: waiting(database))
            gone.cancel()
            await asyncio.wait([gone])
            again = asyncio.create_task(sent(address, headers, made))
        answer = await again
    assert (answer["operation"]["status"], answer["operation"]["changed"]) == ("APPLIED", 3)
    assert await is_done_once(database, made)
