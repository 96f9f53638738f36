"""The audit trail as clients read it: found by what was changed, how, when and by whom, and never by what is hidden."""

import uuid

import pytest

from resolvers.ids import TAGS, encode
from tests.oracle import Oracle
from tests.rows import RIGHTS, a_world, permissions
from tests.worlds import inhabited, told

WORLD = a_world(41)
VIEWER = WORLD.administrator()
CHANGES = WORLD.rows["Change"]
FOUND = "query ($f: ChangeFilter) { changes(filter: $f, first: 1000) { nodes { id } } }"


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template, [WORLD]) as database:
        yield database


@pytest.fixture
def found(database):
    async def found(given, viewer=VIEWER):
        """The ids of the changes that meet the filter, in their order."""
        answer = await told(database, viewer, FOUND, {"f": given})
        return [row["id"] for row in answer["changes"]["nodes"]]

    return found


def newest_first(rows):
    return [encode("Change", row["id"]) for row in sorted(rows, key=lambda row: row["id"], reverse=True)]


async def test_changes_are_found_by_what_was_changed_of_any_kind(found):
    for kind, key in {(row["entity_type"], row["entity_id"]) for row in CHANGES}:
        own = [row for row in CHANGES if (row["entity_type"], row["entity_id"]) == (kind, key)]
        others = [row for row in CHANGES if row not in own]
        assert await found({"entityId": {"eq": encode(kind, key)}}) == newest_first(own)
        assert await found({"entityId": {"neq": encode(kind, key)}}) == newest_first(others)


async def test_an_id_of_another_type_with_the_same_key_finds_nothing(found):
    everything = newest_first(CHANGES)
    for row in CHANGES[:5]:
        strange = [encode(kind, row["entity_id"]) for kind in TAGS if kind != row["entity_type"]]
        assert await found({"entityId": {"eq": strange[0]}}) == []
        assert await found({"entityId": {"in": [*strange, "nonsense"]}}) == []
        assert await found({"entityId": {"neq": strange[-1]}}) == everything
        assert await found({"entityId": {"notIn": [*strange, ""]}}) == everything


async def test_ids_of_several_types_are_found_together(found):
    few = CHANGES[:7]
    wanted = {(row["entity_type"], row["entity_id"]) for row in few}
    own = [row for row in CHANGES if (row["entity_type"], row["entity_id"]) in wanted]
    ids = [encode(*thing) for thing in wanted]
    assert await found({"entityId": {"in": ids}}) == newest_first(own)
    others = [row for row in CHANGES if row not in own]
    assert await found({"entityId": {"notIn": ids}}) == newest_first(others)


async def test_every_filter_of_the_trail_narrows_it(found):
    row = next(row for row in CHANGES if row["by_id"] and row["operation_id"] and row["field"])
    moment, by = row["at"].isoformat(), encode("User", row["by_id"])
    for given, column in (
        ({"at": {"eq": moment}}, "at"),
        ({"by": {"id": {"eq": by}}}, "by_id"),
        ({"field": {"eq": row["field"]}}, "field"),
        ({"kind": {"eq": row["kind"]}}, "kind"),
        ({"operationId": {"eq": encode("BulkOperation", row["operation_id"])}}, "operation_id"),
    ):
        assert await found(given) == newest_first(other for other in CHANGES if other[column] == row[column])


async def test_the_operation_of_somebody_else_cannot_be_asked_about(found):
    """It is null for those who do not see it, so nothing is equal to it and all is unequal."""
    user = WORLD.rows["User"][0]
    viewer = WORLD.viewer(user, permissions(["ALL"] * len(RIGHTS), administer=False))
    seen = Oracle(WORLD.rows, viewer).seen("Change")
    hidden = [row for row in WORLD.rows["BulkOperation"] if row["by_id"] != user["id"]]
    own = [row for row in WORLD.rows["BulkOperation"] if row["by_id"] == user["id"]]
    asked = [row for row in hidden if any(change["operation_id"] == row["id"] for change in seen)]
    assert asked
    for row in asked:
        text = encode("BulkOperation", row["id"])
        assert await found({"operationId": {"eq": text}}, viewer) == []
        assert await found({"operationId": {"in": [text]}}, viewer) == []
        assert await found({"operationId": {"neq": text}}, viewer) == newest_first(seen)
        assert await found({"operationId": {"notIn": [text]}}, viewer) == newest_first(seen)
    for row in own:
        of_it = [change for change in seen if change["operation_id"] == row["id"]]
        assert await found({"operationId": {"eq": encode("BulkOperation", row["id"])}}, viewer) == newest_first(of_it)
    assert await found({"operationId": {"eq": encode("BulkOperation", uuid.UUID(int=1))}}, viewer) == []
