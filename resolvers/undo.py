"""Undoing an operation: what it changed is set back, by the trail it left, where nobody has changed it since."""

import enum
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import BulkStatus
from resolvers.customer import CUSTOMER
from resolvers.entities import ENTITIES
from resolvers.ids import find_key
from resolvers.operations import (
    OPERATIONS,
    Act,
    Counts,
    Operation,
    close_operation,
    find_problems,
    open_operation,
    set_status,
)
from resolvers.problems import Refused, conflict, not_found
from resolvers.references import Row
from resolvers.rights import in_organization
from resolvers.undo_fields import FieldsStep, find_changed_fields
from resolvers.undo_merge import MergeStep, find_merged
from resolvers.viewer import Viewer
from resolvers.writer import Writer, get_writer


class UndoConflict(enum.StrEnum):
    """What a row that was changed since means for the undoing of the others."""

    SKIP = "SKIP"
    REJECT_ALL = "REJECT_ALL"


class Step(Protocol):
    """Undoes what an operation did to the rows of one kind."""

    async def is_refused(self) -> bool:
        """Whether any of it cannot be taken back; what can be is locked, so that it stays so."""

    async def take(self, rejections: int, *, nothing: bool) -> Counts:
        """Take back what can be, or `nothing`; the rest are rejections, which come after so many others."""


async def undo_bulk_operation(
    session: AsyncSession, viewer: Viewer, id_text: str, on_conflict: UndoConflict = UndoConflict.SKIP
) -> Act:
    """Set back what an operation changed; an operation of its own, which can be undone in turn.

    Rows changed since, gone or no longer editable are rejections, with the path `("id",)`. Raises Refused: NOT_FOUND
    where the viewer does not see the operation, CONFLICT where there is nothing to take back.
    """
    writer = get_writer(session, viewer)
    undone = await _get_undoable(writer, id_text)
    operation = Operation(undoes_id=undone["id"])
    await open_operation(writer, operation)
    steps = await _steps(replace(writer, operation_id=operation.id), operation, undone)
    is_refused = on_conflict is UndoConflict.REJECT_ALL and any([await step.is_refused() for step in steps])
    counts = Counts()
    for step in steps:
        counts = counts.plus(await step.take(counts.rejected, nothing=is_refused))
    await close_operation(writer, operation, BulkStatus.REJECTED if is_refused else BulkStatus.APPLIED, counts)
    if not is_refused:
        await _turn(writer, undone)
    return Act(operation.id, await find_problems(session, viewer, operation.id) if counts.rejected else ())


async def _get_undoable(writer: Writer, id_text: str) -> Row:
    """The operation, locked, so that of two who undo it one comes too late."""
    visible = ENTITIES["BulkOperation"].visible(OPERATIONS, writer.viewer.permissions)
    statement = sa.select(OPERATIONS).where(visible, OPERATIONS.c.id == sa.bindparam("key")).with_for_update()
    binds = {**writer.viewer.binds, "key": find_key("BulkOperation", id_text)}
    row = (await writer.session.execute(statement, binds)).mappings().first()
    if row is None:
        raise Refused(not_found("There is no operation with this id.", "id"))
    if row["status"] is not BulkStatus.APPLIED:
        raise Refused(conflict(f"This operation is {row['status'].lower()}: there is nothing to take back.", "id"))
    return dict(row)


async def _steps(writer: Writer, operation: Operation, undone: Row) -> Sequence[Step]:
    """In the order in which each finds what it needs: nothing is moved to a customer that is not there."""
    merged = await find_merged(writer, undone["id"])
    changed = await find_changed_fields(writer, undone["id"])
    if merged is None:
        return [FieldsStep(writer, operation, undone["id"], each) for each in changed]
    coming = merged.comes_back
    following = [
        FieldsStep(writer, operation, undone["id"], each, coming) for each in changed if each.form is not CUSTOMER
    ]
    customers = MergeStep(writer, operation, merged)
    return [customers, *following] if coming else [*following, customers]


async def _turn(writer: Writer, undone: Row) -> None:
    """An operation is undone; what it had undone itself stands again, and so on down the line."""
    row: Any = undone
    status = BulkStatus.UNDONE
    while row:
        await set_status(writer, row["id"], status)
        status = BulkStatus.APPLIED if status is BulkStatus.UNDONE else BulkStatus.UNDONE
        statement = sa.select(OPERATIONS).where(in_organization(OPERATIONS), OPERATIONS.c.id == sa.bindparam("key"))
        found = await writer.session.execute(statement, {**writer.viewer.binds, "key": row["undoes_id"]})
        row = found.mappings().first()
