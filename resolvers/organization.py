"""The organisation, its units, roles and users: how they are written, and who may hand out which rights."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from db import models
from db.models import Access, ProblemCode, table_of
from resolvers.forms import Field, Form, Link, fields
from resolvers.problems import Problem
from resolvers.references import Row, fold
from resolvers.rights import in_organization
from resolvers.validation import camel, label_of, sign_in_address
from resolvers.viewer import Permissions, Reach, Viewer
from resolvers.writer import Draft, Writer

ORGANIZATIONS = table_of(models.Organization)
UNITS = table_of(models.Unit)
ROLES = table_of(models.Role)
USERS = table_of(models.User)


async def _own_name(writer: Writer, drafts: Sequence[Draft]) -> None:
    """No two organisations of a server have one name; the other one stays unnamed."""
    for draft in drafts:
        if "name" in draft.changed:
            name = draft.values["name"]
            folded = (await fold(writer.session, [name]))[name]
            same = sa.select(ORGANIZATIONS.c.id).where(
                sa.func.lower(ORGANIZATIONS.c.name) == sa.bindparam("name"), ORGANIZATIONS.c.id != sa.bindparam("id")
            )
            if await writer.session.scalar(same, {"name": folded, "id": draft.key}):
                draft.refuse(Problem(ProblemCode.DUPLICATE, f"Name “{name}” is taken; choose another.", ("name",)))


async def _no_circles(writer: Writer, drafts: Sequence[Draft]) -> None:
    """A unit is not below itself."""
    moved = [draft for draft in drafts if "parent_id" in draft.changed and draft.values["parent_id"]]
    if not moved:
        return
    parents = await _parents(writer) | {draft.key: draft.value("parent_id") for draft in drafts}
    for draft in moved:
        if _is_below(draft.key, draft.values["parent_id"], parents):
            draft.invalid("A unit cannot be below itself; choose a parent outside of it.", "parent")


async def _parents(writer: Writer) -> dict[uuid.UUID | None, uuid.UUID | None]:
    """The unit above each unit."""
    statement = sa.select(UNITS.c.id, UNITS.c.parent_id).where(in_organization(UNITS))
    rows = await writer.session.execute(statement, writer.viewer.binds)
    return {row.id: row.parent_id for row in rows}


def _is_below(key: uuid.UUID | None, unit: uuid.UUID | None, parents: Mapping[uuid.UUID | None, Any]) -> bool:
    """Whether going up from `unit` leads to `key`."""
    passed = set()
    while unit is not None and unit not in passed:
        if unit == key:
            return True
        passed.add(unit)
        unit = parents.get(unit)
    return False


async def _no_greater_roles(writer: Writer, drafts: Sequence[Draft]) -> None:
    """Nobody hands out, or takes away, rights above their own."""
    own = writer.viewer.permissions
    holders = await _units_of_holders(writer)
    for draft in drafts:
        if not draft.changed:
            continue
        if draft.row and Permissions(**_rights(draft.row)).exceed(own):
            draft.forbid("This role goes beyond your own rights, so you cannot change it.")
            continue
        after = Permissions(**_rights(draft.merged))
        if draft.row and _goes_to_others(after, Permissions(**_rights(draft.row)), holders.get(draft.key, ()), writer):
            draft.forbid("Somebody has this role whose unit is beyond your own rights, so it cannot reach further.")
        for name in after.exceed(own):
            draft.forbid(f"{label_of(name)} would go beyond your own right; choose at most your own.", camel(name))


async def _no_wider_units(writer: Writer, drafts: Sequence[Draft]) -> None:
    """Nobody moves a unit that they do not reach: whoever is above its new place would reach what is in it."""
    viewer = writer.viewer
    for draft in drafts:
        if draft.row and "parent_id" in draft.changed and not _reaches_all_in(draft.key, viewer):
            draft.forbid("Moving this unit would hand out rights beyond your own; move units that you reach.", "parent")


def _reaches_all_in(unit: uuid.UUID | None, viewer: Viewer) -> bool:
    levels = viewer.permissions.levels
    return all(level is Access.ALL or (level is Access.UNIT and unit in viewer.units) for level in levels)


async def _units_of_holders(writer: Writer) -> dict[uuid.UUID | None, set[uuid.UUID | None]]:
    """The units of those who have each role."""
    statement = sa.select(USERS.c.role_id, USERS.c.unit_id).where(in_organization(USERS)).distinct()
    holders: dict[uuid.UUID | None, set[uuid.UUID | None]] = {}
    for role, unit in await writer.session.execute(statement, writer.viewer.binds):
        holders.setdefault(role, set()).add(unit)
    return holders


def _goes_to_others(
    after: Permissions, before: Permissions, units: Collection[uuid.UUID | None], writer: Writer
) -> bool:
    """Whether a right becomes one by unit for somebody in a unit that the writer does not reach."""
    levels = zip(after.levels, before.levels, writer.viewer.permissions.levels, strict=True)
    widened = any(new is Access.UNIT and old is not new and own is not Access.ALL for new, old, own in levels)
    return widened and not {unit for unit in units if unit} <= set(writer.viewer.units)


def _rights(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in Permissions.__slots__}


async def _no_greater_users(writer: Writer, drafts: Sequence[Draft]) -> None:
    """Nobody makes a user greater than themselves, or changes one who is."""
    roles = await _roles(writer)
    units_below = _units_below(await _parents(writer))
    own = writer.viewer
    for draft in drafts:
        if not draft.changed:
            continue
        after = _reach(draft.merged, roles, units_below)
        if draft.row and _reach(draft.row, roles, units_below).goes_beyond(own.reach):
            draft.forbid("This user has rights beyond your own, so you cannot change the user.")
        elif "role_id" in draft.changed and after.permissions.exceed(own.permissions):
            draft.forbid("This role goes beyond your own rights; choose one with at most your own.", "role")
        elif after.by_unit_beyond(own.reach):
            draft.forbid("With this role, the unit goes beyond your own rights; choose one at or below yours.", "unit")
        elif draft.row and "unit_id" in draft.changed and _brings_customers(draft, own):
            draft.forbid("This user's customers are beyond your own rights; moved here, you would reach them.", "unit")


def _units_below(parents: Mapping[uuid.UUID | None, Any]) -> Callable[[uuid.UUID | None], tuple[uuid.UUID, ...]]:
    """Tells the units at and below one; each is looked for only once, since many users share a unit."""

    @cache
    def units_below(top: uuid.UUID | None) -> tuple[uuid.UUID, ...]:
        return tuple(unit for unit in parents if unit and top and _is_below(top, unit, parents))

    return units_below


def _reach(
    user: Row, roles: Mapping[uuid.UUID, Permissions], units_below: Callable[..., tuple[uuid.UUID, ...]]
) -> Reach:
    """How far the rights of a user go that is, or is to be, like this."""
    return Reach(user["id"], roles[user["role_id"]], units_below(user["unit_id"]))


def _brings_customers(draft: Draft, viewer: Viewer) -> bool:
    """Whether what the user owns comes within the reach of the viewer by the move."""
    by_unit = any(level is Access.UNIT for level in viewer.permissions.levels)
    return by_unit and draft.before("unit_id") not in viewer.units and draft.values["unit_id"] in viewer.units


async def _roles(writer: Writer) -> dict[uuid.UUID, Permissions]:
    rows = await writer.session.execute(sa.select(ROLES).where(in_organization(ROLES)), writer.viewer.binds)
    return {row.id: Permissions.of(row) for row in rows}


async def _keeps_an_administrating_role(writer: Writer, drafts: Sequence[Draft]) -> None:
    demoted = [draft for draft in drafts if draft.before("administer") and not draft.value("administer")]
    if not demoted:
        return
    administers = {key: may.administer for key, may in (await _roles(writer)).items()}
    administers |= {draft.key: draft.value("administer") for draft in drafts if draft.key}
    if not any(administers[role] for _, role in await _active_users(writer)):
        for draft in demoted:
            draft.conflict(
                "Then nobody could administer the organisation; give somebody the right first.", "administer"
            )


async def _keeps_an_administrator(writer: Writer, drafts: Sequence[Draft]) -> None:
    administering = {key for key, may in (await _roles(writer)).items() if may.administer}
    demoted = [
        draft
        for draft in drafts
        if draft.row and _administers(draft.row, administering) > _administers(draft.merged, administering)
    ]
    if not demoted:
        return
    left = {user for user, role in await _active_users(writer) if role in administering}
    left -= {draft.key for draft in demoted}
    left |= {draft.key for draft in drafts if draft.key and _administers(draft.merged, administering)}
    if not left:
        for draft in demoted:
            path = "role" if draft.value("is_active") else "isActive"
            draft.conflict("This is the last active administrator; make somebody else one first.", path)


def _administers(user: Row, administering: set[uuid.UUID]) -> bool:
    return bool(user["is_active"]) and user["role_id"] in administering


async def _active_users(writer: Writer) -> list[tuple[uuid.UUID, uuid.UUID]]:
    statement = sa.select(USERS.c.id, USERS.c.role_id).where(in_organization(USERS), USERS.c.is_active)
    return [(user, role) for user, role in await writer.session.execute(statement, writer.viewer.binds)]


ORGANIZATION = Form(
    entity="Organization",
    model=models.Organization,
    checks=models.OrganizationFields,
    fields=fields("name", "country", "currency", "timezone", "locale"),
    rules=(_own_name,),
)
UNIT = Form(
    entity="Unit",
    model=models.Unit,
    checks=models.UnitFields,
    fields=(*fields("name"), Link(name="parent", entity="Unit")),
    key="name",
    unique=(("name",),),
    rules=(_no_circles, _no_wider_units),
)
ROLE = Form(
    entity="Role",
    model=models.Role,
    checks=models.Role,
    fields=fields("name", *Permissions.__slots__),
    key="name",
    unique=(("name",),),
    rules=(_no_greater_roles, _keeps_an_administrating_role),
)
USER = Form(
    entity="User",
    model=models.User,
    checks=models.UserFields,
    fields=(
        Field(name="email", spelling=sign_in_address),
        *fields("name"),
        Link(name="unit", entity="Unit"),
        Link(name="role", entity="Role"),
        *fields("is_active"),
    ),
    key="email",
    unique=(("email",),),
    rules=(_no_greater_users, _keeps_an_administrator),
)
