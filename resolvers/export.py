"""Reading a whole table: from one consistent snapshot, as it comes, within limits of its own.

How many rows there are is counted on a second connection, in the same snapshot, while the first sorts them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
import asyncpg

from db.connection import Database
from resolvers import table
from resolvers.reading import TookTooLong, in_time
from resolvers.report import ReportFailed
from resolvers.table import Source
from resolvers.viewer import Viewer

Sink = Callable[[bytes], Awaitable[None]]
"""Takes the next bytes; what comes after waits for it."""
Noted = Callable[[int, int], None]
"""Hears how many more rows were read, and how many there are in all."""

Result = TypeVar("Result")

WAIT = 10
"""Seconds until a server that is busy with other exports says so."""

_SLOT = """
    SELECT slot FROM generate_series(1, $2::int) AS slot
    WHERE pg_try_advisory_xact_lock(hashtextextended($1::text || ' export ' || slot, 0)) LIMIT 1
"""


@dataclass(frozen=True)
class Limits:
    """How much an export may take."""

    rows: int = 1_000_000
    at_once: int = 4
    """How many an organisation may have at the same time, on all servers together."""


class TooManyExports(ReportFailed):
    """The organisation, or this server, has as many exports under way as it may have."""

    def __init__(self) -> None:
        super().__init__("As many reports as may be are being made into files: wait for one of them, then try again.")


class TooSlow(ReportFailed):
    """The database stopped the statement when its time was up."""

    def __init__(self) -> None:
        super().__init__(
            "The report takes longer than a file may: filter for less, or have the setting KARTOTEK_EXPORT_TIMEOUT "
            "raised."
        )


class TooManyRows(ReportFailed):
    """The table is longer than a file may be."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The report has more than {most:,} rows, more than a file may have: filter for fewer, or have the setting "
            "KARTOTEK_EXPORT_ROWS raised."
        )


class BrokenOff(ReportFailed):
    """The connection to the database was lost in the middle."""

    def __init__(self) -> None:
        super().__init__("The connection to the database was lost in the middle: try again.")


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, Result]) -> AsyncIterator[asyncio.Task[Result]]:
    """The work while it goes on; it is given up where it is not wanted to its end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(task, return_exceptions=True)


@dataclass(frozen=True)
class Snapshot:
    """A table at one moment."""

    connection: Any
    viewer: Viewer
    source: Source
    counting: Awaitable[int]
    noted: Noted

    async def rows(self) -> int:
        """How many there are; TooManyRows where a file may not have as many."""
        return await self.counting

    async def copy(self, render: table.Render, sink: Sink, **options: str) -> None:
        """Each row as a line of CSV, as PostgreSQL's COPY makes it, once they are counted; `options` are its own."""
        prepared = table.plan(self.source, None, render, self.viewer.permissions)
        values = prepared.values((self.source, None), self.viewer.binds)

        async def counted(part: bytes) -> None:
            rows = await self.rows()
            await sink(part)
            self.noted(part.count(b"\n"), rows)

        with _in_time():
            await _copy(self.connection, prepared.sql, values, counted, options)


async def _copy(connection: Any, statement: str, values: Iterable[Any], sink: Sink, options: Mapping[str, str]) -> None:
    """COPY to a sink that may fail.

    Where a sink fails, asyncpg waits until the database has stopped: for ever if that was with the part that the sink
    had. So asyncpg sees no failure, but is told to stop where it waits for the database next, if it does.
    """
    failures: list[BaseException] = []

    async def kept(part: bytes) -> None:
        if failures:
            return
        try:
            await sink(part)
        except BaseException as failure:  # noqa: BLE001  it is raised at the end
            failures.append(failure)
            copying.cancel()

    copying = asyncio.create_task(connection.copy_from_query(statement, *values, output=kept, format="csv", **options))
    try:
        await copying
    finally:
        if failures:
            raise failures[0]


@asynccontextmanager
async def snapshot(
    database: Database, viewer: Viewer, source: Source, limits: Limits, *, noted: Noted = lambda more, rows: None
) -> AsyncIterator[Snapshot]:
    """The table as it is now, for as long as it is read.

    Raises TooManyExports, TooManyRows, TooSlow and BrokenOff.
    """
    try:
        connection = await database.exports.acquire(timeout=WAIT)
    except TimeoutError:
        raise TooManyExports from None
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if not await connection.fetchval(_SLOT, str(viewer.organization_id), limits.at_once):
                raise TooManyExports
            moment = await connection.fetchval("SELECT pg_export_snapshot()")
            async with meanwhile(_count(database, moment, viewer, source, limits.rows)) as counting:
                yield Snapshot(connection, viewer, source, counting, noted)
    except _LOST as error:
        raise BrokenOff from error
    finally:
        await database.exports.release(connection)


_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,  # what comes of ending a transaction on a connection that is gone
    ConnectionError,
)


async def _count(database: Database, moment: str, viewer: Viewer, source: Source, most: int) -> int:
    prepared = table.count_plan(source, most + 1, viewer.permissions)
    async with (
        database.beside_exports.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        # The other connection's statement is the one that is waited for: helpers are better left to it.
        await connection.execute(f"SET TRANSACTION SNAPSHOT '{moment}'; SET LOCAL max_parallel_workers_per_gather = 0")
        with _in_time():
            rows: int = await connection.fetchval(prepared.sql, *prepared.values((source, None), viewer.binds))
    if rows > most:
        raise TooManyRows(most)
    return rows


@contextmanager
def _in_time() -> Iterator[None]:
    try:
        with in_time():
            yield
    except TookTooLong as error:
        raise TooSlow from error
