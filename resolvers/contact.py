"""Contact persons: how they are written, and the three things that happen to one at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.models import Access
from resolvers import rights, trail
from resolvers.contact_details import email, phone
from resolvers.forms import Field, Form, Link, National, fields
from resolvers.problems import forbidden
from resolvers.references import Row
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, answering, get_editable, mark_deleted, prepare, refused, write_one


async def _goes_to_an_editable_customer(writer: Writer, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        customer = draft.links.get("customer")
        if customer and not customer["editable"] and "customer_id" in draft.changed:
            draft.forbid("You see this customer, but your role does not let you change its contacts.", "customer")


def _full_name(row: Row) -> str:
    return " ".join(part for part in (row["first_name"], row["last_name"]) if part)


CONTACT = Form(
    entity="Contact",
    model=models.Contact,
    checks=models.ContactFields,
    fields=(
        Link(name="customer", entity="Customer", gives_country=True),
        *fields("first_name", "last_name", "title", "role"),
        Field(name="email", spelling=email),
        National(name="phone", spelling_in=phone),
        National(name="mobile", spelling_in=phone),
        *fields("language"),
        *fields("is_primary", "is_active", "marketing_allowed", "external_id"),
    ),
    label=_full_name,
    unique=(("external_id",),),
    editable=rights.edits_customer_of,
    rules=(_goes_to_an_editable_customer,),
)


@answering
async def create_contact(session: AsyncSession, viewer: Viewer, values: Mapping[str, Any]) -> Outcome:
    """A new contact. Paths begin with `input`; FORBIDDEN where the viewer may not edit the customer."""
    writer = get_writer(session, viewer)
    if viewer.permissions.edit_customers is Access.NONE:
        return refused(forbidden("Your role does not let you create contacts."))
    draft = Draft(("input",), values)
    await prepare(writer, CONTACT, [draft])
    return await write_one(writer, CONTACT, draft)


@answering
async def update_contact(
    session: AsyncSession, viewer: Viewer, id_text: str, values: Mapping[str, Any], expected_version: int | None = None
) -> Outcome:
    """Change what `values` has; it moves only between customers that the viewer may edit.

    Paths begin with `set`, or are `("id",)` and `("expectedVersion",)`. Refused as customers are.
    """
    writer = get_writer(session, viewer)
    draft = Draft(("set",), values, await get_editable(writer, CONTACT, id_text, expected_version))
    await prepare(writer, CONTACT, [draft])
    return await write_one(writer, CONTACT, draft)


@answering
async def delete_contact(session: AsyncSession, viewer: Viewer, id_text: str) -> Outcome:
    """Delete a contact, softly. The path is `("id",)`."""
    writer = get_writer(session, viewer)
    row = await get_editable(writer, CONTACT, id_text, for_deletion=True)
    await trail.record_gone(writer, CONTACT, [row])
    await mark_deleted(writer, CONTACT, [row], writer.at)
    return Outcome(row["id"])
