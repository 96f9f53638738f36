"""However much is asked, a root field that reads stored things is one statement."""

import pytest
import sqlalchemy as sa
from graphql import get_named_type, is_composite_type, is_non_null_type

from db.connection import connected
from resolvers.ids import TAGS, encode
from tests.asking import ROOT_FIELDS, TYPES
from tests.conftest import cloned
from tests.oracle import Oracle
from tests.rows import a_world, insert
from tests.wire import wired
from tests.worlds import answered, told

WORLD = a_world(3)
VIEWER = WORLD.administrator()

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
async def statements(server):
    """What reaches PostgreSQL by way of `database`."""
    async with wired(server) as wire:
        yield wire


@pytest.fixture(scope="module")
async def database(server, template, statements):
    """A database on connections that are open and have seen arrays: what the driver asks about those, it asks once."""
    async for url in cloned(server, template):
        async with connected(statements.url(url), pool_size=1) as database:
            await insert(database.engine, WORLD.rows, WORLD.foreign)
            await told(database, VIEWER, f"{{ nodes(ids: [{an_id('Customer')}]) {{ id }} }}")
            yield database


def is_stored(type_name: str) -> bool:
    return type_name.removesuffix("Connection") in TAGS or type_name == "Node"


STORED = sorted(name for name, field in ROOT_FIELDS.items() if is_stored(get_named_type(field.type).name))


def an_id(kind: str) -> str:
    return f'"{encode(kind, WORLD.rows[kind][1]["id"])}"'


def a_double() -> str:
    """The id of a customer that may be there twice."""
    oracle = Oracle(WORLD.rows, VIEWER)
    each = (encode("Customer", row["id"]) for row in WORLD.rows["Customer"])
    return next(text for text in each if oracle.possible_duplicates(text))


def needed(field) -> str:
    """Values for the arguments that must be given, and pages small enough to go deep."""
    answered = get_named_type(field.type).name
    values = {
        "id": lambda: an_id("Case" if answered == "Node" else answered),
        "ids": lambda: f"[{an_id('Case')}, {an_id('Invoice')}]",
        "customerId": lambda: f'"{a_double()}"',
        "name": lambda: '"r1"',
        "first": lambda: "2",
    }
    wanted = [name for name, argument in field.args.items() if is_non_null_type(argument.type)]
    wanted += [name for name in ("name", "first") if name in field.args]
    return f"({', '.join(f'{name}: {values[name]()}' for name in wanted)})" if wanted else ""


def deep(type_name: str, relations: int, below: str = "") -> str:
    """All values of a type, and the next of its relations so far down; another one at each level."""
    if type_name == "Node":
        return f"{{ id {' '.join(f'... on {kind} {deep(kind, relations)}' for kind in ('Case', 'Invoice'))} }}"
    texts, links = ["__typename"], []
    for name, field in TYPES[type_name].fields.items():
        kind = get_named_type(field.type)
        if is_stored(kind.name) and (type_name in TAGS or type_name == "Rejection"):
            links.append(f"{name}{needed(field)} {deep(kind.name, relations - 1)}" if relations else "")
        elif is_composite_type(kind):
            texts.append(f"{name} {deep(kind.name, relations)}")
        else:
            texts.append(name)
    chosen = links[relations % len(links)] if links and relations else ""
    return f"{{ {' '.join(texts)} {chosen} }}"


async def test_a_transaction_is_three_statements(database, statements):
    with statements.counted(3):
        async with database.sessions.begin() as session:
            await session.execute(sa.text("SELECT 1"))


@pytest.mark.parametrize("name", STORED)
async def test_a_root_field_is_one_statement_five_relations_deep(database, statements, name):
    field = ROOT_FIELDS[name]
    kind = get_named_type(field.type).name
    document = f"{{ {name}{needed(field)} {deep(kind, 5)} }}"
    with statements.counted(1):
        found = await told(database, VIEWER, document)
    assert found[name]


async def test_wide_and_five_relations_deep_is_one_statement(database, statements):
    with statements.counted(1):
        await told(database, VIEWER, DEEP)


async def test_each_of_several_root_fields_is_one(database, statements):
    with statements.counted(3):
        await told(database, VIEWER, "{ customers { totalCount } more: customers { nodes { name } } units { name } }")


async def test_the_viewer_is_one_for_the_user_and_one_for_the_organisation(database, statements):
    with statements.counted(2):
        await told(
            database, VIEWER, "{ viewer { user { unit { name } } organization { name } permissions { administer } } }"
        )


@pytest.mark.parametrize(
    ("figure", "rows"),
    [
        ("marginThisYear", "invoices"),
        ("marginThisYear", "costs"),
        ("billingThisMonth", "invoices"),
        ("activeCustomers", "customers"),
        ("prospectsInPipeline", "customers"),
    ],
)
async def test_the_strip_is_one_and_the_list_behind_a_figure_one_more(database, statements, figure, rows):
    entity = {"invoices": "Invoice", "costs": "Cost", "customers": "Customer"}[rows]
    document = f"{{ kpis {{ {figure} {{ label {rows}(first: 2) {deep(f'{entity}Connection', 5)} }} }} }}"
    with statements.counted(2):
        await told(database, VIEWER, document)


async def test_the_history_is_one_more(database, statements):
    with statements.counted(2):
        await told(database, VIEWER, "{ kpis { history(months: 24) { billing { amount } } } }")


async def test_nothing_is_asked_of_the_database_for_what_cannot_be_there(database, statements):
    with statements.counted(0):
        await told(database, VIEWER, '{ node(id: "nonsense") { id } customer(id: "usr_1") { name } __typename }')


async def test_the_size_of_the_answer_changes_nothing(database, statements):
    for size in (1, 10, 100):
        with statements.counted(1):
            await told(database, VIEWER, f"{{ customers(first: {size}) {{ nodes {{ owner {{ name }} }} }} }}")


async def test_a_statement_that_takes_too_long_is_stopped_and_told(server: str, template: str):
    async for url in cloned(server, template):
        async with connected(url, statement_timeout=0.001) as hasty, connected(url) as database:
            found = a_world(seed=3, size=40)
            await insert(database.engine, found.rows, found.foreign)
            answer = await answered(hasty, found.administrator(), DEEP)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "TOOK_TOO_LONG"
    assert error["path"] == ["customers"]
