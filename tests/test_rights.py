"""What a viewer may not see does not exist: every answer is the same as where it really is not there.

The world of each viewer is there a second time, as an organisation of its own: without the rows that the viewer may not
see, and with somebody who may see all that is left. Both must be told the same, whatever they ask. All fields, filters
and sort keys are found by walking the schema, so that one added later is tried without anyone remembering. Which rows
a level leaves out is said by `tests.oracle`.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from graphql import GraphQLField, get_named_type, is_composite_type, is_required_argument
from hypothesis import given, note
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db import models
from db.connection import Database, connected
from db.models import Access, metadata, table_of
from resolvers.ids import TAGS, encode
from resolvers.viewer import Viewer
from tests.asking import OUTSIDE, ROOT_FIELDS, TYPES, Asking, Draw, Question, Writer, is_entity, jsonable, lists_in
from tests.conftest import cloned
from tests.oracle import Ask, Oracle
from tests.rows import ENTITIES, LEVELS, RIGHTS, Row, Rows, a_world, insert, permissions
from tests.worlds import answered, cursors_of, differences

FULL = a_world(51)

BY_DESIGN = {
    ("Viewer", "permissions"): "tells how far the rights reach",
    ("MarginKpi", "value"): "is told only to those who may see all invoices and all costs",
    ("MarginKpi", "totalCost"): "is told only to those who may see all invoices and all costs",
    ("MarginKpi", "reason"): "says why the other two are not told",
    ("MarginKpi", "costs"): "leaves out those of internal cases, seen or not",
    ("KpiMonth", "totalCost"): "is told only to those who may see all invoices and all costs",
    ("KpiMonth", "margin"): "is told only to those who may see all invoices and all costs",
    ("Kpis", "prospectsInPipeline"): "looks for won cases and for billing among what is hidden, too",
}
"""Fields whose answer may depend on more than the rows that the viewer sees, and why."""

ARGUMENTS = {"id": None, "customerId": "Customer"}
"""Of what the ids are that a root field must be given; None where that is the type that it answers."""


@dataclass(frozen=True)
class Twin:
    """A viewer, and somebody who may see all of a world in which there is nothing else."""

    oracle: Oracle
    rows: Rows
    viewer: Viewer

    def __repr__(self) -> str:
        return f"Twin({self.oracle.viewer})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis would print all rows."""
        printer.text(repr(self))

    def theirs(self, text: str) -> str:
        """What the viewer asks, as the other one would."""
        return _renamed(text, self.oracle.viewer, self.viewer)

    def ours(self, answer: Any) -> Any:
        """What the other one is told, as if the viewer had been told it."""
        return orjson.loads(_renamed(orjson.dumps(answer).decode(), self.viewer, self.oracle.viewer))


def _renamed(text: str, old: Viewer, new: Viewer) -> str:
    """The organisations are two, and that is all that may differ."""
    for write in (str, lambda key: key.hex):
        text = text.replace(write(old.organization_id), write(new.organization_id))
    return text


def a_twin(number: int, user: Row, levels: Sequence[str], *, administer: bool) -> Twin:
    may = permissions(levels, administer=administer)
    oracle = Oracle(FULL.rows, FULL.viewer(user, may))
    all_reading: Any = {name: Access.ALL for name in RIGHTS if name.startswith("read")}
    viewer = replace(
        oracle.viewer,
        organization_id=uuid.UUID(int=Random(number).getrandbits(128)),
        permissions=replace(may, **all_reading),
    )
    rows = {entity: [dict(row) for row in FULL.rows[entity] if exists(oracle, entity, row)] for entity in ENTITIES}
    for row in rows["Change"]:
        row |= {name: oracle.change_value(row, name) for name in ("old_label", "new_label", "old", "new")}
    for entity in ENTITIES:
        _forget_what_is_hidden(entity, rows, viewer)
    return Twin(oracle, rows, viewer)


def exists(oracle: Oracle, entity: str, row: Row) -> bool:
    """Whether the row, or what it is a part of, exists for the viewer."""
    wholes = {"Address": ("Customer", "customer_id"), "RegistryLink": ("Customer", "customer_id")}
    wholes |= {"Rejection": ("BulkOperation", "operation_id")}
    whole, column = wholes.get(entity, (entity, "id"))
    return any(other["id"] == row[column] for other in oracle.seen(whole))


def _forget_what_is_hidden(entity: str, rows: Rows, viewer: Viewer) -> None:
    """Move the rows to the twin's organisation; keys of rows that are not there become none, or anything."""
    table = table_of(getattr(models, entity))
    for row in rows[entity]:
        if entity == "Organization":
            row["name"] = row["name"].replace(str(row["id"]), str(viewer.organization_id))
            row["id"] = viewer.organization_id
            continue
        row["organization_id"] = viewer.organization_id
        for column, target in _links(table):
            if row[column] not in {other["id"] for other in rows[target]}:
                row[column] = None if table.c[column].nullable else uuid.uuid4()


