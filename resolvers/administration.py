"""What administrators look after: the organisation, its units, roles, users and statuses.

Every function needs `administer`. They lock the organisation first, one administrator at a time, and read the rights of
the viewer anew: two administrators cannot take each other's away at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from resolvers.forms import Form
from resolvers.invoicing import INVOICE_STATUS
from resolvers.organization import ORGANIZATION, ROLE, UNIT, USER
from resolvers.problems import Refused, forbidden, invalid
from resolvers.sales import SALES_STATUS
from resolvers.upsert import Rows, UpsertResult, refused, upsert
from resolvers.viewer import Viewer, find_viewer_now
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, answering, lock_rows, prepare, write_one


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
    """Create or update units, by id or name; a parent may be a row of the same call.

    FORBIDDEN where a unit is moved that the viewer's own rights do not reach.
    """
    return await _upsert(session, viewer, UNIT, rows)


async def upsert_roles(session: AsyncSession, viewer: Viewer, rows: Rows) -> UpsertResult:
    """Create or update roles, by id or name.

    FORBIDDEN where one goes beyond the viewer's own rights, before or after; CONFLICT where no administrator is left.
    """
    return await _upsert(session, viewer, ROLE, rows)


async def upsert_users(session: AsyncSession, viewer: Viewer, rows: Rows) -> UpsertResult:
    """Create or update users, by id or e-mail address; `unit` and `role` are references.

    FORBIDDEN where one has rights beyond the viewer's own, before or after, by the role or by the unit, or would bring
    customers within the viewer's reach; CONFLICT where no administrator is left.
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
    now = await find_viewer_now(session, viewer)
    if now is None or not now.permissions.administer:
        raise Refused(forbidden("You are not an administrator any more."))
    return replace(writer, viewer=now)


async def _upsert(session: AsyncSession, viewer: Viewer, form: Form, rows: Rows) -> UpsertResult:
    try:
        writer = await get_administrator(session, viewer)
    except Refused as refusal:
        return refused(*refusal.problems)
    return await upsert(writer, form, rows)
