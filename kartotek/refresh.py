"""Refreshing many customers from their national registers, one after the other for each register.

A run can be broken off at any time. The next one goes on where it stopped, because customers that were refreshed a
short while ago are left alone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from db.connection import Database
from db.models import ProblemCode
from db.models.base import now
from resolvers.problems import Problem, Refused
from resolvers.reading import read
from resolvers.registries import Registries
from resolvers.registry_refresh import Overwrite, find_refreshable, refresh_customer
from resolvers.selection import (
    Compare,
    Condition,
    Field,
    Fields,
    Listing,
    Missing,
    Not,
    One,
    Operand,
    by_key,
    plain_fields,
)
from resolvers.viewer import Viewer

Progress = Callable[[str, int, int], None]
Customer = Mapping[str, Any]

LONGEST_PAUSE = 120
"""Seconds that a register may ask for before it is asked again; one that wants more has had enough for this run."""
PATIENCE = 3
"""After so many failures one after the other a register is left alone."""
UNNAMED = "by number"
"""Customers without a link: which register answers, their numbers tell."""

_FIELDS: Fields = (
    *plain_fields("id", "number", "name", "version"),
    Field("registry_link", "registry_link", fields=plain_fields("registry_id", "status", "fetched_at")),
)


@dataclass
class Tally:
    """What became of the customers of one register."""

    registry: str
    total: int
    changed: int = 0
    unchanged: int = 0
    failed: int = 0

    @property
    def left(self) -> int:
        """How many were not asked for."""
        return self.total - self.changed - self.unchanged - self.failed


@dataclass
class Summary:
    """What became of all of them."""

    tallies: list[Tally] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Which companies stand otherwise than before, and what could not be refreshed, for people."""

    @property
    def is_complete(self) -> bool:
        """Whether every customer was refreshed."""
        return not any(tally.failed or tally.left for tally in self.tallies)


async def list_due(
    database: Database, viewer: Viewer, *, numbers: Sequence[int] = (), older_than: timedelta, unlinked: bool = False
) -> Sequence[Customer]:
    """The customers of these numbers; without any, those whose record was fetched longer ago than that.

    With `unlinked` also customers without a record that have a business id.
    """
    where: Condition = Compare("number", "in", Operand(list(numbers))) if numbers else Not(Missing("registry_status"))
    found = await _read(database, viewer, where)
    oldest = now() - older_than
    due = [each for each in found if numbers or _fetched_at(each) < oldest]
    if unlinked and not numbers:
        due += [
            each for each in await _read(database, viewer, Not(Missing("business_id"))) if not each["registry_link"]
        ]
    return due


def _fetched_at(customer: Customer) -> datetime:
    return datetime.fromisoformat(customer["registry_link"]["fetched_at"])


async def _read(database: Database, viewer: Viewer, where: Condition) -> list[Customer]:
    found: list[Customer] = orjson.loads(
        await read(database.reads, viewer, Listing("Customer", _FIELDS, where)) or "[]"
    )
    return found


async def refresh_many(
    database: Database,
    registries: Registries,
    viewer: Viewer,
    customers: Sequence[Customer],
    *,
    overwrite: Overwrite,
    progress: Progress,
) -> Summary:
    """Refresh customers as `list_due` gives them; each is a transaction of its own."""
    by_registry: dict[str, list[Customer]] = {}
    for customer in customers:
        by_registry.setdefault((customer["registry_link"] or {}).get("registry_id", UNNAMED), []).append(customer)
    run = _Run(database, registries, viewer, overwrite, progress, Summary())
    await asyncio.gather(*(run.refresh_all(name, mine) for name, mine in by_registry.items()))
    return run.summary


@dataclass(frozen=True)
class _Run:
    database: Database
    registries: Registries
    viewer: Viewer
    overwrite: Overwrite
    progress: Progress
    summary: Summary

    async def refresh_all(self, registry: str, customers: Sequence[Customer]) -> None:
        tally, failures = Tally(registry, len(customers)), 0
        self.summary.tallies.append(tally)
        for done, customer in enumerate(customers):
            self.progress(registry, done, len(customers))
            problems = await self._refresh(tally, customer)
            if not problems:
                failures = 0
                continue
            tally.failed += 1
            self._note(customer, problems[0].message)
            failures += problems[0].code in _OF_THE_REGISTRY
            if failures == PATIENCE and tally.left:
                self.summary.notes.append(f"{registry}: left alone after {PATIENCE} failures; run it again later.")
                break
        self.progress(registry, len(customers), len(customers))

    async def _refresh(self, tally: Tally, customer: Customer) -> Sequence[Problem]:
        problems = await self._try(tally, customer)
        pause = problems[0].retry_after if problems else None
        if pause is None or pause > LONGEST_PAUSE:
            return problems
        await asyncio.sleep(pause)
        return await self._try(tally, customer)

    async def _try(self, tally: Tally, customer: Customer) -> Sequence[Problem]:
        try:
            record = await find_refreshable(self.database.reads, self.registries, self.viewer, customer["id"])
        except Refused as refusal:
            return refusal.problems
        async with self.database.sessions.begin() as session:
            outcome = await refresh_customer(session, self.viewer, customer["id"], record, overwrite=self.overwrite)
        if outcome.key:
            await self._count(tally, customer, outcome.key)
        return outcome.problems

    async def _count(self, tally: Tally, customer: Customer, key: Any) -> None:
        json = await read(self.database.reads, self.viewer, One("Customer", by_key(key), _FIELDS))
        after = orjson.loads(json or "{}")
        if after.get("version") == customer["version"]:
            tally.unchanged += 1
        else:
            tally.changed += 1
        earlier = (customer["registry_link"] or {}).get("status")
        if after and (status := after["registry_link"]["status"]) != earlier and earlier:
            self._note(customer, f"{_said(earlier)} → {_said(status)}")

    def _note(self, customer: Customer, note: str) -> None:
        self.summary.notes.append(f"{customer['number']} {customer['name']}: {note}")


_OF_THE_REGISTRY = frozenset(code for code in ProblemCode if code.startswith("REGISTRY_")) - {ProblemCode.REGISTRY_GONE}


def _said(status: str) -> str:
    return status.replace("_", " ").lower()
