"""A report of 300,000 rows as a file, beside PostgreSQL's COPY of the same columns in the same order.

Times are of this process and the database: from the report's name to the last byte of the file, counting rows
included. What each takes of memory is looked at in a server process of its own, while a client downloads it.
"""

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench import ground, loopback
from bench.mass_update import timed
from bench.memory import watched
from db.connection import Database
from resolvers import files
from resolvers.export import Limits
from resolvers.report import save_report
from resolvers.viewer import Viewer
from schema.api import schema
from schema.context import Context
from schema.report_file import exporting, wish
from schema.report_health import core_of, findings

CUSTOMERS = 100_000
CROWD = {"units": 40, "sellers": 400, "contacts": 3}
ROWS = CUSTOMERS * CROWD["contacts"]
ROUNDS = 5
NAME = "everybody"
DOCUMENT = """
{
  customers {
    nodes {
      number name businessId owner { name }
      contacts { nodes { firstName lastName email phone } }
    }
  }
}
"""
COLUMNS = "c.number, c.name, c.business_id, u.name AS owner, p.first_name, p.last_name, p.email, p.phone"
JOINED = """
    customers c
    LEFT JOIN users u ON u.organization_id = c.organization_id AND u.id = c.owner_id
    LEFT JOIN contacts p ON p.organization_id = c.organization_id AND p.customer_id = c.id AND p.deleted_at IS NULL
    WHERE c.organization_id = '{}' AND c.deleted_at IS NULL
"""
COPY, IN_ANY_ORDER = "COPY", "COPY, in any order"
SLOWEST = 1.5
"""So many times as long as COPY may CSV take."""
BEYOND = 5.0
"""So many seconds longer than COPY may XLSX take."""
MOST_MEMORY = 80
"""Megabytes above those of an idle server."""


@dataclass
class Results:
    """What each kind of run took, in seconds, and how much larger a server became, in megabytes."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Of one kind of run."""
        return statistics.median(self.seconds[name])

    def promises_of(self, name: str) -> dict[str, bool]:
        """What is promised of a format, and whether it is kept."""
        kept = {}
        if name == "csv":
            kept[f"≤ {SLOWEST:g} ×"] = self.median(name) <= SLOWEST * self.median(COPY)
        if name == "xlsx":
            kept[f"≤ {BEYOND:g} s beyond"] = self.median(name) - self.median(COPY) <= BEYOND
        if name in self.megabytes:
            kept[f"≤ {MOST_MEMORY} MB"] = self.megabytes[name] <= MOST_MEMORY
        return kept

    @property
    def promises(self) -> dict[str, bool]:
        """What is promised of all of them."""
        return {f"{name} {what}": kept for name in self.seconds for what, kept in self.promises_of(name).items()}


async def measure(database: Database, viewer: Viewer, rounds: int, on_round: Callable[[float], None]) -> Results:
    """All kinds of runs in turns; then each format once over HTTP."""
    async with database.sessions.begin() as session:
        found = findings(core_of(schema), DOCUMENT, viewer.locale)
        saved = await save_report(session, viewer, {"name": NAME, "title": NAME, "document": DOCUMENT}, found)
        assert not saved.problems
        token = await ground.make_token(session, viewer)
    statement = f"SELECT {COLUMNS} FROM {JOINED.format(viewer.organization_id)}"  # noqa: S608
    context = Context(database, viewer)
    runs: dict[str, Callable[[], Any]] = {
        COPY: partial(_copy, database, f"{statement} ORDER BY c.id, p.id"),
        IN_ANY_ORDER: partial(_copy, database, statement),
        **{form: partial(_run, context, form) for form in files.FORMATS},
    }
    results = Results()
    for turn in range(rounds):
        for name, run in runs.items():
            results.seconds.setdefault(name, []).append(await timed(run))
        on_round((turn + 0.5) / rounds)
    for form in files.FORMATS:
        results.megabytes[form] = await _memory(database, token, form)
    return results


async def _copy(database: Database, statement: str) -> None:
    async def sink(part: bytes) -> None:
        pass

    async with database.exports.acquire() as connection:
        await connection.copy_from_query(statement, output=sink, format="csv", header=True)


async def _run(context: Context, form: str) -> None:
    wished = await wish(schema, context, NAME, form, variables=(), options={})
    with tempfile.TemporaryDirectory() as folder:
        async with exporting(context, wished, Limits()) as export:
            await files.save(form, export, Path(folder) / "file")
            assert await export.snapshot.rows() == ROWS


async def _memory(database: Database, token: str, form: str) -> float:
    """How much larger a server is at most while the file is made and sent than before it was asked for."""
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    with loopback.serving(url) as server:
        async with httpx.AsyncClient(timeout=120, headers=headers) as client:
            await client.post(server.url, json={"query": "{ viewer { user { name } } }"})
            with watched(server.process) as memory:
                address = server.url.replace("/graphql", f"/reports/{NAME}.{form}")
                async with client.stream("GET", address) as answer:
                    assert answer.status_code == 200
                    async for _ in answer.aiter_raw():
                        pass
    return memory.megabytes
