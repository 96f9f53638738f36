"""Other versions of PostgreSQL, where their binaries are found, answer the same as the embedded one."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from db.connection import connected
from db.embedded import running
from db.migration import migrate
from kartotek.demo_data import load_demo
from resolvers.viewer import find_first_administrator
from tests.conftest import UNSAFE, cloned
from tests.test_statements import DEEP
from tests.worlds import told

OTHERS = [folder for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")) if int(folder.parent.name) >= 15]
QUESTIONS = (
    DEEP,
    "{ kpis { marginThisYear { value { amount } } prospectsInPipeline { value } } }",
    '{ customers(filter: { name: { contains: "AB" } }, orderBy: [{ email: DESC }]) { nodes { id } } }',
)


@pytest.fixture(params=OTHERS, ids=lambda folder: folder.parent.name)
def other_server(request: Any) -> Iterator[str]:
    # Not pytest's own folder: that is closed to the account that runs PostgreSQL for root.
    folder = Path(tempfile.mkdtemp(prefix="kartotek-test-"))
    folder.chmod(0o755)
    try:
        with running(folder / "data", binaries=request.param, settings=UNSAFE) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def answers_on(url: str) -> list[Any]:
    async with connected(url) as database:
        keys = await load_demo(database.engine, today=date(2026, 2, 28), customers=40)
        async with database.sessions() as session:
            viewer = await find_first_administrator(session, keys.organization_id)
        assert viewer is not None
        return [await told(database, viewer, question) for question in QUESTIONS]


async def test_another_version_answers_the_same(other_server: str, server: str, template: str):
    await migrate(other_server)
    async for url in cloned(server, template):
        assert await answers_on(other_server) == await answers_on(url)
