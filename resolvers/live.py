"""What moves, told to those who watch, as soon as it is committed by anyone on any server.

Each organisation that somebody watches has rounds: wait until something may have moved, look up anew who the watchers
are, work each strip out once for all who see the same, and hand on what differs from what was told before. A round also
comes at midnight, where today becomes another day, and once a minute, which is when tokens that have run out are
noticed.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Hashable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.connection import Reads
from db.listening import TROUBLE, listen
from db.models import Access, ChangeKind, Customer, table_of
from db.models.base import TIMESTAMP
from resolvers import rights
from resolvers.kpis import Strip, read_strip, today
from resolvers.reading import TookTooLong, fetch
from resolvers.statement import Plan, compiled
from resolvers.viewer import Permissions, Viewer, find_viewers_by_tokens

BURST = 0.1
"""Seconds between two rounds, at least: what moves meanwhile is told at once."""

AT_LEAST_EVERY = 60.0
"""Seconds after which a round comes, whatever was heard."""

AGAIN = 1.0
"""Seconds to wait where the database did not answer."""

LONGEST_TRANSACTION = timedelta(minutes=5)
"""How long after the stamp of its rows a change may be committed, and still be caught up with."""

CUSTOMERS = table_of(Customer)

log = logging.getLogger("kartotek")


class NoLongerKnown(Exception):
    """The token is no good any more: it was revoked, has run out, or its user may not sign in."""


@dataclass(frozen=True)
class Event:
    """Something was done to a customer; DELETED also where it went out of the reach of whoever watches it."""

    kind: ChangeKind
    customer_id: uuid.UUID


@dataclass(eq=False)
class Watcher:
    """Somebody who watches."""

    token_hash: bytes
    viewer: Viewer
    is_known: bool = True
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> Viewer:
        """The viewer as of now, once there is something to tell; NoLongerKnown where that is that."""
        await self.ready.wait()
        self.ready.clear()
        if not self.is_known:
            raise NoLongerKnown
        return self.viewer


@dataclass(eq=False)
class StripWatcher(Watcher):
    """Who watches the KPI strip, and the last one there was to tell."""

    strip: Strip | None = None

    def tell(self, strip: Strip) -> None:
        """Have it told, where it is another one."""
        if strip != self.strip:
            self.strip = strip
            self.ready.set()


@dataclass(eq=False)
class CustomerWatcher(Watcher):
    """Who watches customers, these or all, and what there is to tell of them."""

    ids: frozenset[uuid.UUID] | None = None
    versions: dict[uuid.UUID, int] | None = None
    """Of `ids`: those that were there when last looked at; None before that."""
    pending: dict[uuid.UUID, ChangeKind] = field(default_factory=dict)

    def tell(self, changed: Mapping[uuid.UUID, ChangeKind], seen: Mapping[uuid.UUID, "Seen"]) -> None:
        """Have told what was done to those in reach, and which of `ids` are not what they were."""
        if self.ids is None:
            kinds = {key: kind for key, kind in changed.items() if key in seen}
        else:
            before = self.versions
            self.versions = {key: seen[key].version for key in self.ids if key in seen and not seen[key].is_deleted}
            kinds = _differences(before, self.versions, changed) if before is not None else {}
        for key, kind in kinds.items():
            self.pending[key] = _both(self.pending.get(key), kind)
        if kinds:
            self.ready.set()


def _both(first: ChangeKind | None, second: ChangeKind) -> ChangeKind:
    """What is told at once of two things that were done: what is new stays new when it is updated."""
    is_new = first in (ChangeKind.CREATED, ChangeKind.RESTORED) and second is ChangeKind.UPDATED
    return first if first and is_new else second


def _differences(
    before: Mapping[uuid.UUID, int], after: Mapping[uuid.UUID, int], changed: Mapping[uuid.UUID, ChangeKind]
) -> dict[uuid.UUID, ChangeKind]:
    gone = dict.fromkeys(before.keys() - after.keys(), ChangeKind.DELETED)
    other = (key for key, version in after.items() if before.get(key) != version)
    return gone | {key: changed.get(key, ChangeKind.UPDATED) for key in other}


@dataclass(frozen=True, slots=True)
class Seen:
    """A customer within somebody's reach."""

    version: int
    is_deleted: bool


