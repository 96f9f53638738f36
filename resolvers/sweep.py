"""Sweeps: many rows set at once, with their versions, time stamps and audit trail, by one statement.

The parts are CTEs that follow from each other: `meant` locks rows and reads what they are, `written` changes those that
differ, `traced` writes down what changed as `resolvers.trail` would, `rejected` what could not be changed. `set_fields`
is all of it for the simple case; who rejects rows puts the parts together.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array, distinct_on

from db import models
from db.models import ChangeKind, ProblemCode, table_of
from db.models.base import TIMESTAMP
from resolvers.columns import Columns, json_of, label_of, tagged
from resolvers.entities import ENTITIES
from resolvers.forms import Field, Form, Link
from resolvers.operations import Operation
from resolvers.references import Row
from resolvers.rendering import literal, text
from resolvers.rights import ORGANIZATION, Predicate, Table, in_organization
from resolvers.trail import LONGEST_LABEL
from resolvers.validation import is_storable
from resolvers.validation import label_of as label_of_field
from resolvers.viewer import Permissions
from resolvers.writer import Draft, Writer
from resolvers.writing import is_own

CHANGES = table_of(models.Change)
REJECTIONS = table_of(models.Rejection)

Expression = sa.ColumnElement[Any]
ColumnValues = Mapping[str, Expression]

MANY = 1_000
"""From how many rows on it pays to read a table once instead of looking each row up."""

_NO_LOOPS, _LOOPS = sa.text("SET LOCAL enable_nestloop = off"), sa.text("SET LOCAL enable_nestloop = on")

NO_CLASH = tuple(sa.cast(sa.null(), sa.Text).label(name) for name in ("clash", "entity_ref"))
"""What `with_clashes` fills in."""

NOW = sa.bindparam("now", type_=TIMESTAMP)
BY = sa.bindparam("by", type_=sa.Uuid())


@dataclass(frozen=True)
class News:
    """Values for many rows: fields of a form, each with the same new value for all, as columns and for the trail."""

    form: Form
    fields: tuple[Field, ...]
    row: Row
    """The new columns and, for links, what they point at is called."""
    names: Mapping[str, str | None]

    @classmethod
    def of(cls, form: Form, draft: Draft) -> "News":
        """What a draft without a row has read."""
        fields = tuple(each for each in form.fields if each.name in draft.given)
        return cls(form, fields, draft.values, {name: row["name"] for name, row in draft.links.items()})

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for each in self.fields for name in each.columns)

    @property
    def values(self) -> ColumnValues:
        """The new columns as parameters."""
        return {name: sa.bindparam(f"to_{name}", type_=self._type(name)) for name in self.columns}

    def _type(self, column: str) -> sa.types.TypeEngine[Any]:
        kind = self.form.table.c[column].type
        return sa.Text() if isinstance(kind, sa.String) else kind

    @property
    def binds(self) -> Mapping[str, Any]:
        """The values of all parameters."""
        told = {f"new_{each.name}": each.json(self.row) for each in self.fields}
        read = {f"new_label_{each.name}": self._label(each) for each in self.fields}
        return {f"to_{name}": self.row[name] for name in self.columns} | told | read

    def _label(self, each: Field) -> str | None:
        return self.names.get(each.name) if isinstance(each, Link) else each.label(self.row, {})


def binds_of(writer: Writer) -> Mapping[str, Any]:
    """The values of the parameters that every sweep has."""
    viewer = writer.viewer
    return {**viewer.binds, "own_organization": viewer.organization_id, "now": writer.at, "by": writer.by}


def meant(
    form: Form, table: Table, columns: Sequence[str], *more: Expression, where: Sequence[Predicate], beside: Any = None
) -> sa.CTE:
    """The rows to look at, locked in the order of their keys: key, label, `columns` and what `more` is asked of them.

    What they are is what they are once locked: whoever wrote them before has finished.
    """
    label = form.stored_label(table).label("label")
    rows = sa.select(table.c.id, label, *(table.c[name] for name in columns), *more)
    source = table if beside is None else table.join(*beside)
    return (
        rows.select_from(source)
        .where(in_organization(table), *where)
        .order_by(table.c.id)
        .with_for_update(key_share=True, of=table)
        .cte("meant")
    )


def written(form: Form, rows: sa.CTE, to: ColumnValues, fine: Predicate) -> sa.CTE:
    """Set the columns of the rows that are `fine` and differ; answers those, as they were."""
    table = form.table
    stamps = {"version": table.c.version + literal("1"), "updated_at": NOW} if form.is_versioned else {}
    return (
        sa.update(table)
        .where(is_own(table), table.c.id == rows.c.id, fine, differ(rows, to))
        .values(**to, **stamps)
        .returning(*rows.c)
        .cte("written")
    )


def differ(rows: sa.CTE, to: ColumnValues) -> Predicate:
    """Whether any of the columns is another than it is to be."""
    return sa.or_(*(rows.c[name].is_distinct_from(value) for name, value in to.items()))


def traced(news: News, operation: Operation, rows: sa.CTE) -> sa.CTE:
    """The trail of the rows that were written: what `resolvers.trail.record_changed` would record of each."""
    recorded = sa.union_all(*(_field_changes(news, operation, rows, each) for each in news.fields)).subquery()
    return recorded_as(recorded)


def recorded_as(recorded: Table) -> sa.CTE:
    """Insert changes, in the order of their ids: so they go to the end of the indexes, page after page."""
    names = [column.name for column in recorded.c]
    statement = sa.insert(CHANGES).from_select(
        names, sa.select(recorded).order_by(recorded.c.id), include_defaults=False
    )
    return statement.cte("traced")


def _field_changes(news: News, operation: Operation, rows: sa.CTE, each: Field) -> sa.Select[Any]:
    row: Columns = rows.c.__getitem__
    source: Any = rows
    name = None
    if isinstance(each, Link):
        target = table_of(ENTITIES[each.entity].model).alias()
        source = rows.outerjoin(target, sa.and_(in_organization(target), target.c.id == row(each.column)))
        name = target.c.name
    told = {
        "old": json_of(each, row),
        "new": sa.bindparam(f"new_{each.name}", type_=JSONB(none_as_null=True)),
        "old_label": label_of(each, row, name),
        "new_label": sa.bindparam(f"new_label_{each.name}", type_=sa.Text()),
    }
    digits = text(f"{news.form.fields.index(each):02x}")
    change = change_columns(news.form, operation, rows, text(each.client_name), digits) | told
    values = {column: news.values[column] for column in each.columns}
    columns = [value.label(column) for column, value in change.items()]
    return sa.select(*columns).select_from(source).where(differ(rows, values))


def change_columns(
    form: Form, operation: Operation, rows: Table, field: Expression, digits: Expression
) -> dict[str, Expression]:
    """The columns of a change of a row's field that follow from row and operation."""
    return {
        "organization_id": ORGANIZATION,
        "id": operation.change_id(rows.c.id, digits),
        "kind": text(ChangeKind.UPDATED),
        "entity_type": text(form.entity),
        "entity_id": rows.c.id,
        "entity_label": sa.func.left(rows.c.label, literal(str(LONGEST_LABEL))),
        "field": field,
        "at": NOW,
        "by_id": BY,
        "operation_id": sa.cast(text(str(operation.id)), sa.Uuid),
    }


