"""Merging two customers that are one company: what hangs on the one moves to the other, and the one is deleted."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import BulkStatus
from resolvers import trail
from resolvers.contact import CONTACT
from resolvers.customer import CUSTOMER
from resolvers.forms import Field, Form, Link
from resolvers.ids import encode, find_key
from resolvers.invoicing import INVOICE
from resolvers.operations import Counts, Operation, close_operation, open_operation
from resolvers.problems import Problem, Refused, conflict, invalid
from resolvers.references import Ref, Row
from resolvers.sales import CASE
from resolvers.sweep import set_fields
from resolvers.viewer import Viewer
from resolvers.writer import Draft, Writer, get_writer
from resolvers.writing import Outcome, get_editable, mark_deleted, prepare, store, with_parts

FOLLOWING: Sequence[Form] = (CONTACT, CASE, INVOICE)
"""What moves along: all that names its customer, whether the viewer sees it or not."""


@dataclass(frozen=True, slots=True)
class Merge(Outcome):
    """What became of a merge: the key of the customer that stays, and the operation by which it can be undone."""

    operation_id: uuid.UUID | None = None


async def merge_customers(
    session: AsyncSession, viewer: Viewer, into_id: str, from_id: str, take: Sequence[str] = ()
) -> Merge:
    """Move contacts, cases and invoices from one customer to another, and delete the one; both are named by their ids.

    The one that stays keeps its own values but for the fields to `take` (as clients call them), which are written as if
    a client had sent the other's. Paths are `("into",)`, `("from",)` and `("take", "0")`. INVALID where both are the
    same customer or a field is unknown, CONFLICT where only one of them is internal, else as for updating the one and
    deleting the other.
    """
    try:
        writer = get_writer(session, viewer)
        if find_key("Customer", into_id) == find_key("Customer", from_id) is not None:
            raise Refused(invalid("Both are the same customer; name another one.", "from"))
        taken = _fields(take)
        async with session.begin_nested():
            stays, goes = await _lock_both(writer, into_id, from_id)
            return await _merge(writer, stays, goes, taken)
    except Refused as refusal:
        return Merge(None, refusal.problems)


def _fields(names: Sequence[str]) -> Sequence[Field]:
    known = {each.client_name: each for each in CUSTOMER.fields}
    problems = [
        invalid(f"A customer has no field {name!r} to take; there are {', '.join(known)}.", "take", str(place))
        for place, name in enumerate(names)
        if name not in known
    ]
    if problems:
        raise Refused(*problems)
    return [known[name] for name in names]


async def _lock_both(writer: Writer, into_id: str, from_id: str) -> tuple[Row, Row]:
    """Both rows with their lists, locked in the order of their keys as every writer does it."""
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    for id_text, name in sorted([(into_id, "into"), (from_id, "from")]):
        try:
            rows[name] = await get_editable(writer, CUSTOMER, id_text, for_deletion=name == "from")
        except Refused as refusal:
            problems += [problem.at(name) for problem in refusal.problems]
    if problems:
        raise Refused(*problems)
    if rows["into"]["is_internal"] != rows["from"]["is_internal"]:
        raise Refused(conflict("One of them is internal, and the other is not: they cannot be one customer.", "from"))
    stays, goes = await with_parts(writer, CUSTOMER, [rows["into"], rows["from"]])
    return stays, goes


async def _merge(writer: Writer, stays: Row, goes: Row, taken: Sequence[Field]) -> Merge:
    operation = Operation()
    writer = replace(writer, operation_id=operation.id)
    await open_operation(writer, operation)
    # It goes first, so that what only one may have, such as its number, can be taken.
    await trail.record_gone(writer, CUSTOMER, [goes])
    await mark_deleted(writer, CUSTOMER, [goes], writer.at)
    changed = 1 + await _take(writer, stays, goes, taken)
    for form in FOLLOWING:
        await _move(writer, operation, form, stays, goes["id"])
    await close_operation(writer, operation, BulkStatus.APPLIED, Counts(2, changed, 2 - changed))
    return Merge(stays["id"], (), operation.id)


async def _take(writer: Writer, stays: Row, goes: Row, taken: Sequence[Field]) -> bool:
    """Whether the one that stays is now another than before; raises Refused where it cannot have the other's values."""
    draft = Draft(("take",), _as_given(goes, taken), stays)
    await prepare(writer, CUSTOMER, [draft])
    if not draft.is_fine:
        places = {each.client_name: str(place) for place, each in enumerate(taken)}
        raise Refused(*(_at_its_place(problem, places) for problem in draft.problems))
    await store(writer, CUSTOMER, [draft])
    return bool(draft.changed)


def _as_given(row: Row, fields: Sequence[Field]) -> Mapping[str, Any]:
    """The row's values as a client would give them."""
    return {each.name: _given(each, row[each.columns[0]]) for each in fields}


def _given(field: Field, value: Any) -> Any:
    return Ref("id", encode(field.entity, value)) if isinstance(field, Link) and value else value


def _at_its_place(problem: Problem, places: Mapping[str, str]) -> Problem:
    argument, name, *rest = problem.path
    return replace(problem, path=(argument, places.get(name, name), *rest))


async def _move(writer: Writer, operation: Operation, form: Form, stays: Row, gone: uuid.UUID) -> None:
    there = Ref("id", encode("Customer", stays["id"]))
    draft = Draft((), {"customer": there}, values={"customer_id": stays["id"]}, links={"customer": stays})
    await set_fields(writer, operation, form, draft, lambda row: row.c.customer_id == gone)