class Live:
    """What the watchers of one server process lean on: a connection that listens, and the rounds."""

    def __init__(self, url: str, reads: Reads) -> None:
        self._url = url
        self._reads = reads
        self._rounds: dict[uuid.UUID, _Round] = {}
        self._listening: asyncio.Task[None] | None = None

    async def strips(self, token_hash: bytes, viewer: Viewer) -> AsyncGenerator[tuple[Viewer, Strip], None]:
        """The KPI strip now, and again whenever one of its figures has moved, with the viewer as of then.

        NoLongerKnown once the token is no good any more.
        """
        watcher = StripWatcher(token_hash, viewer)
        async with self._watching(watcher):
            while True:
                known = await watcher.wait()
                assert watcher.strip
                yield known, watcher.strip

    async def customers(
        self, token_hash: bytes, viewer: Viewer, ids: Iterable[uuid.UUID] | None
    ) -> AsyncGenerator[tuple[Viewer, Event], None]:
        """What is done to these customers, or to any, from now on; NoLongerKnown like `strips`.

        What is done to one customer in a burst is told once. After a lost connection to the database, what was done to
        any may be told twice.
        """
        watcher = CustomerWatcher(token_hash, viewer, ids=None if ids is None else frozenset(ids))
        async with self._watching(watcher):
            while True:
                known = await watcher.wait()
                while watcher.pending:
                    key, kind = next(iter(watcher.pending.items()))
                    del watcher.pending[key]
                    yield known, Event(kind, key)

    @asynccontextmanager
    async def _watching(self, watcher: Watcher) -> AsyncIterator[None]:
        organization = watcher.viewer.organization_id
        if self._listening is None:
            self._listening = asyncio.create_task(listen(self._url, self._heard, self._connected))
        if organization not in self._rounds:
            self._rounds[organization] = _Round(self._reads, watcher.viewer)
        rounds = self._rounds[organization]
        rounds.join(watcher)
        try:
            yield
        finally:
            rounds.leave(watcher)
            if not rounds.watchers and self._rounds.get(organization) is rounds:
                del self._rounds[organization]
                await rounds.aclose()

    def _heard(self, message: str) -> None:
        try:
            self._hand_on(*message.split())
        except (ValueError, TypeError):
            log.warning("heard from the database what nobody understands: %.200s", message)

    def _hand_on(self, what: str, organization: str, *rest: str) -> None:
        if rounds := self._rounds.get(uuid.UUID(organization)):
            if what == "customers":
                rounds.note(ChangeKind(rest[0]), map(uuid.UUID, rest[1:]))
            rounds.stir(customers=what != "figures")

    def _connected(self, again: bool) -> None:
        for rounds in self._rounds.values():
            if again:
                rounds.catch_up()
            else:
                rounds.stir(customers=True)

    async def aclose(self) -> None:
        """Stop listening and telling."""
        for rounds in list(self._rounds.values()):
            await rounds.aclose()
        if self._listening:
            await _ended(self._listening)


