"""What cannot be right is told, with its place: never a failure on our side, and never everything."""

import base64
import json

import pytest
from graphql import GraphQLInputObjectType, get_named_type, is_list_type, is_non_null_type

from tests.asking import ROOT_FIELDS
from tests.oracle import ROOT_PAGES
from tests.rows import a_world
from tests.worlds import answered, inhabited, told

WORLD = a_world(21, size=6)
VIEWER = WORLD.administrator()
NOWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template, [WORLD]) as database:
        yield database


@pytest.fixture
def refused(database):
    async def refused(document, variables=None):
        """The one error of a document that must not be answered."""
        answer = await answered(database, VIEWER, document, variables)
        (error,) = answer["errors"]
        assert "our side" not in error["message"], document
        assert answer["data"] is None or not any(answer["data"].values())
        return error

    return refused


# ---------------------------------------------------------------------- every place of every filter


def filters(kind, depth):
    """Every place for a value in a filter: the path, what it takes, and how to write something there."""
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        is_list = is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)
        yield (name,), below, is_list
        if isinstance(below, GraphQLInputObjectType) and depth:
            for path, value, listed in filters(below, depth - 1):
                yield (name, *(["0"] if is_list else []), *path), value, listed


def written(path, value):
    """The value at the end of the path, as it may stand in variables."""
    for step in reversed(path):
        value = [value] if step == "0" else {step: value}
    return value


def places(name, depth=2):
    kind = get_named_type(ROOT_FIELDS[name].args["filter"].type)
    for path, below, is_list in filters(kind, depth):
        yield path, below, is_list, f"query ($f: {kind.name}) {{ {name}(filter: $f) {{ totalCount }} }}"


@pytest.mark.parametrize("name", sorted(ROOT_PAGES))
async def test_null_and_nothing_are_refused_anywhere_in_a_filter(database, refused, name):
    for path, below, is_list, document in places(name):
        quantifies = path[-1] in ("some", "none")
        nothings = [None, *([[]] if is_list else [{}] if below.name.endswith("Filter") and not quantifies else [])]
        for nothing in nothings:
            error = await refused(document, {"f": written(path, nothing)})
            if "extensions" in error:  # or GraphQL itself has refused a null
                assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": ["filter", *path]}
                assert error["path"] == [name]
    whole = await answered(database, VIEWER, document, {"f": {}})
    assert whole["errors"][0]["extensions"]["argument"] == ["filter"]


@pytest.mark.parametrize("name", sorted(ROOT_PAGES))
async def test_what_no_column_can_hold_is_refused_or_matches_nothing(database, refused, name):
    strange = {"String": ["a\0b"], "CountryCode": ["\0"], "CurrencyCode": ["\0"], "ID": ["\0", "nonsense"]}
    strange |= {
        "Decimal": ["1e999999", "1e-99999"],
        "DateTime": ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
    }
    for path, below, is_list, document in places(name, depth=1):
        for value in strange.get(below.name, ()):
            given = {"f": written(path, [value] if is_list else value)}
            if below.name != "ID":
                error = await refused(document, given)
                assert error["extensions"]["argument"] == ["filter", *path, *(["0"] if is_list else [])]
            elif path[-1] in ("eq", "in"):
                assert await told(database, VIEWER, document, given) == {name: {"totalCount": 0}}
            else:
                everything = await told(database, VIEWER, f"{{ {name} {{ totalCount }} }}")
                found = await told(database, VIEWER, document, given)
                linked = len(path) > 2  # and then only what has something at the end of the link
                assert found == everything or (linked and found[name]["totalCount"] <= everything[name]["totalCount"])


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
async def test_a_filter_that_leaves_open_what_to_find_is_refused_where_it_is_written(refused, filter):
    for document in (
        f"{{ customers(filter: {filter}) {{ totalCount }} }}",
        f"{{ contacts {{ nodes {{ customer {{ contacts(filter: {{ customer: {filter} }}) {{ totalCount }} }} }} }} }}",
        f"{{ kpis {{ activeCustomers {{ customers(filter: {filter}) {{ totalCount }} }} }} }}",
    ):
        error = await refused(document)
        assert error["extensions"]["code"] == "BAD_ARGUMENT"
        assert error["extensions"]["argument"][0] == "filter"


