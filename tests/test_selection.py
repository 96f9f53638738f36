"""Aliases, fragments, directives, variables and `__typename`: what GraphQL allows in a selection, works anywhere."""

import orjson
import pytest

from resolvers.ids import encode
from schema.api import schema
from schema.context import Context
from tests.rows import a_world, permissions
from tests.worlds import answered, inhabited, told

WORLD = a_world(12)
VIEWER = WORLD.administrator()
CUSTOMERS = sorted((row for row in WORLD.rows["Customer"] if row["deleted_at"] is None), key=lambda row: row["number"])
FIRST = CUSTOMERS[0]
FIRST_ID = encode("Customer", FIRST["id"])


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template, [WORLD]) as database:
        yield database


@pytest.fixture
def ask(database):
    return lambda document, **variables: told(database, VIEWER, document, variables)


@pytest.fixture
def fails(database):
    async def fails(document, **variables):
        answer = await answered(database, VIEWER, document, variables)
        assert answer["errors"], answer
        return answer["errors"]

    return fails


async def test_the_same_field_comes_under_several_aliases(ask):
    data = await ask("query ($id: ID!) { one: customer(id: $id) { a: name b: name name } }", id=FIRST_ID)
    assert data == {"one": dict.fromkeys(("a", "b", "name"), FIRST["name"])}


async def test_an_alias_may_be_the_name_of_another_field(ask):
    data = await ask("query ($id: ID!) { customer(id: $id) { name: number number: name id: isActive } }", id=FIRST_ID)
    assert data == {"customer": {"name": FIRST["number"], "number": FIRST["name"], "id": FIRST["is_active"]}}


async def test_aliases_of_a_list_have_arguments_of_their_own(ask):
    data = await ask(
        "{ customers(first: 1000) { nodes { some: contacts(first: 1) { totalCount nodes { id } } "
        "none: contacts(first: 0) { nodes { id } } last: contacts(last: 1) { nodes { id } } } } }"
    )
    for row in data["customers"]["nodes"]:
        assert row["none"] == {"nodes": []}
        assert len(row["some"]["nodes"]) == min(row["some"]["totalCount"], 1)
        assert (row["some"]["nodes"] == row["last"]["nodes"]) == (row["some"]["totalCount"] < 2)


async def test_keys_come_in_the_order_in_which_they_are_written(database):
    document = (
        "query ($id: ID!) { customer(id: $id) { version ...F name ... { email isActive } id version } }"
        "fragment F on Customer { phone name country }"
    )
    result = await schema.execute(document, variable_values={"id": FIRST_ID}, context_value=Context(database, VIEWER))
    answer = orjson.loads(orjson.dumps(result.data))
    assert list(answer["customer"]) == ["version", "phone", "name", "country", "email", "isActive", "id"]


async def test_selections_of_one_field_are_merged_from_wherever_they_are(ask):
    data = await ask(
        """
        query ($id: ID!) {
          ...Whole
          customer(id: $id) { industry { name } contacts(first: 2) { totalCount } }
          ... on Query { customer(id: $id) { industry { code } } }
        }
        fragment Whole on Query { customer(id: $id) { ...Part contacts(first: 2) { nodes { id } } } }
        fragment Part on Customer { industry { id } }
        """,
        id=FIRST_ID,
    )
    assert set(data["customer"]) == {"industry", "contacts"}
    assert set(data["customer"]["contacts"]) == {"nodes", "totalCount"}
    assert data["customer"]["industry"] is None or set(data["customer"]["industry"]) == {"id", "name", "code"}


async def test_fragments_lie_within_fragments(ask):
    data = await ask(
        """
        query ($id: ID!) { node(id: $id) { ...A } }
        fragment A on Node { ... on Customer { ...B } }
        fragment B on Customer { ... { ... on Node { id } } ...C }
        fragment C on Customer { name }
        """,
        id=FIRST_ID,
    )
    assert data == {"node": {"id": FIRST_ID, "name": FIRST["name"]}}


