"""The database that is measured on: one of our own with demo data, gone afterwards, or one that is there."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from bench.crowd import Crowd
from db.connection import engine_for, sessions_of
from db.embedded import running
from db.migration import migrate
from db.models import Customer, Token, User
from db.models.base import table_of
from kartotek.demo_data import Progress, load_demo
from resolvers.founding import init_organization
from resolvers.ids import encode
from resolvers.viewer import Viewer, find_first_administrator, new_secret

CUSTOMERS, USERS = table_of(Customer), table_of(User)
MANY = {
    "name": "Suuri Oy",
    "country": "FI",
    "currency": "EUR",
    "timezone": "Europe/Helsinki",
    "locale": "fi",
    "admin_email": "admin@suuri.example",
}


class NothingToMeasure(Exception):
    """The database that was named holds no customers."""

    def __init__(self) -> None:
        super().__init__("This database holds no customers: load some, or let the benchmark make its own database.")


@contextmanager
def fresh_server() -> Iterator[str]:
    """The URL of a database server that is gone, with its data, at the end."""
    folder = Path(tempfile.mkdtemp(prefix="kartotek-bench-"))
    folder.chmod(0o755)
    try:
        with running(folder / "data") as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def fill(url: str, customers: int, progress: Progress) -> None:
    """Demo data: customers with cases, invoices and costs."""
    async with _tidied(url) as engine:
        await load_demo(engine, today=datetime.now(UTC).date(), customers=customers, progress=progress)


async def fill_many(url: str, customers: int, **crowd: int) -> None:
    """An organisation of its own with so many customers, a contact each, and nothing else; or another `Crowd`."""
    async with _tidied(url) as engine:
        async with sessions_of(engine).begin() as session:
            founded = await init_organization(session, **MANY)
        assert founded.organization_id, founded.problems
        async with engine.begin() as connection:
            await Crowd(founded.organization_id, **crowd).write(connection, customers)


async def tidy(engine: AsyncEngine, *tables: str, how: str = "VACUUM") -> None:
    """Take away what was rolled back in these tables, or in all."""
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(sa.text(f"{how} {', '.join(tables)}"))
        await connection.execute(sa.text("CHECKPOINT"))


@asynccontextmanager
async def _tidied(url: str) -> AsyncIterator[AsyncEngine]:
    """The migrated database, vacuumed afterwards: autovacuum would come in the middle of a measurement."""
    await migrate(url)
    engine = engine_for(url, statement_timeout=0)
    try:
        yield engine
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            await connection.execute(sa.text("VACUUM ANALYZE"))
    finally:
        await engine.dispose()


async def find_administrator(session: AsyncSession) -> Viewer:
    """The first administrator of the organisation with the most customers."""
    organization_id = CUSTOMERS.c.organization_id
    largest = sa.select(organization_id).group_by(organization_id).order_by(sa.func.count().desc()).limit(1)
    found = await session.scalar(largest)
    viewer = found and await find_first_administrator(session, found)
    if not viewer:
        raise NothingToMeasure
    return viewer


async def find_seller(session: AsyncSession, administrator: Viewer) -> Viewer:
    """Somebody who looks after customers, in a unit, with the administrator's rights."""
    units = (USERS.c.organization_id == administrator.organization_id, USERS.c.unit_id.is_not(None))
    user = (await session.execute(sa.select(USERS.c.id, USERS.c.unit_id).where(*units).limit(1))).one()
    return replace(administrator, user_id=user.id, units=(user.unit_id,))


async def find_customer_id(session: AsyncSession, viewer: Viewer) -> str:
    """The id of a customer from the middle of the registry."""
    there = (CUSTOMERS.c.organization_id == viewer.organization_id, CUSTOMERS.c.deleted_at.is_(None))
    count = await session.scalar(sa.select(sa.func.count()).select_from(CUSTOMERS).where(*there)) or 0
    keys = sa.select(CUSTOMERS.c.id).where(*there).order_by(CUSTOMERS.c.id).offset(count // 2).limit(1)
    return encode("Customer", (await session.scalars(keys)).one())


async def make_token(session: AsyncSession, viewer: Viewer) -> str:
    """A bearer token of the viewer's."""
    secret, hashed = new_secret(viewer.organization_id)
    session.add(
        Token(organization_id=viewer.organization_id, user_id=viewer.user_id, name="Benchmark", secret_hash=hashed)
    )
    await session.commit()
    return secret
