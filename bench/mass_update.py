"""A mass update of 100,000 customers in one call, beside the bare UPDATE of the same rows.

The yardstick sets value, version and time stamp of the rows on the indexes as they are shipped, and nothing else: no
rights, no trail, no counts. The two take turns. What each did is rolled back and the tables are vacuumed after it, so
that every run finds the same rows in the same state.
"""

import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import psutil
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bench.ground import CUSTOMERS
from db.connection import Database, reads_of
from resolvers.bulk_update import Matching, bulk_update_customers
from resolvers.ids import encode
from resolvers.references import Ref
from resolvers.selection import Compare, Operand
from resolvers.undo import undo_bulk_operation
from resolvers.upsert import upsert_industries
from resolvers.viewer import Viewer
from schema.api import schema
from schema.context import Context

PROMISED_RATIO = 2.0
PROMISED_MEGABYTES = 50
ROUNDS = 3
CUSTOMERS_AT_ONCE = 100_000

TOUCHED = ("customers", "changes", "bulk_operations", "rejections")

PREVIEW = """mutation($count: Int!, $industry: ID!) {
  bulkUpdateCustomers(
    target: {matching: {filter: {isActive: {eq: true}}, expectedCount: $count}}
    set: {industry: {id: $industry}}
    dryRun: true
  ) { operation { matched changed skipped changes(first: 50) { nodes { old new } } } }
}"""


@dataclass
class Results:
    """What each kind of run took, in seconds, and how much larger the process became."""

    customers: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: float = 0

    def median(self, name: str) -> float:
        """Of one kind of run."""
        return statistics.median(self.seconds[name])

    @property
    def ratio(self) -> float:
        """How many times longer the mass update takes than the bare UPDATE."""
        return self.median("mass update") / self.median("bare UPDATE")

    @property
    def promises(self) -> dict[str, bool]:
        """What is promised, and whether it is kept."""
        return {
            f"≤ {PROMISED_RATIO:g} ×": self.ratio <= PROMISED_RATIO,
            f"< {PROMISED_MEGABYTES} MB": self.megabytes < PROMISED_MEGABYTES,
        }


async def measure(database: Database, viewer: Viewer, rounds: int, on_round: Callable[[float], None]) -> Results:
    """All kinds of runs in turns."""
    ground = await _ground(database, viewer)
    results = Results(ground.customers)
    before = psutil.Process().memory_info().rss
    largest = before
    runs = {"bare UPDATE": ground.bare, "mass update": ground.update, "preview": ground.preview, "undo": ground.undo}
    for turn in range(rounds):
        for name, run in runs.items():
            results.seconds.setdefault(name, []).append(await run())
            largest = max(largest, psutil.Process().memory_info().rss)
            await ground.tidy()
        on_round((turn + 1) / rounds)
    results.megabytes = (largest - before) / 1e6
    return results


async def _ground(database: Database, viewer: Viewer) -> "_Ground":
    active = CUSTOMERS.c.is_active & CUSTOMERS.c.deleted_at.is_(None)
    own = (CUSTOMERS.c.organization_id == viewer.organization_id) & active
    async with database.sessions.begin() as session:
        made = await upsert_industries(session, viewer, [{"name": "Before"}, {"name": "After"}])
        before, after = made.ids
        assert after
        # All have an industry, so that both sides of the trail have something to say.
        await session.execute(sa.update(CUSTOMERS).where(own).values(industry_id=before))
        count = await session.scalar(sa.select(sa.func.count()).select_from(CUSTOMERS).where(own))
    ground = _Ground(database, viewer, count or 0, after)
    await ground.tidy("VACUUM FULL ANALYZE")
    return ground


@dataclass(frozen=True)
class _Ground:
    """The customers of an organisation, and an industry that none of them has."""

    database: Database
    viewer: Viewer
    customers: int
    industry: uuid.UUID

    async def bare(self) -> float:
        """The yardstick."""
        table = CUSTOMERS
        own = (table.c.organization_id == self.viewer.organization_id, table.c.is_active, table.c.deleted_at.is_(None))
        news = {"industry_id": self.industry, "version": table.c.version + 1, "updated_at": sa.func.now()}
        async with self._rolled_back() as session:
            return await timed(lambda: session.execute(sa.update(table).where(*own).values(**news)))

    async def update(self) -> float:
        """The mass update, as the mutation calls it."""
        async with self._rolled_back() as session:
            return await timed(lambda: self._update(session))

    async def undo(self) -> float:
        """Undoing it."""
        async with self._rolled_back() as session:
            act = await self._update(session)
            operation_id = encode("BulkOperation", act.operation_id)
            return await timed(lambda: undo_bulk_operation(session, self.viewer, operation_id))

    async def preview(self) -> float:
        """The whole preview, from the document to the answer."""
        variables = {"count": self.customers, "industry": encode("Industry", self.industry)}
        context = Context(self.database, self.viewer)
        start = time.perf_counter()
        result = await schema.execute(PREVIEW, variable_values=variables, context_value=context)
        seconds = time.perf_counter() - start
        answer = orjson.loads(orjson.dumps(result.data))
        assert answer["bulkUpdateCustomers"]["operation"]["matched"] == self.customers
        return seconds

    async def _update(self, session: AsyncSession) -> Any:
        target = Matching(Compare("is_active", "eq", Operand(value=True)), self.customers)
        values = {"industry": Ref("id", encode("Industry", self.industry))}
        return await bulk_update_customers(session, self.viewer, target, values)

    @asynccontextmanager
    async def _rolled_back(self):
        async with self.database.sessions() as session:
            await reads_of(session)
            yield session
            await session.rollback()

    async def tidy(self, how: str = "VACUUM") -> None:
        """Take away what was rolled back."""
        async with self.database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for table in TOUCHED:
                await connection.execute(sa.text(f"{how} {table}"))
            await connection.execute(sa.text("CHECKPOINT"))


async def timed(run: Callable[[], Awaitable[Any]]) -> float:
    """Seconds by the clock."""
    start = time.perf_counter()
    await run()
    return time.perf_counter() - start