async def test_a_fragment_on_another_type_says_nothing(ask):
    data = await ask(
        "query ($id: ID!) { node(id: $id) { __typename ... on Contact { id lastName } ... on Case { name } } }",
        id=FIRST_ID,
    )
    assert data == {"node": {"__typename": "Customer"}}


@pytest.mark.parametrize("wanted", [True, False])
async def test_skip_and_include_work_on_fields_fragments_and_lists(ask, wanted):
    data = await ask(
        """
        query ($id: ID!, $yes: Boolean!, $no: Boolean = false) {
          customer(id: $id) {
            id
            name @include(if: $yes)
            number @skip(if: $yes)
            email @skip(if: $no) @include(if: $yes)
            ... @include(if: $yes) { phone }
            ... on Customer @skip(if: $yes) { website }
            ...F @include(if: $yes)
            contacts @include(if: $yes) { totalCount edges @skip(if: true) { cursor } }
          }
        }
        fragment F on Customer { version }
        """,
        id=FIRST_ID,
        yes=wanted,
    )
    there = {"name", "email", "phone", "version", "contacts"} if wanted else {"number", "website"}
    assert set(data["customer"]) == {"id"} | there


async def test_the_same_document_answers_either_way(ask):
    document = "query ($id: ID!, $named: Boolean!) { customer(id: $id) { id name @include(if: $named) } }"
    for named in (True, False, True):
        assert ("name" in (await ask(document, id=FIRST_ID, named=named))["customer"]) == named


async def test_where_all_is_skipped_an_empty_object_is_left(ask):
    data = await ask(
        """
        query ($id: ID!) {
          customer(id: $id) { name @skip(if: true) }
          node(id: $id) { id @skip(if: true) }
          nodes(ids: [$id]) { id @skip(if: true) }
          units { name @skip(if: true) }
          customers(first: 1) {
            nodes { name @skip(if: true) }
            edges { cursor @skip(if: true) }
            pageInfo { endCursor @skip(if: true) }
          }
          contacts { totalCount @skip(if: true) }
        }
        """,
        id=FIRST_ID,
    )
    assert data == {
        "customer": {},
        "node": {},
        "nodes": [{}],
        "units": [{}] * len(WORLD.rows["Unit"]),
        "customers": {"nodes": [{}], "edges": [{}], "pageInfo": {}},
        "contacts": {},
    }


async def test_typename_is_known_everywhere(ask):
    data = await ask(
        """
        query ($id: ID!) {
          __typename
          customers(first: 1) {
            __typename
            edges { __typename node { __typename billing { __typename } contacts(first: 0) { __typename } } }
            pageInfo { __typename }
          }
          roles { __typename permissions { __typename } }
          node(id: $id) { kind: __typename }
          viewer { __typename user { __typename } }
          kpis { __typename activeCustomers { __typename } }
        }
        """,
        id=FIRST_ID,
    )
    (edge,) = data["customers"]["edges"]
    assert data["__typename"] == "Query"
    assert data["customers"] | {"edges": []} == {
        "__typename": "CustomerConnection",
        "edges": [],
        "pageInfo": {"__typename": "PageInfo"},
    }
    assert edge == {
        "__typename": "CustomerEdge",
        "node": {
            "__typename": "Customer",
            "billing": {"__typename": "Money"},
            "contacts": {"__typename": "ContactConnection"},
        },
    }
    assert data["roles"][0] == {"__typename": "Role", "permissions": {"__typename": "Permissions"}}
    assert data["node"] == {"kind": "Customer"}
    assert data["viewer"] == {"__typename": "Viewer", "user": {"__typename": "User"}}
    assert data["kpis"] == {"__typename": "Kpis", "activeCustomers": {"__typename": "CustomerCountKpi"}}


