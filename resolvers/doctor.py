"""Examines whether the sums that figures are read from are what their rows add up to, and puts them right.

Triggers keep them in step (`db.models.kpis`); what could bring them out of step is a hand in the database, a restored
part of a backup, or a defect of ours.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import starmap
from typing import Any

import sqlalchemy as sa
import stamina
from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import Sessions
from db.models import NO_DAY, Figure, Share
from resolvers.ids import encode

TRIES = 20


@dataclass(frozen=True, slots=True)
class SumDiffers:
    """A sum of a month, or a number of customers, that is not what its rows add up to."""

    figure: Figure
    share: Share
    owner_id: uuid.UUID
    other_owner_id: uuid.UUID
    month: date
    kept: Decimal
    due: Decimal

    def __str__(self) -> str:
        month = "" if self.month == NO_DAY else f" {self.month:%Y-%m}"
        owner, other = encode("User", self.owner_id), encode("User", self.other_owner_id)
        whose = {
            Share.ALL: "",
            Share.CUSTOMER: f", customers of {owner}",
            Share.CASE: f", cases of {owner}",
            Share.BOTH: f", cases of {other} with customers of {owner}",
        }
        amounts = "the days differ" if self.kept == self.due else f"{self.kept} should be {self.due}"
        return f"{self.figure}{month}{whose[self.share]}: {amounts}"


@dataclass(frozen=True, slots=True)
class StandingDiffers:
    """A customer whose cases and invoices are not counted as they are."""

    customer_id: uuid.UUID
    kept: Mapping[str, Any] | None
    due: Mapping[str, Any] | None

    def __str__(self) -> str:
        if self.kept is None or self.due is None:
            what = "is missing" if self.kept is None else "should not be"
        else:
            named = [name for name, value in self.due.items() if value != self.kept[name]]
            what = ", ".join(f"{name} {self.kept[name]} should be {self.due[name]}" for name in named)
        return f"{encode('Customer', self.customer_id)}: {what}"


Difference = SumDiffers | StandingDiffers

_SUMS = sa.text(
    """
    SELECT figure, share, owner_id, other_owner_id, month,
           coalesce(kept.amount, 0) AS kept, coalesce(due.amount, 0) AS due
    FROM kartotek_sums_kept(:organization) AS kept
    FULL JOIN kartotek_sums_due(:organization) AS due
        USING (organization_id, figure, share, owner_id, other_owner_id, month)
    WHERE (kept.amount, kept.days, kept.amounts) IS DISTINCT FROM (due.amount, due.days, due.amounts)
    ORDER BY 1, 2, 3, 4, 5
    """
)
_STANDINGS = sa.text(
    """
    SELECT customer_id, to_jsonb(kept) - 'customer_id' AS kept, to_jsonb(due) - 'customer_id' AS due
    FROM (SELECT customer_id, owner_id, is_counted, is_billed, open_cases, pursued_cases, won_cases
          FROM customer_standings WHERE organization_id = :organization) AS kept
    FULL JOIN kartotek_standings_due(:organization) AS due USING (customer_id)
    WHERE kept IS DISTINCT FROM due
    ORDER BY 1
    """
)


async def examine(session: AsyncSession, organization_id: uuid.UUID) -> list[Difference]:
    """What of an organisation's sums and standings is not as its rows are; all of its rows are read."""
    asked = {"organization": organization_id}
    sums = await session.execute(_SUMS, asked)
    standings = await session.execute(_STANDINGS, asked)
    return [
        *(SumDiffers(Figure(row.figure), Share(row.share), *row[2:]) for row in sums),
        *starmap(StandingDiffers, standings),
    ]


def _is_in_use(error: Exception) -> bool:
    waits_for_each_other, takes_too_long = "40P01", "55P03"
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, sa.exc.DBAPIError) else None
    return state in (waits_for_each_other, takes_too_long)


@stamina.retry(on=_is_in_use, attempts=TRIES, timeout=None, wait_initial=0.05, wait_max=1)
async def repair(sessions: Sessions, organization_id: uuid.UUID) -> list[Difference]:
    """Work all sums of an organisation out anew where they differ, and tell what differed.

    Meanwhile whoever writes in any organisation waits. Those who have changed their rows but not the sums yet wait with
    that, and add to the new sums, which were made without their rows.
    """
    async with sessions.begin() as session:
        await session.execute(sa.text("SET LOCAL statement_timeout = 0"))
        if not await examine(session, organization_id):
            return []
        await session.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        # In the order of those who write.
        await session.execute(sa.text("LOCK TABLE customer_standings, kpi_sums IN EXCLUSIVE MODE"))
        found = await examine(session, organization_id)
        if found:
            await session.execute(sa.text("SELECT kartotek_sum_up(:key)"), {"key": organization_id})
    return found
