"""Answers of registries, kept for a while for all servers; of those who ask the same at once, one asks the registry."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from db.connection import Sessions
from db.models import RegistryCache, table_of
from db.models.base import TIMESTAMP, now
from plugins.contract import Unavailable

CACHE = table_of(RegistryCache)

LONGEST_WAIT = timedelta(seconds=20)
"""How long somebody may be asking before another one does."""
A_MOMENT = 0.02
SWEPT = 20
"""So many old answers go, at most, when a new one comes."""


@dataclass(frozen=True)
class Kept:
    """An answer, and since when it is known."""

    answer: Any
    fetched_at: datetime
    is_new: bool


@dataclass(frozen=True)
class Asked:
    """A fresh answer as JSON, and how long it is good for."""

    answer: Any
    keep: timedelta


async def answer_to(sessions: Sessions, registry_id: str, request: str, ask: Callable[[], Awaitable[Asked]]) -> Kept:
    """The answer that is kept or, where there is none, what `ask` answers; of many at once only one asks."""
    deadline = asyncio.get_running_loop().time() + LONGEST_WAIT.total_seconds()
    key = (CACHE.c.registry_id == registry_id, CACHE.c.request == request)
    while asyncio.get_running_loop().time() < deadline:
        if kept := await _find(sessions, *key):
            return kept
        if await _claim(sessions, registry_id, request):
            return await _ask(sessions, ask, *key)
        await asyncio.sleep(A_MOMENT)
    raise Unavailable("The registry did not answer in time.")


async def newer_answer_to(
    sessions: Sessions, registry_id: str, request: str, ask: Callable[[], Awaitable[Asked]], since: datetime
) -> Kept:
    """The answer that is kept if it is not older, else what `ask` answers now; where that fails, the old one stays."""
    kept = await _find(sessions, CACHE.c.registry_id == registry_id, CACHE.c.request == request)
    if kept and kept.fetched_at >= since:
        return kept
    asked = await ask()
    row = _row(asked.answer, asked.keep)
    async with sessions.begin() as session:
        await session.execute(_replacing(registry_id, request, row))
        await session.execute(_sweeping())
    return Kept(row["answer"], row["fetched_at"], is_new=True)


def _row(answer: Any, keep: timedelta) -> dict[str, Any]:
    moment = now()
    return {"answer": answer, "fetched_at": moment, "expires_at": moment + keep}


def _replacing(registry_id: str, request: str, row: Mapping[str, Any], **options: Any) -> postgresql.Insert:
    inserted = postgresql.insert(CACHE).values(registry_id=registry_id, request=request, **row)
    return inserted.on_conflict_do_update(index_elements=["registry_id", "request"], set_=row, **options)


def _sweeping() -> sa.Delete:
    """Takes away some of what is good for nothing any more: whoever brings an answer clears the place of others."""
    key = (CACHE.c.registry_id, CACHE.c.request)
    old = (
        sa.select(*key).where(CACHE.c.expires_at < now() - LONGEST_WAIT).limit(SWEPT).with_for_update(skip_locked=True)
    )
    return sa.delete(CACHE).where(sa.tuple_(*key).in_(old))


async def forget(sessions: Sessions, registry_id: str, request: str) -> None:
    """Delete what is kept."""
    async with sessions.begin() as session:
        gone = sa.delete(CACHE).where(CACHE.c.registry_id == registry_id, CACHE.c.request == request)
        await session.execute(gone)


async def _find(sessions: Sessions, *key: sa.ColumnElement[bool]) -> Kept | None:
    is_good = (CACHE.c.answer.is_not(None), CACHE.c.expires_at > sa.bindparam("moment", type_=TIMESTAMP))
    statement = sa.select(CACHE.c.answer, CACHE.c.fetched_at).where(*key, *is_good)
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})  # one way, not three
        row = (await connection.execute(statement, {"moment": now()})).one_or_none()
    return row and Kept(row.answer, row.fetched_at, is_new=False)


async def _claim(sessions: Sessions, registry_id: str, request: str) -> bool:
    """Whether it is ours to ask."""
    row = _row(None, LONGEST_WAIT)
    is_free = CACHE.c.expires_at <= row["fetched_at"]
    statement = _replacing(registry_id, request, row, where=is_free).returning(CACHE.c.request)
    async with sessions.begin() as session:
        return await session.scalar(statement) is not None


async def _ask(sessions: Sessions, ask: Callable[[], Awaitable[Asked]], *key: sa.ColumnElement[bool]) -> Kept:
    try:
        asked = await ask()
    except BaseException:
        async with sessions.begin() as session:
            await session.execute(sa.delete(CACHE).where(*key, CACHE.c.answer.is_(None)))
        raise
    row = _row(asked.answer, asked.keep)
    async with sessions.begin() as session:
        await session.execute(sa.update(CACHE).where(*key).values(**row))
        await session.execute(_sweeping())
    return Kept(row["answer"], row["fetched_at"], is_new=True)
