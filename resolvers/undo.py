"""Undoing an operation: what it changed is set back, by the trail it left, where nobody has changed it since."""

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import BulkStatus, ChangeKind, ProblemCode
from resolvers.columns import Expression, columns_in, tagged
from resolvers.contact import CONTACT
from resolvers.customer import CUSTOMER
from resolvers.entities import ENTITIES
from resolvers.forms import Field, Form
from resolvers.ids import find_key
from resolvers.invoicing import INVOICE
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
from resolvers.rendering import literal, text
from resolvers.rights import Predicate, in_organization
from resolvers.sales import CASE
from resolvers.sweep import (
    CHANGES,
    NO_CLASH,
    change_columns,
    count_of,
    differ,
    meant,
    path_of,
    recorded_as,
    rejected,
    run,
    shared_keys,
    with_clashes,
    written,
)
from resolvers.viewer import Viewer
from resolvers.writer import Writer, get_writer

FORMS: Mapping[str, Form] = {form.entity: form for form in (CUSTOMER, CONTACT, CASE, INVOICE)}
"""What operations change."""


class UndoConflict(enum.StrEnum):
    """What a row that was changed since means for the undoing of the others."""

    SKIP = "SKIP"
    REJECT_ALL = "REJECT_ALL"


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
    steps = [
        _Step(writer, operation, undone["id"], undone["changed"], *each)
        for each in await _find_changed(writer, undone["id"])
    ]
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


async def _find_changed(writer: Writer, operation_id: uuid.UUID) -> list[tuple[Form, tuple[Field, ...]]]:
    """Which fields of what the operation changed."""
    statement = (
        sa.select(CHANGES.c.entity_type, sa.func.array_agg(CHANGES.c.field.distinct()))
        .where(in_organization(CHANGES), _updates(operation_id))
        .group_by(CHANGES.c.entity_type)
    )
    rows = await writer.session.execute(statement, writer.viewer.binds)
    names: dict[str, list[str]] = {row[0]: row[1] for row in rows}
    return [
        (form, tuple(each for each in form.fields if each.client_name in names[entity]))
        for entity, form in FORMS.items()
        if entity in names
    ]


def _updates(operation_id: uuid.UUID) -> Predicate:
    of_it = CHANGES.c.operation_id == sa.bindparam("undone", operation_id, type_=sa.Uuid())
    return sa.and_(of_it, CHANGES.c.kind == text(ChangeKind.UPDATED))


