"""Customers: how they are written, and the four things that happen to one at a time."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.models import Access, table_of
from resolvers import ids, rights, trail
from resolvers.contact import CONTACT
from resolvers.contact_details import email, phone, website
from resolvers.forms import ADDRESSES, Field, Form, Link, National, fields
from resolvers.ids import find_key
from resolvers.problems import Problem, Refused, conflict, forbidden, not_found
from resolvers.references import Ref, Row, values_of
from resolvers.registration import business_id, vat_number
from resolvers.rights import in_organization
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import (
    Outcome,
    answering,
    find_holders,
    get_editable,
    is_own,
    mark_deleted,
    prepare,
    refused,
    taken,
    with_parts,
    write_one,
)

CUSTOMERS = table_of(models.Customer)
CONTACTS = table_of(models.Contact)
CASES = table_of(models.Case)
INVOICES = table_of(models.Invoice)
ORGANIZATIONS = table_of(models.Organization)

_HIGHEST_NUMBER = 2**31 - 1


async def _is_not_billed(writer: Writer, drafts: Sequence[Draft]) -> None:
    """A customer with invoices cannot become internal."""
    turned = {draft.key: draft for draft in drafts if not draft.is_new and _becomes_internal(draft)}
    if turned:
        of_them = values_of(INVOICES.c.customer_id, "keys")
        billed = sa.select(INVOICES.c.customer_id).where(in_organization(INVOICES), of_them).distinct()
        found = await writer.session.scalars(billed, {**writer.viewer.binds, "keys": list(turned)})
        for key in found:
            turned[key].conflict("This customer has invoices, so it cannot become internal.", "isInternal")


def _becomes_internal(draft: Draft) -> bool:
    return "is_internal" in draft.changed and draft.values["is_internal"]


async def _number(writer: Writer, drafts: Sequence[Draft]) -> None:
    """The next free numbers for new customers without one; the lock on the organisation keeps others from them."""
    if not any("number" in draft.changed for draft in drafts):
        return
    last, used = await _numbers_in_use(writer)
    used |= {draft.values["number"] for draft in drafts if draft.value("number") and "number" in draft.changed}
    for draft in drafts:
        if draft.value("number") is None:
            last = _next_number(last, used)
            _take_number(draft, last)
        else:
            last = max(last, draft.value("number"))


def _next_number(last: int, used: set[int]) -> int:
    number = last + 1
    while number in used:
        number += 1
    return number


def _take_number(draft: Draft, number: int) -> None:
    draft.values["number"] = number
    if number > _HIGHEST_NUMBER:
        draft.invalid(f"There is no number after {_HIGHEST_NUMBER} to give automatically; give one.", "number")


async def _numbers_in_use(writer: Writer) -> tuple[int, set[int]]:
    """The last number given, and numbers beyond it that are taken all the same."""
    last = (
        sa.select(ORGANIZATIONS.c.last_customer_number)
        .where(in_organization(ORGANIZATIONS))
        .with_for_update(key_share=True)
    )
    number = await writer.session.scalar(last, writer.viewer.binds)
    beyond = sa.select(CUSTOMERS.c.number).where(
        in_organization(CUSTOMERS), CUSTOMERS.c.deleted_at.is_(None), CUSTOMERS.c.number > sa.bindparam("last")
    )
    used = await writer.session.scalars(beyond, {**writer.viewer.binds, "last": number})
    return number or 0, set(used)


async def _keep_last_number(writer: Writer, drafts: Sequence[Draft]) -> None:
    """The organisation remembers the greatest number ever given."""
    greatest = max((draft.values["number"] for draft in drafts if "number" in draft.changed), default=0)
    remembered = ORGANIZATIONS.c.last_customer_number
    statement = sa.update(ORGANIZATIONS).values(last_customer_number=sa.bindparam("greatest"))
    statement = statement.where(is_own(ORGANIZATIONS), remembered < sa.bindparam("greatest"))
    if greatest:
        own = {"own_organization": writer.viewer.organization_id}
        await writer.session.execute(statement, {**own, "greatest": greatest})


INDUSTRY = Form(
    entity="Industry",
    model=models.Industry,
    checks=models.IndustryFields,
    fields=fields("name", "code", "is_active"),
    key="name",
    unique=(("name",),),
)
BUSINESS_ID = National(name="business_id", spelling_in=business_id, is_local=True)
CUSTOMER = Form(
    entity="Customer",
    model=models.Customer,
    checks=models.CustomerFields,
    fields=(
        Field(name="number", is_automatic=True),
        *fields("name"),
        BUSINESS_ID,
        National(name="vat_number", spelling_in=vat_number),
        Field(name="country", default=lambda viewer: viewer.country),
        *fields("language"),
        Field(name="email", spelling=email),
        National(name="phone", spelling_in=phone),
        Field(name="website", spelling=website),
        *fields("notes"),
        Link(name="industry", entity="Industry"),
        Link(name="owner", entity="User"),
        *fields("is_internal", "is_active", "marketing_allowed"),
        ADDRESSES,
        *fields("external_id"),
    ),
    unique=(("number",), ("country", "business_id"), ("external_id",)),
    editable=rights.edits_customer,
    rules=(_is_not_billed, _number),
    stored=(_keep_last_number,),
)


@answering
async def create_customer(session: AsyncSession, viewer: Viewer, values: Mapping[str, Any]) -> Outcome:
    """A new customer, numbered and owned by the viewer (where the role reaches no further than that) unless said.

    Paths begin with `input`. FORBIDDEN where the viewer may not edit customers of the owner; DUPLICATE where a number,
    business id or external id is taken.
    """
    writer, draft = get_writer(session, viewer), Draft(("input",), values)
    await prepare_new(writer, draft)
    return await write_one(writer, CUSTOMER, draft)


async def prepare_new(writer: Writer, draft: Draft) -> None:
    """Fill in the draft of a new customer, or say what is wrong; raises Refused where the role has no such right."""
    viewer, level = writer.viewer, writer.viewer.permissions.edit_customers
    if level is Access.NONE:
        raise Refused(forbidden("Your role does not let you create customers."))
    if level is not Access.ALL:
        draft.given = {"owner": Ref("id", ids.encode("User", viewer.user_id)), **draft.given}
    await prepare(writer, CUSTOMER, [draft])
    if draft.is_fine and not _reaches(viewer, level, draft.links.get("owner")):
        draft.forbid("Your role lets you create customers only for yourself or your unit; name such an owner.", "owner")


@answering
async def update_customer(
    session: AsyncSession, viewer: Viewer, id_text: str, values: Mapping[str, Any], expected_version: int | None = None
) -> Outcome:
    """Change what `values` has; a customer may be handed to anyone.

    Paths begin with `set`, or are `("id",)` and `("expectedVersion",)`. NOT_FOUND where the viewer does not see it,
    FORBIDDEN where the viewer may not edit it, STALE where its version is another than expected.
    """
    writer = get_writer(session, viewer)
    row = await get_editable(writer, CUSTOMER, id_text, expected_version)
    draft = Draft(("set",), values, row)
    await prepare(writer, CUSTOMER, [draft])
    return await write_one(writer, CUSTOMER, draft)


@answering
async def delete_customer(session: AsyncSession, viewer: Viewer, id_text: str) -> Outcome:
    """Delete a customer with its contacts, softly; CONFLICT where it has cases or invoices. The path is `("id",)`."""
    writer = get_writer(session, viewer)
    row = await get_editable(writer, CUSTOMER, id_text, for_deletion=True)
    if await is_in_use(writer, row["id"]):
        return refused(conflict("This customer has cases or invoices; make it inactive instead.", "id"))
    contacts = await _contacts(writer, row["id"], CONTACTS.c.deleted_at.is_(None))
    await trail.record_gone(writer, CUSTOMER, await with_parts(writer, CUSTOMER, [row]))
    await trail.record_gone(writer, CONTACT, contacts)
    await mark_deleted(writer, CONTACT, contacts, writer.at)
    await mark_deleted(writer, CUSTOMER, [row], writer.at)
    return Outcome(row["id"])


@answering
async def restore_customer(session: AsyncSession, viewer: Viewer, id_text: str) -> Outcome:
    """Bring a deleted customer back, with the contacts that were deleted along with it.

    The path is `("id",)`. DUPLICATE where a number, business id or external id has been taken meanwhile. One that is
    not deleted stays as it is.
    """
    writer = get_writer(session, viewer)
    row = await get_restorable(writer, id_text)
    if row["deleted_at"] is None:
        return Outcome(row["id"])
    contacts = await _contacts(writer, row["id"], CONTACTS.c.deleted_at == row["deleted_at"])
    if problems := [*await find_taken(writer, CUSTOMER, [row]), *await find_taken(writer, CONTACT, contacts)]:
        return refused(*problems)
    await mark_deleted(writer, CUSTOMER, [row], None)
    await mark_deleted(writer, CONTACT, contacts, None)
    await trail.record_back(writer, CUSTOMER, await with_parts(writer, CUSTOMER, [row]))
    await trail.record_back(writer, CONTACT, contacts)
    return Outcome(row["id"])


def _reaches(viewer: Viewer, level: Access, owner: Row | None) -> bool:
    """Whether a customer of this owner (`id`, `unit_id`) is within the level."""
    if level is Access.ALL or level is Access.NONE or owner is None:
        return level is Access.ALL
    return owner["id"] == viewer.user_id or (level is Access.UNIT and owner["unit_id"] in viewer.units)


async def is_in_use(writer: Writer, key: uuid.UUID) -> bool:
    """Whether the customer has cases or invoices."""
    of_it = [
        sa.exists().where(in_organization(table), table.c.customer_id == sa.bindparam("key"))
        for table in (CASES, INVOICES)
    ]
    return bool(await writer.session.scalar(sa.select(sa.or_(*of_it)), {**writer.viewer.binds, "key": key}))


async def _contacts(writer: Writer, customer_id: uuid.UUID, which: sa.ColumnElement[bool]) -> Sequence[Row]:
    statement = (
        sa.select(CONTACTS)
        .where(in_organization(CONTACTS), CONTACTS.c.customer_id == sa.bindparam("key"), which)
        .order_by(CONTACTS.c.id)
        .with_for_update()
    )
    rows = await writer.session.execute(statement, {**writer.viewer.binds, "key": customer_id})
    return [dict(row) for row in rows.mappings()]


async def get_restorable(writer: Writer, id_text: str) -> Row:
    """The row, deleted or not; raises Refused where the viewer did not see it or could not edit it."""
    viewer, may = writer.viewer, writer.viewer.permissions
    users = table_of(models.User)
    unit = sa.select(users.c.unit_id).where(in_organization(users), users.c.id == CUSTOMERS.c.owner_id)
    statement = (
        sa.select(CUSTOMERS, unit.scalar_subquery().label("unit_id"))
        .where(in_organization(CUSTOMERS), CUSTOMERS.c.id == sa.bindparam("key"))
        .with_for_update(of=CUSTOMERS)
    )
    binds = {**viewer.binds, "key": find_key("Customer", id_text)}
    row = (await writer.session.execute(statement, binds)).mappings().first()
    owner = {"id": row["owner_id"], "unit_id": row["unit_id"]} if row else None
    if row is None or not _reaches(viewer, may.read_customers, owner):
        raise Refused(not_found("There is no customer with this id.", "id"))
    if not _reaches(viewer, may.edit_customers, owner):
        raise Refused(forbidden("Your role does not let you change this customer.", "id"))
    return dict(row)


async def find_taken(writer: Writer, form: Form, rows: Sequence[Row]) -> list[Problem]:
    """What the deleted rows held and others hold now, as problems with the path `("id",)`."""
    problems: list[Problem] = []
    for columns in form.unique:
        held = [row for row in rows if all(row[name] is not None for name in columns)]
        holders = await find_holders(writer, form, columns, [row[columns[-1]] for row in held]) if held else {}
        with_holder = ((row, holders.get(tuple(row[name] for name in columns))) for row in held)
        problems += [taken(form, columns[-1], row[columns[-1]], holder, "id") for row, holder in with_holder if holder]
    return problems
