"""A real PostgreSQL for all tests: migrated once, cloned for each test that writes."""

import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import Database, Sessions, connected
from db.embedded import running
from db.migration import migrate
from kartotek.settings import Settings
from resolvers.registries import Registries
from resolvers.viewer import Viewer
from tests.a_register import Register, reached
from tests.builders import an_organization
from tests.clients import client_on
from tests.in_step import is_in_step

UNSAFE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "deadlock_timeout": "50ms",
}
"""Nothing that a test writes needs to survive a power cut, and those who wait for each other are meant to."""


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a database server of our own."""
    folder = Path(tempfile.mkdtemp(prefix="kartotek-test-"))
    folder.chmod(0o755)
    try:
        with running(folder / "data", settings=UNSAFE) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def on_server(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def url_of(server: str, name: str) -> str:
    """The URL of another database of the server."""
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
async def template(server: str, anyio_backend) -> str:
    """Name of a migrated database that is cloned, never used."""
    await on_server(server, "CREATE DATABASE template_kartotek")
    await migrate(url_of(server, "template_kartotek"))
    return "template_kartotek"


async def cloned(server: str, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    await on_server(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield url_of(server, name)
    finally:
        await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database_url(server: str, template: str) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database."""
    async for url in cloned(server, template):
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated database."""
    async with connected(database_url) as database:
        yield database
        assert await is_in_step(database)


@pytest.fixture
def sessions(database: Database) -> Sessions:
    """A factory of sessions on a fresh database."""
    return database.sessions


@pytest.fixture
async def viewer(sessions: Sessions) -> Viewer:
    """The administrator of an organisation on a fresh database."""
    async with sessions.begin() as session:
        return await an_organization(session)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that a command can keep a database in."""
    # Not below pytest's own folder: that is closed to the account that runs PostgreSQL for root.
    with tempfile.TemporaryDirectory(prefix="kartotek-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


@pytest.fixture
def register() -> Register:
    """A register whose companies the test can change."""
    return Register()


@pytest.fixture
async def registries(database: Database, register: Register) -> AsyncIterator[Registries]:
    """That register, as a server reaches it."""
    async with reached(database, register) as opened:
        yield opened


@pytest.fixture
async def session(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """A session on a fresh database; what it writes is gone unless the test commits."""
    async with sessions() as session:
        yield session


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the web application on a fresh database."""
    async for client in client_on(Settings(database_url=database_url)):
        yield client