@pytest.mark.parametrize(
    ("declared", "filter", "variables"),
    [
        ("$n: StringFilter", "{ name: $n }", {}),
        ("$n: StringFilter", "{ name: $n }", {"n": None}),
        ("$n: StringFilter = null", "{ name: $n }", {}),
        ("$s: String", "{ name: { eq: $s } }", {}),
        ("$s: String", "{ name: { eq: $s } }", {"s": None}),
        ("$s: String", '{ name: { eq: $s, contains: "a" } }', {}),
        ("$l: [String!]", "{ name: { in: $l } }", {}),
        ("$c: ContactFilter", "{ contacts: { some: $c } }", {}),
        ("$c: [CustomerFilter!]", "{ isActive: { eq: true }, or: $c }", {}),
        ("$c: CustomerFilter", "{ isActive: { eq: true }, not: $c }", {}),
    ],
)
async def test_a_filter_that_leans_on_a_variable_not_given_is_refused(refused, declared, filter, variables):
    below = f"nodes {{ customer {{ contacts(filter: {{ customer: {filter} }}) {{ totalCount }} }} }}"
    for document in (
        f"query ({declared}) {{ customers(filter: {filter}) {{ totalCount }} }}",
        f"query ({declared}) {{ contacts(filter: {{ customer: {filter} }}) {{ totalCount }} }}",
        f"query ({declared}) {{ contacts {{ ...F }} }} fragment F on ContactConnection {{ {below} }}",
    ):
        error = await refused(document, variables)
        assert error["extensions"]["code"] == "BAD_ARGUMENT"
        assert error["extensions"]["argument"][0] == "filter"


async def test_no_filter_at_all_is_everything(database):
    everything = await told(database, VIEWER, "{ customers { totalCount } }")
    document = "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }"
    assert await told(database, VIEWER, document) == everything
    assert await told(database, VIEWER, document, {"f": None}) == everything
    assert await told(database, VIEWER, "{ customers(filter: null) { totalCount } }") == everything


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800"])
async def test_a_text_that_no_row_can_have_is_refused_where_it_is_written(refused, text):
    await refused(f'{{ customers(filter: {{ name: {{ eq: "{text}" }} }}) {{ totalCount }} }}')


@pytest.mark.parametrize("value", ['"NaN"', '"Infinity"', '"x"', '""', "true", "[1]"])
async def test_a_number_that_is_none_is_refused(refused, value):
    assert (
        "decimal" in (await refused(f"{{ cases(filter: {{ value: {{ gt: {value} }} }}) {{ totalCount }} }}"))["message"]
    )


async def test_a_value_longer_than_its_column_equals_nothing(database):
    """It must not be cut to the column's length, and then be found."""
    for row in WORLD.rows["Customer"]:
        for given in ({"country": {"eq": row["country"] + "X"}}, {"country": {"in": [row["country"] + "X"]}}):
            document = "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }"
            assert await told(database, VIEWER, document, {"f": given}) == {"customers": {"totalCount": 0}}


@pytest.mark.parametrize(
    "id", ["", "nonsense", "cus_", "cus_" + "0" * 32, "ind_" + "0" * 32, "xxx_" + "0" * 32, "CUS_"]
)
async def test_an_id_that_is_none_is_nothing(database, id):
    document = "query ($id: ID!) { node(id: $id) { id } customer(id: $id) { id } nodes(ids: [$id]) { id } }"
    assert await told(database, VIEWER, document, {"id": id}) == {"node": None, "customer": None, "nodes": [None]}


# ---------------------------------------------------------------------- cursors


