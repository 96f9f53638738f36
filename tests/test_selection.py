"""What GraphQL lets a client write, and what is told of a query that cannot be meant so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from db.connection import Database, connected
from resolvers.ids import encode
from tests.builders import a_contact, a_customer, an_industry, an_organization, ref
from tests.conftest import cloned
from tests.worlds import answered


@pytest.fixture(scope="module")
async def asked(server: str, template: str) -> AsyncIterator[Any]:
    """A function that asks a small registry: two customers, one of them with an industry and a contact."""
    async for url in cloned(server, template):
        async with connected(url) as database:
            yield await _registry(database)


async def _registry(database: Database) -> Any:
    async with database.sessions.begin() as session:
        viewer = await an_organization(session, name="Acme Oy")
        industry = await an_industry(session, viewer, name="Retail")
        key = await a_customer(session, viewer, name="Ålandsbanken", number=7, industry=ref("Industry", industry))
        await a_contact(session, viewer, key, first_name="Anna", last_name="Virtanen")
        await a_customer(session, viewer, name="Zeta", number=8)
    customer = encode("Customer", key)

    async def ask(document: str, variables: Any = None) -> Any:
        return await answered(database, viewer, document.replace("CUSTOMER", customer), variables)

    return ask


async def data(asked: Any, document: str, variables: Any = None) -> Any:
    answer = await asked(document, variables)
    assert "errors" not in answer, answer
    return answer["data"]


async def test_aliases_keep_the_same_field_apart(asked):
    document = """{ customer(id: "CUSTOMER") {
        short: name long: name
        none: contacts(filter: { lastName: { eq: "X" } }) { n: totalCount }
        all: contacts { n: totalCount nodes { who: name } also: nodes { lastName } }
    } }"""
    expected = {
        "short": "Ålandsbanken",
        "long": "Ålandsbanken",
        "none": {"n": 0},
        "all": {"n": 1, "nodes": [{"who": "Anna Virtanen"}], "also": [{"lastName": "Virtanen"}]},
    }
    assert await data(asked, document) == {"customer": expected}


async def test_the_same_field_twice_is_one_with_all_that_is_wanted(asked):
    document = (
        '{ customer(id: "CUSTOMER") { industry { name } industry { code } ...A } } fragment A on Customer { name }'
    )
    assert await data(asked, document) == {
        "customer": {"industry": {"name": "Retail", "code": None}, "name": "Ålandsbanken"}
    }


async def test_fragments_within_fragments_and_on_the_interface(asked):
    document = """
        { node(id: "CUSTOMER") { __typename ... on Node { id } ...Card ... on Contact { lastName } } }
        fragment Card on Customer { name ...Place }
        fragment Place on Customer { industry { ... on Industry { name } } }"""
    node = (await data(asked, document))["node"]
    assert node == {
        "__typename": "Customer",
        "id": node["id"],
        "name": "Ålandsbanken",
        "industry": {"name": "Retail"},
    }


@pytest.mark.parametrize(("wanted", "keys"), [(True, {"name", "number"}), (False, {"name"})])
async def test_directives_with_variables(asked, wanted, keys):
    document = """query ($w: Boolean!, $not: Boolean!) { customer(id: "CUSTOMER") {
        name number @include(if: $w) ... @skip(if: $not) { number } } }"""
    assert (await data(asked, document, {"w": wanted, "not": not wanted}))["customer"].keys() == keys


async def test_variables_with_defaults(asked):
    document = """query ($n: Int = 1, $f: CustomerFilter = { name: { startsWith: "å" } }) {
        customers(first: $n, filter: $f) { nodes { name } } }"""
    assert (await data(asked, document))["customers"]["nodes"] == [{"name": "Ålandsbanken"}]
    zeta = {"f": {"name": {"startsWith": "ZE"}}}
    assert (await data(asked, document, zeta))["customers"]["nodes"] == [{"name": "Zeta"}]


async def test_typename_anywhere(asked):
    document = """{ __typename customers(first: 1) { __typename pageInfo { __typename } edges { __typename node {
        __typename billing { __typename amount } contacts { __typename edges { __typename } } } } } }"""
    contacts = {"__typename": "ContactConnection", "edges": [{"__typename": "ContactEdge"}]}
    node = {
        "__typename": "Customer",
        "billing": {"__typename": "Money", "amount": "0"},
        "contacts": contacts,
    }
    assert await data(asked, document) == {
        "__typename": "Query",
        "customers": {
            "__typename": "CustomerConnection",
            "pageInfo": {"__typename": "PageInfo"},
            "edges": [{"__typename": "CustomerEdge", "node": node}],
        },
    }


async def test_more_fields_than_a_function_takes_arguments(asked):
    names = [f"field_{'x' * 60}_{place}" for place in range(200)]
    document = f'{{ customer(id: "CUSTOMER") {{ {" ".join(f"{name}: name" for name in names)} }} }}'
    assert (await data(asked, document))["customer"] == dict.fromkeys(names, "Ålandsbanken")


@pytest.mark.parametrize(
    "filter",
    [
        "{}",
        "{ name: {} }",
        "{ name: { eq: null } }",
        "{ name: { in: [] } }",
        "{ name: null }",
        "{ or: [] }",
        "{ and: [{}] }",
        "{ not: {} }",
        "{ industry: {} }",
        "{ industry: { name: {} } }",
        "{ owner: { or: [] } }",
        "{ contacts: {} }",
        "{ contacts: { some: null } }",
        "{ contacts: { some: { lastName: {} } } }",
        "{ kpi: null }",
    ],
)
async def test_a_filter_that_leaves_open_what_to_find_is_refused(asked, filter):
    for document, variables in (
        (f"{{ customers(filter: {filter}) {{ totalCount }} }}", None),
        (f'{{ customer(id: "CUSTOMER") {{ contacts(filter: {{ customer: {filter} }}) {{ totalCount }} }} }}', None),
    ):
        answer = await asked(document, variables)
        assert answer["data"] is None or answer["data"] == {"customer": None}
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_ARGUMENT"
        assert error["extensions"]["argument"][0] == "filter"


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }", {"f": {}}),
        ("query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }", {"f": {"name": {"eq": None}}}),
        ("query ($n: StringFilter) { customers(filter: { name: $n }) { totalCount } }", {"n": {}}),
        ("query ($n: StringFilter) { customers(filter: { name: $n }) { totalCount } }", {"n": None}),
        ("query ($n: StringFilter) { customers(filter: { name: $n }) { totalCount } }", {}),
        ("query ($s: String) { customers(filter: { name: { eq: $s } }) { totalCount } }", {}),
        ('query ($s: String) { customers(filter: { name: { eq: $s, contains: "a" } }) { totalCount } }', {}),
        ("query ($s: String) { customers(filter: { name: { eq: $s } }) { totalCount } }", {"s": None}),
    ],
)
async def test_a_variable_that_leaves_open_what_to_find_is_refused(asked, document, variables):
    answer = await asked(document, variables)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "BAD_ARGUMENT"


async def test_no_filter_at_all_is_everything(asked):
    document = "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }"
    assert await data(asked, document) == {"customers": {"totalCount": 2}}


@pytest.mark.parametrize("id", ["", "nonsense", "cus_", "cus_" + "0" * 32, "ind_" + "0" * 32, "xxx_" + "0" * 32])
async def test_an_id_that_is_none_is_nothing(asked, id):
    document = "query ($id: ID!) { node(id: $id) { id } customer(id: $id) { id } nodes(ids: [$id]) { id } }"
    assert await data(asked, document, {"id": id}) == {"node": None, "customer": None, "nodes": [None]}
    document = "query ($id: ID!) { customers(filter: { id: { eq: $id } }) { totalCount } }"
    assert await data(asked, document, {"id": id}) == {"customers": {"totalCount": 0}}


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800"])
async def test_a_text_that_no_row_can_have_is_told(asked, text):
    answer = await asked(f'{{ customers(filter: {{ name: {{ eq: "{text}" }} }}) {{ totalCount }} }}')
    assert answer["data"] is None
    assert "our side" not in answer["errors"][0]["message"]


async def test_a_number_that_no_column_can_have_is_told(asked):
    answer = await asked('{ cases(filter: { value: { gt: "NaN" } }) { totalCount } }')
    assert "decimal" in answer["errors"][0]["message"]


async def test_a_query_that_multiplies_is_refused(asked):
    document = "{ customers(first: 1000) { nodes { contacts(first: 1000) { nodes { id } } } } }"
    answer = await asked(document)
    assert answer["errors"][0]["extensions"]["code"] == "TOO_MUCH"
    assert answer["data"] is None


async def test_a_query_that_goes_too_deep_is_refused(asked):
    document = (
        '{ customer(id: "CUSTOMER") { '
        + "contacts(first: 1) { nodes { customer { " * 20
        + "id"
        + " } } } " * 20
        + "} }"
    )
    answer = await asked(document)
    assert answer["errors"][0]["extensions"]["code"] == "TOO_MUCH"


async def test_chained_fragments_that_double_are_refused_soon(asked):
    levels = 7
    fragments = " ".join(
        f"fragment F{level} on Customer {{ "
        + " ".join(
            f"{alias}: contacts(first: 1) {{ nodes {{ customer {{ ...F{level + 1} }} }} }}" for alias in "abcdefgh"
        )
        + " }"
        for level in range(levels)
    )
    document = f'{{ customer(id: "CUSTOMER") {{ ...F0 }} }} {fragments} fragment F{levels} on Customer {{ id }}'
    answer = await asked(document)
    assert answer["errors"][0]["extensions"]["code"] == "TOO_MUCH"
