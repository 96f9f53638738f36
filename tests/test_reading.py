"""What is read equals what a second, slow and obvious implementation says, for random queries over random rows."""

import pytest
from graphql import get_named_type, is_enum_type, is_list_type, is_non_null_type
from hypothesis import given, note

import tests.profiles  # noqa: F401
from resolvers.ids import TAGS, encode
from resolvers.viewer import find_viewer_by_email
from tests.asking import (
    BEYOND_ARGUMENTS,
    BEYOND_ROOTS,
    ROOT_FIELDS,
    TYPES,
    comparisons,
    everything,
    fields_of,
    lists_in,
    nested,
    questions,
    sort_paths,
    written,
)
from tests.oracle import ROOT_PAGES, ROOTS, Ask, Oracle
from tests.rows import EVERYTHING, RIGHTS, permissions, units_below
from tests.worlds import WORLDS, cursors_of, differences, inhabited, told

WORLD = WORLDS[0]
PEOPLE = list(
    zip(
        WORLD.rows["User"],
        (["ALL"] * len(RIGHTS), ["UNIT"] * len(RIGHTS), ["OWN"] * len(RIGHTS), ["ALL", "NONE", "UNIT", "OWN", "ALL"]),
        strict=False,
    )
)
AT_ONCE = 40
"""So many lists are asked for in one document."""


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template) as database:
        yield database


async def agrees(database, question):
    """Ask, and compare the whole answer."""
    oracle = question.oracle
    oracle.cursors = await cursors_of(database, oracle.viewer, lists_in(question.asks))
    document, variables = question.written(oracle.cursors)
    note(document)
    note(repr(variables))
    note(repr(oracle.viewer))
    answer = await told(database, oracle.viewer, document, variables)
    wrong = list(differences(answer, oracle.query(question.asks)))
    assert not wrong
    assert not list(misplaced_nulls(question.asks, answer))


def misplaced_nulls(asks, answer, path=""):
    """Where something is null that the schema says never is: finished JSON is not looked at by anybody else."""
    for ask in asks:
        definition = TYPES[ask.on].fields.get(ask.name)
        if definition is not None and ask.key in answer:
            yield from nulls_in(definition.type, ask, answer[ask.key], f"{path}.{ask.key}")


def nulls_in(kind, ask, value, path):
    if is_non_null_type(kind):
        if value is None:
            yield path
        kind = kind.of_type
    if is_list_type(kind):
        for item in value or ():
            yield from nulls_in(kind.of_type, ask, item, path)
    elif ask.fields and value is not None:
        yield from misplaced_nulls(ask.fields, value, path)


@given(question=questions(WORLDS, lambda asking: asking.query(3)))
async def test_a_random_query_is_answered_as_the_oracle_says(database, question):
    await agrees(database, question)


@given(question=questions(WORLDS, lambda asking: asking.list_of(3)))
async def test_a_random_filter_and_order_give_what_the_oracle_says(database, question):
    await agrees(database, question)


@given(question=questions(WORLDS, lambda asking: asking.strip(1)))
async def test_the_strip_and_its_lists_are_what_the_oracle_says(database, question):
    await agrees(database, question)


# ---------------------------------------------------------------------- nothing is forgotten