def shared_keys(form: Form, columns: Collection[str]) -> list[tuple[str, ...]]:
    """The columns that make a row the only one of its kind, where some of them are among these."""
    return [key for key in form.unique if not set(columns).isdisjoint(key)]


def with_clashes(form: Form, rows: sa.CTE, to: ColumnValues, may: Permissions, moving: Predicate) -> sa.CTE:
    """The rows with a `code` for those that would take what another row has; `clash` and `entity_ref` tell which.

    `rows` has `code`, `place`, `NO_CLASH` and the columns of `shared_keys`. Of several that are `moving` to the same
    place, the first may; nobody learns which row is in the way but those who may see it.
    """
    kinds = [_clashes(form, key, rows, to, may, moving=moving) for key in shared_keys(form, to)]
    if not kinds:
        return rows
    clashes = sa.union_all(*kinds).subquery()
    first = sa.select(clashes).ext(distinct_on(clashes.c.id)).order_by(clashes.c.id).cte("clashes")
    code = sa.case((first.c.id.is_not(None), text(ProblemCode.DUPLICATE)), else_=rows.c.code).label("code")
    others = [column for column in rows.c if column.name not in {"code", "clash", "entity_ref"}]
    settled = sa.select(*others, code, first.c.clash, first.c.entity_ref)
    return settled.select_from(rows.outerjoin(first, first.c.id == rows.c.id)).cte("settled")


