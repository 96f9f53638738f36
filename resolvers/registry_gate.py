"""The gate in front of a registry: how often, and how many at once, all servers together call it, and when none does.

It is kept in PostgreSQL, so that it is one gate for all. A registry that fails again and again is left alone for a
while; then one call is let through to see whether it works again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from db.connection import Sessions
from db.models import RegistryGate, RegistrySlot, table_of
from plugins.contract import RateLimited, RegistryInfo, Unavailable

GATES = table_of(RegistryGate)
SLOTS = table_of(RegistrySlot)

PATIENCE = timedelta(seconds=3)
"""How long a call waits for its turn."""
BURST = 3
"""So many calls need not keep their distance after a while without any; on the whole all do."""
FAILURES = 5
"""So many in a row close the gate."""
CLOSED = timedelta(seconds=30)
LONGEST_CALL = timedelta(seconds=20)
"""After this a slot is free again, whatever became of its server."""
A_MOMENT = 0.05


class TooBusy(RateLimited):
    """It is asked so often by ourselves that this call would wait too long."""

    def __init__(self, registry: RegistryInfo) -> None:
        super().__init__(f"{registry.name} is asked by too many just now.", PATIENCE.total_seconds())


_NOW = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


@dataclass(frozen=True)
class Gate:
    """The gate of one registry."""

    sessions: Sessions
    registry: RegistryInfo

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One call, in its turn; raises TooBusy where that would take too long."""
        await asyncio.sleep(await self._take_turn())
        slot = await self._take_slot()
        try:
            yield
        finally:
            await self._set_slot(slot, timedelta(0))

    async def check(self) -> None:
        """Raise Unavailable at once where the registry is left alone; once it was long enough, let one through."""
        gate = sa.select(GATES.c.closed_until).where(self._mine(GATES), GATES.c.closed_until.is_not(None))
        through = (
            sa.update(GATES)
            .where(self._mine(GATES), GATES.c.closed_until <= _NOW)
            .values(closed_until=_NOW + LONGEST_CALL)
            .returning(GATES.c.failures)
        )
        async with self.sessions.begin() as session:
            if await session.scalar(gate) is not None and await session.scalar(through) is None:
                raise Unavailable(f"{self.registry.name} does not work at the moment; it is asked again in a while.")

    async def note_success(self) -> None:
        """It works."""
        # Nothing is written where nothing has failed, which is nearly always.
        is_news = sa.or_(GATES.c.failures > 0, GATES.c.closed_until.is_not(None))
        await self._set(GATES, is_news, failures=0, closed_until=None)

    async def note_failure(self, retry_after: float | None = None) -> None:
        """It has failed once more or, with `retry_after`, wants to be left alone for so many seconds."""
        is_last = GATES.c.failures + 1 >= FAILURES
        closed: Any = sa.case((is_last, _NOW + CLOSED), else_=None)
        if retry_after is not None:
            closed = _NOW + timedelta(seconds=min(retry_after, 3600))
        await self._set(GATES, failures=GATES.c.failures + 1, closed_until=closed)

    async def _take_turn(self) -> float:
        """The seconds until this call's turn."""
        interval = timedelta(seconds=1 / self.registry.calls_per_second)
        own_turn = sa.func.greatest(GATES.c.next_at, _NOW - (BURST - 1) * interval)
        taken = (
            sa.update(GATES)
            .where(self._mine(GATES), GATES.c.next_at <= _NOW + PATIENCE)
            .values(next_at=own_turn + interval)
            .returning(sa.func.greatest(GATES.c.next_at - interval - _NOW, timedelta(0)))
        )
        async with self.sessions.begin() as session:
            await self._open(session)
            wait: timedelta | None = await session.scalar(taken)
        if wait is None:
            raise TooBusy(self.registry)
        return wait.total_seconds()

    async def _take_slot(self) -> int:
        """The number of a free slot, once there is one."""
        free = (
            sa.select(SLOTS.c.slot)
            .where(self._mine(SLOTS), SLOTS.c.taken_until <= _NOW, SLOTS.c.slot < self.registry.calls_at_once)
            .order_by(SLOTS.c.slot)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        taken = (
            sa.update(SLOTS)
            .where(self._mine(SLOTS), SLOTS.c.slot.in_(free))
            .values(taken_until=_NOW + LONGEST_CALL)
            .returning(SLOTS.c.slot)
        )
        for _ in range(round(PATIENCE.total_seconds() / A_MOMENT)):
            async with self.sessions.begin() as session:
                slot: int | None = await session.scalar(taken)
            if slot is not None:
                return slot
            await asyncio.sleep(A_MOMENT)
        raise TooBusy(self.registry)

    async def _open(self, session: Any) -> None:
        """See to it that the gate is there."""
        there = sa.select(sa.func.count()).select_from(SLOTS).where(self._mine(SLOTS))
        if await session.scalar(there) >= self.registry.calls_at_once:
            return
        start = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
        gate = {"registry_id": self.registry.id, "next_at": start, "failures": 0}
        await session.execute(postgresql.insert(GATES).values(gate).on_conflict_do_nothing())
        for slot in range(self.registry.calls_at_once):
            row = {"registry_id": self.registry.id, "slot": slot, "taken_until": start}
            await session.execute(postgresql.insert(SLOTS).values(row).on_conflict_do_nothing())

    async def _set_slot(self, slot: int, lasting: timedelta) -> None:
        await self._set(SLOTS, SLOTS.c.slot == slot, taken_until=_NOW + lasting)

    async def _set(self, table: sa.Table, *which: sa.ColumnElement[bool], **values: Any) -> None:
        async with self.sessions.begin() as session:
            await session.execute(sa.update(table).where(self._mine(table), *which).values(**values))

    def _mine(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.registry_id == self.registry.id
