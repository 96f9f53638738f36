"""Nothing of one organisation can be read, counted, filtered or paged by from another: every root field, every filter.

The fields are found by walking the schema, so that one added later is tried without anyone remembering. That links and
lists do not lead across is shown by `test_reading.py`, where two organisations have rows of the same keys.
"""

from random import Random
from typing import Any

import orjson
import pytest
from graphql import get_named_type

from resolvers.ids import TAGS, encode
from tests.asking import ROOT_FIELDS, everything, fields_of, written
from tests.oracle import ROOT_PAGES, Ask
from tests.rows import Maker, World, a_world
from tests.worlds import inhabited, told

FULL = a_world(31)
VIEWER = FULL.administrator()


def an_empty_world() -> World:
    """An organisation with nothing but an administrator."""
    maker = Maker(Random(32), 32, "EUR", FULL.today)
    for make in (maker.organization, maker.unit, maker.role, maker.user):
        make()
    return World(32, maker.rows, {}, FULL.today)


EMPTY = an_empty_world()
STRANGER = EMPTY.administrator()


def ids_of(rows, *, kind=None):
    """The opaque ids of everything, or of one kind."""
    kinds = [kind] if kind else TAGS
    return {encode(kind, row["id"]) for kind in kinds for row in rows[kind]}


THEIRS = sorted(ids_of(FULL.rows))


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template, [FULL, EMPTY]) as database:
        yield database


@pytest.mark.parametrize("name", sorted(fields_of("Query")))
async def test_a_root_field_tells_nothing_of_another_organisation(database, name):
    known = ROOT_FIELDS[name].args
    kind = get_named_type(ROOT_FIELDS[name].type).name
    ways: list[dict[str, Any]] = [{}]
    if "id" in known:
        ways = [{"id": text} for text in THEIRS if text.startswith(TAGS.get(kind, ""))]
    if "customerId" in known:
        ways = [{"customerId": text} for text in THEIRS if text.startswith(TAGS["Customer"])]
    if "ids" in known:
        ways = [{"ids": THEIRS}]
    if "name" in known:
        ways += [{"name": row["name"]} for row in FULL.rows["Report"]]
    below = everything(kind, 1) if kind != "Node" else (Ask("id", "id", "Node", "ID"),)
    for given in ways:
        found = await told(database, STRANGER, *written((Ask(name, name, "Query", kind, given, below),)))
        text = orjson.dumps(found).decode()
        assert not [foreign for foreign in THEIRS if foreign in text]
        if given:
            assert found[name] in (None, [], [None] * len(THEIRS))
        elif name in ROOT_PAGES:
            assert found[name]["totalCount"] == len(EMPTY.rows.get(kind.removesuffix("Connection"), ()))


async def test_the_strip_counts_nothing_of_another_organisation(database):
    kpis = (Ask("kpis", "kpis", "Query", "Kpis", {"asOf": FULL.today}, everything("Kpis", 0)),)
    found = (await told(database, STRANGER, *written(kpis)))["kpis"]
    amounts = [found["marginThisYear"][name]["amount"] for name in ("billing", "totalCost", "value")]
    amounts += [found["billingThisMonth"][name]["amount"] for name in ("value", "previous", "previousToDate", "change")]
    assert {float(amount) for amount in amounts} == {0.0}
    assert found["activeCustomers"]["value"] == found["prospectsInPipeline"]["value"] == 0


LISTS = {"contacts": "Contact", "cases": "Case", "invoices": "Invoice"}
OTHERS = {"operationId": "BulkOperation", "entityId": "Customer"}


def id_filters(kind, entity, depth=2):
    """Every place for an id in a filter, with the kind of thing that it is the id of."""
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if below.name == "IDFilter":
            yield (name,), OTHERS.get(name, entity)
        elif name in LISTS and depth:
            for path, found in id_filters(get_named_type(below.fields["some"].type), LISTS[name], depth - 1):
                yield (name, "some", *path), found
        elif "id" in getattr(below, "fields", ()) and name not in ("and", "or", "not") and depth:
            for path, found in id_filters(below, below.name.removesuffix("Filter"), depth - 1):
                yield (name, *path), found


def at(path, value):
    """The value at the end of the path."""
    for step in reversed(path):
        value = {step: value}
    return value


@pytest.mark.parametrize("name", sorted(ROOT_PAGES))
async def test_an_id_of_another_organisation_matches_nothing(database, name):
    entity = ROOT_PAGES[name]
    kind = get_named_type(ROOT_FIELDS[name].args["filter"].type)
    document = f"query ($f: {kind.name}) {{ {name}(filter: $f) {{ totalCount nodes {{ id }} }} }}"
    tried = 0
    for path, target in id_filters(kind, entity):
        foreign = sorted(ids_of(FULL.foreign, kind=target) - ids_of(FULL.rows, kind=target))
        for operand in ({"in": foreign}, {"eq": foreign[0]}):
            found = await told(database, VIEWER, document, {"f": at(path, operand)})
            assert found[name] == {"totalCount": 0, "nodes": []}
            tried += 1
        own = await told(database, VIEWER, document, {"f": at(path, {"notIn": foreign})})
        assert {row["id"] for row in own[name]["nodes"]} <= ids_of(FULL.rows, kind=entity)
    assert tried or name == "reports"


@pytest.mark.parametrize("name", sorted(ROOT_PAGES))
async def test_a_cursor_of_another_organisation_is_a_place_in_ones_own_list(database, name):
    other = World(0, FULL.foreign, FULL.rows, FULL.today).administrator()
    page = await told(database, other, f"{{ {name}(first: 5) {{ edges {{ cursor }} }} }}")
    whole = await told(database, VIEWER, f"{{ {name}(first: 1000) {{ totalCount nodes {{ id }} }} }}")
    for edge in page[name]["edges"]:
        document = "query ($at: String) {{ {0}({1}: 1000, {2}: $at) {{ totalCount nodes {{ id }} }} }}"
        after = await told(database, VIEWER, document.format(name, "first", "after"), {"at": edge["cursor"]})
        before = await told(database, VIEWER, document.format(name, "last", "before"), {"at": edge["cursor"]})
        there = [row["id"] for row in whole[name]["nodes"]]
        parts = [row["id"] for row in (*before[name]["nodes"], *after[name]["nodes"])]
        assert [text for text in there if text in parts] == parts
        assert len(there) - len(parts) <= 1  # the row of that key, where there is one here, too
        assert after[name]["totalCount"] == whole[name]["totalCount"]
