"""A mass update of 100,000 customers in one call, beside the bare UPDATE of the same rows.

The yardstick sets value, version and time stamp of the rows on the indexes as they are shipped, and nothing else: no
rights, no trail, no counts. The two take turns. What each did is rolled back and the tables are vacuumed after it, so
that every run finds the same rows in the same state.
"""

import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bench.ground import CUSTOMERS, make_token, tidy
from bench.loopback import Server, serving
from bench.memory import watched
from db.connection import Database, reads_of
from db.models import Access, User, table_of
from resolvers.administration import upsert_roles, upsert_units, upsert_users
from resolvers.bulk_update import Matching, bulk_update_customers
from resolvers.columns import tagged
from resolvers.ids import encode
from resolvers.references import Ref
from resolvers.selection import Compare, Operand
from resolvers.undo import undo_bulk_operation
from resolvers.upsert import upsert_industries
from resolvers.viewer import Viewer, find_viewer_by_email
from schema.api import schema
from schema.context import Context

USERS = table_of(User)

PROMISED_RATIO = 2.0
PROMISED_MEGABYTES = 50
ROUNDS = 3
CUSTOMERS_AT_ONCE = 100_000

TOUCHED = ("customers", "changes", "bulk_operations", "rejections")

ANSWER = "operation { id matched changed skipped changes(first: 50) { nodes { old new } } } problems { code path }"
MASS_UPDATE = f"""mutation($target: CustomerTarget!, $industry: ID!, $dry: Boolean!) {{
  answer: bulkUpdateCustomers(target: $target, set: {{industry: {{id: $industry}}}}, dryRun: $dry) {{ {ANSWER} }}
}}"""
UNDO = f"mutation($id: ID!) {{ answer: undoBulkOperation(id: $id) {{ {ANSWER} }} }}"

BARE, UPDATE, OF_A_UNIT = "bare UPDATE", "mass update", "mass update within a unit"
BY_RIGHTS = (UPDATE, OF_A_UNIT)
"""What is compared with the bare UPDATE: rows like it, by somebody who sees all, and by somebody of a unit."""

UNITS, PEOPLE, BELOW = 5, 50, "@below.example"
"""Units below the viewer's, and their people, who own the customers in turn."""


@dataclass
class Results:
    """What each kind of run took, in seconds, and how much larger a server process became."""

    customers: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: float = 0

    def median(self, name: str) -> float:
        """Of one kind of run."""
        return statistics.median(self.seconds[name])

    def ratio(self, name: str) -> float:
        """How many times longer one kind of run takes than the bare UPDATE."""
        return self.median(name) / self.median(BARE)

    def promises_of(self, name: str) -> dict[str, bool]:
        """What is promised of one kind of run, and whether it is kept."""
        kept = {}
        if name in BY_RIGHTS:
            kept[f"≤ {PROMISED_RATIO:g} ×"] = self.ratio(name) <= PROMISED_RATIO
        if name == UPDATE:
            kept[f"< {PROMISED_MEGABYTES} MB"] = self.megabytes < PROMISED_MEGABYTES
        return kept

    @property
    def promises(self) -> dict[str, bool]:
        """What is promised of all of them."""
        return {f"{name} {what}": kept for name in self.seconds for what, kept in self.promises_of(name).items()}


async def measure(database: Database, viewer: Viewer, rounds: int, on_round: Callable[[float], None]) -> Results:
    """All kinds of runs in turns; then how much a server process grows by them."""
    ground = await _ground(database, viewer)
    results = Results(ground.customers)
    runs = {
        BARE: ground.bare,
        UPDATE: ground.update,
        OF_A_UNIT: ground.update_within_unit,
        "preview": ground.preview,
        "preview by ids": ground.preview_by_ids,
        "undo": ground.undo,
    }
    for turn in range(rounds):
        for name, run in runs.items():
            results.seconds.setdefault(name, []).append(await run())
            await ground.tidy()
        on_round((turn + 1) / (rounds + 1))
    async with database.sessions() as session:
        token = await make_token(session, viewer)
    url = database.engine.url.set(drivername="postgresql")
    with serving(url.render_as_string(hide_password=False)) as server:
        results.megabytes = await ground.memory_of(server, token)
    return results


async def _ground(database: Database, viewer: Viewer) -> "_Ground":
    active = CUSTOMERS.c.is_active & CUSTOMERS.c.deleted_at.is_(None)
    own = (CUSTOMERS.c.organization_id == viewer.organization_id) & active
    async with database.sessions.begin() as session:
        made = await upsert_industries(session, viewer, [{"name": "Before"}, {"name": "After"}])
        before, after = made.ids
        assert after
        head = await _unit(session, viewer)
        email = sa.func.concat(CUSTOMERS.c.number % PEOPLE, BELOW)
        of_user = (USERS.c.organization_id == viewer.organization_id, USERS.c.email == email)
        owner = sa.select(USERS.c.id).where(*of_user).scalar_subquery()
        # All have an industry, so that both sides of the trail have something to say.
        await session.execute(sa.update(CUSTOMERS).where(own).values(industry_id=before, owner_id=owner))
        ids = (await session.scalars(sa.select(tagged("Customer", CUSTOMERS.c.id)).where(own))).all()
    ground = _Ground(database, viewer, head, after, ids)
    await ground.tidy("VACUUM FULL ANALYZE")
    return ground