@dataclass(frozen=True)
class _Step:
    """What an operation changed of one form's rows."""

    writer: Writer
    operation: Operation
    undone_id: uuid.UUID
    rows: int
    """How many the operation changed in all."""
    form: Form
    fields: tuple[Field, ...]

    async def is_refused(self) -> bool:
        """Whether any of it cannot be taken back; what can be is locked, so that it stays so."""
        _, _, refused = self._parts()
        (rejections,) = await run(self.writer, sa.select(count_of(refused)), {}, self.rows)
        return bool(rejections)

    async def take(self, rejections: int, *, nothing: bool) -> Counts:
        """Take back what can be, or `nothing`; the rest are rejections, which come after so many others."""
        marks, rows, refused = self._parts()
        to = self._to(rows)
        fine = literal("false") if nothing else rows.c.code.is_(None)
        changed = written(self.form, rows, to, fine)
        statement = sa.select(
            count_of(marks).label("matched"),
            count_of(changed).label("changed"),
            count_of(rows, fine, sa.not_(differ(rows, to))).label("unchanged"),
            count_of(refused).label("rejected"),
        ).add_cte(self._traced(changed), rejected(self.operation, refused, rejections))
        found = await run(self.writer, statement, {}, self.rows)
        return Counts(**found._mapping)

    def _parts(self) -> tuple[sa.CTE, sa.CTE, sa.CTE]:
        """What the operation made of each row, the rows as they are, and those that cannot be set back."""
        marks = self._marks()
        rows = self._rows(marks)
        return marks, rows, self._refused(marks, rows)

    def _marks(self) -> sa.CTE:
        sides = (
            sa.func.jsonb_object_agg(CHANGES.c.field, CHANGES.c[side], type_=JSONB()).label(f"all_{side}")
            for side in ("old", "new")
        )
        of_form = CHANGES.c.entity_type == text(self.form.entity)
        found = sa.select(CHANGES.c.entity_id.label("key"), *sides)
        where = (in_organization(CHANGES), _updates(self.undone_id), of_form)
        return found.where(*where).group_by(CHANGES.c.entity_id).cte("marks")

    def _rows(self, marks: sa.CTE) -> sa.CTE:
        form, may = self.form, self.writer.viewer.permissions
        table = form.table.alias("row")
        columns = [name for each in self.fields for name in each.columns]
        keys = [name for key in shared_keys(form, columns) for name in key]
        customer = (table.c.id if form is CUSTOMER else table.c.customer_id).label("of_customer")
        more = (marks.c.all_old, marks.c.all_new, table.c.id.label("place"), customer)
        is_editable = form.editable(table, may).label("is_editable")
        rows = meant(
            form,
            table,
            tuple(dict.fromkeys((*columns, *keys))),
            *more,
            is_editable,
            where=[ENTITIES[form.entity].visible(table, may)],
            beside=(marks, marks.c.key == table.c.id),
        )
        code = sa.case(
            (rows.c.is_editable.is_not(sa.true()), text(ProblemCode.FORBIDDEN)),
            (self._changed_since(rows), text(ProblemCode.STALE)),
        )
        judged = sa.select(rows, code.label("code"), *NO_CLASH).cte("judged")
        return with_clashes(form, judged, self._to(judged), may, judged.c.code.is_(None))

    def _changed_since(self, rows: sa.CTE) -> Predicate:
        return sa.or_(
            *(
                sa.and_(_has(rows, each), rows.c[name].is_distinct_from(made))
                for each in self.fields
                for name, made in columns_in(each, _member(rows.c.all_new, each), self.form).items()
            )
        )

    def _to(self, rows: sa.CTE) -> dict[str, Expression]:
        """Columns as they were before the operation; those that it did not touch in a row, as they are."""
        return {
            name: sa.case((_has(rows, each), before), else_=rows.c[name])
            for each in self.fields
            for name, before in columns_in(each, _member(rows.c.all_old, each), self.form).items()
        }

    def _refused(self, marks: sa.CTE, rows: sa.CTE) -> sa.CTE:
        noun, path = self.form.noun, path_of("id").label("path")
        messages = {
            ProblemCode.FORBIDDEN: f"You see this {noun}, but your role does not let you change it.",
            ProblemCode.STALE: f"This {noun} was changed since, so it was left as it is.",
        }
        told = ((rows.c.code == text(code), text(message)) for code, message in messages.items())
        seen = sa.select(
            tagged("Customer", rows.c.of_customer).label("customer_ref"),
            rows.c.of_customer.label("customer_id"),
            *(rows.c.code, sa.case(*told, else_=rows.c.clash).label("message"), path, rows.c.entity_ref, rows.c.place),
        ).where(rows.c.code.is_not(None))
        absent = sa.select(
            tagged(self.form.entity, marks.c.key),
            marks.c.key if self.form is CUSTOMER else sa.cast(sa.null(), sa.Uuid),
            text(ProblemCode.NOT_FOUND),
            text(f"This {noun} is no longer there."),
            *(path, sa.cast(sa.null(), sa.Text), marks.c.key),
        ).where(sa.not_(sa.exists().where(rows.c.id == marks.c.key)))
        return sa.union_all(seen, absent).cte("refused")

    def _traced(self, changed: sa.CTE) -> sa.CTE:
        """The operation's own trail, the other way round."""
        names = path_of(*(each.client_name for each in self.form.fields))
        place = sa.func.array_position(names, sa.cast(CHANGES.c.field, sa.Text)) - literal("1")
        digits = sa.func.lpad(sa.func.to_hex(place), literal("2"), text("0"))
        sides = {"old": CHANGES.c.new, "new": CHANGES.c.old}
        labels = {"old_label": CHANGES.c.new_label, "new_label": CHANGES.c.old_label}
        columns = change_columns(self.form, self.operation, changed, CHANGES.c.field, digits) | sides | labels
        back = (in_organization(CHANGES), _updates(self.undone_id), CHANGES.c.entity_id == changed.c.id)
        of_form = CHANGES.c.entity_type == text(self.form.entity)
        recorded = sa.select(*(value.label(name) for name, value in columns.items())).where(*back, of_form)
        return recorded_as(recorded.subquery())


def _has(rows: sa.CTE, each: Field) -> Predicate:
    return rows.c.all_old.op("?", return_type=sa.Boolean())(text(each.client_name))


def _member(json: Expression, each: Field) -> Expression:
    return json.op("->", return_type=JSONB())(text(each.client_name))
