"""What a report builder works with: fields to choose from, the document they make, and its rows."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from schema.api import schema
from schema.context import Context
from schema.report_builder import compose, list_fields
from schema.report_document import read_document
from schema.report_health import core_of
from tests.builders import a_contact, a_customer
from tests.clients import a_token

CORE = core_of(schema)
ROOTS = ("CUSTOMERS", "CONTACTS", "CASES", "INVOICES")
FIELDS = {root: list_fields(CORE, root, "en") for root in ROOTS}
COMPOSE = """
query ($root: ReportRoot!, $paths: [String!]!, $filter: JSON, $orderBy: JSON) {
  composeReport(root: $root, paths: $paths, filter: $filter, orderBy: $orderBy) {
    document problems { code message path line column }
  }
}
"""
ROWS = """
query ($name: String, $document: String, $variables: JSON, $first: Int, $after: String) {
  reportRows(name: $name, document: $document, variables: $variables, first: $first, after: $after) {
    columns { path label type } rows pageInfo { hasNextPage endCursor } problems { code message path line column }
  }
}
"""


def columns_of(document):
    table = read_document(CORE, document, "en").table
    assert table is not None
    return table.columns


@pytest.fixture
def ask(database, viewer, registries):
    async def ask(query, /, **variables):
        result = await schema.execute(
            query, variable_values=variables, context_value=Context(database, viewer, registries)
        )
        assert not result.errors
        return orjson.loads(orjson.dumps(result.data))

    return ask


@pytest.fixture
async def customers(sessions, viewer):
    async with sessions.begin() as session:
        for place, name in enumerate(("Aalto", "Berg", "Castrén")):
            key = await a_customer(session, viewer, name=name, email=f"info@{place}.example")
            for number in range(place):
                await a_contact(session, viewer, key, last_name=f"{name} {number}")


@pytest.mark.parametrize("root", ROOTS)
def test_every_field_that_is_listed_can_be_a_column(root):
    for field in FIELDS[root]:
        document, problems = compose(CORE, root, [field.path], None, None)
        assert problems == []
        assert [(column.name, column.type) for column in columns_of(document)] == [(field.path, field.type)]
        assert field.description
        assert field.label.strip()


def test_the_fields_of_customers_go_through_links_and_lists():
    known = {field.path: field for field in FIELDS["CUSTOMERS"]}
    assert (known["name"].label, known["name"].type, known["name"].is_list) == ("Name", "String!", False)
    assert (known["owner.unit.name"].label, known["owner.unit.name"].is_list) == ("Owner / Unit / Name", False)
    assert (known["contacts.nodes.email"].label, known["contacts.nodes.email"].is_list) == ("Contacts / E-mail", True)
    assert (known["contacts.totalCount"].label, known["contacts.totalCount"].is_list) == ("Contacts / Count", False)
    assert known["addresses.city"].is_list
    assert known["cases.nodes.invoices.nodes.amount.amount"].type == "Decimal!"
    assert "contacts.nodes.customer.name" not in known


async def test_labels_are_in_the_clients_language(client, sessions, viewer):
    document = "{ reportFields(root: CONTACTS) { path label } }"
    token = await a_token(sessions, viewer)
    for language, label in (("sv", "Kund / Namn"), ("fi", "Asiakas / Nimi"), ("en", "Customer / Name")):
        headers = token | {"Accept-Language": language}
        answer = (await client.post("/graphql", json={"query": document}, headers=headers)).json()
        assert {"path": "customer.name", "label": label} in answer["data"]["reportFields"]


@pytest.mark.usefixtures("customers")
async def test_a_report_is_built_without_writing_graphql(ask):
    composed = (
        await ask(
            COMPOSE,
            root="CUSTOMERS",
            paths=["name", "contacts.nodes.lastName", "owner.name", "contacts.totalCount"],
            filter={"name": {"startsWith": "ca"}, "isActive": {"eq": True}},
            orderBy=[{"name": "DESC"}],
        )
    )["composeReport"]
    assert composed["problems"] == []
    assert composed["document"].startswith("query Customers {\n  customers(")
    found = (await ask(ROWS, document=composed["document"]))["reportRows"]
    assert found["rows"] == [["Castrén", "Castrén 0", 2, None], ["Castrén", "Castrén 1", 2, None]]
    assert [column["path"] for column in found["columns"]] == [
        "name", "contacts.nodes.lastName", "contacts.totalCount", "owner.name",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given_", "path", "words"),
    [
        ({"paths": []}, ["paths"], "at least"),
        ({"paths": ["name", "nam"]}, ["paths", "1"], "no field nam"),
        ({"paths": ["owner"]}, ["paths", "0"], "no field owner"),
        ({"paths": ["name.first"]}, ["paths", "0"], "no field name.first"),
        ({"paths": [""]}, ["paths", "0"], "no field"),
        ({"paths": ["name"] * 501}, ["paths"], "more than 500"),
        ({"paths": ["contacts.nodes.email", "addresses.city"]}, ["paths"], "multiply"),
        ({"filter": {"nam": {"eq": "x"}}}, ["filter"], "nam"),
        ({"filter": {"isActive": {"eq": "x"}}}, ["filter", "isActive", "eq"], "Boolean"),
        ({"orderBy": {"name": "UP"}}, ["orderBy", "name"], "UP"),
        ({"filter": {}}, ["filter"], "empty"),
        ({"filter": {"name": {"eq": "\0"}}}, ["filter"], "no text here"),
    ],
)
async def test_what_cannot_be_put_together_is_told_with_its_place(ask, given_, path, words):
    asked = {"root": "CUSTOMERS", "paths": ["name"], **given_}
    composed = (await ask(COMPOSE, **asked))["composeReport"]
    assert composed["document"] is None
    problem = composed["problems"][0]
    assert problem["path"] == path
    assert words in problem["message"]


@given(
    root=st.sampled_from(ROOTS),
    chosen=st.lists(st.integers(0, 10_000), min_size=1, max_size=8),
)
def test_whatever_is_chosen_makes_a_report_or_a_problem(root, chosen):
    known = FIELDS[root]
    paths = [known[place % len(known)].path for place in chosen]
    document, problems = compose(CORE, root, paths, None, None)
    assert (document is None) == bool(problems)
    if document:
        assert {column.name for column in columns_of(document)} == set(paths)


@pytest.mark.usefixtures("customers")
async def test_rows_of_a_saved_report_come_by_its_name(ask):
    save = "mutation ($input: ReportInput!) { saveReport(input: $input) { problems { message } } }"
    document = "query ($text: String!) { customers(filter: { name: { eq: $text } }) { nodes { name email } } }"
    await ask(save, input={"name": "by-name", "title": "By name", "document": document})
    found = (await ask(ROWS, name="by-name", variables={"text": "Berg"}))["reportRows"]
    assert found["rows"] == [["Berg", "info@1.example"]]
    assert [column["label"] for column in found["columns"]] == ["Nimi", "Sähköposti"]


@pytest.mark.parametrize(
    ("asked", "code", "place", "words"),
    [
        ({"name": "none"}, "NOT_FOUND", (None, None), "no report none"),
        ({"document": "{ customers { nodes {\n  nam } } }"}, "REPORT_INVALID", (2, 3), "nam"),
        ({"document": "{ units { name } } #" + "x" * 100_000}, "REPORT_INVALID", (None, None), "at most 100,000"),
        ({"document": "query ($n: Int!) { customers(first: $n) { nodes { name } } }"}, "INVALID", (1, 8), "$n"),
    ],
)
async def test_what_has_no_rows_is_told(ask, asked, code, place, words):
    found = (await ask(ROWS, **asked))["reportRows"]
    assert (found["columns"], found["rows"]) == ([], [])
    problem = found["problems"][0]
    assert (problem["code"], (problem["line"], problem["column"])) == (code, place)
    assert words in problem["message"]


@pytest.mark.usefixtures("customers")
async def test_pages_are_of_the_size_asked_for(ask):
    document = "{ customers { nodes { name contacts { nodes { lastName } } } } }"
    first = (await ask(ROWS, document=document, first=2))["reportRows"]
    assert [row[0] for row in first["rows"]] == ["Aalto", "Berg"]
    after = first["pageInfo"]["endCursor"]
    rest = (await ask(ROWS, document=document, first=2, after=after))["reportRows"]
    assert [row[1] for row in rest["rows"]] == ["Castrén 0", "Castrén 1"]
    assert not rest["pageInfo"]["hasNextPage"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "either a name or a document"),
        ({"name": "a", "document": "b"}, "either a name or a document"),
        ({"document": "{ units { name } }", "first": 1001}, "between 0 and 1000"),
        ({"document": "{ units { name } }", "variables": [1]}, "variables are an object"),
        ({"document": "{ units { name } }", "after": "x"}, "not a cursor"),
        ({"document": "{ customers { nodes { name } } }", "after": "WyJ0YWJsZSJd"}, "not a cursor"),
        ({"document": "{ customers { nodes { name } } }", "after": "WyIiLCAxXQ=="}, "another order"),
    ],
)
async def test_wrong_pages_are_errors(database, viewer, registries, asked, words):
    result = await schema.execute(ROWS, variable_values=asked, context_value=Context(database, viewer, registries))
    assert result.errors
    assert words in result.errors[0].message