async def test_more_fields_than_a_function_of_postgresql_takes(ask):
    # A text, a type's name, a null, an object and a list are each written in a way of their own.
    fields = " ".join(f"{name}{place}: {text}" for place in range(20) for name, text in MANY.items())
    data = await ask(f"query ($id: ID!) {{ customer(id: $id) {{ {fields} }} }}", id=FIRST_ID)
    one = await ask(
        f"query ($id: ID!) {{ customer(id: $id) {{ {' '.join(f'{n}: {t}' for n, t in MANY.items())} }} }}", id=FIRST_ID
    )
    assert data["customer"] == {f"{name}{place}": one["customer"][name] for place in range(20) for name in MANY}
    assert list(data["customer"])[:3] == [f"{name}0" for name in MANY][:3]


MANY = {
    "t": "__typename",
    "name": "name",
    "id": "id",
    "number": "number",
    "sum": "billing { amount }",
    "edit": "viewerCanEdit",
    "owner": "owner { name }",
    "notes": "notes",
    "list": "contacts(first: 1) { nodes { name } totalCount }",
    "addresses": "addresses { city }",
    "at": "createdAt",
}


async def test_keys_may_be_long_and_many(ask):
    names = [f"field_{'x' * 60}_{place}" for place in range(200)]
    document = f"query ($id: ID!) {{ customer(id: $id) {{ {' '.join(f'{name}: name' for name in names)} }} }}"
    assert (await ask(document, id=FIRST_ID))["customer"] == dict.fromkeys(names, FIRST["name"])


async def test_more_fields_of_parts_without_a_value(ask):
    fields = " ".join(f"{name}{place}: {name}" for place in range(30) for name in ("line", "column", "code"))
    data = await ask(f"{{ reports {{ nodes {{ health {{ problems {{ {fields} }} }} }} }} }}")
    assert any(report["health"]["problems"] for report in data["reports"]["nodes"])
    ids = [encode("BulkOperation", row["operation_id"]) for row in WORLD.rows["Rejection"]]
    rejections = f"rejections {{ nodes {{ problem {{ {fields} }} }} }}"
    document = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on BulkOperation {{ {rejections} }} }} }}"
    data = await ask(document, ids=ids[:3])
    problems = [rejection["problem"] for operation in data["nodes"] for rejection in operation["rejections"]["nodes"]]
    assert problems
    assert all(len(problem) == 90 and problem["line7"] is None and problem["code29"] for problem in problems)


# ---------------------------------------------------------------------- variables


async def test_variables_have_defaults_and_are_overruled(ask):
    document = (
        "query ($size: Int = 2, $by: [CustomerOrder!] = [{number: ASC}]) "
        "{ customers(first: $size, orderBy: $by) { nodes { number } } }"
    )
    numbers = [row["number"] for row in CUSTOMERS]
    assert [row["number"] for row in (await ask(document))["customers"]["nodes"]] == numbers[:2]
    answer = await ask(document, size=3, by=[{"number": "DESC"}])
    assert [row["number"] for row in answer["customers"]["nodes"]] == numbers[::-1][:3]


async def test_arguments_left_open_are_as_if_not_written(ask):
    document = (
        "query ($first: Int, $after: String, $filter: CustomerFilter, $by: [CustomerOrder!], $from: Date) "
        "{ customers(first: $first, after: $after, filter: $filter, orderBy: $by) "
        "{ totalCount nodes { id billing(from: $from) { amount } } } }"
    )
    plain = await ask("{ customers { totalCount nodes { id billing { amount } } } }")
    assert await ask(document) == plain
    nothing = dict.fromkeys(("first", "after", "filter", "by", "from"))
    assert await ask(document, **nothing) == plain


async def test_one_plan_serves_other_values(ask):
    document = "query ($name: String!) { customers(filter: {name: {eq: $name}}) { nodes { name } totalCount } }"
    for row in CUSTOMERS[:6]:
        found = (await ask(document, name=row["name"]))["customers"]
        assert {node["name"] for node in found["nodes"]} == {row["name"]}
        assert found["totalCount"] == sum(other["name"] == row["name"] for other in CUSTOMERS)


