"""Refreshing a customer: taking over what its national register says now."""

import enum
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import Reads
from db.models import RegistryField
from resolvers.customer import CUSTOMER
from resolvers.industry_codes import find_or_make_industry
from resolvers.problems import Refused, forbidden, not_editable
from resolvers.provenance import column_of
from resolvers.references import Row
from resolvers.registries import Registries
from resolvers.registry_linked import find_record, read_customer
from resolvers.registry_links import LINKS, keep_link, taken_over
from resolvers.registry_record import Record, Values, beside, name_of, read_record, with_other_kinds
from resolvers.rendering import text
from resolvers.rights import in_organization
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, answering, get_editable, prepare, store, with_parts


class Overwrite(enum.StrEnum):
    """Which values of a customer those of its register may replace."""

    EMPTY_ONLY = "EMPTY_ONLY"
    ALL = "ALL"


async def find_refreshable(reads: Reads, registries: Registries, viewer: Viewer, id_text: str) -> Record:
    """What `refresh_customer` takes over into a customer that the viewer may edit.

    Raises Refused with the path `("id",)`; no register is asked for whom the viewer does not see or may not edit.
    """
    customer = await read_customer(reads, viewer, id_text, "id")
    if not customer["viewer_can_edit"]:
        raise Refused(forbidden(not_editable(CUSTOMER.noun), "id"))
    return await find_record(registries, viewer, customer, "id")


@answering
async def refresh_customer(
    session: AsyncSession,
    viewer: Viewer,
    id_text: str,
    record: Record,
    *,
    fields: Collection[RegistryField] = tuple(RegistryField),
    overwrite: Overwrite = Overwrite.EMPTY_ONLY,
) -> Outcome:
    """Take over these fields of its record into a customer, and note how the company stands.

    With EMPTY_ONLY only what the customer has nothing of, addresses by their kind, and a ban on marketing that is new.
    With ALL whatever the register has; what it does not have stays in either case. The path of problems is `("id",)`;
    NOT_FOUND, FORBIDDEN and DUPLICATE as for updating a customer.
    """
    writer = get_writer(session, viewer)
    row = await get_editable(writer, CUSTOMER, id_text)
    async with session.begin_nested():
        return await _refresh(writer, (await with_parts(writer, CUSTOMER, [row]))[0], record, fields, overwrite)


async def _refresh(
    writer: Writer, row: Row, record: Record, fields: Collection[RegistryField], overwrite: Overwrite
) -> Outcome:
    names = {name_of(field) for field in fields}
    says = {name: value for name, value in read_record(record.company).items() if name in names}
    fills = overwrite is Overwrite.EMPTY_ONLY
    if "industry" in names and record.company.industry and not (fills and row["industry_id"]):
        industry = await find_or_make_industry(writer, record.company.industry)
        says |= {"industry": industry} if industry else {}
    given = await _missing(writer, row, record, says) if fills else beside(says, row)
    draft = Draft(("id",), given, row)
    await prepare(writer, CUSTOMER, [draft])
    if not draft.is_fine:
        raise Refused(*(problem.at("id") for problem in draft.problems))
    await store(writer, CUSTOMER, [draft])
    await keep_link(writer, draft, record, taken_over(draft, {name: says[name] for name in given}))
    return Outcome(draft.key)


async def _missing(writer: Writer, row: Row, record: Record, says: Values) -> Values:
    """What the register says and the customer has nothing of."""
    columns = {name_of(field): column_of(field) for field in RegistryField}
    missing = {name: value for name, value in says.items() if row[columns[name]] in (None, [])}
    addresses = with_other_kinds(row["addresses"], says.get("addresses", ()))
    if addresses != row["addresses"]:
        missing["addresses"] = addresses
    if "marketing_allowed" in says and not await _was_banned(writer, row, record):
        missing["marketing_allowed"] = says["marketing_allowed"]
    return missing


async def _was_banned(writer: Writer, row: Row, record: Record) -> bool:
    """Whether the record had a ban on marketing already when it was last taken over; who lifted it had reasons."""
    mine = in_organization(LINKS), LINKS.c.customer_id == sa.bindparam("key")
    known = sa.select(LINKS.c.taken_over.has_key(text(RegistryField.MARKETING_ALLOWED))).where(
        *mine, LINKS.c.business_id == sa.bindparam("number")
    )
    binds = {"key": row["id"], "number": record.company.business_id}
    return bool(await writer.session.scalar(known, {**writer.viewer.binds, **binds}))
