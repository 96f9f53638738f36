"""Connections to PostgreSQL: pools for transactions, for finished statements that only read, and for exports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

Sessions = async_sessionmaker[AsyncSession]
Reads = asyncpg.Pool | asyncpg.Connection
"""Whatever a finished statement can be sent to."""

# Time stamps leave the database in UTC. Statements are short: compiling them never pays. A word of four letters is like
# another one that differs in one letter, a word of nine like one that differs in two.
SESSION = {
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
    "datestyle": "ISO",
    "jit": "off",
    "application_name": "kartotek",
    "pg_trgm.word_similarity_threshold": "0.4",
}


@dataclass(frozen=True)
class Database:
    """A database: an engine with sessions to write in, and pools of bare connections to read from."""

    engine: AsyncEngine
    sessions: Sessions
    reads: Reads
    exports: asyncpg.Pool
    """For statements that take long and answer much."""
    beside_exports: asyncpg.Pool
    """For what else an export asks meanwhile, a connection for each, so that none waits for another export."""


def engine_for(url: str, *, pool_size: int = 10, statement_timeout: float = 30) -> AsyncEngine:
    """An engine on `url` (`postgresql://...`) that connects when first used; a statement may take so many seconds."""
    return create_async_engine(
        sa.make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        connect_args={"server_settings": _settings(statement_timeout)},
    )


def sessions_of(engine: AsyncEngine) -> Sessions:
    """A factory of sessions; every mutation opens its own."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def connected(
    url: str, *, pool_size: int = 10, statement_timeout: float = 30, export_timeout: float = 600
) -> AsyncIterator[Database]:
    """The database at `url`, with so many connections for each pool; they are opened when needed.

    A statement may take so many seconds, one of an export so many others; 0 is for ever.
    """
    engine = engine_for(url, pool_size=pool_size, statement_timeout=statement_timeout)
    timeouts = (statement_timeout, export_timeout, export_timeout)
    reads, exports, beside = (_pool(url, pool_size, timeout) for timeout in timeouts)
    try:
        async with reads, exports, beside:
            yield Database(engine, sessions_of(engine), reads, exports, beside)
    finally:
        await engine.dispose()


def _pool(url: str, size: int, timeout: float) -> asyncpg.Pool:
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        reset=_as_it_was,
        max_cacheable_statement_size=0,
        server_settings=_settings(timeout),
        # A connection that has died without a word answers nothing; others stop their statements themselves.
        command_timeout=timeout + 5 if timeout else None,
    )


def _settings(statement_timeout: float) -> dict[str, str]:
    return {**SESSION, "statement_timeout": str(int(statement_timeout * 1000))}


async def _as_it_was(connection: Any) -> None:
    """Nothing to reset: a finished statement leaves a connection as it found it, and this saves a round trip."""


async def reads_of(session: AsyncSession) -> Reads:
    """Reading within the session's transaction."""
    reads: Reads = await session.run_sync(_driver_connection)
    return reads


def _driver_connection(session: Session) -> Any:
    return session.connection().connection.driver_connection
