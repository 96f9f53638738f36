"""The KPI strip: figures of a year, of a month and of now, and the history of billing, cost and margin.

The figures are read from sums that the database keeps (`resolvers.kpi_sums`); the lists behind them are the rows that
these sums are made of, by the conditions given here.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from db.connection import Reads
from db.models import NO_DAY, Figure
from resolvers.kpi_sums import may_see_margin, months_plan, strip_plan
from resolvers.money import EXACT, in_minor_units
from resolvers.reading import fetch
from resolvers.selection import All, Compare, Condition, Member, Operand
from resolvers.statement import Plan
from resolvers.viewer import Viewer

ACTIVE_CUSTOMERS = Member("ACTIVE")
PROSPECTS = Member("PROSPECT")
COUNTED = Member("COUNTED")

EARLIEST = date(1, 2, 1)
"""The first day that has a month before its own."""

MOST_MONTHS = 120
"""The longest history that is told at once: ten years."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from the first to the last, both included."""

    first: date
    last: date


def today(timezone: str) -> date:
    """The day it is now in the time zone."""
    return day_of(datetime.now(UTC), timezone)


def day_of(moment: datetime, timezone: str) -> date:
    """The day it is at a moment (with a time zone of whatever kind) in another time zone."""
    return moment.astimezone(ZoneInfo(timezone)).date()


def year_of(day: date) -> Period:
    """The whole calendar year around the day."""
    return Period(date(day.year, 1, 1), date(day.year, 12, 31))


def month_of(day: date) -> Period:
    """The whole calendar month around the day."""
    return Period(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def month_before(day: date) -> Period:
    """The whole calendar month before the day's."""
    return month_of(day.replace(day=1) - timedelta(days=1))


def month_before_to_date(day: date) -> Period:
    """The month before, up to the same day of the month, or to its end where it is shorter."""
    before = month_before(day)
    return Period(before.first, before.first.replace(day=min(day.day, before.last.day)))


def counted_within(period: Period) -> Condition:
    """The counted invoices, or the counted costs, of a period."""
    return All((COUNTED, Compare("date", "gte", Operand(period.first)), Compare("date", "lte", Operand(period.last))))


@dataclass(frozen=True, slots=True)
class Margin:
    """Billing less cost; only billing for whoever may not see all of the cost."""

    period: Period
    billing: Decimal
    total_cost: Decimal | None

    @property
    def value(self) -> Decimal | None:
        """The margin; None where the cost is not told."""
        return None if self.total_cost is None else EXACT.subtract(self.billing, self.total_cost)


@dataclass(frozen=True, slots=True)
class Billing:
    """Billing of a month beside the month before."""

    period: Period
    value: Decimal
    previous: Decimal
    previous_to_date: Decimal

    @property
    def change(self) -> Decimal:
        """This month less the whole month before."""
        return EXACT.subtract(self.value, self.previous)

    @property
    def change_percent(self) -> Decimal | None:
        """The change as a percentage of the previous month's size, one decimal; None where that is zero."""
        if not self.previous:
            return None
        percent = EXACT.multiply(EXACT.divide(self.change, abs(self.previous)), Decimal(100))
        return percent.quantize(Decimal("0.1"), ROUND_HALF_UP, EXACT)


@dataclass(frozen=True, slots=True)
class Strip:
    """All figures for a day."""

    as_of: date
    margin_this_year: Margin
    billing_this_month: Billing
    active_customers: int
    prospects_in_pipeline: int


async def read_strip(reads: Reads, viewer: Viewer, as_of: date) -> Strip:
    """The figures for a day from `EARLIEST` on, as the viewer may see them, by one statement."""
    year, month, before = year_of(as_of), month_of(as_of), month_before(as_of)
    sums = await _read_sums(
        reads,
        viewer,
        strip_plan(viewer.permissions),
        months=Period(min(year.first, before.first), year.last),
        previous=before.first,
        to_day=month_before_to_date(as_of).last.day,
    )
    return Strip(
        as_of=as_of,
        margin_this_year=sums.margin(year),
        billing_this_month=Billing(
            month,
            value=sums.of(Figure.BILLING, month),
            previous=sums.of(Figure.BILLING, before),
            previous_to_date=sums.billing_to_date,
        ),
        active_customers=sums.number(Figure.ACTIVE),
        prospects_in_pipeline=sums.number(Figure.PROSPECT),
    )


async def read_history(reads: Reads, viewer: Viewer, as_of: date, months: int) -> list[Margin]:
    """Billing, cost and margin of so many whole months up to and with the day's, oldest first, by one statement.

    `months` is from 1 to `most_months(as_of)`.
    """
    periods = [month_of(as_of)]
    while len(periods) < months:
        periods.insert(0, month_before(periods[0].first))
    known = Period(periods[0].first, periods[-1].last)
    sums = await _read_sums(reads, viewer, months_plan(viewer.permissions), months=known)
    return [sums.margin(period) for period in periods]


def most_months(as_of: date) -> int:
    """How many months of history there may be: `MOST_MONTHS`, or since the first one that there is."""
    return min(MOST_MONTHS, 12 * (as_of.year - 1) + as_of.month)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What was read: sums by figure and month, in the organisation's currency."""

    viewer: Viewer
    by_month: Mapping[tuple[str, date], Decimal]
    to_date: Decimal

    def of(self, figure: Figure, period: Period) -> Decimal:
        """The sum of the months of the period, which lie within a year."""
        amount = Decimal(0)
        for number in range(period.first.month, period.last.month + 1):
            month = period.first.replace(month=number)
            amount = EXACT.add(amount, self.by_month.get((figure, month), Decimal(0)))
        return in_minor_units(amount, self.viewer.currency)

    @property
    def billing_to_date(self) -> Decimal:
        return in_minor_units(self.to_date, self.viewer.currency)

    def margin(self, period: Period) -> Margin:
        may = may_see_margin(self.viewer.permissions)
        return Margin(period, self.of(Figure.BILLING, period), self.of(Figure.COST, period) if may else None)

    def number(self, figure: Figure) -> int:
        return int(self.by_month[figure, NO_DAY])


async def _read_sums(
    reads: Reads, viewer: Viewer, plan: Plan, *, months: Period, previous: date | None = None, to_day: int = 0
) -> _Sums:
    asked = {
        "first_month": months.first,
        "last_month": months.last,
        "previous_month": previous,
        "to_day": to_day,
    }
    rows = await fetch(reads, plan, {**viewer.binds, **asked})
    by_month = {(row["figure"], row["month"]): row["amount"] or Decimal(0) for row in rows}
    to_date = (row["to_date"] for row in rows if row["figure"] == Figure.BILLING and row["month"] == previous)
    return _Sums(viewer, by_month, next(to_date, None) or Decimal(0))
