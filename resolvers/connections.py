"""A page of a list as a part of a statement: its rows in order, gathered into the JSON of a connection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from resolvers import rights
from resolvers.entities import Entity, Expression, Row, ToMany
from resolvers.paging import Key, beyond, cursor, order_by, sort_keys
from resolvers.rendering import json_array, json_object, json_value, literal, text
from resolvers.rights import Predicate
from resolvers.selection import ALL_ROWS, Condition, Field, Fields, Operand, Page, TypeName
from resolvers.viewer import Permissions

F = TypeVar("F", bound=sa.FromClause)


@dataclass(frozen=True)
class FoundBy:
    """What rows are found by, in a statement: the table and its column with their keys."""

    table: sa.FromClause
    key: Expression

    def of(self, row: Row) -> Predicate:
        """It is what this row is found by."""
        return sa.and_(rights.in_organization(self.table), self.key == row.c.id)


class Builder(Protocol):
    """What builds the statement around the page, and the rows in it."""

    may: Permissions

    def bind(self, operand: Operand, kind: sa.types.TypeEngine[Any]) -> Expression:
        """The operand as a parameter of the statement."""

    def row(self, entity: Entity) -> Row:
        """The entity's table under a name of its own."""

    def found_by(self, entity: Entity) -> FoundBy:
        """The table of what the entity is found by, under a name of its own."""

    def object(self, entity: Entity, row: Row, fields: Fields) -> Expression:
        """The JSON of one row."""

    def condition(self, condition: Condition, entity: Entity, row: Row) -> Predicate:
        """The condition as SQL on the row; not true where a value is missing."""


def members(fields: Fields, value: Callable[[Field], Expression]) -> Expression:
    """A JSON object of the fields, each worked out by `value`."""
    return json_object(
        [(field.key, text(f'"{field.value}"') if isinstance(field, TypeName) else value(field)) for field in fields]
    )


@dataclass(frozen=True)
class PageRows:
    """The rows of a page in a statement."""

    row: Row
    order: Sequence[Expression]
    """What puts them in the order of the list."""
    in_page: Predicate | None = None
    """Leaves out the row after the page, where that was read to know whether there is one."""


class Rows(NamedTuple):
    """Rows of a list, before it is cut into pages."""

    row: Row
    where: Sequence[Predicate]
    keys: Sequence[Key]
    only_if: Sequence[Predicate] = ()
    """What does not depend on the row: where it does not hold, there are none, and nothing is read."""


