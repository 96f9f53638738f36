"""The pages of a list are together the list: each row once, in order, both ways, while others come and go."""

import uuid
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, note
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db import models
from db.models import table_of
from resolvers.ids import encode
from tests.asking import ROOT_FIELDS, Asking, Draw, Writer, jsonable, oracles
from tests.oracle import Ask, Oracle
from tests.rows import MOMENTS, TEXTS, a_world
from tests.worlds import WORLDS, inhabited, told

BUSY = a_world(7)
"""Where customers come and go."""
VIEWER = BUSY.administrator()
STAYING = [row for row in BUSY.rows["Customer"] if row["deleted_at"] is None]
customers = table_of(models.Customer)


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template, [*WORLDS, BUSY]) as database:
        yield database


@dataclass(frozen=True)
class Walk:
    """A list to be read page by page."""

    oracle: Oracle
    ask: Ask
    document: str
    size: int
    backward: bool

    def expected(self) -> list[str]:
        rows = self.oracle.root(self.ask)["nodes"]
        return [row["id"] for row in rows]


@st.composite
def walks(draw: Any, worlds: Any, depth: int = 1) -> Walk:
    world, oracle = draw(oracles(worlds))
    (ask,) = Asking(draw, oracle, world.foreign, world.today).list_of(depth)
    writer = Writer(draw)
    args = ROOT_FIELDS[ask.name].args
    given = {name: value for name, value in ask.arguments.items() if name != "first" and draw(st.booleans())}
    literals = "".join(f", {name}: {writer.constant(value, args[name].type)}" for name, value in given.items())
    document = (
        "query Walk($first: Int, $after: String, $last: Int, $before: String) { list: "
        f"{ask.name}(first: $first, after: $after, last: $last, before: $before{literals})"
        "{ nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"
    )
    all_of_it = Ask(ask.key, ask.name, ask.on, ask.type, {**given, "first": 1000}, ask.fields)
    return Walk(oracle, all_of_it, document, draw(st.integers(1, 9)), draw(st.booleans()))


MOST_PAGES = 500
"""Far more than any list here has."""


async def pages(database, walk):
    """Page after page, forward or backward, to the end."""
    variables: dict[str, Any] = {"last" if walk.backward else "first": walk.size}
    for _ in range(MOST_PAGES):
        page = (await told(database, walk.oracle.viewer, walk.document, variables))["list"]
        info = page["pageInfo"]
        yield page
        if not info["hasPreviousPage" if walk.backward else "hasNextPage"]:
            return
        variables |= {"before": info["startCursor"]} if walk.backward else {"after": info["endCursor"]}
    pytest.fail("the list has no end")


@given(walk=walks(WORLDS))
async def test_the_pages_together_are_the_list_each_row_once(database, walk):
    note(walk.document)
    expected = walk.expected()
    read: list[str] = []
    async for page in pages(database, walk):
        ids = [row["id"] for row in page["nodes"]]
        read = ids + read if walk.backward else read + ids
        assert page["totalCount"] == len(expected)
        assert len(ids) == walk.size or len(read) == len(expected)
        # One has been where the reading began.
        seen_more = page["pageInfo"]["hasNextPage" if walk.backward else "hasPreviousPage"]
        assert seen_more == (len(read) > len(ids))
    assert read == expected


@dataclass(frozen=True)
class Busy:
    """A list of customers to be read page by page, while others come and go."""

    filter: dict[str, Any] | None
    order: list[Any]
    size: int
    backward: bool
    seed: int

    def expected(self) -> list[str]:
        """Those who are there all the time, in their order."""
        oracle = Oracle(BUSY.rows, VIEWER)
        met = [row for row in STAYING if self.filter is None or oracle.holds("Customer", row, self.filter)]
        return [encode("Customer", row["id"]) for row in oracle.ordered("Customer", met, self.order)]


@st.composite
def busy(draw: Draw) -> Busy:
    asking = Asking(draw, Oracle(BUSY.rows, VIEWER), BUSY.foreign, BUSY.today)
    given = asking.filter("Customer", "CustomerFilter", 1) if draw(st.booleans()) else None
    return Busy(given, asking.order("Customer"), draw(st.integers(2, 9)), draw(st.booleans()), draw(st.integers(0)))


