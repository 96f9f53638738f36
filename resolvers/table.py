"""From a list to the statement that answers it as a table: one row for each of its rows, one value for each column.

The statement joins what `resolvers.statement` nests. A link is a left join; so is a list within the list, whose rows
multiply those above it. Both read the same declarations and put the same rights on every table they touch.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from db.models import table_of
from resolvers import rights
from resolvers.connections import ConnectionBuilder
from resolvers.entities import ENTITIES, Declared, Elements, Expression, Group, Parts, Row, ToMany, ToOne, Value
from resolvers.paging import Key, beyond, cursor, order_by, sort_keys
from resolvers.paging import position as position_of
from resolvers.rendering import literal, text
from resolvers.searching import SearchBuilder
from resolvers.selection import (
    Connection,
    Field,
    Fields,
    Listing,
    One,
    Operand,
    Page,
    Position,
    Query,
    Sort,
    TypeName,
)
from resolvers.statement import Plan, StatementBuilder, compiled
from resolvers.tabulation import Path
from resolvers.viewer import NOBODY, Permissions

Render = Callable[[Sequence[Expression]], Sequence[Expression]]
"""What a statement answers of the values of a row."""
ORDER = (Sort(("table",)),)
"""What the cursors of a table are told by."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A list of stored rows, somewhere in what a query answers."""

    query: Query
    path: Path
    """Response names from what the query answers to the list's nodes."""


@dataclass(frozen=True, slots=True)
class Given:
    """Rows that are known already: the text of a JSON array of arrays, with a value for each of so many columns."""

    rows: Operand
    width: int


Source = Stored | Given


@dataclass(frozen=True, slots=True)
class Part:
    """So many rows at most, after a position."""

    size: int
    after: Position | None = None


@lru_cache(maxsize=500)
def plan(source: Source, part: Part | None, render: Render, may: Permissions) -> Plan:
    """The statement for all tables of this shape, for all viewers of these permissions.

    Its parameters are those of the viewer and `values_in((source, part))`.
    """
    builder = TableBuilder((source, part), may)
    table = builder.table(source)
    statement = sa.select(*render(table.values)).select_from(table.rows)
    if part is not None:
        bounds = [] if part.after is None else [beyond(table.keys, part.after, builder.bind, forward=True)]
        statement = statement.add_columns(cursor(ORDER, [key.expression for key in table.keys])).where(*bounds)
        statement = statement.limit(literal(str(part.size)))
    return compiled(statement.order_by(*order_by(table.keys, backward=False)))


@lru_cache(maxsize=500)
def count_plan(source: Source, most: int, may: Permissions) -> Plan:
    """The statement that counts the rows, as far as `most`; parameters as of `plan` without a part."""
    table = TableBuilder((source, None), may).table(source)
    some = sa.select(literal("1")).select_from(table.rows).limit(literal(str(most))).subquery()
    return compiled(sa.select(sa.func.count()).select_from(some))


def position(source: Source, after: str) -> Position:
    """Where a cursor of the table's rows points; BadArgument where it is none of them."""
    table = TableBuilder((source, None), NOBODY).table(source)
    return position_of(table.keys, ORDER, after, "after")


class Table(NamedTuple):
    """A table in a statement: its rows, the value of each column, and what puts the rows in order."""

    rows: sa.FromClause
    values: Sequence[Expression]
    keys: Sequence[Key]


@dataclass(frozen=True)
class _Place:
    """Something in a row of the table that fields hang on."""

    row: Row
    declared: Callable[[str], Declared]
    """What a field's name stands for."""
    there: tuple[Expression, ...] = ()
    """Missing where a left join found nothing; then so is every value."""
    key: tuple[Expression, ...] = ()
    """Likewise what stands for an object that is made of the row's own columns."""


@dataclass
class _Rows:
    """What is joined so far."""

    rows: sa.FromClause
    keys: list[Key] = field(default_factory=list)
    values: list[Expression] = field(default_factory=list)

    def join(self, table: sa.FromClause, on: Any, *, outer: bool) -> None:
        """Join one more table."""
        self.rows = self.rows.join(table, on, isouter=outer)