class ConnectionBuilder:
    """Builds the sub-select of one page: its rows in order, then gathered."""

    def __init__(self, builder: Builder, entity: Entity, page: Page, parent: tuple[Row, ToMany] | None) -> None:
        self._builder = builder
        self._entity = entity
        self._page = page
        self._parent = parent

    def json(self, fields: Fields) -> Expression:
        """The connection with the fields asked for; the page is read only where one of them needs it."""
        names = {field.name for field in fields if isinstance(field, Field)}
        if names <= {"total_count"}:
            return members(fields, lambda field: json_value(self.total_count()))
        # Numbers tell which end of the page is which, and the row after it; a plain list needs neither.
        rows = self._numbered_rows() if "page_info" in names or self._page.backward else self._plain_rows()
        found = members(fields, lambda field: self._field(field, rows))
        # HAVING makes it one row, also where nothing of the page itself is asked for.
        gathered = sa.select(found).select_from(_with_joins(rows.row)).having(literal("true"))
        return self._within_parent(gathered).scalar_subquery()

    def joinable(self) -> tuple[sa.FromClause, Sequence[Key]]:
        """The rows of the page to be joined (to the parent, where there is one), and what puts them in order."""
        if self._parent is None:
            return self._found(self._page.size)
        rows = self._rows()
        return as_called_in(self._within_parent(self._nearest(rows, self._page.size)).lateral(), rows.keys)

    def _within_parent(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement.correlate(self._parent[0].table) if self._parent else statement

    def _rows(self) -> Rows:
        row, where = self._filtered()
        return Rows(row, where, sort_keys(self._entity, self._page.order, row))

    def _filtered(self) -> tuple[Row, list[Predicate]]:
        row = self._builder.row(self._entity)
        return row, [*self._seen(row), self._builder.condition(self._page.where, self._entity, row)]

    def _seen(self, row: Row) -> list[Predicate]:
        if self._parent is None:
            return [self._entity.visible(row.table, row.may)]
        parent, link = self._parent
        sees = link.sees or self._entity.sees
        return [rights.in_organization(row.table), row.c[link.by] == parent.c.id, sees(row.table, row.may)]

    def _plain_rows(self) -> PageRows:
        found, keys = self._found(self._page.size)
        return PageRows(Row(found, self._builder.may, joins=[]), order_by(keys, backward=False))

    def _numbered_rows(self) -> PageRows:
        found, _ = self._found(self._page.size + 1)
        numbered = sa.select(found, sa.func.row_number().over().label("place")).subquery()
        place = numbered.c.place
        order = [place.desc()] if self._page.backward else [place]
        return PageRows(Row(numbered, self._builder.may, joins=[]), order, place <= literal(str(self._page.size)))

    def _found(self, size: int) -> tuple[sa.Subquery, list[Key]]:
        """So many rows in the order of reading, and the sort keys as they are called there."""
        rows = self._rows()
        return as_called_in(self._within_parent(self._nearest(rows, size)).subquery(), rows.keys)

    def _nearest(self, rows: Rows, size: int, *columns: Any) -> sa.Select[Any]:
        """The first so many of these rows within the page's bounds: these columns or else all, and their sort keys."""
        bounds = [
            beyond(rows.keys, position, self._builder.bind, forward=forward)
            for position, forward in ((self._page.after, True), (self._page.before, False))
            if position is not None
        ]
        found = sa.select(
            *(columns or (rows.row.table,)),
            *(key.expression.label(f"key_{place}") for place, key in enumerate(rows.keys)),
        ).where(*rows.where, *bounds)
        if size == ALL_ROWS:
            return found
        ordered = found.order_by(*order_by(rows.keys, backward=self._page.backward))
        # A literal: with a parameter PostgreSQL may settle on a plan that fits no page size.
        return ordered.limit(literal(str(size)))

    def _field(self, field: Field, rows: PageRows) -> Expression:
        match field.name:
            case "total_count":
                return json_value(self.total_count())
            case "nodes":
                return self._gather(rows, self._builder.object(self._entity, rows.row, field.fields))
            case "edges":
                return self._gather(rows, members(field.fields, lambda part: self._edge(part, rows)))
            case _:
                return members(field.fields, lambda part: json_value(self._page_info(part, rows)))

    def _gather(self, rows: PageRows, item: Expression) -> Expression:
        return json_array(item, *rows.order, where=rows.in_page)

    def _edge(self, part: Field, rows: PageRows) -> Expression:
        if part.name == "cursor":
            return json_value(self._cursor(rows))
        return self._builder.object(self._entity, rows.row, part.fields)

    def _cursor(self, rows: PageRows) -> Expression:
        return cursor(self._page.order, [column for column in rows.row.c if column.name.startswith("key_")])

    def _page_info(self, part: Field, rows: PageRows) -> Expression:
        backward = self._page.backward
        if part.name in ("start_cursor", "end_cursor"):
            return self._end(rows, nearest=(part.name == "start_cursor") != backward)
        onward = (part.name == "has_next_page") != backward
        return self._goes_on() if onward else self._began_late()

    def _end(self, rows: PageRows, *, nearest: bool) -> Expression:
        """The cursor of the row at which reading began or, not `nearest`, ended."""
        assert rows.in_page is not None
        place = rows.row.c.place
        in_turn: Any = aggregate_order_by(self._cursor(rows), place if nearest else place.desc())
        cursors: Any = sa.func.array_agg(in_turn, type_=ARRAY(sa.Text)).filter(rows.in_page)
        return sa.type_coerce(cursors, ARRAY(sa.Text))[literal("1")]

    def _goes_on(self) -> Expression:
        """Whether the list goes on in the direction of reading: past the page, or past the far bound."""
        past_page = sa.func.count() > literal(str(self._page.size))
        far = self._page.after if self._page.backward else self._page.before
        return past_page if far is None else sa.or_(past_page, self._up_to(far, forward=not self._page.backward))

    def _began_late(self) -> Expression:
        """Whether there is anything on the near side of where reading began."""
        near = self._page.before if self._page.backward else self._page.after
        return sa.false() if near is None else self._up_to(near, forward=self._page.backward)

    def _up_to(self, position: Any, *, forward: bool) -> Expression:
        """Whether a row lies at the position or, seen in this direction, past it."""
        return self._reaches(self._rows(), position, forward=forward)

    def _reaches(self, rows: Rows, position: Any, *, forward: bool) -> Expression:
        outside = beyond(rows.keys, position, self._builder.bind, forward=forward, or_there=True)
        return self._exists(rows._replace(where=[*rows.where, outside]))

    def _exists(self, rows: Rows) -> Expression:
        some = sa.select(literal("1")).select_from(rows.row.table).where(*rows.where)
        return sa.and_(*rows.only_if, self._within_parent(some).exists())

    def total_count(self) -> Expression:
        """How many rows the whole list has."""
        return self._count(self._rows())

    def _count(self, rows: Rows) -> Expression:
        counted = sa.select(sa.func.count()).select_from(rows.row.table).where(*rows.where)
        count = self._within_parent(counted).scalar_subquery()
        return sa.case((sa.and_(*rows.only_if), count), else_=literal("0")) if rows.only_if else count


def as_called_in(found: F, keys: Sequence[Key]) -> tuple[F, list[Key]]:
    """The rows found, and their sort keys as they are called there."""
    return found, [replace(key, expression=found.c[f"key_{place}"]) for place, key in enumerate(keys)]


def _with_joins(row: Row) -> sa.FromClause:
    joined = row.table
    for other, on in row.joins or ():
        joined = joined.outerjoin(other, on)
    return joined
