"""Reading: a query goes in, the JSON of its answer comes out, by one statement."""

from typing import Any

import asyncpg

from db.connection import Reads
from resolvers.selection import Condition, Query
from resolvers.statement import Plan, aggregate, plan
from resolvers.viewer import Viewer


class TookTooLong(Exception):
    """The database stopped the statement when its time was up."""


async def read(reads: Reads, viewer: Viewer, query: Query) -> str | None:
    """The JSON of what was asked for, as the viewer may see it; None where a single row is not there."""
    json: str | None = await _fetch_value(reads, plan(query, viewer.permissions), query, viewer)
    return json


async def count(reads: Reads, viewer: Viewer, entity: str, where: Condition) -> int:
    """How many rows meet the condition, of those the viewer may see."""
    number: int = await _fetch_value(reads, aggregate(entity, where, viewer.permissions), where, viewer)
    return number


async def total(reads: Reads, viewer: Viewer, entity: str, where: Condition, column: str) -> Any:
    """The sum of a column over the rows that meet the condition, of those the viewer may see; zero where none does."""
    return await _fetch_value(reads, aggregate(entity, where, viewer.permissions, column), where, viewer)


async def _fetch_value(reads: Reads, prepared: Plan, query: Any, viewer: Viewer) -> Any:
    # The driver runs the finished text itself: SQLAlchemy has built it, and need not look at it again for each call.
    try:
        return await reads.fetchval(prepared.sql, *prepared.values(query, viewer.binds))
    except asyncpg.QueryCanceledError as error:
        raise TookTooLong from error
