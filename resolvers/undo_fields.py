"""Undoing changes of fields: the rows of a kind, however many, are set back by one statement."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db import models
from db.models import ChangeKind, ProblemCode, table_of
from resolvers import rights
from resolvers.columns import Expression, columns_in, key_in, tagged
from resolvers.contact import CONTACT
from resolvers.customer import CUSTOMER
from resolvers.entities import ENTITIES
from resolvers.forms import Field, Form
from resolvers.invoicing import INVOICE
from resolvers.operations import Counts, Operation
from resolvers.problems import not_editable
from resolvers.rendering import literal, text
from resolvers.rights import Predicate, Table, in_organization
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
from resolvers.writer import Writer

FORMS: Mapping[str, Form] = {form.entity: form for form in (CUSTOMER, CONTACT, CASE, INVOICE)}
"""What operations change."""

_HIDEABLE = (CASE, INVOICE)
"""What follows its customer even where the viewer does not see it; of such rows nothing is told."""


@dataclass(frozen=True)
class ChangedFields:
    """Which fields of a form's rows an operation changed, in how many changes."""

    form: Form
    fields: tuple[Field, ...]
    changes: int


async def find_changed_fields(writer: Writer, operation_id: uuid.UUID) -> Sequence[ChangedFields]:
    """What an operation changed, kind by kind."""
    statement = (
        sa.select(CHANGES.c.entity_type, sa.func.array_agg(CHANGES.c.field.distinct()), sa.func.count())
        .where(in_organization(CHANGES), _updates(operation_id))
        .group_by(CHANGES.c.entity_type)
    )
    rows = await writer.session.execute(statement, writer.viewer.binds)
    found: dict[str, tuple[list[str], int]] = {entity: (names, changes) for entity, names, changes in rows}
    return [_changed(form, *found[entity]) for entity, form in FORMS.items() if entity in found]


def _changed(form: Form, names: Collection[str], changes: int) -> ChangedFields:
    return ChangedFields(form, tuple(each for each in form.fields if each.client_name in names), changes)


def _updates(operation_id: uuid.UUID) -> Predicate:
    of_it = CHANGES.c.operation_id == sa.bindparam("undone", operation_id, type_=sa.Uuid())
    return sa.and_(of_it, CHANGES.c.kind == text(ChangeKind.UPDATED))


