"""Measure: `python -m bench`, or `make bench`."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import sqlalchemy as sa
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import (
    ground,
    kpis,
    live,
    loopback,
    mass_update,
    ours,
    registries,
    reports,
    stopwatch,
    table,
    upsert,
    words,
    yardstick,
)
from bench.loopback import Traffic
from bench.queries import Query, queries
from bench.stopwatch import Comparison
from db.connection import Database, connected
from db.embedded import EmbeddedError
from resolvers.viewer import Viewer


@dataclass(frozen=True)
class OfMany:
    """What is measured in an organisation with many customers, on a server of its own."""

    title: str
    customers: int
    rounds: int
    measure: Callable[[Database, Viewer, int, Callable[[float], None]], Awaitable[Any]]
    crowd: Mapping[str, int] = field(default_factory=dict)


WORDS, MASS, UPSERT, REGISTRIES, KPIS, LIVE = "words", "mass", "upsert", "registries", "kpis", "live"
REPORTS = "reports"
OF_MANY = {
    WORDS: OfMany("Words", words.CUSTOMERS_SEARCHED, words.ROUNDS, words.measure),
    MASS: OfMany("Mass update", mass_update.CUSTOMERS_AT_ONCE, mass_update.ROUNDS, mass_update.measure),
    UPSERT: OfMany("Upsert", upsert.CUSTOMERS_AT_ONCE, upsert.ROUNDS, upsert.measure),
    REGISTRIES: OfMany("Registers", registries.CUSTOMERS, registries.ROUNDS, registries.measure),
    KPIS: OfMany("KPI strip", kpis.CUSTOMERS, kpis.ROUNDS, kpis.measure, kpis.CROWD),
    LIVE: OfMany("Subscribers", live.CUSTOMERS, live.ROUNDS, live.measure, live.CROWD),
    REPORTS: OfMany("Reports", reports.CUSTOMERS, reports.ROUNDS, reports.measure, reports.CROWD),
}
TABLES: Mapping[str, Callable[[Any], tuple[Table, ...]]] = {
    WORDS: lambda found: (table.words(found, words.CUSTOMERS_SEARCHED),),
    MASS: lambda found: (table.mass_update(found),),
    UPSERT: lambda found: (table.upsert(found),),
    REGISTRIES: lambda found: (table.registries(found),),
    KPIS: lambda found: (table.kpis(found.strips), table.writing(found)),
    LIVE: lambda found: (table.live(found),),
    REPORTS: lambda found: (table.reports(found),),
}
NAMES = (*(query.name for query in queries(customer_id="")), *OF_MANY)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
console = Console(width=None if sys.stdout.isatty() else 110)


@dataclass
class Results:
    """What was measured of each query."""

    server_time: dict[Query, Comparison] = field(default_factory=dict)
    whole_way: dict[Query, Traffic] = field(default_factory=dict)
    of_many: dict[str, Any] = field(default_factory=dict)

    def are_as_promised(self) -> bool:
        """Whether every promise is kept."""
        beside = (*self.server_time.items(), *self.of_many.get(WORDS, {}).items())
        kept = [stopwatch.promises_of(query, found) for query, found in beside]
        kept += [
            self.of_many[name].promises for name in (MASS, REGISTRIES, KPIS, LIVE, REPORTS) if name in self.of_many
        ]
        return all(all(promises.values()) for promises in kept)

    def print(self) -> None:
        """Print them as tables."""
        if self.server_time:
            console.print(table.server_time(self.server_time))
        if self.whole_way:
            console.print(table.whole_way(self.whole_way))
        for name, found in self.of_many.items():
            for each in TABLES[name](found):
                console.print(each)


@dataclass(frozen=True)
class Bench:
    """One run: where and how to measure what."""

    url: str
    customers: int | None
    """How many to invent; None for a database that has some, which is then only read."""
    seconds: float
    rounds: int | None
    only: tuple[str, ...]
    progress: Progress

    async def run(self) -> Results:
        """Fill the database if it is ours, measure in this process, then over HTTP."""
        results = Results()
        for name, what in OF_MANY.items():
            if self.customers is not None and name in self.only:
                results.of_many[name] = await self._among_many(what)
        if not set(self.only) - set(OF_MANY):
            return results
        if self.customers is not None:
            await self._fill(self.customers)
        async with connected(self.url) as mine, connected(self.url) as others:
            async with mine.sessions() as session:
                viewer = await ground.find_administrator(session)
                customer_id = await ground.find_customer_id(session, viewer)
            wanted = [query for query in queries(customer_id) if query.name in self.only]
            for query in wanted:
                results.server_time[query] = await self._compare(query, viewer, mine, others)
            if self.customers is not None:
                async with mine.sessions() as session:
                    token = await ground.make_token(session, viewer)
                with loopback.serving(self.url) as server:
                    for query in wanted:
                        results.whole_way[query] = await self._send(query, server, token)
        return results

    async def _among_many(self, what: OfMany) -> Any:
        bar = self.progress.add_task(what.title, total=1)
        with ground.fresh_server() as url:
            await ground.fill_many(url, what.customers, **what.crowd)
            async with connected(url, statement_timeout=0) as database:
                async with database.sessions() as session:
                    viewer = await ground.find_administrator(session)
                rounds = self.rounds or what.rounds
                return await what.measure(
                    database, viewer, rounds, lambda share: self.progress.update(bar, completed=share)
                )

    async def _fill(self, customers: int) -> None:
        bar = self.progress.add_task("Demo data")
        tables: dict[str, tuple[int, int]] = {}

        def on_rows(name: str, written: int, total: int) -> None:
            tables[name] = written, total
            done, all_rows = map(sum, zip(*tables.values(), strict=True))
            self.progress.update(bar, completed=done, total=all_rows)

        await ground.fill(self.url, customers, on_rows)

    async def _compare(self, query: Query, viewer: Viewer, mine: Database, others: Database) -> Comparison:
        bar = self.progress.add_task(query.title, total=1)
        return await stopwatch.compare(
            partial(ours.answer, mine, viewer, query),
            partial(yardstick.answer, others.sessions, viewer, query),
            seconds=self.seconds,
            rounds=self.rounds,
            on_round=lambda share: self.progress.update(bar, completed=share),
        )

    async def _send(self, query: Query, server: loopback.Server, token: str) -> Traffic:
        bar = self.progress.add_task(f"{query.title}, over HTTP", total=None)
        traffic = await loopback.measure(server, token, query, self.seconds)
        self.progress.update(bar, completed=1, total=1)
        return traffic


@contextmanager
def explained() -> Iterator[None]:
    """Tell in a sentence why nothing was measured; exit code 2."""
    try:
        yield
    except (ground.NothingToMeasure, stopwatch.AnswersDiffer, EmbeddedError, OSError, sa.exc.DBAPIError) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        console.print(f"[bold red]bench:[/] {cause}", highlight=False)
        raise typer.Exit(2) from None


def checked(only: list[str] | None) -> tuple[str, ...]:
    """The names given, or all of them."""
    for name in only or ():
        if name not in NAMES:
            raise typer.BadParameter(f"There is no {name!r}; there are {', '.join(NAMES)}.")
    return tuple(only or NAMES)


@app.command()
def bench(
    *,
    customers: Annotated[int, typer.Option(min=20, help="How many customers to invent.")] = 2000,
    database_url: Annotated[
        str | None, typer.Option(help="A database that has customers, to be read only, instead of one of our own.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long to measure each query.")] = 5,
    rounds: Annotated[int | None, typer.Option(min=2, help="How often to run each query, instead of seconds.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(callback=checked, help=f"One query: {', '.join(NAMES)}. May be repeated.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 where a promise is not kept.")] = False,
) -> None:
    """Measure queries beside ordinary per-field execution with data loaders."""
    with explained(), place(database_url) as url, Progress(console=Console(stderr=True), transient=True) as progress:
        invented = customers if database_url is None else None
        results = uvloop.run(Bench(url, invented, seconds, rounds, tuple(only or NAMES), progress).run())
    results.print()
    if (load := os.getloadavg()[0]) > (os.cpu_count() or 1):
        console.print(f"[yellow]The machine was busy with other things too (load {load:.1f}): measure again.[/]")
    if check and not results.are_as_promised():
        raise typer.Exit(1)


@contextmanager
def place(database_url: str | None) -> Iterator[str]:
    """The URL of the database to measure on."""
    if database_url is not None:
        yield database_url
    else:
        with ground.fresh_server() as url:
            yield url


if __name__ == "__main__":
    app()
