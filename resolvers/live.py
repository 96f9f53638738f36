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
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
    Set,
)
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.connection import Reads
from db.listening import TROUBLE, Listener
from db.models import Access, ChangeKind, Customer, table_of
from db.models.base import TIMESTAMP
from resolvers import rights
from resolvers.kpis import Strip, day_of, read_strip, today
from resolvers.reading import TookTooLong, fetch
from resolvers.statement import Plan, compiled
from resolvers.viewer import Permissions, Viewer, find_viewers_by_tokens

BURST = 0.1
"""Seconds between two rounds, at least: what moves meanwhile is told at once."""

AT_LEAST_EVERY = 60.0
"""Seconds after which a round comes, whatever was heard."""

AGAIN = 1.0
"""Seconds to wait where the database did not answer."""

AT_ONCE = 3
"""How many groups of watchers are told at a time: each takes a connection."""

LONGEST_TRANSACTION = timedelta(minutes=5)
"""How long after the stamp of its rows a change may be committed, and still be caught up with."""

CUSTOMERS = table_of(Customer)

log = logging.getLogger("kartotek")


class NoLongerKnown(Exception):
    """The token is no good any more: it was revoked, has run out, or its user may not sign in."""


@dataclass(frozen=True)
class Event:
    """Something was done to a customer; DELETED also where one that is watched by its id went out of reach."""

    kind: ChangeKind
    customer_id: uuid.UUID