@dataclass(frozen=True)
class FieldsStep:
    """Sets back what an operation changed of one form's rows."""

    writer: Writer
    operation: Operation
    undone_id: uuid.UUID
    changed: ChangedFields
    coming: Collection[uuid.UUID] = ()
    """Customers that will be there again before this is done, if it is done."""

    @property
    def _form(self) -> Form:
        return self.changed.form

    async def is_refused(self) -> bool:
        """Whether any of it cannot be taken back; what can be is locked, so that it stays so."""
        _, _, refused = self._parts(self.coming)
        (rejections,) = await run(self.writer, sa.select(count_of(refused)), {}, self.changed.changes)
        return bool(rejections)

    async def take(self, rejections: int, *, nothing: bool) -> Counts:
        """Take back what can be, or `nothing`; the rest are rejections, which come after so many others.

        Only customers count: what moved along with one counts where it is a rejection.
        """
        marks, rows, refused = self._parts(self.coming if nothing else ())
        to = self._to(rows)
        fine = literal("false") if nothing else rows.c.code.is_(None)
        changed = written(self._form, rows, to, fine)
        statement = sa.select(
            count_of(marks).label("matched"),
            count_of(changed).label("changed"),
            count_of(rows, fine, sa.not_(differ(rows, to))).label("unchanged"),
            count_of(refused).label("rejected"),
        ).add_cte(self._traced(changed), rejected(self.operation, refused, rejections))
        found = await run(self.writer, statement, {}, self.changed.changes)
        return Counts(**found._mapping) if self._form is CUSTOMER else Counts(rejected=found.rejected)

    def _parts(self, coming: Collection[uuid.UUID]) -> tuple[sa.CTE, sa.CTE, sa.CTE]:
        """What the operation made of each row, the rows as they are, and those that cannot be set back."""
        marks = self._marks()
        rows = self._rows(marks, coming)
        return marks, rows, self._refused(marks, rows)

    def _marks(self) -> sa.CTE:
        sides = (
            sa.func.jsonb_object_agg(CHANGES.c.field, CHANGES.c[side], type_=JSONB()).label(f"all_{side}")
            for side in ("old", "new")
        )
        of_form = CHANGES.c.entity_type == text(self._form.entity)
        found = sa.select(CHANGES.c.entity_id.label("key"), *sides)
        where = (in_organization(CHANGES), _updates(self.undone_id), of_form)
        return found.where(*where).group_by(CHANGES.c.entity_id).cte("marks")

    def _rows(self, marks: sa.CTE, coming: Collection[uuid.UUID]) -> sa.CTE:
        form, may = self._form, self.writer.viewer.permissions
        table = form.table.alias("row")
        columns = [name for each in self.changed.fields for name in each.columns]
        keys = [name for key in shared_keys(form, columns) for name in key]
        visible = ENTITIES[form.entity].visible(table, may)
        edits = rights.edits_customer if form is CUSTOMER else rights.edits_customer_of
        rows = meant(
            form,
            table,
            tuple(dict.fromkeys((*columns, *keys))),
            *(marks.c.all_old, marks.c.all_new, table.c.id.label("place"), _customer_of(form, table)),
            *(visible.label("is_visible"), edits(table, may).label("is_editable")),
            where=[] if form in _HIDEABLE else [visible],
            beside=(marks, marks.c.key == table.c.id),
        )
        code = sa.case(
            (rows.c.is_editable.is_not(sa.true()), text(ProblemCode.FORBIDDEN)),
            (self._changed_since(rows), text(ProblemCode.STALE)),
            (self._cannot_go_back(rows, coming), text(ProblemCode.CONFLICT)),
        )
        judged = sa.select(rows, code.label("code"), *NO_CLASH).cte("judged")
        return with_clashes(form, judged, self._to(judged), may, judged.c.code.is_(None))

    def _changed_since(self, rows: sa.CTE) -> Predicate:
        return sa.or_(
            *(
                sa.and_(_has(rows, each), rows.c[name].is_distinct_from(made))
                for each in self.changed.fields
                for name, made in columns_in(each, _member(rows.c.all_new, each), self._form).items()
            )
        )

    def _cannot_go_back(self, rows: sa.CTE, coming: Collection[uuid.UUID]) -> Predicate:
        """Whether the customer that a row came from is gone or, of an invoice, has become internal."""
        before = self._to(rows).get("customer_id")
        if before is None:
            return sa.false()
        customers = table_of(models.Customer).alias()
        is_coming = customers.c.id == sa.any_(sa.bindparam("coming", list(coming), type_=ARRAY(sa.Uuid)))
        takes_it = [in_organization(customers), customers.c.id == before]
        takes_it += [sa.or_(customers.c.deleted_at.is_(None), is_coming)]
        takes_it += [sa.not_(customers.c.is_internal)] if self._form is INVOICE else []
        return sa.not_(sa.exists().where(*takes_it))

    def _to(self, rows: sa.CTE) -> dict[str, Expression]:
        """Columns as they were before the operation; those that it did not touch in a row, as they are."""
        return {
            name: sa.case((_has(rows, each), before), else_=rows.c[name])
            for each in self.changed.fields
            for name, before in columns_in(each, _member(rows.c.all_old, each), self._form).items()
        }

    def _refused(self, marks: sa.CTE, rows: sa.CTE) -> sa.CTE:
        form, noun, path = self._form, self._form.noun, path_of("id").label("path")
        messages = {
            ProblemCode.FORBIDDEN: not_editable(noun),
            ProblemCode.STALE: f"This {noun} was changed since, so it was left as it is.",
            ProblemCode.CONFLICT: f"The customer that this {noun} came from cannot take it back.",
        }
        told = ((rows.c.code == text(code), text(message)) for code, message in messages.items())
        itself = sa.cast(sa.null(), sa.Text) if form is CUSTOMER else tagged(form.entity, rows.c.id)
        seen = sa.select(
            tagged("Customer", rows.c.of_customer).label("customer_ref"),
            rows.c.of_customer.label("customer_id"),
            *(rows.c.code, sa.case(*told, else_=rows.c.clash).label("message"), path),
            sa.func.coalesce(rows.c.entity_ref, itself).label("entity_ref"),
            rows.c.place,
        ).where(rows.c.code.is_not(None), rows.c.is_visible)
        return sa.union_all(seen, *self._absent(marks, rows)).cte("refused")

    def _absent(self, marks: sa.CTE, rows: sa.CTE) -> list[sa.Select[Any]]:
        """Refusals of what is gone; of what may be hidden, only for those who see all there is."""
        form = self._form
        if form in _HIDEABLE and not rights.sees_every(form.model, self.writer.viewer.permissions):
            return []
        ref = tagged("Customer", marks.c.key)
        if form is not CUSTOMER:
            ref = marks.c.all_new.op("->>", return_type=sa.Text())(text("customer"))
        message = text(f"This {form.noun} is no longer there.")
        gone = sa.select(
            *(ref, key_in("Customer", ref), text(ProblemCode.NOT_FOUND), message),
            *(path_of("id"), sa.cast(sa.null(), sa.Text), marks.c.key),
        )
        return [gone.where(sa.not_(sa.exists().where(rows.c.id == marks.c.key)))]

    def _traced(self, changed: sa.CTE) -> sa.CTE:
        """The operation's own trail, the other way round."""
        names = path_of(*(each.client_name for each in self._form.fields))
        place = sa.func.array_position(names, sa.cast(CHANGES.c.field, sa.Text)) - literal("1")
        digits = sa.func.lpad(sa.func.to_hex(place), literal("2"), text("0"))
        sides = {"old": CHANGES.c.new, "new": CHANGES.c.old}
        labels = {"old_label": CHANGES.c.new_label, "new_label": CHANGES.c.old_label}
        columns = change_columns(self._form, self.operation, changed, CHANGES.c.field, digits) | sides | labels
        back = (in_organization(CHANGES), _updates(self.undone_id), CHANGES.c.entity_id == changed.c.id)
        of_form = CHANGES.c.entity_type == text(self._form.entity)
        recorded = sa.select(*(value.label(name) for name, value in columns.items())).where(*back, of_form)
        return recorded_as(recorded.subquery())


def _customer_of(form: Form, table: Table) -> Expression:
    return (table.c.id if form is CUSTOMER else table.c.customer_id).label("of_customer")


def _has(rows: sa.CTE, each: Field) -> Predicate:
    return rows.c.all_old.op("?", return_type=sa.Boolean())(text(each.client_name))


def _member(json: Expression, each: Field) -> Expression:
    return json.op("->", return_type=JSONB())(text(each.client_name))