def _links(table: sa.Table) -> Iterator[tuple[str, str]]:
    """The columns with keys of other rows, and of what entity."""
    entities = {table_of(getattr(models, entity)): entity for entity in ENTITIES}
    for constraint in table.foreign_key_constraints:
        for key in constraint.elements:
            if key.column.name == "id" and key.column.table.name != "organizations":
                yield key.parent.name, entities[key.column.table]


def twins() -> list[Twin]:
    """Somebody of each level, and people with rights of many kinds."""
    random = Random(52)
    users = FULL.rows["User"]
    in_units = [user for user in users if user["unit_id"]]
    made = [([level] * len(RIGHTS), False, user) for level in LEVELS for user in (in_units[0], users[-1])]
    made += [([random.choice(LEVELS) for _ in RIGHTS], random.random() < 0.3, random.choice(users)) for _ in range(6)]
    return [a_twin(place, user, levels, administer=may) for place, (levels, may, user) in enumerate(made)]


TWINS = twins()
FEW = TWINS[::2]
"""One of each level, and some of the others."""


@pytest.fixture(scope="module")
async def database(server, template):
    async for url in cloned(server, template):
        async with connected(url) as database:
            await forget_references(database)
            await insert(database.engine, FULL.rows, FULL.foreign, *(twin.rows for twin in TWINS))
            yield database


