"""Reading a whole table: from one consistent snapshot, as it comes, within limits of its own."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from db.connection import Database
from resolvers import table
from resolvers.reading import TookTooLong, in_time
from resolvers.statement import Plan
from resolvers.table import Source
from resolvers.viewer import Viewer

Sink = Callable[[bytes], Awaitable[None]]
"""Takes the next bytes; what comes after waits for it."""

BATCH = 5_000
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


class TooManyExports(Exception):
    """The organisation, or this server, has as many exports under way as it may have."""

    def __init__(self) -> None:
        super().__init__("As many reports as may be are being made into files: wait for one of them, then try again.")


class TooSlow(Exception):
    """The database stopped the statement when its time was up."""

    def __init__(self) -> None:
        super().__init__(
            "The report takes longer than a file may: filter for less, or have the setting KARTOTEK_EXPORT_TIMEOUT "
            "raised."
        )


class TooManyRows(Exception):
    """The table is longer than a file may be."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The report has more than {most:,} rows, more than a file may have: filter for fewer, or have the setting "
            "KARTOTEK_EXPORT_ROWS raised."
        )


class BrokenOff(Exception):
    """The connection to the database was lost in the middle."""

    def __init__(self) -> None:
        super().__init__("The connection to the database was lost in the middle: try again.")


@dataclass(frozen=True)
class Snapshot:
    """A table at one moment."""

    connection: Any
    viewer: Viewer
    source: Source
    rows: int
    noted: Callable[[int], None]
    """Hears of rows as they are read, so many more each time."""

    async def copy(self, render: table.Render, sink: Sink, **options: str) -> None:
        """Each row as a line of CSV, as PostgreSQL's COPY makes it; `options` are its own."""
        prepared, values = self._prepared(render)

        async def counted(part: bytes) -> None:
            await sink(part)
            self.noted(part.count(b"\n"))

        with _in_time():
            await self.connection.copy_from_query(prepared.sql, *values, output=counted, format="csv", **options)

    async def batches(self, render: table.Render) -> AsyncGenerator[Sequence[Any], None]:
        """The rows, some at a time, from a cursor in the database."""
        prepared, values = self._prepared(render)
        with _in_time():
            cursor = await self.connection.cursor(prepared.sql, *values)
            while batch := await cursor.fetch(BATCH):
                yield batch
                self.noted(len(batch))

    def _prepared(self, render: table.Render) -> tuple[Plan, Sequence[Any]]:
        prepared = table.plan(self.source, None, render, self.viewer.permissions)
        return prepared, prepared.values((self.source, None), self.viewer.binds)


@asynccontextmanager
async def snapshot(
    database: Database,
    viewer: Viewer,
    source: Source,
    limits: Limits,
    *,
    noted: Callable[[int], None] = lambda rows: None,
) -> AsyncIterator[Snapshot]:
    """The table as it is now, for as long as it is read; `noted` hears how many more rows were.

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
            rows = await _count(connection, viewer, source, limits.rows)
            yield Snapshot(connection, viewer, source, rows, noted)
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


async def _count(connection: Any, viewer: Viewer, source: Source, most: int) -> int:
    prepared = table.count_plan(source, viewer.permissions)
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
