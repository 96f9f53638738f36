"""The KPI strip, by the definitions of DESIGN section 6.

Each figure and the list behind it come from one condition, so that they cannot disagree.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from db.connection import Reads
from db.models import Access
from resolvers.money import EXACT
from resolvers.reading import count, total
from resolvers.selection import All, Compare, Condition, Member, Operand
from resolvers.viewer import Viewer

ACTIVE_CUSTOMERS = Member("ACTIVE")
PROSPECTS = Member("PROSPECT")
COUNTED = Member("COUNTED")

EARLIEST = date(1, 2, 1)
"""The first day that has a month before its own."""

NOT_ALL_SEEN = "Margin needs the right to see all invoices and all costs."


@dataclass(frozen=True, slots=True)
class Period:
    """Days from the first to the last, both included."""

    first: date
    last: date


def today(timezone: str) -> date:
    """The day it is now in the time zone."""
    return datetime.now(ZoneInfo(timezone)).date()


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
    """Billing less cost, or the reason why it is not told."""

    period: Period
    billing: Decimal
    total_cost: Decimal | None
    reason: str | None

    @property
    def value(self) -> Decimal | None:
        """The margin; null where the cost is not told."""
        return None if self.total_cost is None else self.billing - self.total_cost


async def margin_of_year(reads: Reads, viewer: Viewer, as_of: date) -> Margin:
    """Billing of the year less all costs dated in it, except those on internal cases."""
    period = year_of(as_of)
    billing = await billing_within(reads, viewer, period)
    may = viewer.permissions
    if may.read_invoices is not Access.ALL or may.read_costs is not Access.ALL:
        return Margin(period, billing, None, NOT_ALL_SEEN)
    cost = await total(reads, viewer, "Cost", counted_within(period), "home_amount")
    return Margin(period, billing, cost, None)


async def billing_within(reads: Reads, viewer: Viewer, period: Period) -> Decimal:
    """The sum of home amounts of the counted invoices that the viewer may see."""
    amount: Decimal = await total(reads, viewer, "Invoice", counted_within(period), "home_amount")
    return amount


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
        return self.value - self.previous

    @property
    def change_percent(self) -> Decimal | None:
        """The change as a percentage of the previous month's size, one decimal; None where that is zero."""
        if not self.previous:
            return None
        return (self.change / abs(self.previous) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP, EXACT)


async def billing_of_month(reads: Reads, viewer: Viewer, as_of: date) -> Billing:
    """Billing of the month around the day."""
    period = month_of(as_of)
    return Billing(
        period,
        value=await billing_within(reads, viewer, period),
        previous=await billing_within(reads, viewer, month_before(as_of)),
        previous_to_date=await billing_within(reads, viewer, month_before_to_date(as_of)),
    )


async def customers_in(reads: Reads, viewer: Viewer, group: Condition) -> int:
    """How many customers the group has, of those the viewer may see; as of now."""
    return await count(reads, viewer, "Customer", group)