async def forget_references(database: Database) -> None:
    """Let rows refer to what is not there."""
    async with database.engine.begin() as connection:
        for table in metadata.sorted_tables:
            for constraint in table.foreign_key_constraints:
                await connection.execute(sa.text(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "{constraint.name}"'))


async def same(database: Database, twin: Twin, document: str, variables: Mapping[str, Any] | None = None) -> Any:
    """Ask both, and compare the whole answers, errors included."""
    told = await answered(database, twin.oracle.viewer, document, variables)
    theirs = orjson.loads(twin.theirs(orjson.dumps(dict(variables or {})).decode()))
    expected = twin.ours(await answered(database, twin.viewer, twin.theirs(document), theirs))
    assert not list(differences(told, expected)), (twin, document, variables)
    return told


# ---------------------------------------------------------------------- every field


def selected(kind: Any, depth: int) -> str:
    """All fields of a type, and of what it leads to as far as `depth`."""
    parts = [
        text
        for name, definition in kind.fields.items()
        if (kind.name, name) not in BY_DESIGN and (text := field_text(kind, name, definition, depth))
    ]
    return f"{{ {' '.join(parts)} }}" if parts else ""


def field_text(kind: Any, name: str, definition: GraphQLField, depth: int) -> str:
    required = [argument for argument, known in definition.args.items() if is_required_argument(known)]
    assert not required, f"{kind.name}.{name} needs {required}: say in this test what to give"
    below = get_named_type(definition.type)
    if not is_composite_type(below):
        return name
    further = depth - is_entity(below.name)
    found = selected(below, further) if further >= 0 else ""
    return f"{name} {found}" if found else ""


def documents(name: str) -> Iterator[str]:
    """Ways to ask for a root field, so that all is told that there is."""
    definition = ROOT_FIELDS[name]
    kind: Any = get_named_type(definition.type)
    if "ids" in definition.args:
        for each in sorted(TAGS):
            given = orjson.dumps(ids_of([each])).decode()
            yield f"{{ {name}(ids: {given}) {{ id __typename ... on {each} {selected(TYPES[each], 1)} }} }}"
        return
    if kind.name == "Node":
        yield calls(name, "id", ids_of(TAGS), "{ id __typename }")
        return
    required = [argument for argument, known in definition.args.items() if is_required_argument(known)]
    if not required:
        given = "(first: 1000)" if "first" in definition.args else ""
        yield f"{{ {name}{given} {selected(kind, 1)} }}"
    for argument in required or [each for each in ("id", "name") if each in definition.args]:
        if argument == "name":
            yield calls(name, argument, {row["name"] for row in FULL.rows[kind.name]}, selected(kind, 0))
            continue
        assert argument in ARGUMENTS, f"{name} needs {argument}: say in ARGUMENTS of what the ids are"
        yield calls(name, argument, ids_of([ARGUMENTS[argument] or kind.name]), selected(kind, 0))


def ids_of(kinds: Any) -> list[str]:
    """The ids of everything of these kinds, seen or not."""
    return sorted(encode(kind, row["id"]) for kind in kinds for row in FULL.rows[kind])


def calls(name: str, argument: str, values: Any, below: str) -> str:
    texts = [f'a{place}: {name}({argument}: "{value}") {below}' for place, value in enumerate(sorted(values))]
    return f"{{ {' '.join(texts)} }}"


# What a table tells to whom is held against the oracle in `test_report_rows`.
@pytest.mark.parametrize("name", sorted(ROOT_FIELDS.keys() - OUTSIDE - {"reportRows"}))
async def test_no_field_tells_of_what_is_hidden(database, name):
    for document in documents(name):
        for twin in FEW:
            told = await same(database, twin, document)
            if name != "report":  # where neither an id nor a name is given
                assert "errors" not in told, (told["errors"], document)


def test_only_fields_that_exist_are_left_out():
    assert all(field in TYPES[kind].fields for kind, field in BY_DESIGN)


# ---------------------------------------------------------------------- whatever is asked


class Prying(Asking):
    """Asks about all there is in the organisation, hidden or not."""

    def arguments(self, on: str, name: str, definition: GraphQLField) -> dict[str, Any]:
        given = super().arguments(on, name, definition)
        if "search" in definition.args and self.draw(st.booleans()):
            given["search"] = self.piece(self.draw(st.sampled_from(NAMES)), "contains") or "a"
        return given

    def condition(self, entity: str, name: str, type_name: str, depth: int) -> Any:
        # Whether one is a prospect depends on what is hidden, by design.
        return {"eq": "ACTIVE"} if name == "kpi" else super().condition(entity, name, type_name, depth)


NAMES = sorted({row["name"] for row in FULL.rows["Customer"]} | {row["last_name"] for row in FULL.rows["Contact"]})


def allowed(asks: Sequence[Ask]) -> tuple[Ask, ...]:
    """Without those that may differ."""
    kept = tuple(
        replace(ask, fields=allowed(ask.fields) if ask.fields else ())
        for ask in asks
        if (ask.on, ask.name) not in BY_DESIGN
    )
    return kept or (Ask("__typename", "__typename", asks[0].on, "String"),)


@st.composite
def pryings(draw: Draw) -> tuple[Twin, Question]:
    """Something that a viewer asks."""
    twin = draw(st.sampled_from(TWINS))
    asking = Prying(draw, twin.oracle, FULL.foreign, FULL.today)
    asks = allowed(draw(st.sampled_from((asking.list_of, asking.list_of, asking.query, asking.strip)))(2))
    writer = Writer(draw)
    return twin, Question(twin.oracle, asks, writer.document(asks), writer.variables, writer.places)


@given(prying=pryings())
async def test_no_question_is_answered_otherwise_for_what_is_hidden(database, prying):
    twin, question = prying
    cursors = await cursors_of(database, twin.oracle.viewer, lists_in(question.asks))
    document, variables = question.written(cursors)
    note(document)
    note(repr(variables))
    note(repr(twin))
    await same(database, twin, document, variables)


# ---------------------------------------------------------------------- whatever is meant by a mass update

COUNT = "query ($filter: CustomerFilter) { customers(filter: $filter) { totalCount } }"
PREVIEW = """mutation ($target: CustomerTarget!, $errorPolicy: ErrorPolicy!) {
  bulkUpdateCustomers(
    target: $target, set: { language: "fi", isActive: false }, errorPolicy: $errorPolicy, dryRun: true
  ) {
    operation {
      matched changed unchanged rejected skipped
      changes(first: 1000) { totalCount nodes { entityId entityLabel field old new oldLabel newLabel } }
      rejections(first: 1000) { totalCount nodes { customerId customer { id } problem { code message path entityId } } }
    }
    problems { code message path entityId }
  }
}"""


@st.composite
def targets(draw: Draw) -> tuple[Twin, dict[str, Any]]:
    """Customers that a viewer wants to change: by ids of anybody's, or by a condition on anything."""
    twin = draw(st.sampled_from(TWINS))
    asking = Prying(draw, twin.oracle, FULL.foreign, FULL.today)
    if draw(st.booleans()):
        return twin, {"ids": [asking.an_id("Customer") for _ in range(draw(st.integers(1, 8)))]}
    return twin, {"matching": {"filter": jsonable(asking.filter("Customer", "CustomerFilter", 2))}}


@given(target=targets(), policy=st.sampled_from(("REJECT_ALL", "REJECT_ROWS")))
async def test_no_mass_update_tells_of_what_is_hidden(database, target, policy):
    """A preview is the act but for its end, and leaves the database as it was for the next."""
    twin, aim = target
    if "matching" in aim:
        counted = await same(database, twin, COUNT, aim["matching"])
        aim = {"matching": {**aim["matching"], "expectedCount": counted["data"]["customers"]["totalCount"]}}
    note(repr((twin, aim)))
    told = await same(database, twin, PREVIEW, {"target": aim, "errorPolicy": policy})
    answer = told["data"]["bulkUpdateCustomers"]
    if twin.oracle.viewer.permissions.edit_customers is Access.NONE:
        assert [problem["code"] for problem in answer["problems"]] == ["FORBIDDEN"]
        return
    if "matching" in aim:
        assert answer["operation"]["matched"] == aim["matching"]["expectedCount"]
    oracle, rejections = twin.oracle, answer["operation"]["rejections"]["nodes"]
    seen = {encode("Customer", row["id"]): row for row in oracle.seen("Customer")}
    edits = {key for key, row in seen.items() if oracle.theirs(oracle.may.edit_customers, row["owner_id"])}
    for rejection in rejections:
        row, code = seen.get(rejection["customerId"]), rejection["problem"]["code"]
        assert (rejection["customer"] is None) == (row is None) == (code == "NOT_FOUND")
        assert row is None or code == ("CONFLICT" if rejection["customerId"] in edits else "FORBIDDEN")
    assert {change["entityId"] for change in answer["operation"]["changes"]["nodes"]} <= edits
