"""An upsert of 10,000 customers in one call, beside a bare COPY of the same rows into the same tables.

The yardstick puts finished customers with their addresses into the tables as they are shipped, triggers and indexes
included, and does nothing else: it looks for none that are there, reads no values, checks no numbers and leaves no
trail. All kinds of runs take turns. What each did is rolled back and the tables are vacuumed after it.
"""

import statistics
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bench.ground import tidy
from bench.mass_update import timed
from db.connection import Database, reads_of
from db.models import Address, Customer
from db.models.base import table_of
from kartotek.demo_data import BUSINESS_IDS, vat_number
from resolvers.upsert import upsert_customers
from resolvers.viewer import Viewer

CUSTOMERS_AT_ONCE = 10_000
ROUNDS = 3
BARE = "bare COPY"

TABLES = (table_of(Customer), table_of(Address))
TOUCHED = ("customers", "addresses", "changes", "customer_search")
PHONES = {"FI": "040 {:07}", "SE": "08-{:06}", "NO": "22 {:06}", "DK": "+45 33 {:06}"}
LANGUAGES = {"FI": "fi", "SE": "sv", "NO": "nb", "DK": "da"}

Row = dict[str, Any]


@dataclass
class Results:
    """What each kind of run took, in seconds, and how much larger the process became."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: float = 0

    def median(self, name: str) -> float:
        """Of one kind of run."""
        return statistics.median(self.seconds[name])


async def measure(database: Database, viewer: Viewer, rounds: int, on_round: Callable[[float], None]) -> Results:
    """All kinds of runs in turns."""
    ground = await _ground(database, viewer)
    runs = {BARE: ground.copy, "created": ground.create, "unchanged": ground.repeat, "updated": ground.rename}
    results = Results()
    before = largest = psutil.Process().memory_info().rss
    for turn in range(rounds):
        for name, run in runs.items():
            async with ground.rolled_back() as session:
                results.seconds.setdefault(name, []).append(await timed(partial(run, session)))
            largest = max(largest, psutil.Process().memory_info().rss)
            await ground.tidy()
        on_round((turn + 1) / rounds)
    results.megabytes = (largest - before) / 1e6
    return results


def invented(kind: str, start: int) -> list[Row]:
    """Customers as another system sends them, with numbers and addresses as people write them."""
    made: list[Row] = []
    for serial in count(start):
        country = tuple(BUSINESS_IDS)[serial % len(BUSINESS_IDS)]
        if business_id := BUSINESS_IDS[country](serial):
            made.append(_customer(f"{kind}-{len(made)}", country, business_id, serial))
        if len(made) == CUSTOMERS_AT_ONCE:
            return made
    raise AssertionError


def _customer(external_id: str, country: str, business_id: str, serial: int) -> Row:
    return {
        "external_id": external_id,
        "name": f"Company {serial} {country}",
        "country": country,
        "business_id": business_id,
        "vat_number": vat_number(country, business_id),
        "email": f"info@company{serial}.example",
        "phone": PHONES[country].format(serial),
        "website": f"www.company{serial}.example",
        "language": LANGUAGES[country],
        "addresses": [
            {"kind": "POSTAL", "street": f"PL {serial}", "post_code": f"{serial:05}", "city": "Helsinki"},
            {"kind": "VISITING", "street": f"Kauppakatu {serial}", "post_code": "00100", "country": country},
        ],
    }


async def _ground(database: Database, viewer: Viewer) -> "_Ground":
    stored, new = invented("stored", 0), invented("new", 3 * CUSTOMERS_AT_ONCE)
    async with database.sessions.begin() as session:
        made = await upsert_customers(session, viewer, stored)
        assert made.created == CUSTOMERS_AT_ONCE, made.problems
    async with database.sessions() as session:
        await upsert_customers(session, viewer, new)
        finished = [await _finished(session, table) for table in TABLES]
        await session.rollback()
    ground = _Ground(database, viewer, stored, new, finished)
    await ground.tidy("VACUUM FULL ANALYZE")
    return ground


async def _finished(session: AsyncSession, table: sa.Table) -> list[Any]:
    """What has come to be in the table by what is new."""
    customers = table_of(Customer)
    came = sa.select(customers.c.id).where(customers.c.external_id.startswith("new-"))
    key = customers.c.id if table is customers else table.c.customer_id
    return [tuple(row) for row in await session.execute(sa.select(table).where(key.in_(came)))]


@dataclass(frozen=True)
class _Ground:
    """Customers that are stored and others that are not, as they are sent; and the latter as they are stored."""

    database: Database
    viewer: Viewer
    stored: Sequence[Row]
    new: Sequence[Row]
    finished: Sequence[Sequence[Any]]

    async def copy(self, session: AsyncSession) -> None:
        """The yardstick."""
        driver: Any = await reads_of(session)
        for table, records in zip(TABLES, self.finished, strict=True):
            await driver.copy_records_to_table(table.name, columns=list(table.c.keys()), records=records)

    async def create(self, session: AsyncSession) -> None:
        """None of them is there."""
        assert (await upsert_customers(session, self.viewer, self.new)).created == CUSTOMERS_AT_ONCE

    async def repeat(self, session: AsyncSession) -> None:
        """All are there already, just like this."""
        assert (await upsert_customers(session, self.viewer, self.stored)).unchanged == CUSTOMERS_AT_ONCE

    async def rename(self, session: AsyncSession) -> None:
        """All are there under another name."""
        renamed = [row | {"name": f"{row['name']} Group"} for row in self.stored]
        assert (await upsert_customers(session, self.viewer, renamed)).updated == CUSTOMERS_AT_ONCE

    @asynccontextmanager
    async def rolled_back(self):
        """A session that leaves nothing."""
        async with self.database.sessions() as session:
            # The transaction begins with the first statement of the session's own.
            await session.execute(sa.select(1))
            yield session
            await session.rollback()

    async def tidy(self, how: str = "VACUUM") -> None:
        """Take away what was rolled back."""
        await tidy(self.database.engine, *TOUCHED, how=how)
