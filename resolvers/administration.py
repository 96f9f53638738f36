"""What administrators look after: the organisation, its units, roles, users and statuses.

Every function needs `administer`. They lock the organisation first, one administrator at a time, and read the rights of
the viewer anew: two administrators cannot take each other's away at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.models import table_of
from resolvers.forms import Form
from resolvers.invoicing import INVOICE_STATUS
from resolvers.organization import ORGANIZATION, ROLE, UNIT, USER
from resolvers.problems import Refused, forbidden, invalid
from resolvers.rights import in_organization
from resolvers.sales import SALES_STATUS
from resolvers.upsert import Rows, UpsertResult, refused, upsert
from resolvers.viewer import Permissions, Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, answering, lock_rows, prepare, write_one

ROLES = table_of(models.Role)
USERS = table_of(models.User)


@answering
async def update_organization(session: AsyncSession, viewer: Viewer, values: Mapping[str, Any]) -> Outcome:
    """Change the viewer's organisation. Paths begin with `set`; its currency stays as it is (INVALID)."""
    writer = await get_administrator(session, viewer)
    rows = await lock_rows(writer, ORGANIZATION, ORGANIZATION.table.c.id, [viewer.organization_id])
    if values.get("currency", viewer.currency) != viewer.currency:
        raise Refused(invalid("The currency of an organisation stays as it was set.", "set", "currency"))
    draft = Draft(("set",), values, rows[viewer.organization_id])
    await prepare(writer, ORGANIZATION, [draft])
    return await write_one(writer, ORGANIZATION, draft)


async def upsert_units(session: AsyncSession, viewer: Viewer, rows: Rows) -> UpsertResult:
    """Create or update units, by id or name; a parent may be a row of the same call."""
    return await _upsert(session, viewer, UNIT, rows)


async def upsert_roles(session: AsyncSession, viewer: Viewer, rows: Rows) -> UpsertResult:
    """Create or update roles, by id or name.

    FORBIDDEN where one goes beyond the viewer's own rights, before or after; CONFLICT where no administrator is left.
    """
    return await _upsert(session, viewer, ROLE, rows)


async def upsert_users(session: AsyncSession, viewer: Viewer, rows: Rows) -> UpsertResult:
    """Create or update users, by id or e-mail address; `unit` and `role` are references.

    FORBIDDEN where one has rights beyond the viewer's own, before or after; CONFLICT where no administrator is left.
    """
    return await _upsert(session, viewer, USER, rows)


async def upsert_sales_statuses(session: AsyncSession, viewer: Viewer, rows: Rows) -> UpsertResult:
    """Create or update sales statuses, by id or name."""
    return await _upsert(session, viewer, SALES_STATUS, rows)


async def upsert_invoice_statuses(session: AsyncSession, viewer: Viewer, rows: Rows) -> UpsertResult:
    """Create or update invoice statuses, by id or name; CONFLICT where one becomes numbered, its invoices not."""
    return await _upsert(session, viewer, INVOICE_STATUS, rows)


async def get_administrator(session: AsyncSession, viewer: Viewer) -> Writer:
    """The viewer as the only administrator at work; raises Refused where the viewer is none (any more)."""
    writer = get_writer(session, viewer, "administer")
    await lock_rows(writer, ORGANIZATION, ORGANIZATION.table.c.id, [viewer.organization_id])
    same_role = sa.and_(ROLES.c.organization_id == USERS.c.organization_id, ROLES.c.id == USERS.c.role_id)
    rights = (
        sa.select(*(ROLES.c[name] for name in Permissions.__slots__))
        .join(USERS, same_role)
        .where(in_organization(USERS), USERS.c.id == sa.bindparam("viewer_id"), USERS.c.is_active)
    )
    row = (await session.execute(rights, viewer.binds)).first()
    if row is None or not row.administer:
        raise Refused(forbidden("You are not an administrator any more."))
    return replace(writer, viewer=replace(viewer, permissions=Permissions.of(row)))


async def _upsert(session: AsyncSession, viewer: Viewer, form: Form, rows: Rows) -> UpsertResult:
    try:
        writer = await get_administrator(session, viewer)
    except Refused as refusal:
        return refused(*refusal.problems)
    return await upsert(writer, form, rows)