class _Round:
    """The watchers of an organisation, and the task that goes round among them."""

    def __init__(self, reads: Reads, viewer: Viewer) -> None:
        self.watchers: set[Watcher] = set()
        self._reads = reads
        self._organization_id = viewer.organization_id
        self._next_day = next_day(viewer.timezone, datetime.now(UTC))
        self._changed: dict[uuid.UUID, ChangeKind] = {}
        self._missed_since: datetime | None = None
        self._last = datetime.now(UTC)
        self._stirred = asyncio.Event()
        self._must_look = False
        self._task = asyncio.create_task(self._run())

    def join(self, watcher: Watcher) -> None:
        """Tell this one, too."""
        self.watchers.add(watcher)
        self.stir(customers=True)

    def leave(self, watcher: Watcher) -> None:
        """Not any more."""
        self.watchers.discard(watcher)

    def stir(self, *, customers: bool) -> None:
        """Figures may have moved, and perhaps something was done to customers, or to what somebody may see of them."""
        self._must_look |= customers
        self._stirred.set()

    def note(self, kind: ChangeKind, ids: Iterable[uuid.UUID]) -> None:
        """This was done to these customers."""
        for key in ids:
            self._changed[key] = _both(self._changed.get(key), kind)

    def catch_up(self) -> None:
        """Something may have been missed."""
        self._missed_since = self._missed_since or self._last
        self.stir(customers=True)

    async def aclose(self) -> None:
        """Stop."""
        await _ended(self._task)

    async def _run(self) -> None:
        while True:
            await self._wait()
            try:
                await self._go_round()
            except Exception as error:
                is_known = isinstance(error, (*TROUBLE, TookTooLong))
                log.warning("could not tell what moved, trying again: %s", error, exc_info=not is_known)
                self.catch_up()
                await asyncio.sleep(AGAIN)
            await asyncio.sleep(BURST)

    async def _wait(self) -> None:
        """Until something may have moved, or another day has begun, or it is time all the same."""
        midnight = max(0.0, (self._next_day - datetime.now(UTC)).total_seconds())
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), min(AT_LEAST_EVERY, midnight))
        self._stirred.clear()

    async def _go_round(self) -> None:
        started = datetime.now(UTC)
        changed, self._changed = self._changed, {}
        since, self._missed_since = self._missed_since, None
        must_look, self._must_look = self._must_look, False
        await self._recognize()
        if since:
            changed |= await self._missed(since)
        await self._tell_strips()
        if must_look:
            await self._tell_customers(changed)
        self._last = started

    async def _recognize(self) -> None:
        """Look up who the watchers are now; who is not known any more is told and left out."""
        watchers = list(self.watchers)
        hashes = {watcher.token_hash for watcher in watchers}
        known = await find_viewers_by_tokens(self._reads, self._organization_id, hashes)
        for timezone in {viewer.timezone for viewer in known.values()}:
            self._next_day = next_day(timezone, datetime.now(UTC))
        for watcher in watchers:
            if viewer := known.get(watcher.token_hash):
                watcher.viewer = viewer
            else:
                watcher.is_known = False
                watcher.ready.set()
                self.leave(watcher)

    async def _tell_strips(self) -> None:
        for same in _alike(watcher for watcher in self.watchers if isinstance(watcher, StripWatcher)):
            viewer = same[0].viewer
            strip = await read_strip(self._reads, viewer, today(viewer.timezone))
            for watcher in same:
                watcher.tell(strip)

    async def _tell_customers(self, changed: Mapping[uuid.UUID, ChangeKind]) -> None:
        for same in _alike(watcher for watcher in self.watchers if isinstance(watcher, CustomerWatcher)):
            ids = {key for watcher in same for key in (changed if watcher.ids is None else watcher.ids)}
            seen = await _look(self._reads, same[0].viewer, ids) if ids else {}
            for watcher in same:
                watcher.tell(changed, seen)

    async def _missed(self, since: datetime) -> dict[uuid.UUID, ChangeKind]:
        """What was done to customers since then, as far as the rows tell."""
        asked = {"organization_id": self._organization_id, "since": since - LONGEST_TRANSACTION}
        rows = await fetch(self._reads, _since_plan(), asked)
        return {row["id"]: ChangeKind.DELETED if row["is_deleted"] else ChangeKind.UPDATED for row in rows}


W = TypeVar("W", bound=Watcher)


def _alike(watchers: Iterable[W]) -> list[list[W]]:
    """Watchers who see the same, together."""
    groups: dict[Hashable, list[W]] = defaultdict(list)
    for watcher in watchers:
        groups[_scope(watcher.viewer)].append(watcher)
    return list(groups.values())


def _scope(viewer: Viewer) -> Hashable:
    """What decides what somebody of an organisation sees of customers and figures.

    The colleagues of a unit see the same: what is one's own is the unit's, too.
    """
    may = viewer.permissions
    levels = (may.read_customers, may.read_cases, may.read_invoices, may.read_costs)
    units = viewer.units if Access.UNIT in levels else ()
    is_personal = Access.OWN in levels or (Access.UNIT in levels and not units)
    return levels, units, viewer.user_id if is_personal else None, viewer.timezone, viewer.currency


async def _look(reads: Reads, viewer: Viewer, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Seen]:
    """Those of the customers that are within the viewer's reach."""
    rows = await fetch(reads, _look_plan(viewer.permissions), {**viewer.binds, "ids": list(ids)})
    return {row["id"]: Seen(row["version"], row["is_deleted"]) for row in rows}


_FOUND = sa.select(CUSTOMERS.c.id, CUSTOMERS.c.version, CUSTOMERS.c.deleted_at.is_not(None).label("is_deleted")).where(
    rights.in_organization(CUSTOMERS)
)


@lru_cache(maxsize=500)
def _look_plan(may: Permissions) -> Plan:
    ids = sa.bindparam("ids", type_=ARRAY(sa.Uuid()))
    return compiled(_FOUND.where(CUSTOMERS.c.id == sa.any_(ids), rights.reaches_customer(CUSTOMERS, may)))


@lru_cache(maxsize=1)
def _since_plan() -> Plan:
    return compiled(_FOUND.where(CUSTOMERS.c.updated_at >= sa.bindparam("since", type_=TIMESTAMP)))


def next_day(timezone: str, now: datetime) -> datetime:
    """When the day begins that comes after now (with a time zone of whatever kind) in the time zone."""
    zone = ZoneInfo(timezone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, zone).astimezone(UTC)


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel it and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
