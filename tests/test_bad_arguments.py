"""What cannot be right is told, with its place: never a failure on our side, and never everything."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type, is_enum_type, is_list_type, is_non_null_type
from hypothesis import given, note
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from tests.asking import ROOT_FIELDS, TYPES, Asking, Draw, Writer
from tests.oracle import ROOT_PAGES, Oracle
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
        for wanted in ({"country": {"eq": row["country"] + "X"}}, {"country": {"in": [row["country"] + "X"]}}):
            document = "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }"
            assert await told(database, VIEWER, document, {"f": wanted}) == {"customers": {"totalCount": 0}}


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


# ---------------------------------------------------------------------- one random place of a random filter


class Unset:
    """Stands where a variable is that was not given."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


@dataclass(frozen=True)
class Broken:
    """A filter that would be right but for one place, as written in a document."""

    document: str
    variables: Mapping[str, Any]
    place: tuple[str, ...]


class BrokenWriter(Writer):
    """Writes what is broken in as many ways as what is right."""

    def value(self, value: Any, kind: Any, *, always: bool = False, never: bool = False) -> str:
        if value is UNSET:
            name = f"v{len(self.declared)}"
            self.declared.append(f"${name}: {kind}")
            return f"${name}"
        if is_unset_in(value):  # no variable can have another one in its value
            return self.literal(value, kind)
        return super().value(value, kind, always=always, never=never)

    def literal(self, value: Any, kind: Any, *, never: bool = False) -> str:
        return "null" if value is None else super().literal(value, kind, never=never)


def is_unset_in(value: Any) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(part is UNSET or is_unset_in(part) for part in parts)


def breakable(value: Any, kind: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every place of a filter and what must not stand there instead."""
    is_needed = is_non_null_type(kind)
    kind = kind.of_type if is_needed else kind
    quantifies = path[-1:] in (("some",), ("none",))
    if path:
        yield from ((path, nothing) for nothing in ([None] if is_needed else [None, UNSET]))
    if isinstance(value, Mapping):
        if not quantifies:
            yield path, {}
        for name, item in value.items():
            yield from breakable(item, kind.fields[name].type, (*path, name))
    elif isinstance(value, list):
        yield path, []
        for place, item in enumerate(value):
            yield from breakable(item, kind.of_type, (*path, str(place)))


def replaced(value: Any, path: tuple[str, ...], nothing: Any) -> Any:
    if not path:
        return nothing
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        return [replaced(item, rest, nothing) if str(place) == step else item for place, item in enumerate(value)]
    return {name: replaced(item, rest, nothing) if name == step else item for name, item in value.items()}


@st.composite
def broken(draw: Draw) -> Broken:
    name = draw(st.sampled_from(sorted(ROOT_PAGES)))
    entity = ROOT_PAGES[name]
    kind = ROOT_FIELDS[name].args["filter"].type
    asking = Asking(draw, Oracle(WORLD.rows, VIEWER), WORLD.foreign, WORLD.today)
    given = asking.filter(entity, f"{entity}Filter", 3)
    place, nothing = draw(st.sampled_from(list(breakable(given, kind))))
    writer = BrokenWriter(draw)
    text = writer.value(replaced(given, place, nothing), kind)
    declared = f"({', '.join(writer.declared)})" if writer.declared else ""
    document = f"query Broken{declared} {{ {name}(filter: {text}) {{ totalCount nodes {{ id }} }} }}"
    return Broken(document, writer.variables, ("filter", *place))


@given(broken=broken())
async def test_a_filter_with_one_thing_missing_is_refused_with_its_place(database, broken):
    note(broken.document)
    note(repr(broken.variables))
    note(repr(broken.place))
    answer = await answered(database, VIEWER, broken.document, broken.variables)
    assert answer["data"] is None or not any(answer["data"].values())
    (error,) = answer["errors"]
    assert "our side" not in error["message"]
    if "extensions" in error:
        assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": list(broken.place)}
    else:  # GraphQL itself has refused it, and says where in its own way
        assert error["locations"]


ORDERS = [name for name in sorted(ROOT_PAGES) if "orderBy" in ROOT_FIELDS[name].args]


@pytest.mark.parametrize("name", ORDERS)
async def test_a_sort_key_that_leaves_open_what_to_sort_by_is_refused(database, refused, name):
    entity = ROOT_PAGES[name]
    plain = next(field for field, known in TYPES[f"{entity}Order"].fields.items() if is_enum_type(known.type))
    document = f"query ($o: [{entity}Order!]) {{ {name}(orderBy: $o) {{ totalCount }} }}"
    links = [field for field, known in TYPES[f"{entity}Order"].fields.items() if not is_enum_type(known.type)]
    wrong = [[{}], [None], [{plain: None}], [{plain: "ASC"}, {}]]
    wrong += [[{link: nothing}] for link in links for nothing in (None, {}, {"name": None})]
    for order in wrong:
        await refused(document, {"o": order})
    for text, declared in (
        ("{}", ""),
        ("[{}]", ""),
        (f"{{{plain}: null}}", ""),
        (f"{{{plain}: $d}}", "($d: SortDirection)"),
        ("[$k]", f"($k: {entity}Order)"),
        *((f"[{{{link}: {{}}}}]", "") for link in links),
        *((f"[{{{link}: {{name: $d}}}}]", "($d: SortDirection)") for link in links),
    ):
        await refused(f"query Q{declared} {{ {name}(orderBy: {text}) {{ totalCount }} }}")
    everything = await told(database, VIEWER, f"{{ {name}(first: 1000) {{ nodes {{ id }} }} }}")
    nothings: tuple[Any, ...] = (None, [])
    for none in nothings:
        document = f"query ($o: [{entity}Order!]) {{ {name}(orderBy: $o, first: 1000) {{ nodes {{ id }} }} }}"
        assert await told(database, VIEWER, document, {"o": none}) == everything


@pytest.mark.parametrize(
    ("declared", "filter", "value"),
    [
        ("$x: Boolean = true", "{ isActive: { eq: $x } }", True),
        ('$x: String = "a"', "{ name: { in: [$x] } }", "a"),
        ('$x: String = "a"', '{ name: { notIn: ["b", $x] } }', "a"),
        ("$x: CustomerFilter = {isActive: {eq: true}}", "{ or: [$x] }", {"isActive": {"eq": True}}),
        ("$x: CustomerGroup = ACTIVE", "{ contacts: { some: { customer: { kpi: { eq: $x } } } } }", "ACTIVE"),
    ],
)
async def test_a_default_stands_for_what_is_not_given_but_not_for_null(database, refused, declared, filter, value):
    document = f"query ({declared}) {{ customers(filter: {filter}) {{ nodes {{ id }} }} }}"
    assert await told(database, VIEWER, document) == await told(database, VIEWER, document, {"x": value})
    await refused(document, {"x": None})