class TableBuilder(StatementBuilder):
    """Builds the parts of one statement."""

    def table(self, source: Source) -> Table:
        """The table of a list."""
        made = self._given(source) if isinstance(source, Given) else self._stored(source)
        return Table(made.rows, made.values, made.keys)

    def _given(self, source: Given) -> _Rows:
        rows = (
            sa.func.jsonb_array_elements(self.bind(source.rows, JSONB()))
            .table_valued(sa.column("value", JSONB), with_ordinality="place", name="given")
            .render_derived()
        )
        cell = rows.c.value.op("->", return_type=JSONB())
        values: list[Expression] = [cell(literal(str(place))) for place in range(source.width)]
        place = sa.cast(rows.c.place, sa.Integer)
        return _Rows(rows, [Key(place, descending=False, nullable=False)], values)

    def _stored(self, source: Stored) -> _Rows:
        query, path = source.query, source.path
        match query:
            case Connection():
                found, keys = self._page(query.entity, query.page).joinable()
                made, path, fields = _Rows(found, list(keys)), *_into_page(query.fields, path)
            case Listing():
                found, keys = self._short_list(query)
                made, fields = _Rows(found, list(keys)), query.fields
            case One():
                found = self._one(query)
                made, fields = _Rows(found), query.fields
            case _:
                raise NotImplementedError(type(query))
        self._go(made, _Place(Row(found, self.may), ENTITIES[query.entity].field), fields, path)
        return made

    def _page(self, entity: str, page: Page, parent: tuple[Row, ToMany] | None = None) -> ConnectionBuilder:
        builder = ConnectionBuilder if page.search is None else SearchBuilder
        return builder(self, ENTITIES[entity], page, parent)

    def _short_list(self, query: Listing) -> tuple[sa.Subquery, Sequence[Key]]:
        entity = ENTITIES[query.entity]
        row = self.row(entity)
        ordered = order_by(sort_keys(entity, (), row), backward=False)
        rows = sa.select(row.table).where(*self.matching(entity, row, query.where)).order_by(*ordered)
        found = (rows if query.most is None else rows.limit(literal(str(query.most)))).subquery()
        return found, sort_keys(entity, (), Row(found, self.may))

    def _one(self, query: One) -> sa.Subquery:
        entity = ENTITIES[query.entity]
        row = self.row(entity)
        keys = order_by(sort_keys(entity, query.order, row), backward=False)
        where = self.matching(entity, row, query.where)
        return sa.select(row.table).where(*where).order_by(*keys).limit(literal("1")).subquery()

    # ------------------------------------------------------------------ the way to the list, and its columns

    def _go(self, made: _Rows, place: _Place, fields: Fields, path: Path) -> None:
        """Follow the path to the list's nodes, then take what is selected of them."""
        if not path:
            self._take(made, place, fields)
            return
        here = _named(fields, path[0])
        below, path, fields = self._enter(made, place, here, outer=False), path[1:], here.fields
        if isinstance(place.declared(here.name), ToMany):
            path, fields = _into_page(fields, path)
        self._go(made, below, fields, path)

    def _take(self, made: _Rows, place: _Place, fields: Fields) -> None:
        """A value for each leaf below, in the order of selection."""
        for each in fields:
            if isinstance(each, TypeName):
                made.values.append(self._type_name(each, place))
                continue
            match place.declared(each.name):
                case Value() as declared:
                    made.values.append(self._value(declared, place, each))
                case ToMany() as link:
                    self._take_list(made, place, link, each)
                case _:
                    self._take(made, self._enter(made, place, each, outer=True), _with_arguments(each))

    def _value(self, declared: Value, place: _Place, field: Field) -> Expression:
        if declared.json is not None:
            return _where_there(declared.json(place.row), *place.there, *place.key)
        value = declared.of(place.row, **self._arguments(declared, field))
        # What a left join did not find has no columns, so only what is worked out needs to be told.
        missing = place.key if isinstance(value, sa.ColumnClause) else (*place.there, *place.key)
        return _where_there(value, *missing)

    def _take_list(self, made: _Rows, place: _Place, link: ToMany, field: Field) -> None:
        assert isinstance(field.arguments, Page)
        for part in field.fields:
            if isinstance(part, TypeName):
                made.values.append(self._type_name(part, place))
            elif part.name == "total_count":
                count = self._page(link.entity, field.arguments, (place.row, link)).total_count()
                made.values.append(_where_there(count, *place.there))
            else:
                self._take_rows(made, self._enter(made, place, field, outer=True), part)

    def _take_rows(self, made: _Rows, row: _Place, part: Field) -> None:
        """What is selected of a row by `nodes`, or by `edges` and `node`."""
        if part.name == "nodes":
            self._take(made, row, part.fields)
            return
        for each in part.fields:
            if isinstance(each, TypeName):
                made.values.append(self._type_name(each, row))
            else:
                self._take(made, row, each.fields)

    def _type_name(self, name: TypeName, place: _Place) -> Expression:
        return _where_there(sa.cast(text(name.value), sa.Text), *place.there, *place.key)

    # ------------------------------------------------------------------ joins

    def _enter(self, made: _Rows, place: _Place, field: Field, *, outer: bool) -> _Place:
        """What the field leads to, joined to the rows; a list adds its order to theirs."""
        match place.declared(field.name):
            case Group() as group:
                key = group.fields[group.key] if group.key else None
                known = (key.of(place.row),) if isinstance(key, Value) else ()
                return replace(place, declared=group.fields.__getitem__, key=(*place.key, *known))
            case ToOne() as link:
                return self._enter_link(made, place, link, outer=outer)
            case ToMany() as link:
                assert isinstance(field.arguments, Page)
                found, keys = self._page(link.entity, field.arguments, (place.row, link)).joinable()
                made.join(found, sa.true(), outer=outer)
                made.keys.extend(replace(key, nullable=True) if outer else key for key in keys)
                return self._place(place, found, ENTITIES[link.entity].field, found.c.id)
            case Parts() as parts:
                return self._enter_parts(made, place, parts, outer=outer)
            case Elements() as elements:
                return self._enter_elements(made, place, elements, outer=outer)
            case _:
                raise NotImplementedError(field.name)

    def _place(
        self, above: _Place, table: sa.FromClause, declared: Callable[[str], Declared], there: Expression
    ) -> _Place:
        return _Place(Row(table, self.may), declared, (*above.there, there))

    def _enter_link(self, made: _Rows, place: _Place, link: ToOne, *, outer: bool) -> _Place:
        entity = ENTITIES[link.entity]
        other = self.row(entity)
        linked = [other.c[link.target] == place.row.c[link.column], entity.visible(other.table, self.may)]
        if link.where is None:
            made.join(other.table, sa.and_(*linked), outer=outer)
            return self._place(place, other.table, entity.field, other.c.id)
        one = sa.select(other.table).where(*linked, link.where(other.table)).limit(literal("1"))
        found = one.correlate(place.row.table).lateral()
        made.join(found, sa.true(), outer=outer)
        return self._place(place, found, entity.field, found.c.id)

    def _enter_parts(self, made: _Rows, place: _Place, parts: Parts, *, outer: bool) -> _Place:
        table = table_of(parts.model).alias()
        mine = sa.and_(rights.in_organization(table), table.c[parts.by] == place.row.c.id)
        made.join(table, mine, outer=outer)
        if parts.order:
            made.keys.append(Key(table.c[parts.order], descending=False, nullable=True))
        return self._place(place, table, parts.fields.__getitem__, table.c[parts.by])

    def _enter_elements(self, made: _Rows, place: _Place, elements: Elements, *, outer: bool) -> _Place:
        table = (
            sa.func.jsonb_array_elements(place.row.c[elements.column])
            .table_valued(sa.column("value", JSONB), with_ordinality="place")
            .render_derived()
            .lateral()
        )
        made.join(table, sa.true(), outer=outer)
        order = sa.cast(table.c.place, sa.Integer)
        made.keys.append(Key(order, descending=False, nullable=True))
        return self._place(place, table, _member, order)


def _member(name: str) -> Value:
    return Value(lambda row: row.c.value.op("->", return_type=JSONB())(text(name)))


def _where_there(value: Expression, *needed: Expression) -> Expression:
    """The value, missing where any of the others is."""
    if not needed:
        return value
    missing = sa.or_(*(each.is_(None) for each in needed))
    return sa.case((missing, sa.null()), else_=value)


def _into_page(fields: Fields, path: Path) -> tuple[Path, Fields]:
    """Past `nodes`, or `edges` and `node`."""
    part = _named(fields, path[0])
    if part.name == "nodes":
        return path[1:], part.fields
    return path[2:], _named(part.fields, path[1]).fields


def _named(fields: Iterable[Field | TypeName], key: str) -> Field:
    return next(each for each in fields if isinstance(each, Field) and each.key == key)


def _with_arguments(whole: Field) -> Fields:
    """What is selected of an object that is worked out as a whole, with the arguments that it was given."""
    if whole.arguments is None or isinstance(whole.arguments, Page):
        return whole.fields
    return tuple(
        replace(part, arguments=part.arguments or whole.arguments) if isinstance(part, Field) else part
        for part in whole.fields
    )