async def test_an_operation_is_chosen_by_name(database):
    document = "query A { units { id } } query B { roles { id } }"
    result = await schema.execute(document, operation_name="B", context_value=Context(database, VIEWER))
    assert result.errors is None
    assert set(result.data or ()) == {"roles"}


# ---------------------------------------------------------------------- texts as they are


async def test_texts_come_out_exactly_as_they_went_in(ask):
    data = await ask("{ customers(first: 1000, orderBy: {number: ASC}) { nodes { number name notes } } }")
    told_of = [(row["number"], row["name"], row["notes"]) for row in data["customers"]["nodes"]]
    assert told_of == [(row["number"], row["name"], row["notes"]) for row in CUSTOMERS]


# ---------------------------------------------------------------------- errors


async def test_a_mistake_in_one_root_field_leaves_the_others_standing(database):
    answer = await answered(
        database, VIEWER, '{ units { id } node(id: "x") { id } nodes(ids: []) { id } tokens { id } report { id } }'
    )
    assert len(answer["data"]["units"]) == len(WORLD.rows["Unit"])
    assert answer["data"]["node"] is None
    assert answer["data"]["nodes"] == []
    assert answer["data"]["report"] is None
    (error,) = answer["errors"]
    assert error["path"] == ["report"]


async def test_a_mistake_far_down_is_told_with_the_place_where_it_is_written(fails):
    (error,) = await fails("{\n  customers {\n    nodes {\n      contacts(first: -1) { totalCount }\n    }\n  }\n}")
    assert error["message"] == "contacts: first must be between 0 and 1000, not -1; page on for more."
    assert error["locations"] == [{"line": 4, "column": 7}]
    assert error["path"] == ["customers"]
    assert error["extensions"] == {"code": "BAD_ARGUMENT", "argument": ["first"]}


async def test_who_is_nobody_is_told_nothing(database):
    answer = await answered(database, None, "{ customers { totalCount } }")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_query_that_asks_for_too_much_is_refused_before_it_is_run(fails):
    (error,) = await fails(
        "{ customers(first: 1000) { nodes { contacts(first: 1000) { nodes { customer { name } } } } } }"
    )
    assert error["extensions"]["code"] == "TOO_MUCH"
    assert error["path"] == ["customers"]


async def test_a_query_that_goes_too_deep_is_refused(fails):
    below = "contacts(first: 1) { nodes { customer { " * 20 + "id" + " } } } " * 20
    (error,) = await fails(f"query ($id: ID!) {{ customer(id: $id) {{ {below} }} }}", id=FIRST_ID)
    assert error["extensions"]["code"] == "TOO_MUCH"


async def test_chained_fragments_that_double_are_refused_soon(fails):
    levels = 7
    fragments = " ".join(
        f"fragment F{level} on Customer {{ "
        + " ".join(
            f"{alias}: contacts(first: 1) {{ nodes {{ customer {{ ...F{level + 1} }} }} }}" for alias in "abcdefgh"
        )
        + " }"
        for level in range(levels)
    )
    document = (
        f"query ($id: ID!) {{ customer(id: $id) {{ ...F0 }} }} {fragments} fragment F{levels} on Customer {{ id }}"
    )
    (error,) = await fails(document, id=FIRST_ID)
    assert error["extensions"]["code"] == "TOO_MUCH"


async def test_a_customer_that_nobody_looks_after_is_no_ones_own_to_edit(database):
    rights = permissions(["ALL", "OWN", "NONE", "NONE", "NONE"], administer=False)
    viewer = WORLD.viewer(WORLD.rows["User"][0], rights)
    data = await told(database, viewer, "{ customers(first: 1000) { nodes { owner { id } viewerCanEdit } } }")
    nobodys = [row["viewerCanEdit"] for row in data["customers"]["nodes"] if row["owner"] is None]
    assert nobodys
    assert not any(each is not False for each in nobodys)
