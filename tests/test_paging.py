"""The pages of a list are together the list: each row once, in order, both ways, while others come and go."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db import models
from db.connection import Database, connected
from db.models import table_of
from resolvers.ids import encode
from tests.conftest import cloned
from tests.rows import World, a_world, insert
from tests.worlds import answered, told

KEYS = {
    "customers": ("number", "name", "businessId", "country", "email", "isActive", "createdAt", "updatedAt"),
    "contacts": ("firstName", "lastName", "email", "isPrimary", "createdAt"),
    "cases": ("name", "isOpen", "value", "expectedClose", "closedOn"),
    "invoices": ("number", "date", "homeAmount"),
    "costs": ("date", "homeAmount"),
    "changes": (),
}
LINKS = {"customers": ("industry", "owner"), "contacts": (), "cases": ("owner",)}

World_ = tuple[Database, World]


@pytest.fixture(scope="module")
async def world(server: str, template: str) -> AsyncIterator[World_]:
    found = a_world(seed=11, size=25)
    async for url in cloned(server, template):
        async with connected(url) as database:
            await insert(database.engine, found.rows, found.foreign)
            yield database, found


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, str]:
    """A list, and an order for it as it is written: some keys, mixed directions, also through links."""
    name = draw(st.sampled_from(sorted(KEYS)))
    direction = st.sampled_from(("ASC", "DESC"))
    plain = [f"{{ {key}: {draw(direction)} }}" for key in KEYS[name]]
    linked = [f"{{ {link}: {{ name: {draw(direction)} }} }}" for link in LINKS.get(name, ())]
    chosen = draw(st.lists(st.sampled_from(plain + linked), max_size=3, unique=True)) if plain else []
    return name, f", orderBy: [{', '.join(chosen)}]" if chosen else ""


async def walked(world: World_, name: str, order: str, size: int, *, forward: bool) -> list[str]:
    """The ids of a list, page by page."""
    database, found = world
    count, far, more, edge = (
        ("first", "after", "hasNextPage", "endCursor")
        if forward
        else ("last", "before", "hasPreviousPage", "startCursor")
    )
    pages: list[list[str]] = []
    cursor = ""
    while True:
        document = f"{{ {name}({count}: {size}{cursor}{order}) {{ nodes {{ id }} pageInfo {{ {more} {edge} }} }} }}"
        page = (await told(database, found.administrator(), document))[name]
        pages.append([node["id"] for node in page["nodes"]])
        if not page["pageInfo"][more]:
            return [key for part in (pages if forward else reversed(pages)) for key in part]
        cursor = f', {far}: "{page["pageInfo"][edge]}"'


@given(order=orders(), size=st.integers(1, 30), forward=st.booleans())
async def test_the_pages_are_together_the_list(world: World_, order: tuple[str, str], size: int, forward: bool):
    name, written = order
    database, found = world
    document = f"{{ {name}(first: 1000{written}) {{ totalCount nodes {{ id }} }} }}"
    whole = (await told(database, found.administrator(), document))[name]
    ids = [node["id"] for node in whole["nodes"]]
    assert len(ids) == whole["totalCount"] > 0
    assert await walked(world, name, written, size, forward=forward) == ids


async def test_rows_that_stay_are_met_once_while_others_come_and_go(world: World_):
    database, found = world
    customers = table_of(models.Customer)
    alive = [row for row in found.rows["Customer"] if row["deleted_at"] is None]
    stay = {encode("Customer", row["id"]) for row in alive[::2]}
    goes = [row["id"] for row in alive[1::2]]
    seen: list[str] = []
    cursor: Any = None
    while True:
        variables = {"after": cursor}
        document = (
            "query ($after: String) { customers(first: 2, after: $after, orderBy: [{ name: DESC }]) "
            "{ nodes { id } pageInfo { hasNextPage endCursor } } }"
        )
        page = (await told(database, found.administrator(), document, variables))["customers"]
        seen += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
        if goes:
            async with database.engine.begin() as connection:
                gone = sa.update(customers).where(customers.c.id == goes.pop()).values(deleted_at=sa.func.now())
                await connection.execute(gone)
    assert [key for key in seen if key in stay] == list(dict.fromkeys(key for key in seen if key in stay))
    assert stay <= set(seen)
    async with database.engine.begin() as connection:
        back = [row["id"] for row in alive]
        await connection.execute(sa.update(customers).where(customers.c.id.in_(back)).values(deleted_at=None))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("first: -1", "between 0 and 1000"),
        ("first: 1001", "between 0 and 1000"),
        ("last: 1001", "between 0 and 1000"),
        ("first: 1, last: 1", "either first or last"),
        ('after: "nonsense"', "not a cursor"),
        ('after: ""', "not a cursor"),
        ('after: "bnVsbA=="', "not a cursor"),  # null
        ('after: "W10="', "not a cursor"),  # []
        ('before: "WyIiXQ=="', "not a cursor"),  # [""]
        ('after: "WyIiLCAxXQ=="', "not a cursor"),  # ["", 1]
        ('after: "WyIiLCAiXHUwMDAwIl0="', "not a cursor"),  # a NUL
        ('orderBy: [{ number: ASC }], after: "WyJudW1iZXIiLCA5OTk5OTk5OTk5OTksICIwIl0="', "not a cursor"),  # too large
        ('orderBy: [{ number: ASC }], after: "WyIiLCAieCJd"', "another order"),
    ],
)
async def test_what_cannot_be_a_page_is_told(world: World_, arguments: str, says: str):
    database, found = world
    answer = await answered(database, found.administrator(), f"{{ customers({arguments}) {{ nodes {{ id }} }} }}")
    (error,) = answer["errors"]
    assert says in error["message"]
    assert error["path"] == ["customers"]
    assert answer["data"] is None


async def test_no_page_at_all_is_a_page_of_fifty(world: World_):
    database, found = world
    first = await told(database, found.administrator(), "{ changes { nodes { id } } }")
    fifty = await told(database, found.administrator(), "{ changes(first: 50) { nodes { id } } }")
    assert first == fifty


async def test_an_empty_page_still_tells_where_it_is(world: World_):
    database, found = world
    document = "{ customers(first: 0) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    page = (await told(database, found.administrator(), document))["customers"]
    nowhere = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert page == {"nodes": [], "pageInfo": nowhere}