def operand(oracle, place):
    """Something that this place of a filter may find, or half of it."""
    kind = get_named_type(place.kind)
    if kind.name == "Boolean":
        return True
    if is_enum_type(kind):
        known = sorted(kind.values)
    else:
        rows = [] if place.field == "isNull" else oracle.rows[place.entity]
        known = [value for row in rows if (value := oracle.value(place.entity, row, place.field)) is not None]
    if is_list_type(place.kind):
        return known[::2]
    found = known[len(known) // 2]
    return found[1:4].upper() if place.operator == "contains" else found


@pytest.mark.parametrize("name", sorted(ROOT_PAGES))
async def test_every_operator_of_every_filter_field_finds_what_the_oracle_says(database, name):
    """Directly, and through each link and list; by people of whom each sees something else."""
    entity = ROOT_PAGES[name]
    peeking = [Oracle(WORLD.rows, WORLD.viewer(user, permissions(levels, administer=True))) for user, levels in PEOPLE]
    places = list(comparisons(entity, 1))
    for start in range(0, len(places), AT_ONCE):
        oracle = peeking[start // AT_ONCE % len(peeking)]
        asks = tuple(
            whole_list(f"f{start}_{place}", name, filter=nested(each.path, operand(oracle, each)))
            for place, each in enumerate(places[start : start + AT_ONCE])
        )
        answer = await told(database, oracle.viewer, *written(asks))
        assert not list(differences(answer, oracle.query(asks)))
    assert {len(place.path) for place in places} >= {2}


@pytest.mark.parametrize("name", sorted(name for name in ROOT_PAGES if "orderBy" in ROOT_FIELDS[name].args))
async def test_every_sort_key_orders_as_the_oracle_says_in_both_directions(database, name):
    """By itself and after another one; what has no value comes last."""
    levels = [["ALL"] * len(RIGHTS), ["UNIT"] * len(RIGHTS)]
    for user, may in zip(WORLD.rows["User"], levels, strict=False):
        oracle = Oracle(WORLD.rows, WORLD.viewer(user, permissions(may, administer=True)))
        paths = list(sort_paths(f"{ROOT_PAGES[name]}Order"))
        keys = [nested(path, way) for path in paths for way in ("ASC", "DESC")]
        orders = [[key] for key in keys] + [[first, second] for first, second in zip(keys, keys[3:], strict=False)]
        asks = tuple(whole_list(f"o{place}", name, orderBy=order) for place, order in enumerate(orders))
        answer = await told(database, oracle.viewer, *written(asks))
        assert not list(differences(answer, oracle.query(asks)))


def whole_list(key, name, **arguments):
    """The ids of a whole list."""
    kind = ROOT_PAGES[name]
    rows = Ask("nodes", "nodes", f"{kind}Connection", kind, {}, (Ask("id", "id", kind, "ID"),))
    return Ask(key, name, "Query", f"{kind}Connection", {"first": 100, **arguments}, (rows,))


@pytest.mark.parametrize("kind", sorted(TAGS))
async def test_every_field_of_every_stored_thing_is_told(database, kind):
    world = WORLDS[0]
    oracle = Oracle(world.rows, world.viewer(world.rows["User"][0], EVERYTHING))
    ids = [encode(kind, row["id"]) for row in world.rows[kind]]
    asks = (Ask("nodes", "nodes", "Query", "Node", {"ids": ids}, everything(kind, 1)),)
    answer = await told(database, oracle.viewer, *written(asks))
    assert not list(differences(answer, oracle.query(asks)))
    assert not list(misplaced_nulls(asks, answer))


def test_the_oracle_knows_every_root_field():
    assert set(ROOT_FIELDS) == ROOTS | BEYOND_ROOTS


def test_every_argument_is_asked_with():
    tried = {
        "first",
        "after",
        "last",
        "before",
        "filter",
        "orderBy",
        "id",
        "ids",
        "customerId",
        "name",
        "from",
        "to",
        "asOf",
        "month",
        "months",
    }
    known = {
        argument
        for name, kind in TYPES.items()
        if name not in ("Mutation", "Subscription") and not name.startswith("__") and hasattr(kind, "fields")
        for field, definition in kind.fields.items()
        if (name, field) not in {("Query", root) for root in BEYOND_ROOTS}
        for argument in getattr(definition, "args", ())
    }
    assert known == tried | BEYOND_ARGUMENTS


# ---------------------------------------------------------------------- who sees what


@pytest.mark.parametrize("level", ["NONE", "OWN", "UNIT", "ALL"])
async def test_everybody_sees_what_the_level_says_and_nothing_else(database, level):
    """For every user of every world: the whole lists, and what hangs on them."""
    asks = tuple(listed(name) for name in sorted(ROOT_PAGES))
    document, _ = written(asks)
    for world in WORLDS:
        for user in world.rows["User"]:
            may = permissions([level] * len(RIGHTS), administer=False)
            oracle = Oracle(world.rows, world.viewer(user, may))
            answer = await told(database, oracle.viewer, document)
            assert not list(differences(answer, oracle.query(asks)))


def listed(name):
    """A whole list: ids, and of each row the ids of what it leads to and the numbers of what leads to it."""
    kind = ROOT_PAGES[name]
    below = [Ask("id", "id", kind, "ID")]
    for link, definition in fields_of(kind).items():
        target = get_named_type(definition.type).name
        if target in TAGS:
            below.append(Ask(link, link, kind, target, {}, (Ask("id", "id", target, "ID"),)))
        elif target.endswith("Connection"):
            count = Ask("totalCount", "totalCount", target, "Int")
            below.append(Ask(link, link, kind, target, {"first": 1}, (count,)))
        elif target == "Money" or link == "viewerCanEdit":
            parts = (Ask("amount", "amount", target, "Decimal"),) if target == "Money" else ()
            below.append(Ask(link, link, kind, target, {}, parts))
    rows = Ask("nodes", "nodes", f"{kind}Connection", kind, {}, tuple(below))
    return Ask(name, name, "Query", f"{kind}Connection", {"first": 1000}, (rows,))


# ---------------------------------------------------------------------- who asks


async def test_the_units_of_a_viewer_are_the_own_one_and_those_below(database):
    for world in WORLDS:
        for user in world.rows["User"]:
            async with database.sessions() as session:
                viewer = await find_viewer_by_email(session, world.organization["id"], user["email"])
            assert (viewer is not None) == user["is_active"]
            if viewer is not None:
                assert sorted(viewer.units) == sorted(units_below(world.rows["Unit"], user["unit_id"]))