def cursor(*content):
    return base64.b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    ("order", "content"),
    [
        ("", ["", None]),
        ("", ["", {"a": 1}]),
        ("", [[], NOWHERE]),
        ("", ["", NOWHERE, NOWHERE]),
        ("{number: ASC}", ["number", None, NOWHERE]),
        ("{number: ASC}", ["number", True, NOWHERE]),
        ("{number: ASC}", ["number", 1.0, NOWHERE]),
        ("{number: ASC}", ["number", "1", NOWHERE]),
        ("{number: ASC}", ["number", 10**4000, NOWHERE]),
        ("{number: ASC}", ["-number", 1, NOWHERE]),
        ("{isActive: ASC}", ["is_active", 1, NOWHERE]),
        ("{name: ASC}", ["name", "\ud800", NOWHERE]),
        ("{name: ASC}", ["name", ["x"], NOWHERE]),
        ("{name: ASC}", ["name", "x", "nonsense"]),
        ("{createdAt: ASC}", ["created_at", "2024-01-01T00:00:00", NOWHERE]),
        ("{createdAt: ASC}", ["created_at", "0001-01-01T00:00:00+14:00", NOWHERE]),
        ("{createdAt: ASC}", ["created_at", True, NOWHERE]),
        ("{createdAt: ASC}", ["created_at", "yesterday", NOWHERE]),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_refused(refused, order, content):
    order = f", orderBy: {order}" if order else ""
    for argument in ("after", "before"):
        error = await refused(
            f'{{ customers({argument}: "{cursor(*content)}"{order}) {{ nodes {{ id }} totalCount }} }}'
        )
        assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": [argument]}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999999", [0, [1, 2], 3], "x", {}])
async def test_an_amount_that_is_none_is_no_cursor(refused, value):
    given = cursor("value", value, NOWHERE)
    error = await refused(f'{{ cases(orderBy: {{value: ASC}}, after: "{given}") {{ nodes {{ id }} }} }}')
    assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": ["after"]}


@pytest.mark.parametrize(
    "raw", [b"[" * 100_000, b'["",NaN]', b'["",1e99999999]', b'["","\xff"]', b"{}", b"[]", b"null", b'[""]', b"", b'"']
)
async def test_bytes_that_are_no_cursor_are_refused(refused, raw):
    error = await refused(
        "query ($after: String) { customers(after: $after) { nodes { id } } }",
        {"after": base64.b64encode(raw).decode()},
    )
    assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": ["after"]}


# ---------------------------------------------------------------------- the rest


@pytest.mark.parametrize("page", ["first: -1", "last: -1", "first: 1001", "last: 2147483647", "first: 1, last: 1"])
async def test_a_page_that_is_none_is_refused_at_any_depth(refused, page):
    for document, path in (
        (f"{{ customers({page}) {{ totalCount }} }}", ["customers"]),
        (f"{{ customers {{ nodes {{ cases({page}) {{ nodes {{ costs {{ totalCount }} }} }} }} }} }}", ["customers"]),
        (f"{{ customers {{ nodes {{ cases {{ nodes {{ costs({page}) {{ totalCount }} }} }} }} }} }}", ["customers"]),
    ):
        error = await refused(document)
        assert error["path"] == path
        assert error["extensions"]["code"] == "BAD_ARGUMENT"


async def test_more_sort_keys_than_a_cursor_can_hold_are_refused(refused):
    keys = ", ".join(["{name: ASC}"] * 21)
    error = await refused(f"{{ customers(orderBy: [{keys}]) {{ edges {{ cursor }} }} }}")
    assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": ["orderBy"]}


async def test_no_report_has_a_name_with_a_nul(database):
    assert await told(database, VIEWER, '{ report(name: "\\u0000") { id } }') == {"report": None}


async def test_a_day_without_a_month_before_it_has_no_figures(database):
    previous = "billingThisMonth {{ previous {{ amount }} invoices(month: PREVIOUS) {{ totalCount }} }}"
    document = "{{ kpis(asOf: {}) {{ marginThisYear {{ billing {{ amount }} }} " + previous + " }} }}"
    answer = await answered(database, VIEWER, document.format('"0001-01-31"'))
    assert answer["errors"][0]["message"].startswith("kpis: asOf must be 0001-02-01 or later")
    for day in ('"0001-02-01"', '"9999-12-31"', "null"):
        await told(database, VIEWER, document.format(day))


async def test_too_many_ids_are_refused(refused):
    await refused("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x"] * 1001})
