"""Reading: a query goes in, the JSON of its answer comes out, by one statement."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import asyncpg

from db.connection import Reads
from resolvers.selection import Query
from resolvers.statement import Plan, plan
from resolvers.viewer import Viewer


class TookTooLong(Exception):
    """The database stopped the statement when its time was up."""


async def read(reads: Reads, viewer: Viewer, query: Query) -> str | None:
    """The JSON of what was asked for, as the viewer may see it; None where a single row is not there."""
    prepared = plan(query, viewer.permissions)
    # The driver runs the finished text itself: SQLAlchemy has built it, and need not look at it again for each call.
    with in_time():
        json: str | None = await reads.fetchval(prepared.sql, *prepared.values(query, viewer.binds))
    return json


async def fetch(reads: Reads, prepared: Plan, binds: Mapping[str, Any]) -> list[Any]:
    """The rows of a statement whose parameters all have values in `binds`."""
    with in_time():
        rows: list[Any] = await reads.fetch(prepared.sql, *(binds[name] for name in prepared.names))
    return rows


@contextmanager
def in_time() -> Iterator[None]:
    """TookTooLong where the database stops what it is at."""
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise TookTooLong from error
