"""The KPI strip of a company with a million invoices, beside the same figures summed up from all rows, in plain SQL.

The yardstick selects from invoices, costs, cases and customers what the viewer may see, by the conditions that the
lists behind the figures have. Writing 10,000 invoices is timed with the triggers that keep the sums, and without them;
what was written is rolled back.
"""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bench import ours, stopwatch
from bench.ground import find_seller, tidy
from bench.mass_update import timed
from bench.queries import Promise, Query
from bench.stopwatch import Comparison
from bench.trade import trade
from db.connection import Database, reads_of
from db.models import Access, Cost, Customer, Invoice, table_of
from resolvers import kpis
from resolvers.kpi_sums import may_see_margin
from resolvers.money import Money
from resolvers.references import Ref
from resolvers.selection import Condition
from resolvers.statement import values_in, visible_rows
from resolvers.upsert import upsert_invoices
from resolvers.viewer import Permissions, Viewer

CUSTOMERS = 100_000
CROWD = {"units": 40, "sellers": 400, "contacts": 3}
NUMBERS = {"customers": CUSTOMERS, "cases": 150_000, "invoices": 1_000_000, "costs": 300_000}
WRITTEN = 10_000
UPSERT, COPY, WITHOUT = "upsert", "bare COPY", ", no sums"
PROMISED_RATIO = 1.3
VACUUM = "VACUUM ANALYZE"
TOUCHED = ("invoices", "customer_standings", "kpi_sums", "changes")
ROUNDS = 5
TURNS = 5
"""How often ours is timed in a round, for once that the yardstick is."""

STRIP = """
{
  kpis {
    asOf currency
    marginThisYear { label formula from to value { amount } billing { amount } totalCost { amount } reason }
    billingThisMonth {
      label formula from to value { amount } previous { amount } previousToDate { amount } change { amount }
      changePercent
    }
    activeCustomers { label formula value }
    prospectsInPipeline { label formula value }
  }
}
"""
AT_ONCE = Promise(milliseconds=10, times=30)
REACHES = {
    "all": (Access.ALL, Access.ALL),
    "of one unit": (Access.UNIT, Access.UNIT),
    "own": (Access.OWN, Access.OWN),
    "unit's customers, own cases": (Access.UNIT, Access.OWN),
    "all customers, unit's cases": (Access.ALL, Access.UNIT),
}
"""By name: the level of customers, and that of cases, invoices and costs."""
CUSTOMER, INVOICE, COST = map(table_of, (Customer, Invoice, Cost))


@dataclass
class Results:
    """Times of the strip, by whom it is for; and seconds that writing invoices takes, with the sums and without."""

    strips: dict[Query, Comparison] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ratio(self, way: str) -> float:
        """How many times longer a way of writing takes with the triggers than without."""
        return statistics.median(self.seconds[way]) / statistics.median(self.seconds[f"{way}{WITHOUT}"])

    @property
    def promises(self) -> dict[str, bool]:
        """What is promised, and whether it is kept."""
        strips = {
            f"{query.title} {what}": kept
            for query, found in self.strips.items()
            for what, kept in stopwatch.promises_of(query, found).items()
        }
        return strips | self.promise_of_writing

    @property
    def promise_of_writing(self) -> dict[str, bool]:
        """That of an upsert."""
        return {f"≤ {PROMISED_RATIO:g} ×": self.ratio(UPSERT) <= PROMISED_RATIO}


async def measure(database: Database, administrator: Viewer, rounds: int, on_round: Callable[[float], None]) -> Results:
    """The strip for each kind of viewer beside the yardstick, in turns; then writing."""
    async with database.sessions.begin() as session:
        await trade(session, administrator.organization_id, NUMBERS)
    await tidy(database.engine, how=VACUUM)
    async with database.sessions() as session:
        seller = await find_seller(session, administrator)
    results = Results()
    for name, (customers, others) in REACHES.items():
        viewer = administrator if others is Access.ALL else _reaching(seller, customers, others)
        promise = AT_ONCE if customers is others else None
        results.strips[Query(name, f"KPI strip, {name}", STRIP, promise=promise)] = await _compare(
            database, viewer, rounds
        )
        on_round(len(results.strips) / (len(REACHES) + 1))
    results.seconds = await _time_writing(database, administrator, rounds)
    return results


async def _compare(database: Database, viewer: Viewer, rounds: int) -> Comparison:
    day = kpis.today(viewer.timezone)
    answer = partial(ours.answer, database, viewer, Query("", "", STRIP))
    yardstick = partial(_added_up, database, viewer, day)
    if _figures(orjson.loads(await answer())["data"]["kpis"]) != await yardstick():
        raise stopwatch.AnswersDiffer
    return await stopwatch.alternate(answer, partial(_encoded, yardstick), rounds=rounds, turns=TURNS)


async def _encoded(yardstick: Callable[[], Awaitable[list[Any]]]) -> bytes:
    return orjson.dumps(await yardstick(), default=str)