def _clashes(
    form: Form, key: tuple[str, ...], rows: sa.CTE, to: ColumnValues, may: Permissions, *, moving: Predicate
) -> sa.Select[Any]:
    holder = form.table.alias("holder")
    wanted = {name: to.get(name, rows.c[name]) for name in key}
    alive = [holder.c.deleted_at.is_(None)] if form.is_soft else []
    held = [holder.c[name] == value for name, value in wanted.items()]
    turn = sa.func.row_number().over(partition_by=list(wanted.values()), order_by=rows.c.place)
    movers = (
        sa.select(
            rows.c.id,
            turn.label("turn"),
            sa.cast(wanted[key[-1]], sa.Text).label("value"),
            holder.c.id.label("holder_id"),
            form.stored_label(holder).label("holder_label"),
            ENTITIES[form.entity].visible(holder, may).label("is_visible"),
        )
        .select_from(rows.outerjoin(holder, sa.and_(in_organization(holder), holder.c.id != rows.c.id, *alive, *held)))
        .where(moving, differ(rows, {name: to[name] for name in key if name in to}))
        .where(*(value.is_not(None) for value in wanted.values()))
        .subquery()
    )
    named = text(f"{form.noun} “").concat(movers.c.holder_label).concat(text("” has it"))
    who = sa.case((movers.c.is_visible, named), else_=text(f"another {form.noun} has it"))
    taken = text(f"{label_of_field(key[-1])} ").concat(movers.c.value).concat(text(" is taken: ")).concat(who)
    return sa.select(
        movers.c.id,
        taken.concat(text(".")).label("clash"),
        sa.case((movers.c.is_visible, tagged(form.entity, movers.c.holder_id))).label("entity_ref"),
    ).where(sa.or_(movers.c.holder_id.is_not(None), movers.c.turn > literal("1")))


def storable_refs(refs: Sequence[str]) -> Sequence[str]:
    """Ids as a client gave them, so that PostgreSQL can take them."""
    if all(map(is_storable, refs)):
        return refs
    return [ref.encode(errors="replace").decode().replace("\0", "�") for ref in refs]


def rejected(operation: Operation, refused: sa.CTE, after: int = 0) -> sa.CTE:
    """Store what cannot be changed; `refused` has all columns of a rejection, and `place` for their order.

    They come `after` so many that are there.
    """
    numbered = sa.func.row_number().over(order_by=refused.c.place) + literal(str(after))
    columns = {
        "organization_id": ORGANIZATION,
        "id": operation.rejection_id(numbered),
        "operation_id": sa.cast(text(str(operation.id)), sa.Uuid),
        **{name: refused.c[name] for name in ("customer_ref", "customer_id", "code", "message", "path", "entity_ref")},
    }
    statement = sa.insert(REJECTIONS).from_select(
        list(columns), sa.select(*(value.label(name) for name, value in columns.items())), include_defaults=False
    )
    return statement.cte("rejected")


def path_of(*parts: str | Expression) -> Expression:
    """A path as an array."""
    return sa.cast(array([text(part) if isinstance(part, str) else part for part in parts]), ARRAY(sa.Text))


def count_of(rows: Table, *where: Predicate) -> sa.ScalarSelect[int]:
    """How many rows a part has."""
    return sa.select(sa.func.count()).select_from(rows).where(*where).scalar_subquery()


async def set_fields(
    writer: Writer, operation: Operation, form: Form, draft: Draft, which: Callable[[Table], Predicate]
) -> int:
    """Set what a draft has read on all undeleted rows of the form that it holds for; answers how many changed.

    Which rows they are, and whether the writer may, is for the caller to know.
    """
    news = News.of(form, draft)
    table = form.table.alias("row")
    alive = [table.c.deleted_at.is_(None)] if form.is_soft else []
    rows = meant(form, table, news.columns, where=[which(table), *alive])
    changed = written(form, rows, news.values, sa.true())
    statement = sa.select(count_of(changed)).add_cte(traced(news, operation, changed))
    found = await run(writer, statement, news.binds, rows=1)
    return int(found[0])


async def run(writer: Writer, statement: sa.Select[*tuple[Any, ...]], binds: Mapping[str, Any], rows: int) -> Any:
    """The one row that a statement with sweeps in it answers; it is about so many `rows`, as far as is known."""
    async with _planned_for(writer, rows):
        found = await writer.session.execute(_with_values(writer, statement, binds))
    return found.one()


async def read(
    writer: Writer, statement: sa.Select[tuple[Any]], binds: Mapping[str, Any], rows: int
) -> AsyncIterator[Sequence[Any]]:
    """The values that such a statement answers, `MANY` at a time, so that they never are in memory all at once."""
    async with _planned_for(writer, rows):
        options = {"yield_per": MANY}
        found = await writer.session.stream_scalars(_with_values(writer, statement, binds), execution_options=options)
        async for some in found.partitions():
            yield some


def _with_values(
    writer: Writer, statement: sa.Select[*tuple[Any, ...]], binds: Mapping[str, Any]
) -> sa.Select[*tuple[Any, ...]]:
    # The values are put into the statement first: an UPDATE takes a parameter named like a column for a new value.
    return statement.params({**binds_of(writer), **binds})


@asynccontextmanager
async def _planned_for(writer: Writer, rows: int) -> AsyncIterator[None]:
    # PostgreSQL takes what it does not know for few rows, and would look through all of the others for each of them.
    is_large = rows >= MANY
    if is_large:
        await writer.session.execute(_NO_LOOPS)
    yield
    if is_large:
        await writer.session.execute(_LOOPS)