PAGE = """
query ($filter: CustomerFilter, $orderBy: [CustomerOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  customers(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@given(busy=busy())
async def test_those_who_stay_are_read_once_and_in_order(database, busy):
    read: list[str] = []
    size, cursor, end, more = (
        ("last", "before", "startCursor", "hasPreviousPage")
        if busy.backward
        else ("first", "after", "endCursor", "hasNextPage")
    )
    variables: dict[str, Any] = {size: busy.size, "filter": jsonable(busy.filter), "orderBy": busy.order}
    passing = Passing(database, Random(busy.seed))
    await passing.by()
    for _ in range(MOST_PAGES):
        page = (await told(database, VIEWER, PAGE, variables))["customers"]
        ids = [row["id"] for row in page["nodes"]]
        read = ids + read if busy.backward else read + ids
        if not page["pageInfo"][more]:
            break
        variables[cursor] = page["pageInfo"][end]
        await passing.by()
    await passing.gone()
    expected = busy.expected()
    assert [text for text in read if text in ALL_STAYING] == expected
    assert len(read) == len(set(read))


ALL_STAYING = {encode("Customer", row["id"]) for row in STAYING}


class Passing:
    """Customers that come and go between the pages, while those who stay are edited where it does not matter."""

    def __init__(self, database, random: Random) -> None:
        self.database = database
        self.random = random
        self.here: list[uuid.UUID] = []
        self.number = 1_000

    async def by(self) -> None:
        leaving = [key for key in self.here if self.random.random() < 0.5]
        coming = [self.one() for _ in range(self.random.randint(0, 3))]
        self.here = [key for key in self.here if key not in leaving] + [row["id"] for row in coming]
        edited = self.random.choice(STAYING)["id"]
        async with self.database.engine.begin() as connection:
            await connection.execute(sa.delete(customers).where(customers.c.id.in_(leaving)))
            if coming:
                await connection.execute(sa.insert(customers), coming)
            await connection.execute(
                sa.update(customers)
                .where(customers.c.organization_id == BUSY.organization["id"], customers.c.id == edited)
                .values(notes=f"{self.number}", version=customers.c.version + 1)
            )

    def one(self):
        self.number += 1
        like = self.random.choice(STAYING)  # so that it sorts beside somebody
        own = {"id": models.base.new_id(), "number": self.number, "external_id": None, "business_id": None}
        return (
            like | own | {"name": self.random.choice((*TEXTS, like["name"])), "created_at": self.random.choice(MOMENTS)}
        )

    async def gone(self) -> None:
        async with self.database.engine.begin() as connection:
            await connection.execute(sa.delete(customers).where(customers.c.id.in_(self.here)))


async def test_no_size_at_all_is_a_page_of_fifty(database):
    large = max(WORLDS, key=lambda world: len(world.rows["Change"])).administrator()
    plain = await told(database, large, "{ changes { nodes { id } pageInfo { hasNextPage } } }")
    assert plain == await told(database, large, "{ changes(first: 50) { nodes { id } pageInfo { hasNextPage } } }")
    assert len(plain["changes"]["nodes"]) == 50


async def test_an_empty_page_still_tells_where_it_is(database):
    info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    for arguments, next_, previous in (("first: 0", True, False), ("last: 0", False, True)):
        page = (await told(database, VIEWER, f"{{ customers({arguments}) {{ nodes {{ id }} {info} }} }}"))["customers"]
        there = {"hasNextPage": next_, "hasPreviousPage": previous, "startCursor": None, "endCursor": None}
        assert page == {"nodes": [], "pageInfo": there}


async def test_the_rejections_of_an_operation_are_paged_too(database):
    """They have no ids, and so are in no other random list with cursors."""
    document = (
        "query ($id: ID!, $after: String) { bulkOperation(id: $id) { rejections(first: 1, after: $after) "
        "{ totalCount edges { cursor node { customerId problem { path } } } pageInfo { hasNextPage endCursor } } } }"
    )
    for operation in BUSY.rows["BulkOperation"]:
        theirs = [row for row in BUSY.rows["Rejection"] if row["operation_id"] == operation["id"]]
        expected = [(row["customer_ref"], row["path"]) for row in sorted(theirs, key=lambda row: row["id"])]
        found, variables, more = [], {"id": encode("BulkOperation", operation["id"])}, True
        while more:
            page = (await told(database, VIEWER, document, variables))["bulkOperation"]["rejections"]
            found += [(edge["node"]["customerId"], edge["node"]["problem"]["path"]) for edge in page["edges"]]
            more = page["pageInfo"]["hasNextPage"]
            assert page["totalCount"] == len(expected)
            assert page["pageInfo"]["endCursor"] == (page["edges"][0]["cursor"] if page["edges"] else None)
            variables["after"] = page["pageInfo"]["endCursor"]
        assert found == expected
