"""Who waits for whom, so that what happens at the same time happens in the order that a test is about."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa

from db.connection import Database

PATIENCE = 60
"""Seconds after which it is not coming any more."""


async def until(is_so: Callable[[], Awaitable[Any]]) -> None:
    """Return when it is so."""
    for _ in range(PATIENCE * 100):
        if await is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never was")


async def waiting(database: Database) -> int:
    """How many wait for somebody else's lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with database.sessions() as session:
        return await session.scalar(sa.text(statement)) or 0
