"""Any mass update of any customers by anybody: counts, values and trail are what a plain oracle says.

The world is only read; what an example writes is rolled back.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from db import models
from db.connection import Sessions, engine_for, sessions_of
from db.models import Access, BulkStatus, ProblemCode, table_of
from resolvers import ids
from resolvers.bulk_update import Matching, Named, Target, bulk_update_customers
from resolvers.references import Ref
from resolvers.selection import Compare, Operand
from resolvers.undo import undo_bulk_operation
from resolvers.upsert import ErrorPolicy
from resolvers.viewer import Viewer
from tests.builders import a_customer, a_viewer, an_industry, an_organization, ref
from tests.conftest import cloned

CUSTOMERS, CHANGES, OPERATIONS = map(table_of, (models.Customer, models.Change, models.BulkOperation))
COUNTS = ("matched", "changed", "unchanged", "rejected", "skipped")
COLUMNS = {
    "industry": "industry_id",
    "owner": "owner_id",
    "country": "country",
    "language": "language",
    "is_active": "is_active",
    "marketing_allowed": "marketing_allowed",
}
SETS = st.fixed_dictionaries(
    {},
    optional={
        "industry": st.sampled_from((None, Ref("name", "Retail"), Ref("name", "Wholesale"))),
        "owner": st.sampled_from((None, Ref("email", "clerk@example.com"))),
        "country": st.sampled_from(("DE", "LT", "HU", "FI", "SE", "DK")),
        "language": st.sampled_from((None, "fi", "sv")),
        "is_active": st.booleans(),
        "marketing_allowed": st.booleans(),
    },
).filter(bool)
PLACES = st.integers(0, 16)
"""Customers of the world by their place; beyond them, ids that nobody has."""


HOMES = {"0112038-9": {"FI"}, "5560160680": {"SE"}, "13585628": {"DK"}}
"""Where a business id is one, besides countries whose numbers nobody knows."""


@dataclass(frozen=True)
class World:
    sessions: Sessions
    administrator: Viewer
    clerk: Viewer
    keys: list[Any]
    names: Mapping[Ref, Any]
    """Keys of what references name."""

    def viewer(self, read: Access, edit: Access) -> Viewer:
        may = replace(self.clerk.permissions, read_customers=read, edit_customers=edit)
        return replace(self.clerk, permissions=may)

    def id_text(self, place: int) -> str:
        return ids.encode("Customer", self.keys[place]) if place < len(self.keys) else f"cus_{place}"


@pytest.fixture(scope="module")
async def world(server: str, template: str) -> AsyncIterator[World]:
    async for url in cloned(server, template):
        engine = engine_for(url)
        sessions = sessions_of(engine)
        async with sessions.begin() as session:
            administrator = await an_organization(session)
            clerk = await a_viewer(
                session,
                administrator,
                email="clerk@example.com",
                read_customers=Access.ALL,
                edit_customers=Access.OWN,
            )
            retail = await an_industry(session, administrator, name="Retail")
            wholesale = await an_industry(session, administrator, name="Wholesale")
            own, industry = {"owner": ref("User", clerk.user_id)}, {"industry": ref("Industry", retail)}
            each: tuple[dict[str, Any], ...] = (
                {**own, "country": "DE", "business_id": "1"},
                {**own, "country": "LT", "business_id": "1", "language": "sv"},
                {**own, "country": "HU", "business_id": "2", **industry},
                {"country": "LT", "business_id": "2", "is_active": False},
                {**own, "is_internal": True},
                {"is_internal": True, "language": "fi"},
                {**industry, "language": "fi", "marketing_allowed": False},
                {**own, **industry, "language": "fi"},
                {},
                {**own, "country": "DE", "business_id": "2"},
                {**own, "country": "FI", "business_id": "0112038-9"},
                {**own, "country": "US", "business_id": "0112038-9", "language": "fi"},
                {**own, "country": "HU", "business_id": "5560160680"},
                {"country": "DK", "business_id": "13585628", "is_active": False},
                {**own, "country": "US", "business_id": "13585628", "is_active": False},
            )
            keys = [await a_customer(session, administrator, **values) for values in each]
        names = {
            Ref("name", "Retail"): retail,
            Ref("name", "Wholesale"): wholesale,
            Ref("email", "clerk@example.com"): clerk.user_id,
        }
        yield World(sessions, administrator, clerk, keys, names)
        await engine.dispose()


async def rows_of(session: Any, world: World) -> dict[Any, dict[str, Any]]:
    own = CUSTOMERS.c.organization_id == world.clerk.organization_id
    found = await session.execute(sa.select(CUSTOMERS).where(own).order_by(CUSTOMERS.c.id))
    return {row["id"]: dict(row) for row in found.mappings()}


async def trail_of(session: Any, operation_id: Any) -> dict[tuple[Any, str], tuple[Any, Any]]:
    found = await session.execute(sa.select(CHANGES).where(CHANGES.c.operation_id == operation_id))
    return {(row.entity_id, row.field): (row.old, row.new) for row in found}


async def counts_of(session: Any, operation_id: Any) -> tuple[BulkStatus, dict[str, int]]:
    row = (await session.execute(sa.select(OPERATIONS).where(OPERATIONS.c.id == operation_id))).one()
    return row.status, {name: getattr(row, name) for name in COUNTS}


@dataclass
class Expected:
    """What a mass update ought to do, worked out row by row."""

    counts: dict[str, int]
    codes: Counter[ProblemCode]
    rows: dict[Any, dict[str, Any]]
    changed: set[tuple[Any, str]]


def within(level: Access, row: Mapping[str, Any], viewer: Viewer) -> bool:
    return level is Access.ALL or (level is not Access.NONE and row["owner_id"] == viewer.user_id)


def expected(
    rows: Mapping[Any, dict[str, Any]], viewer: Viewer, asked: list[Any], news: Mapping[str, Any], *, named: bool
) -> Expected:
    """`asked` has keys in their order, None for what nobody has."""
    counts = dict.fromkeys(COUNTS, 0)
    after = {key: dict(row) for key, row in rows.items()}
    counts["matched"] = len(asked)
    codes: Counter[ProblemCode] = Counter()
    claimed: set[Any] = set()
    changed = set()
    for key in asked:
        row = rows.get(key)
        code = refusal(row, viewer, news, named=named)
        if row is None or code:
            codes[code or ProblemCode.NOT_FOUND] += 1
            continue
        if row["is_internal"]:
            counts["skipped"] += 1
            continue
        number = (row["business_id"], news.get("country"))
        if None not in number and number[1] != row["country"]:
            held = any((other["business_id"], other["country"]) == number for other in rows.values())
            if held or number in claimed:
                codes[ProblemCode.DUPLICATE] += 1
                continue
            claimed.add(number)
        different = {name for name, value in news.items() if row[name] != value}
        counts["changed" if different else "unchanged"] += 1
        changed |= {(key, name) for name in different}
        after[key] |= news
    return Expected(counts | {"rejected": codes.total()}, codes, after, changed)


def refusal(row: Any, viewer: Viewer, news: Mapping[str, Any], *, named: bool) -> ProblemCode | None:
    """Why a row cannot be changed, whatever the others are."""
    may, country = viewer.permissions, news.get("country")
    if row is None or not within(may.read_customers, row, viewer):
        return ProblemCode.NOT_FOUND
    if row["is_internal"] and not named:
        return None
    if not within(may.edit_customers, row, viewer):
        return ProblemCode.FORBIDDEN
    if row["is_internal"]:
        return ProblemCode.CONFLICT
    is_left = row["business_id"] and country not in (None, row["country"]) and not stays(row["business_id"], country)
    return ProblemCode.INVALID if is_left else None


def stays(number: str, country: str | None) -> bool:
    return country in HOMES.get(number, set()) or country in {"DE", "LT", "HU"}


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"version", "updated_at"}}


@given(
    places=st.lists(PLACES, min_size=1, max_size=12),
    named=st.booleans(),
    values=SETS,
    rights=st.tuples(st.sampled_from((Access.ALL, Access.OWN)), st.sampled_from((Access.ALL, Access.OWN))),
    policy=st.sampled_from(ErrorPolicy),
)
async def test_any_mass_update_does_what_the_oracle_says(world, places, named, values, rights, policy):
    viewer = world.viewer(*rights)
    news = {COLUMNS[name]: world.names[value] if isinstance(value, Ref) else value for name, value in values.items()}
    async with world.sessions() as session:
        before = await rows_of(session, world)
        if named:
            target: Target = Named([world.id_text(place) for place in places])
            asked = [world.keys[place] if place < len(world.keys) else None for place in dict.fromkeys(places)]
        else:
            flag = bool(places[0] % 2)
            asked = [
                key
                for key, row in before.items()
                if row["is_active"] is flag and within(viewer.permissions.read_customers, row, viewer)
            ]
            target = Matching(Compare("is_active", "eq", Operand(flag)), len(asked))
        ought = expected(before, viewer, asked, news, named=named)
        is_refused = policy is ErrorPolicy.REJECT_ALL and ought.counts["rejected"] > 0
        if is_refused:
            ought = Expected({**ought.counts, "changed": 0, "unchanged": 0}, ought.codes, dict(before), set())

        savepoint = await session.begin_nested()
        preview = await bulk_update_customers(session, viewer, target, values, error_policy=policy, dry_run=True)
        assert await counts_of(session, preview.operation_id) == (BulkStatus.PREVIEW, ought.counts)
        foreseen = await trail_of(session, preview.operation_id)
        await savepoint.rollback()
        assert await rows_of(session, world) == before

        act = await bulk_update_customers(session, viewer, target, values, error_policy=policy)
        status = BulkStatus.REJECTED if is_refused else BulkStatus.APPLIED
        assert await counts_of(session, act.operation_id) == (status, ought.counts)
        assert Counter(problem.code for problem in act.problems) == ought.codes
        assert act.problems == preview.problems
        after = await rows_of(session, world)
        assert {key: values_of(row) for key, row in after.items()} == {
            key: values_of(row) for key, row in ought.rows.items()
        }
        touched = {key for key, _ in ought.changed}
        assert {key for key, row in after.items() if row["version"] != before[key]["version"]} == touched
        trail = await trail_of(session, act.operation_id)
        assert trail == foreseen
        names = {models_name(name): column for name, column in COLUMNS.items()}
        assert {(key, names[name]) for key, name in trail} == ought.changed

        if not is_refused:
            await undone(session, world, viewer, act.operation_id, before, after)


def models_name(name: str) -> str:
    """What the trail calls a field."""
    return {"is_active": "isActive", "marketing_allowed": "marketingAllowed"}.get(name, name)


async def undone(session: Any, world: World, viewer: Viewer, operation_id: Any, before: Any, after: Any) -> None:
    """Undoing sets back whatever the viewer may still change; the rest is rejected."""
    undo = await undo_bulk_operation(session, viewer, ids.encode("BulkOperation", operation_id))
    may = viewer.permissions
    found = await rows_of(session, world)
    lost = 0
    for key, row in after.items():
        if row["version"] == before[key]["version"]:
            continue
        mine = within(may.read_customers, row, viewer) and within(may.edit_customers, row, viewer)
        lost += not mine
        assert values_of(found[key]) == values_of((before if mine else after)[key])
    assert len(undo.problems) == lost
