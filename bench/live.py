"""A thousand subscribers to the KPI strip on one server, each with a token of its own, and invoices that move figures.

For each commit: how many statements the server sends to the database, and how long it takes until the last subscriber
whose figures moved has the answer, GraphQL included. The yardstick is a server that reads the strip for each of them,
one after the other.
"""

import asyncio
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from strawberry.types import ExecutionResult

from bench import ours
from bench.kpis import STRIP
from bench.mass_update import timed
from bench.queries import Query
from db.connection import Database
from db.models import Access, Role, Token, User, table_of
from resolvers.kpis import today
from resolvers.live import BURST, Live
from resolvers.money import Money
from resolvers.references import Ref
from resolvers.upsert import upsert_invoices
from resolvers.viewer import Viewer, find_viewers_by_tokens, hash_of, new_secret
from schema.api import schema
from schema.context import Context

SUBSCRIBERS = 1000
CUSTOMERS = 10_000
CROWD = {"units": 40, "sellers": 400}
ROUNDS = 10
PROMISED_SECONDS = 1.0
KINDS = {
    "all see all": (Access.ALL, 1),
    "of 40 units": (Access.UNIT, CROWD["units"]),
    "own of 400 people": (Access.OWN, CROWD["sellers"]),
}
"""How far their rights reach, and how many different things they see."""

RIGHTS = ("read_customers", "read_cases", "read_invoices", "read_costs")
USERS, ROLES = table_of(User), table_of(Role)


@dataclass
class Told:
    """What one kind of subscribers cost."""

    scopes: int
    statements: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    one_each: float = 0.0
    """Seconds to read the strip for each of them."""

    @property
    def promises(self) -> dict[str, bool]:
        """One statement for who they are, and one for each scope; all of them told in time."""
        return {
            "1 + scopes": statistics.median(self.statements) <= 1 + self.scopes,
            f"< {PROMISED_SECONDS:g} s": max(self.seconds) < PROMISED_SECONDS,
        }


@dataclass
class Results:
    """By what the subscribers see."""

    told: dict[str, Told] = field(default_factory=dict)

    @property
    def promises(self) -> dict[str, bool]:
        """What is promised of all of them."""
        return {f"{name} {what}": kept for name, told in self.told.items() for what, kept in told.promises.items()}


class CountedReads:
    """Passes statements on, and counts them."""

    def __init__(self, reads: Any) -> None:
        self._reads = reads
        self.statements = 0

    async def fetch(self, *statement: Any) -> Any:
        """The rows of a statement."""
        self.statements += 1
        return await self._reads.fetch(*statement)


async def measure(database: Database, administrator: Viewer, rounds: int, on_round: Callable[[float], None]) -> Results:
    """Each kind of subscribers in turn."""
    results = Results()
    for name, (reach, scopes) in KINDS.items():
        async with database.sessions.begin() as session:
            await session.execute(sa.update(ROLES).values(dict.fromkeys(RIGHTS, reach)).where(~ROLES.c.administer))
        secrets = await _tokens(database, administrator, of_sellers=reach is not Access.ALL)
        results.told[name] = await _measure(database, administrator, secrets, Told(scopes), rounds)
        on_round(len(results.told) / len(KINDS))
    return results


async def _tokens(database: Database, administrator: Viewer, *, of_sellers: bool) -> list[str]:
    """A thousand bearer tokens of sellers in turn, or of the administrator."""
    organization = administrator.organization_id
    sellers = sa.select(USERS.c.id).where(USERS.c.organization_id == organization, USERS.c.unit_id.is_not(None))
    async with database.sessions.begin() as session:
        users = (await session.scalars(sellers)).all() if of_sellers else [administrator.user_id]
        made = []
        for place in range(SUBSCRIBERS):
            secret, hashed = new_secret(organization)
            made.append(secret)
            user_id = users[place % len(users)]
            session.add(Token(organization_id=organization, user_id=user_id, name=f"{place}", secret_hash=hashed))
    return made


async def _measure(database: Database, administrator: Viewer, secrets: list[str], told: Told, rounds: int) -> Told:
    hashes = {hash_of(secret): secret for secret in secrets}
    viewers = await find_viewers_by_tokens(database.reads, administrator.organization_id, list(hashes))
    counted: Any = CountedReads(database.reads)
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with aclosing(Live(url, counted)) as live, AsyncExitStack() as stack:
        contexts = [
            Context(replace(database, reads=counted), viewer, token=hashes[token_hash], known_live=live)
            for token_hash, viewer in viewers.items()
        ]
        streams = [await stack.enter_async_context(_subscribed(context)) for context in contexts]
        await _all_told(streams)
        for number in range(rounds):
            await asyncio.sleep(2 * BURST)  # a round that was under way has ended
            counted.statements = 0
            await _bill(database, administrator, number)
            told.seconds.append(await timed(partial(_all_told, streams)))
            told.statements.append(counted.statements)
    told.one_each = await timed(partial(_one_by_one, database, list(viewers.values())))
    return told


@asynccontextmanager
async def _subscribed(context: Context) -> AsyncIterator[Any]:
    stream: Any = await schema.subscribe(f"subscription {STRIP}", context_value=context)
    try:
        yield stream
    finally:
        await stream.aclose()


async def _all_told(streams: list[Any]) -> None:
    for result in await asyncio.gather(*(anext(stream) for stream in streams)):
        assert isinstance(result, ExecutionResult)
        assert not result.errors, result.errors


async def _one_by_one(database: Database, viewers: Sequence[Viewer]) -> None:
    for viewer in viewers:
        await ours.answer(database, viewer, Query("", "", STRIP))


async def _bill(database: Database, viewer: Viewer, number: int) -> None:
    """An invoice to a customer of each seller, in one commit."""
    rows = [
        {
            "external_id": f"live-{uuid4()}",
            "customer": Ref("number", customer),
            "status": Ref("name", "Sent"),
            "number": f"{number}-{customer}",
            "date": today(viewer.timezone),
            "amount": Money(Decimal(1), "EUR"),
        }
        for customer in range(1, CROWD["sellers"] + 1)
    ]
    async with database.sessions.begin() as session:
        made = await upsert_invoices(session, viewer, rows)
    assert not made.problems, made.problems
