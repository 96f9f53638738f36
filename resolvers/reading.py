"""Reading: a query goes in, the JSON of its answer comes out, by one statement."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from resolvers.selection import Condition, Query
from resolvers.statement import Plan, aggregate, plan
from resolvers.viewer import Viewer


async def read(session: AsyncSession, viewer: Viewer, query: Query) -> str | None:
    """The JSON of what was asked for, as the viewer may see it; None where a single row is not there."""
    prepared = plan(query, viewer.permissions)
    json: str | None = await _fetch_value(session, prepared, query, viewer)
    return json


async def count(session: AsyncSession, viewer: Viewer, entity: str, where: Condition) -> int:
    """How many rows meet the condition, of those the viewer may see."""
    number: int = await _fetch_value(session, aggregate(entity, where, viewer.permissions), where, viewer)
    return number


async def total(session: AsyncSession, viewer: Viewer, entity: str, where: Condition, column: str) -> Any:
    """The sum of a column over the rows that meet the condition, of those the viewer may see; zero where none does."""
    return await _fetch_value(session, aggregate(entity, where, viewer.permissions, column), where, viewer)


async def _fetch_value(session: AsyncSession, prepared: Plan, query: Any, viewer: Viewer) -> Any:
    # The driver runs the finished text itself: SQLAlchemy has built it, and need not look at it again for each call.
    connection: Any = await (await session.connection()).get_raw_connection()
    return await connection.driver_connection.fetchval(prepared.sql, *prepared.values(query, viewer.binds))
