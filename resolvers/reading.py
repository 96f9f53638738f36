"""Reading: a query goes in, the JSON of its answer comes out, by one statement."""

from collections.abc import Mapping
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
    json: str | None = await _fetch_value(reads, plan(query, viewer.permissions), query, viewer)
    return json


async def fetch(reads: Reads, prepared: Plan, binds: Mapping[str, Any]) -> list[Any]:
    """The rows of a statement whose parameters all have values in `binds`."""
    try:
        rows: list[Any] = await reads.fetch(prepared.sql, *(binds[name] for name in prepared.names))
    except asyncpg.QueryCanceledError as error:
        raise TookTooLong from error
    return rows


async def _fetch_value(reads: Reads, prepared: Plan, query: Query, viewer: Viewer) -> Any:
    # The driver runs the finished text itself: SQLAlchemy has built it, and need not look at it again for each call.
    try:
        return await reads.fetchval(prepared.sql, *prepared.values(query, viewer.binds))
    except asyncpg.QueryCanceledError as error:
        raise TookTooLong from error
