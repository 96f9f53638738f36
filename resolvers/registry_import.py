"""Importing a company: one customer with what its register says, linked to its record."""

import enum
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from resolvers.customer import CUSTOMER, CUSTOMERS, prepare_new
from resolvers.ids import encode
from resolvers.industry_codes import find_or_make_industry
from resolvers.problems import Problem, Refused, invalid
from resolvers.references import Row
from resolvers.registry_links import LINKS, keep_link, taken_over
from resolvers.registry_record import Record, Values, beside, read_record, stored_number
from resolvers.rights import in_organization, sees_customer
from resolvers.validation import camel
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, get_editable, one_at_a_time, prepare, store, taken, with_parts


class OnDuplicate(enum.StrEnum):
    """What is done where the company is a customer already."""

    REJECT = "REJECT"
    UPDATE = "UPDATE"


@dataclass(frozen=True, slots=True)
class Imported(Outcome):
    """What became of an import: the key of the customer, and whether it is new."""

    created: bool = False


async def import_customer(
    session: AsyncSession,
    viewer: Viewer,
    record: Record,
    overrides: Values,
    on_duplicate: OnDuplicate = OnDuplicate.REJECT,
    *,
    allow_natural_person: bool = False,
) -> Imported:
    """Make a customer of a company, or bring the one that it is already up to what the register says.

    `overrides`, values as for updating a customer, win. Paths begin with `overrides`, or are `("businessId",)` and
    `("allowNaturalPerson",)`. DUPLICATE where there is a customer of this number and country, or of this record,
    and it is not to be updated; INVALID for a person in business unless that is allowed; else as for creating a
    customer, or updating it.
    """
    try:
        writer = get_writer(session, viewer)
        _refuse_persons(record, allowed=allow_natural_person)
        async with session.begin_nested():
            return await _import(writer, record, overrides, on_duplicate)
    except Refused as refusal:
        return Imported(None, refusal.problems)


def _refuse_persons(record: Record, *, allowed: bool) -> None:
    if record.company.is_natural_person and not allowed:
        message = (
            f"{record.company.name} is a person in business, whose data are protected: with a reason to keep them, "
            "say allowNaturalPerson: true."
        )
        raise Refused(invalid(message, "allowNaturalPerson"))


async def _import(writer: Writer, record: Record, overrides: Values, on_duplicate: OnDuplicate) -> Imported:
    await one_at_a_time(writer, f"{record.registry_id} {record.company.business_id}")
    row = await _find_stored(writer, record, on_duplicate)
    values = dict(read_record(record.company))
    if record.company.industry and "industry" not in overrides:
        values["industry"] = await find_or_make_industry(writer, record.company.industry)
    values = {name: value for name, value in values.items() if value is not None and name not in overrides}
    given = {"country": record.company.country, **beside(values, row), **overrides}
    draft = Draft(("overrides",), given, row)
    await (prepare(writer, CUSTOMER, [draft]) if row else prepare_new(writer, draft))
    if not draft.is_fine:
        raise Refused(*(_placed(problem, overrides) for problem in draft.problems))
    await store(writer, CUSTOMER, [draft])
    await keep_link(writer, draft, record, taken_over(draft, values))
    return Imported(draft.key, created=row is None)


async def _find_stored(writer: Writer, record: Record, on_duplicate: OnDuplicate) -> Row | None:
    """The customer that the company is already, locked; raises Refused where it is not to be updated."""
    holder = await _find_holder(writer, record)
    if holder is None:
        return None
    if on_duplicate is OnDuplicate.REJECT or not holder["is_visible"]:
        raise Refused(_duplicate(record, holder))
    try:
        row = await get_editable(writer, CUSTOMER, encode("Customer", holder["id"]))
    except Refused as refusal:
        raise Refused(*(problem.at("businessId") for problem in refusal.problems)) from refusal
    return (await with_parts(writer, CUSTOMER, [row]))[0]


async def _find_holder(writer: Writer, record: Record) -> Row | None:
    """The customer with the company's number or, else, the one that was imported from this record."""
    number = sa.and_(CUSTOMERS.c.country == sa.bindparam("country"), CUSTOMERS.c.business_id == sa.bindparam("number"))
    linked = sa.exists().where(
        in_organization(LINKS),
        LINKS.c.customer_id == CUSTOMERS.c.id,
        LINKS.c.registry_id == sa.bindparam("registry"),
        LINKS.c.business_id == sa.bindparam("filed_as"),
    )
    is_visible = sees_customer(CUSTOMERS, writer.viewer.permissions).label("is_visible")
    statement = (
        sa.select(CUSTOMERS.c.id, CUSTOMERS.c.name, is_visible)
        .where(in_organization(CUSTOMERS), CUSTOMERS.c.deleted_at.is_(None), sa.or_(number, linked))
        .order_by(sa.func.coalesce(number, sa.false()).desc(), CUSTOMERS.c.id)
        .limit(1)
    )
    company = record.company
    named = {"country": company.country, "number": stored_number(company)}
    filed = {"registry": record.registry_id, "filed_as": company.business_id}
    row = (await writer.session.execute(statement, {**writer.viewer.binds, **named, **filed})).mappings().first()
    return dict(row) if row else None


def _duplicate(record: Record, holder: Row) -> Problem:
    problem = taken(CUSTOMER, "business_id", record.company.business_id, holder, "businessId")
    advice = " Say onDuplicate: UPDATE to bring it up to date." if holder["is_visible"] else ""
    return replace(problem, message=problem.message + advice)


def _placed(problem: Problem, overrides: Values) -> Problem:
    """Where it is the register's value that stands in the way, the path is that of the number."""
    is_override = problem.path[1:2] and problem.path[1] in map(camel, overrides)
    return problem if is_override else problem.at("businessId")
