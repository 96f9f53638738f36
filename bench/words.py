"""Finding among 100,000 customers, beside the same words looked for in every folded name, without an index.

The naive way is a sequential scan with `strpos`, sorted by name. It knows neither keys nor contacts nor slips, so its
answers are no yardstick; its time is, on whatever machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import orjson
import sqlalchemy as sa

from bench import ours, stopwatch
from bench.ground import CUSTOMERS, find_seller
from bench.queries import Promise, Query
from bench.stopwatch import Comparison
from db.connection import Database
from db.models import Access, Contact
from db.models.base import table_of
from resolvers.viewer import Viewer

CUSTOMERS_SEARCHED = 100_000
ROUNDS = 5
TURNS = 5
"""How often ours is timed in a round, for once that the naive way is."""

UNDER_20_MS = Promise(milliseconds=20)
CONTACTS = table_of(Contact)

PAGE = "query Search($text: String!) { customers(search: $text, first: 50) { nodes { id number name } } }"
BY_NAME = PAGE.replace("first: 50", "first: 50, orderBy: [{ name: ASC }]")
NEWEST = PAGE.replace("first: 50", "first: 50, orderBy: [{ createdAt: DESC }]")
COUNTED = PAGE.replace("{ nodes", "{ totalCount nodes")
CONTAINS = BY_NAME.replace("search: $text", "filter: { name: { contains: $text } }")
STARTS_WITH = CONTAINS.replace("contains", "startsWith")
CONTAINS_COUNTED = CONTAINS.replace("{ nodes", "{ totalCount nodes")

NAIVE = """
SELECT id, number, name FROM customers
WHERE organization_id = $1 AND deleted_at IS NULL AND {}
ORDER BY kartotek_fold(name), id LIMIT 50
"""


@dataclass(frozen=True, eq=False)
class Search(Query):
    """A query that looks for words, as somebody whose rights reach so far."""

    reach: Access = Access.ALL

    @property
    def words(self) -> list[str]:
        """What is looked for."""
        return list(self.variables["text"].split())


@dataclass(frozen=True)
class Sought:
    """A customer from the middle of the registry: what somebody might know of it."""

    own_word: str
    trade: str
    business_id: str
    email: str
    contact: str


def searches(sought: Sought) -> list[Search]:
    """What somebody types who looks for this customer, and words that are in many rows."""
    own, trade = sought.own_word.lower(), sought.trade
    slipped = own[:4] + own[4] + own[4:]
    return [
        _search("rare word", own),
        _search("three letters", own[:3]),
        _search("two words", f"{own} {trade}"),
        _search("in the other order", f"{trade} {own}"),
        _search("word of a third", "oy"),
        _search("beginning of all", "inf"),
        _search("common and rare", f"oy {own}"),
        _search("business id", sought.business_id),
        _search("VAT number, spelt", f"FI {sought.business_id}"),
        _search("e-mail address", sought.email),
        _search("accents", own.translate(str.maketrans("aou", "áöü")).upper()),
        _search("slip", slipped),
        _search("two slips", f"{slipped} {trade[1:]}"),
        _search("nothing like it", "xyzzyq"),
        _search("contact", sought.contact),
        _search("rare, by name", own, BY_NAME),
        _search("common, by name", "oy", BY_NAME),
        _search("rare, newest", own, NEWEST),
        _search("common, newest", "oy", NEWEST),
        _search("common, own", "oy", reach=Access.OWN),
        _search("common, unit's", "oy", reach=Access.UNIT),
        _search("rare, unit's", own[:5], reach=Access.UNIT),
        _search("slip, own", slipped, reach=Access.OWN),
        _search("rare, counted", own, COUNTED),
        _search("common, counted", "oy", COUNTED, promise=None),
        _search("name contains", own[2:], CONTAINS),
        _search("name contains, common", "oy", CONTAINS),
        _search("name starts with", own[:6], STARTS_WITH),
        _search("name contains, counted", own[2:], CONTAINS_COUNTED),
    ]


def _search(
    what: str, text: str, document: str = PAGE, reach: Access = Access.ALL, promise: Promise | None = UNDER_20_MS
) -> Search:
    return Search(what, f"{what}: {text}", document, {"text": text}, promise, reach)


async def measure(
    database: Database, administrator: Viewer, rounds: int, on_round: Callable[[float], None]
) -> Mapping[Query, Comparison]:
    """Each search beside the naive way, in turns."""
    queries = searches(await _somebody(database, administrator))
    async with database.sessions() as session:
        seller = await find_seller(session, administrator)
    found: dict[Query, Comparison] = {}
    for query in queries:
        viewer = administrator if query.reach is Access.ALL else _reaching(seller, query.reach)
        found[query] = await _compare(database, viewer, query, rounds)
        on_round(len(found) / len(queries))
    return found


async def _compare(database: Database, viewer: Viewer, query: Search, rounds: int) -> Comparison:
    answer, yardstick = partial(ours.answer, database, viewer, query), partial(_naively, database, viewer, query)
    return await stopwatch.alternate(answer, yardstick, rounds=rounds, turns=TURNS)


async def _naively(database: Database, viewer: Viewer, query: Search) -> bytes:
    has_words = [f"strpos(kartotek_fold(name), kartotek_fold(${place})) > 0" for place, _ in enumerate(query.words, 2)]
    rows = await database.reads.fetch(NAIVE.format(" AND ".join(has_words)), viewer.organization_id, *query.words)
    return orjson.dumps([dict(row.items()) for row in rows], default=str)


async def _somebody(database: Database, viewer: Viewer) -> Sought:
    customer, contact = CUSTOMERS.c, CONTACTS.c
    of_customer = (contact.organization_id == customer.organization_id) & (contact.customer_id == customer.id)
    middle = (
        sa.select(customer.name, customer.business_id, customer.email, contact.first_name, contact.last_name)
        .join(CONTACTS, of_customer)
        .where(customer.organization_id == viewer.organization_id, customer.country == "FI")
        .where(customer.number > CUSTOMERS_SEARCHED // 2)
        .order_by(customer.number)
        .limit(1)
    )
    async with database.sessions() as session:
        row = (await session.execute(middle)).one()
    own_word, trade, _ = row.name.split()
    return Sought(own_word, trade, row.business_id, row.email, f"{row.first_name} {row.last_name}")


def _reaching(seller: Viewer, reach: Access) -> Viewer:
    return replace(seller, permissions=replace(seller.permissions, read_customers=reach))