@dataclass(eq=False)
class Moment:
    """A strip that all who see the same are told, and what else was worked out for one of them and holds for all."""

    strip: Strip
    shared: dict[Hashable, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Watcher:
    """Somebody who watches."""

    token_hash: bytes
    viewer: Viewer
    is_known: bool = True
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def viewer_now(self) -> Viewer:
        """The viewer with the rights of the last look; NoLongerKnown where the token was no good any more."""
        if not self.is_known:
            raise NoLongerKnown
        return self.viewer

    async def wait(self) -> None:
        """Until there is something to tell."""
        await self.ready.wait()
        self.ready.clear()


@dataclass(eq=False)
class StripWatcher(Watcher):
    """Who watches the KPI strip, and the last one there was to tell."""

    moment: Moment | None = None

    def tell(self, moment: Moment) -> None:
        """Have it told, where it is another one."""
        if self.moment is None or moment.strip != self.moment.strip:
            self.moment = moment
            self.ready.set()


@dataclass(eq=False)
class CustomerWatcher(Watcher):
    """Who watches customers, these or all, and what there is to tell of them."""

    ids: frozenset[uuid.UUID] | None = None
    versions: dict[uuid.UUID, int] | None = None
    """Of `ids`: those that were there when last looked at; None before that."""
    pending: dict[uuid.UUID, ChangeKind] = field(default_factory=dict)

    def in_question(self, changed: Mapping[uuid.UUID, ChangeKind], *, anew: bool) -> Set[uuid.UUID]:
        """The customers to look at: those changed, or all that are watched by id."""
        if self.ids is None:
            return changed.keys() | self.pending.keys()
        return self.ids if anew or self.versions is None else self.ids & changed.keys()

    def tell(
        self, changed: Mapping[uuid.UUID, ChangeKind], looked_at: Set[uuid.UUID], seen: Mapping[uuid.UUID, "Seen"]
    ) -> None:
        """Have told what was done to those in reach, and which of `ids` are not what they were."""
        self.pending = {
            key: kind
            for key, kind in self.pending.items()
            # Out of sight is what is told of it, where it is watched by its id.
            if key in seen or key not in looked_at or (self.ids is not None and kind is ChangeKind.DELETED)
        }
        if self.ids is None:
            kinds = {key: kind for key, kind in changed.items() if key in seen}
        else:
            known = self.versions or {}
            before = {key: known[key] for key in looked_at & known.keys()}
            there = {key: seen[key].version for key in looked_at if key in seen and not seen[key].is_deleted}
            kinds = {} if self.versions is None else _differences(before, there, changed)
            self.versions = {key: known[key] for key in known.keys() - looked_at} | there
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
        self._reads = reads
        self._rounds: dict[uuid.UUID, _Rounds] = {}
        self._listener = Listener(url, self._heard, self._connected)
        self._listening: asyncio.Task[None] | None = None

    async def strips(self, token_hash: bytes, viewer: Viewer) -> AsyncGenerator[tuple[Viewer, Moment], None]:
        """The KPI strip now, and again whenever one of its figures has moved, with the viewer as of then.

        NoLongerKnown once the token is no good any more.
        """
        watcher = StripWatcher(token_hash, viewer)
        async with self._watching(watcher):
            while True:
                await watcher.wait()
                known = watcher.viewer_now
                assert watcher.moment
                yield known, watcher.moment

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
                await watcher.wait()
                known = watcher.viewer_now
                while watcher.pending:
                    key, kind = next(iter(watcher.pending.items()))
                    del watcher.pending[key]
                    yield known, Event(kind, key)
                    known = watcher.viewer_now

    @asynccontextmanager
    async def _watching(self, watcher: Watcher) -> AsyncIterator[None]:
        organization = watcher.viewer.organization_id
        if self._listening is None:
            self._listening = asyncio.create_task(self._listener.run())
        if organization not in self._rounds:
            self._rounds[organization] = _Rounds(self._reads, watcher.viewer)
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
        except (ValueError, TypeError, IndexError):
            log.warning("heard from the database what nobody understands: %.200s", message)

    def _hand_on(self, what: str, organization: str, *rest: str) -> None:
        if rounds := self._rounds.get(uuid.UUID(organization)):
            if what == "customers":
                rounds.note(ChangeKind(rest[0]), map(uuid.UUID, rest[1:]))
            rounds.stir(anew=what == "rights")

    def _connected(self, missed_since: datetime | None) -> None:
        for rounds in self._rounds.values():
            rounds.stir(anew=True, missed_since=missed_since)

    async def aclose(self) -> None:
        """Stop listening and telling."""
        for rounds in list(self._rounds.values()):
            await rounds.aclose()
        if self._listening:
            await _ended(self._listening)


class _Rounds:
    """The watchers of an organisation, and the task that goes round among them."""

    def __init__(self, reads: Reads, viewer: Viewer) -> None:
        self.watchers: set[Watcher] = set()
        self._reads = reads
        self._organization_id = viewer.organization_id
        self._next_day = next_day(viewer.timezone, datetime.now(UTC))
        self._changed: dict[uuid.UUID, ChangeKind] = {}
        self._missed_since: datetime | None = None
        self._anew = False
        self._stirred = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def join(self, watcher: Watcher) -> None:
        """Tell this one, too."""
        self.watchers.add(watcher)
        self.stir()

    def leave(self, watcher: Watcher) -> None:
        """Not any more."""
        self.watchers.discard(watcher)

    def stir(self, *, anew: bool = False, missed_since: datetime | None = None) -> None:
        """Something may have moved: perhaps what is in anybody's reach (`anew`), perhaps what nobody heard of."""
        self._anew |= anew
        if missed_since:
            self._missed_since = min(missed_since, self._missed_since or missed_since)
        self._stirred.set()

    def note(self, kind: ChangeKind, ids: Iterable[uuid.UUID]) -> None:
        """This was done to these customers."""
        for key in ids:
            self._changed[key] = _both(self._changed.get(key), kind)

    async def aclose(self) -> None:
        """Stop."""
        await _ended(self._task)

    async def _run(self) -> None:
        while True:
            await self._wait()
            changed, self._changed = self._changed, {}
            anew, self._anew = self._anew, False
            since, self._missed_since = self._missed_since, None
            try:
                await self._go_round(changed, since, anew=anew)
            except Exception as error:
                is_known = isinstance(error, (*TROUBLE, TookTooLong))
                log.warning("could not tell what moved, trying again: %s", error, exc_info=not is_known)
                self._changed = changed | self._changed
                self.stir(anew=True, missed_since=since)
                await asyncio.sleep(AGAIN)
            await asyncio.sleep(BURST)

    async def _wait(self) -> None:
        """Until something may have moved, or another day has begun, or it is time all the same."""
        midnight = max(0.0, (self._next_day - datetime.now(UTC)).total_seconds())
        with suppress(asyncio.TimeoutError):
            async with asyncio.timeout(min(AT_LEAST_EVERY, midnight)):
                await self._stirred.wait()
        self._stirred.clear()

    async def _go_round(
        self, changed: Mapping[uuid.UUID, ChangeKind], missed_since: datetime | None, *, anew: bool
    ) -> None:
        await self._recognize()
        if missed_since:
            changed = {**await self._missed(missed_since), **changed}
        strips = (self._tell_strip(same) for same in _alike(self.watchers, StripWatcher, _sees_figures))
        customers = (
            self._tell_customers(same, changed, anew=anew)
            for same in _alike(self.watchers, CustomerWatcher, _sees_customers)
        )
        # One who cannot be told keeps no other from it.
        for error in filter(None, await _few_at_once([*strips, *customers])):
            raise error

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

    async def _tell_strip(self, same: Sequence[StripWatcher]) -> None:
        viewer = same[0].viewer
        moment = Moment(await read_strip(self._reads, viewer, today(viewer.timezone)))
        for watcher in same:
            watcher.tell(moment)

    async def _tell_customers(
        self, same: Sequence[CustomerWatcher], changed: Mapping[uuid.UUID, ChangeKind], *, anew: bool
    ) -> None:
        questions = [(watcher, watcher.in_question(changed, anew=anew)) for watcher in same]
        ids = {key for _, keys in questions for key in keys}
        seen = await _look(self._reads, same[0].viewer, ids) if ids else {}
        for watcher, keys in questions:
            watcher.tell(changed, keys, seen)

    async def _missed(self, since: datetime) -> dict[uuid.UUID, ChangeKind]:
        """What was done to customers since then, as far as the rows tell."""
        asked = {"organization_id": self._organization_id, "since": since - LONGEST_TRANSACTION}
        rows = await fetch(self._reads, _since_plan(), asked)
        return {row["id"]: ChangeKind.DELETED if row["is_deleted"] else ChangeKind.UPDATED for row in rows}


W = TypeVar("W", bound=Watcher)


def _alike(watchers: Iterable[Watcher], kind: type[W], scope: Callable[[Viewer], Hashable]) -> list[list[W]]:
    """The watchers of a kind, those who see the same together."""
    groups: dict[Hashable, list[W]] = defaultdict(list)
    for watcher in watchers:
        if isinstance(watcher, kind):
            groups[scope(watcher.viewer)].append(watcher)
    return list(groups.values())


def _sees_figures(viewer: Viewer) -> Hashable:
    """What decides what somebody of an organisation sees of the figures, and of what they are made of."""
    may = viewer.permissions
    levels = (may.read_customers, may.read_cases, may.read_invoices, may.read_costs)
    return _scope(viewer, levels), viewer.timezone, viewer.currency


def _sees_customers(viewer: Viewer) -> Hashable:
    """What decides which customers somebody of an organisation sees."""
    return _scope(viewer, (viewer.permissions.read_customers,))


def _scope(viewer: Viewer, levels: Sequence[Access]) -> Hashable:
    """The colleagues of a unit see the same: what is one's own is the unit's, too."""
    units = viewer.units if Access.UNIT in levels else ()
    is_personal = Access.OWN in levels or (Access.UNIT in levels and not units)
    return levels, units, viewer.user_id if is_personal else None


async def _few_at_once(tasks: Iterable[Coroutine[Any, Any, None]]) -> list[Exception | None]:
    """Run them all, a few at a time, so that connections are left for others; what went wrong with each."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def run(task: Coroutine[Any, Any, None]) -> Exception | None:
        async with turns:
            try:
                await task
            except Exception as error:  # noqa: BLE001, it is handed on
                return error
            return None

    return await asyncio.gather(*map(run, tasks))


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
    tomorrow = day_of(now, timezone) + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, ZoneInfo(timezone)).astimezone(UTC)


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel it and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