def _figures(strip: Mapping[str, Any]) -> list[Any]:
    margin, billing = strip["marginThisYear"], strip["billingThisMonth"]
    amounts = (margin["billing"], billing["value"], billing["previous"], billing["previousToDate"], margin["totalCost"])
    counts = (strip["activeCustomers"]["value"], strip["prospectsInPipeline"]["value"])
    return [*(amount and Decimal(amount["amount"]) for amount in amounts), *counts]


async def _added_up(database: Database, viewer: Viewer, day: date) -> list[Any]:
    year, month, before = kpis.year_of(day), kpis.month_of(day), kpis.month_before(day)
    known = kpis.Period(min(year.first, before.first), year.last)
    billing = await _sums(database, viewer, "Invoice", known, (year, month, before, kpis.month_before_to_date(day)))
    may_see = may_see_margin(viewer.permissions)
    (cost,) = await _sums(database, viewer, "Cost", year, (year,)) if may_see else (None,)
    counts = [await _count(database, viewer, group) for group in (kpis.ACTIVE_CUSTOMERS, kpis.PROSPECTS)]
    return [*billing, cost, *counts]


async def _sums(
    database: Database, viewer: Viewer, entity: str, known: kpis.Period, periods: Sequence[kpis.Period]
) -> list[Decimal]:
    table, where = {"Invoice": INVOICE, "Cost": COST}[entity], kpis.counted_within(known)
    within = (table.c.date.between(sa.literal(period.first), sa.literal(period.last)) for period in periods)
    sums = (sa.func.coalesce(sa.func.sum(table.c.home_amount).filter(each), 0) for each in within)
    rows = sa.select(*sums).where(visible_rows(entity, table, where, viewer.permissions))
    return list((await _run(database, viewer, rows, where))[0])


async def _count(database: Database, viewer: Viewer, group: Condition) -> int:
    seen = visible_rows("Customer", CUSTOMER, group, viewer.permissions)
    rows = await _run(database, viewer, sa.select(sa.func.count()).select_from(CUSTOMER).where(seen), group)
    return int(rows[0][0])


async def _run(database: Database, viewer: Viewer, rows: sa.Select[Any], where: Condition) -> Sequence[Any]:
    values = {**values_in(where), **viewer.binds}
    async with database.engine.connect() as connection:
        return (await connection.execute(rows, values)).all()


def _reaching(seller: Viewer, customers: Access, others: Access) -> Viewer:
    may = Permissions(customers, Access.NONE, others, others, others, import_data=False, administer=False)
    return replace(seller, permissions=may)


async def _time_writing(database: Database, viewer: Viewer, rounds: int) -> dict[str, list[float]]:
    """Seconds that writing takes, by the way it is done, with triggers and without."""
    rows = await _to_write(database, viewer)
    finished = await _finished(database, viewer, rows)
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for way, write in ((UPSERT, partial(_upsert, viewer, rows)), (COPY, partial(_copy, finished))):
            for kind, state in (("", "ENABLE"), (WITHOUT, "DISABLE")):
                async with database.sessions() as session:
                    await session.execute(sa.text(f"ALTER TABLE invoices {state} TRIGGER summed_insert"))
                    seconds.setdefault(f"{way}{kind}", []).append(await timed(partial(write, session)))
                    await session.rollback()
                await tidy(database.engine, *TOUCHED, how=VACUUM)
    return seconds


async def _to_write(database: Database, viewer: Viewer) -> list[dict[str, Any]]:
    """Invoices as another system sends them, of cases all over the registry and of the last hundred days."""
    query = sa.text(
        "SELECT k.external_id, c.number FROM cases k JOIN customers c ON c.id = k.customer_id "
        "WHERE k.organization_id = :key ORDER BY hashtext(k.external_id) LIMIT :written"
    )
    async with database.sessions() as session:
        found = (await session.execute(query, {"key": viewer.organization_id, "written": WRITTEN})).all()
    today = kpis.today(viewer.timezone)
    return [
        {
            "external_id": f"written-{place}",
            "customer": Ref("number", row.number),
            "case": Ref("external_id", row.external_id),
            "status": Ref("name", "Sent"),
            "number": f"W{place}",
            "date": today - timedelta(place % 100),
            "amount": Money(Decimal(place) / 4, "EUR"),
        }
        for place, row in enumerate(found)
    ]


async def _finished(database: Database, viewer: Viewer, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """The same as they are stored."""
    async with database.sessions() as session:
        await _upsert(viewer, rows, session)
        written = sa.select(INVOICE).where(INVOICE.c.external_id.startswith("written-"))
        found = [tuple(row) for row in await session.execute(written)]
        await session.rollback()
    return found


async def _upsert(viewer: Viewer, rows: Sequence[Mapping[str, Any]], session: AsyncSession) -> None:
    made = await upsert_invoices(session, viewer, rows)
    assert made.created == WRITTEN, made.problems


async def _copy(finished: Sequence[tuple[Any, ...]], session: AsyncSession) -> None:
    driver: Any = await reads_of(session)
    await driver.copy_records_to_table(INVOICE.name, columns=list(INVOICE.c.keys()), records=finished)
