"""Other versions of PostgreSQL, where their binaries are found, answer the same as the embedded one."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from db.connection import Database, connected
from db.embedded import running
from db.migration import migrate
from kartotek.demo_data import load_demo
from resolvers.viewer import Viewer, find_first_administrator
from tests.conftest import UNSAFE, cloned
from tests.mass_updates import ALL, COUNTS, matching, undo, update
from tests.test_statements import DEEP
from tests.worlds import told

OTHERS = [folder for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")) if int(folder.parent.name) >= 15]
SEARCHES = ("oy", "ko en", "aberg", "hutunen", "7")
"""Words by prefix, one without its accent, one with a slip, and a number."""

QUESTIONS = (
    DEEP,
    *(f'{{ customers(search: "{words}") {{ totalCount nodes {{ name }} }} }}' for words in SEARCHES),
    '{ contacts(search: "virt", first: 5) { totalCount nodes { name } } }',
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


MANY = 1_000
"""So many that a sweep reads tables as a whole."""

UPSERT = """mutation($input: [CustomerInput!]!, $policy: ErrorPolicy!) {
  upsertCustomers(input: $input, errorPolicy: $policy) {
    created updated unchanged rejected problems { code path message } } }"""
RESULT = """{ customers(first: 1000, orderBy: [{ number: ASC }]) {
  nodes { number name country language isActive marketingAllowed version owner { email } } } }"""


async def answers_on(url: str) -> list[Any]:
    """What is told, before and after writing, of the same data."""
    async with connected(url) as database:
        keys = await load_demo(database.engine, today=date(2026, 2, 28), customers=40)
        async with database.sessions() as session:
            viewer = await find_first_administrator(session, keys.organization_id)
        assert viewer is not None
        read = [await told(database, viewer, question) for question in QUESTIONS]
        written = [each async for each in writing(database, viewer)]
        return [*read, *written, await told(database, viewer, RESULT)]


async def writing(database: Database, viewer: Viewer) -> AsyncIterator[Any]:
    """Upserts, mass updates with previews and rejections, and undoing them: what is told of each."""
    made = [await ids_where(database, viewer, f"isInternal: {{ eq: {internal} }}") for internal in ("false", "true")]
    rows = [{"externalId": f"x{number}", "name": f"Ålands {number}", "country": "DE"} for number in range(MANY)]
    bad = {"externalId": "x3", "name": "", "email": "nobody"}
    for policy in ("REJECT_ALL", "REJECT_ROWS"):
        yield await told(database, viewer, UPSERT, {"input": [*rows, bad], "policy": policy})
    yield await told(
        database, viewer, UPSERT, {"input": [{**rows[0], "phone": "030 123456"}, rows[1]], "policy": policy}
    )

    named = {"ids": [*made[0], *made[1], "nonsense"]}
    news = {"language": "fi", "country": "SE", "owner": None, "marketingAllowed": False}
    found = matching(MANY, search="alands", filter=ALL)
    for target, policy, values in (
        (named, "REJECT_ALL", news),
        (named, "REJECT_ROWS", news),
        (found, "REJECT_ALL", {"language": "fi"}),
    ):
        yield comparable(await update(database, viewer, target, policy=policy, dry=True, **values))
        answer = await update(database, viewer, target, policy=policy, key=f"{policy} {len(values)}", **values)
        yield comparable(answer)
        yield comparable(await undo(database, viewer, answer["operation"]))
    yield comparable(await update(database, viewer, matching(1, search="alands"), **news))


async def ids_where(database: Database, viewer: Viewer, condition: str) -> list[str]:
    answer = await told(database, viewer, f"{{ customers(filter: {{ {condition} }}) {{ nodes {{ id }} }} }}")
    return [node["id"] for node in answer["customers"]["nodes"]]


def comparable(answer: Any) -> Any:
    """Without the ids of what was made just now."""
    operation = answer["operation"]
    if operation is None:
        return answer
    changes = [{**change, "id": None, "entityId": None} for change in operation["changes"]["nodes"]]
    kept = {name: operation[name] for name in (*COUNTS.split(), "status", "rejections")}
    return answer["problems"], kept, sorted(changes, key=repr)


async def test_another_version_answers_the_same(other_server: str, server: str, template: str):
    await migrate(other_server)
    async for url in cloned(server, template):
        assert await answers_on(other_server) == await answers_on(url)
