"""Bring a database to the newest shape, also when two servers start at once."""

import asyncio

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine

from db.connection import engine_for

# Any number will do, as long as every server takes the same one.
LOCK = 0x6B617274


def config() -> Config:
    """Alembic's settings; there is no ini file."""
    settings = Config()
    settings.set_main_option("script_location", "db:migrations")
    settings.set_main_option("path_separator", "os")
    return settings


async def migrate(url: str, to: str = "head") -> None:
    """Run the missing migrations up to one of them, or all, on the database at `url`, one server at a time."""
    engine = engine_for(url, pool_size=1, statement_timeout=0)
    try:
        await _migrate(engine, to)
    finally:
        await engine.dispose()


async def _migrate(engine: AsyncEngine, to: str) -> None:
    async with engine.begin() as connection:
        # The lock goes with the transaction, so a server that dies half-way holds nobody up.
        await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await connection.run_sync(_upgrade, to)


def _upgrade(connection: sa.Connection, to: str) -> None:
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, to)


def _is_current(connection: sa.Connection) -> bool:
    there = MigrationContext.configure(connection).get_current_heads()
    return set(there) == set(ScriptDirectory.from_config(config()).get_heads())


async def is_current(engine: AsyncEngine) -> bool:
    """Whether the database has the shape that this version of Kartotek expects."""
    async with engine.connect() as connection:
        return await connection.run_sync(_is_current)


def run(url: str) -> None:
    """`migrate` for callers without an event loop."""
    asyncio.run(migrate(url))