async def _unit(session: AsyncSession, viewer: Viewer) -> Viewer:
    """A unit with people in the units below it; somebody who may see and change what is theirs."""
    rights = ("read_customers", "edit_customers", "read_cases", "read_invoices", "read_costs")
    role = {"name": "Unit", **dict.fromkeys(rights, Access.UNIT), "import_data": False, "administer": False}
    await upsert_roles(session, viewer, [role])
    below = [{"name": f"Unit {number}", "parent": Ref("name", "Unit")} for number in range(UNITS)]
    await upsert_units(session, viewer, [{"name": "Unit"}, *below])
    email = "head@unit.example"
    head = {"email": email, "name": "Head", "role": Ref("name", "Unit"), "unit": Ref("name", "Unit")}
    people = [
        {**head, "email": f"{number}{BELOW}", "unit": Ref("name", f"Unit {number % UNITS}")} for number in range(PEOPLE)
    ]
    made = await upsert_users(session, viewer, [head, *people])
    found = await find_viewer_by_email(session, viewer.organization_id, email)
    assert found, made.problems
    return found


@dataclass(frozen=True)
class _Ground:
    """The customers of an organisation, which are all a unit's, and an industry that none of them has."""

    database: Database
    viewer: Viewer
    head: Viewer
    """Of the unit."""
    industry: uuid.UUID
    ids: Sequence[str]
    """Of the customers."""

    @property
    def customers(self) -> int:
        """How many there are."""
        return len(self.ids)

    async def bare(self) -> float:
        """The yardstick."""
        table = CUSTOMERS
        own = (table.c.organization_id == self.viewer.organization_id, table.c.is_active, table.c.deleted_at.is_(None))
        news = {"industry_id": self.industry, "version": table.c.version + 1, "updated_at": sa.func.now()}
        async with self._rolled_back() as session:
            return await timed(lambda: session.execute(sa.update(table).where(*own).values(**news)))

    async def update(self) -> float:
        """The mass update, as the mutation calls it."""
        return await self._updating(self.viewer)

    async def update_within_unit(self) -> float:
        """The same by somebody whose rights reach as far as the unit."""
        return await self._updating(self.head)

    async def _updating(self, viewer: Viewer) -> float:
        async with self._rolled_back() as session:
            return await timed(lambda: self._update(session, viewer))

    async def undo(self) -> float:
        """Undoing it."""
        async with self._rolled_back() as session:
            act = await self._update(session, self.viewer)
            operation_id = encode("BulkOperation", act.operation_id)
            return await timed(lambda: undo_bulk_operation(session, self.viewer, operation_id))

    async def preview(self) -> float:
        """The whole preview, from the request to the answer."""
        return await self._previewing(self._matching)

    async def preview_by_ids(self) -> float:
        """The same, each customer named by its id."""
        return await self._previewing({"ids": self.ids})

    @property
    def _matching(self) -> Mapping[str, Any]:
        return {"matching": {"filter": {"isActive": {"eq": True}}, "expectedCount": self.customers}}

    async def _previewing(self, target: Mapping[str, Any]) -> float:
        request = self._request(target, dry=True)
        return await timed(lambda: self._answer(request))

    def _request(self, target: Mapping[str, Any], *, dry: bool) -> bytes:
        variables = {"target": target, "industry": encode("Industry", self.industry), "dry": dry}
        return orjson.dumps({"query": MASS_UPDATE, "variables": variables})

    async def _answer(self, request: bytes) -> None:
        given = orjson.loads(request)
        context = Context(self.database, self.viewer)
        result = await schema.execute(given["query"], variable_values=given["variables"], context_value=context)
        self._operation_in(orjson.dumps({"data": result.data}))

    def _operation_in(self, answer: bytes) -> str:
        answered = orjson.loads(answer)
        assert not answered.get("errors"), answered["errors"]
        payload = answered["data"]["answer"]
        assert not payload["problems"], payload["problems"]
        assert payload["operation"]["changed"] == self.customers
        return str(payload["operation"]["id"])

    async def memory_of(self, server: Server, token: str) -> float:
        """Megabytes by which a server process grows at most: previewing all, changing all by ids, undoing that."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(headers=headers, timeout=None) as client:  # noqa: S113

            async def ask(request: bytes) -> bytes:
                return (await client.post(server.url, content=request)).raise_for_status().content

            # What any first request takes is not what many customers take.
            await ask(self._request({"ids": self.ids[:1]}, dry=True))
            with watched(server.process) as memory:
                self._operation_in(await ask(self._request(self._matching, dry=True)))
                done = self._operation_in(await ask(self._request({"ids": self.ids}, dry=False)))
                self._operation_in(await ask(orjson.dumps({"query": UNDO, "variables": {"id": done}})))
        return memory.megabytes

    async def _update(self, session: AsyncSession, viewer: Viewer) -> Any:
        target = Matching(Compare("is_active", "eq", Operand(value=True)), self.customers)
        values = {"industry": Ref("id", encode("Industry", self.industry))}
        act = await bulk_update_customers(session, viewer, target, values)
        assert not act.problems, act.problems
        return act

    @asynccontextmanager
    async def _rolled_back(self):
        async with self.database.sessions() as session:
            await reads_of(session)
            yield session
            await session.rollback()

    async def tidy(self, how: str = "VACUUM") -> None:
        """Take away what was rolled back."""
        await tidy(self.database.engine, *TOUCHED, how=how)


async def timed(run: Callable[[], Awaitable[Any]]) -> float:
    """Seconds by the clock."""
    start = time.perf_counter()
    await run()
    return time.perf_counter() - start
