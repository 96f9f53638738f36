"""However deep a query goes, each of its root fields is one statement."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, get_named_type, is_object_type

from db.connection import Database, connected
from resolvers.ids import encode
from schema.api import schema
from tests.conftest import cloned
from tests.rows import World, a_world, insert
from tests.worlds import told

assert schema._schema.query_type
ROOTS = schema._schema.query_type.fields
NOT_STORED = {"viewer", "kpis"}
"""These answer things that are not stored, each of whose stored fields is a query of its own."""

DEEP = """
{
  customers(first: 50) {
    totalCount
    edges { cursor node {
      name
      contacts(first: 3, orderBy: [{ lastName: ASC }]) { pageInfo { hasNextPage } nodes { customer {
        industry { name }
        owner { unit { parent { name } } role { permissions { readCustomers } } }
        cases(filter: { isOpen: { eq: true } }) { nodes {
          salesStatus { category }
          invoices(last: 2) { totalCount nodes { homeAmount { amount currency } status { sent } } }
        } }
      } } }
      billing(from: "2020-01-01") { amount }
    } }
  }
}
"""


@pytest.fixture(scope="module")
async def world(server: str, template: str) -> AsyncIterator[tuple[Database, World]]:
    found = a_world(seed=7, size=12)
    async for url in cloned(server, template):
        async with connected(url, pool_size=1) as database:
            await insert(database.engine, found.rows, found.foreign)
            yield database, found


@pytest.fixture
async def statements(world) -> AsyncIterator[list[str]]:
    """What reaches PostgreSQL, through either pool."""
    database, _ = world
    seen: list[str] = []
    with heard(database, seen):
        reads: Any = database.reads
        async with reads.acquire() as connection:
            driver: asyncpg.Connection = connection._con

        def note(record: Any) -> None:
            seen.append(record.query)

        driver.add_query_logger(note)
        yield seen
        driver.remove_query_logger(note)


@contextmanager
def heard(database: Database, seen: list[str]) -> Iterator[None]:
    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield
    sa.event.remove(database.engine.sync_engine, "before_cursor_execute", note)


def everything_below(type_: GraphQLObjectType, depth: int) -> str:
    """A selection of every field that needs no argument, so many links deep."""
    return "{ __typename " + " ".join(selected(name, field, depth) for name, field in type_.fields.items()) + " }"


def selected(name: str, field: GraphQLField, depth: int) -> str:
    named = get_named_type(field.type)
    if not is_object_type(named):
        return name
    is_page = named.name.endswith("Connection")
    left = depth - (0 if is_page or named.name == "PageInfo" else 1)
    return f"{name}{'(first: 2)' if is_page else ''} {everything_below(named, left)}" if left >= 0 else ""


def call(name: str, world: World) -> str:
    """The root field with what it requires."""
    field = ROOTS[name]
    named = get_named_type(field.type)
    customer = encode("Customer", world.rows["Customer"][0]["id"])
    given = {
        "id": f'"{customer}"' if named.name == "Node" else f'"{an_id(named.name, world)}"',
        "ids": f'["{customer}"]',
    }
    required = [arg for arg, definition in field.args.items() if isinstance(definition.type, GraphQLNonNull)]
    wanted = required or (["name"] if name == "report" else [])
    arguments = ", ".join(f"{arg}: {given.get(arg, chr(34) + 'r1' + chr(34))}" for arg in wanted)
    below = "{ id }" if named.name == "Node" else everything_below(named, 2)
    return f"{name}{f'({arguments})' if arguments else ''} {below}"


def an_id(entity: str, world: World) -> str:
    return encode(entity, world.rows[entity][0]["id"]) if world.rows.get(entity) else ""


async def test_a_query_five_relations_deep_is_one_statement(world, statements):
    database, found = world
    await told(database, found.administrator(), DEEP)
    assert len(statements) == 1


@pytest.mark.parametrize("name", sorted(ROOTS.keys() - NOT_STORED))
async def test_a_root_field_with_everything_below_it_is_one_statement(world, statements, name):
    database, found = world
    document = f"{{ {call(name, found)} }}"
    await told(database, found.administrator(), document)
    statements.clear()  # the driver asks each new connection once about types that it has not met before
    await told(database, found.administrator(), document)
    assert len(statements) == 1


async def test_two_root_fields_are_two_statements(world, statements):
    database, found = world
    await told(database, found.administrator(), "{ customers { totalCount } units { name } }")
    assert len(statements) == 2


async def test_an_id_that_cannot_be_one_asks_the_database_nothing(world, statements):
    database, found = world
    assert await told(database, found.administrator(), '{ customer(id: "nonsense") { name } }') == {"customer": None}
    assert statements == []


async def test_the_size_of_the_answer_changes_nothing(world, statements):
    database, found = world
    for size in (1, 10, 100):
        await told(
            database, found.administrator(), f"{{ customers(first: {size}) {{ nodes {{ owner {{ name }} }} }} }}"
        )
    assert len(statements) == 3
