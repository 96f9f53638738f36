"""From a selection to one SQL statement that answers with finished JSON.

However deep the query, it becomes one statement: links are sub-selects of the row they hang on, lists are a page of
rows gathered into a JSON array, and the viewer's organisation and rights are conditions of every table it touches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, singledispatchmethod
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by, asyncpg

from db.models import table_of
from resolvers import folding, rights, search
from resolvers.entities import (
    ENTITIES,
    Declared,
    Elements,
    Entity,
    Expression,
    Group,
    Parts,
    Row,
    ToMany,
    ToOne,
    Value,
)
from resolvers.paging import Key, beyond, cursor, order_by, relevance_keys, sort_keys
from resolvers.rendering import NULL, json_array, json_object, json_value, literal, or_null, text
from resolvers.rights import Predicate
from resolvers.selection import (
    All,
    AnyOf,
    Arguments,
    Compare,
    Condition,
    Connection,
    Field,
    Fields,
    Found,
    Listing,
    Member,
    Missing,
    Not,
    One,
    Operand,
    Page,
    Query,
    Related,
    Some,
    TypeName,
    operands,
)
from resolvers.viewer import Permissions

DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Plan:
    """A statement and the names of its parameters in order."""

    sql: str
    names: tuple[str, ...]

    def values(self, query: Query, binds: Mapping[str, Any]) -> list[Any]:
        """The parameters for this query and viewer."""
        if all(name in binds for name in self.names):
            return [binds[name] for name in self.names]
        given = {**values_in(query), **binds}
        return [given[name] for name in self.names]


@lru_cache(maxsize=2000)
def plan(query: Query, may: Permissions) -> Plan:
    """The statement for all queries of this shape by all viewers of these permissions."""
    return _compiled(_Builder(query, may).statement(query))


def _compiled(statement: sa.Select[Any]) -> Plan:
    compiled = statement.compile(dialect=DIALECT)
    return Plan(str(compiled), tuple(compiled.positiontup or ()))


@lru_cache(maxsize=500)
def aggregate(entity: str, where: Condition, may: Permissions, column: str | None = None) -> Plan:
    """How many rows meet the condition or, with a column, what it sums up to."""
    builder = _Builder(where, may)
    row = builder.row(ENTITIES[entity])
    figure = sa.func.count() if column is None else sa.func.coalesce(sa.func.sum(row.c[column]), literal("0"))
    return _compiled(sa.select(figure).where(*builder.matching(ENTITIES[entity], row, where)))


def visible_rows(entity: str, table: sa.FromClause, where: Condition, may: Permissions) -> Predicate:
    """The rows of the table that the viewer may see and that meet the condition, for statements of any kind.

    Its parameters are those of the viewer and `values_in(where)`.
    """
    builder = _Builder(where, may)
    return sa.and_(*builder.matching(ENTITIES[entity], Row(table, may), where))


def values_in(part: Any) -> Mapping[str, Any]:
    """The values of the operands below, by the names of their parameters."""
    return {f"p{place}": operand.value for place, operand in enumerate(operands(part))}


def _members(fields: Fields, value: Callable[[Field], Expression]) -> Expression:
    """A JSON object of the fields, each worked out by `value`."""
    return json_object(
        [(field.key, text(f'"{field.value}"') if isinstance(field, TypeName) else value(field)) for field in fields]
    )


@dataclass(frozen=True)
class _FoundBy:
    """What rows are found by, in a statement: the table and its column with their keys."""

    table: sa.FromClause
    key: Expression

    def of(self, row: Row) -> Predicate:
        """It is what this row is found by."""
        return sa.and_(rights.in_organization(self.table), self.key == row.c.id)


class _Builder:
    """Builds one statement; its methods turn parts of a selection into SQL on a given row."""

    def __init__(self, query: Any, may: Permissions) -> None:
        self.may = may
        self._names = {id(operand): f"p{place}" for place, operand in enumerate(operands(query))}

    def bind(self, operand: Operand, kind: sa.types.TypeEngine[Any]) -> Expression:
        """The operand as a parameter of the statement."""
        plain = sa.String() if isinstance(kind, sa.String) else kind
        return sa.bindparam(self._names[id(operand)], type_=plain)

    def row(self, entity: Entity) -> Row:
        """The entity's table under a name of its own."""
        return Row(table_of(entity.model).alias(), self.may)

    def found_by(self, entity: Entity) -> "_FoundBy":
        """The table of what the entity is found by, under a name of its own."""
        assert entity.found_by is not None
        table = table_of(entity.found_by.model).alias()
        return _FoundBy(table, table.c[entity.found_by.by])

    # ------------------------------------------------------------------ whole statements

    @singledispatchmethod
    def statement(self, query: Any) -> sa.Select[Any]:
        """The statement whose only value is the JSON text."""
        raise NotImplementedError(type(query))

    @statement.register
    def _(self, query: One) -> sa.Select[Any]:
        entity = ENTITIES[query.entity]
        row = self.row(entity)
        found = self.object(entity, row, query.fields)
        keys = order_by(sort_keys(entity, query.order, row), backward=False)
        return sa.select(found).where(*self.matching(entity, row, query.where)).order_by(*keys).limit(literal("1"))

    @statement.register
    def _(self, query: Listing) -> sa.Select[Any]:
        entity = ENTITIES[query.entity]
        row = self.row(entity)
        where = self.matching(entity, row, query.where)
        if query.most is not None:
            first = sa.select(row.table).where(*where).order_by(*self._in_own_order(entity, row))
            row, where = Row(first.limit(literal(str(query.most))).subquery(), self.may), []
        items = json_array(self.object(entity, row, query.fields), *self._in_own_order(entity, row))
        return sa.select(items).select_from(row.table).where(*where)

    def _in_own_order(self, entity: Entity, row: Row) -> list[Expression]:
        return order_by(sort_keys(entity, (), row), backward=False)

    @statement.register
    def _(self, query: Connection) -> sa.Select[Any]:
        found = self.connection(ENTITIES[query.entity], query.page, query.fields)
        return sa.select(found)

    @statement.register
    def _(self, query: Some) -> sa.Select[Any]:
        asked = (
            sa.func.unnest(self.bind(query.kinds, ARRAY(sa.String())), self.bind(query.keys, ARRAY(sa.Uuid())))
            .table_valued("kind", "id", with_ordinality="place", name="asked")
            .render_derived()
        )
        nothing = literal("NULL::text")
        kinds = [
            (asked.c.kind == text(name), self._found(ENTITIES[name], asked, fields)) for name, fields in query.fields
        ]
        found = sa.case(*kinds, else_=nothing) if kinds else nothing
        return sa.select(json_array(or_null(found), asked.c.place))

    def _found(self, entity: Entity, asked: sa.FromClause, fields: Fields) -> Expression:
        row = self.row(entity)
        return (
            sa.select(self.object(entity, row, fields))
            .where(row.c.id == asked.c.id, entity.visible(row.table, self.may))
            .correlate(asked)
            .scalar_subquery()
        )

    # ------------------------------------------------------------------ objects and their fields

    def object(self, entity: Entity, row: Row, fields: Fields) -> Expression:
        """The JSON of one row."""
        return _members(fields, lambda field: self.field(entity.field(field.name), row, field))

    @singledispatchmethod
    def field(self, declared: Any, row: Row, field: Field) -> Expression:
        """The JSON of one field of a row."""
        raise NotImplementedError(type(declared))

    @field.register
    def _(self, declared: Value, row: Row, field: Field) -> Expression:
        if declared.json is not None:
            return json_value(declared.json(row))
        return json_value(declared.of(row, **self._arguments(declared, field)))

    def _arguments(self, declared: Value, field: Field) -> dict[str, Expression]:
        given = field.arguments.values if isinstance(field.arguments, Arguments) else ()
        return {name: self.bind(operand, declared.takes[name]) for name, operand in given if name in declared.takes}

    @field.register
    def _(self, declared: Group, row: Row, field: Field) -> Expression:
        found = _members(field.fields, lambda part: self._part(declared.fields, row, part, field))
        if declared.key is None:
            return found
        key = declared.fields[declared.key]
        assert isinstance(key, Value)
        return sa.case((key.of(row).is_(None), NULL), else_=found)

    def _part(self, fields: Mapping[str, Declared], row: Row, part: Field, whole: Field) -> Expression:
        passed_on = Field(part.key, part.name, part.arguments or whole.arguments, part.fields)
        return self.field(fields[part.name], row, passed_on)

    @field.register
    def _(self, declared: Elements, row: Row, field: Field) -> Expression:
        elements = (
            sa.func.jsonb_array_elements(row.c[declared.column])
            .table_valued("value", with_ordinality="place", name=f"{declared.column}_element")
            .render_derived()
        )
        item = _members(
            field.fields, lambda part: json_value(elements.c.value.op("->", return_type=JSONB())(text(part.name)))
        )
        gathered = sa.select(json_array(item, elements.c.place)).select_from(elements)
        return gathered.correlate(row.table).scalar_subquery()

    @field.register
    def _(self, declared: Parts, row: Row, field: Field) -> Expression:
        parts = Row(table_of(declared.model).alias(), self.may)
        item = _members(field.fields, lambda part: self._part(declared.fields, parts, part, field))
        mine = (rights.in_organization(parts.table), parts.c[declared.by] == row.c.id)
        found = json_array(item, parts.c[declared.order]) if declared.order else item
        return or_null(sa.select(found).where(*mine).correlate(row.table).scalar_subquery())

    @field.register
    def _(self, declared: ToOne, row: Row, field: Field) -> Expression:
        entity = ENTITIES[declared.entity]
        other = self.row(entity)
        linked = sa.and_(other.c[declared.target] == row.c[declared.column], entity.visible(other.table, self.may))
        if declared.where is not None:
            linked = sa.and_(linked, declared.where(other.table))
        if row.joins is not None and declared.target == "id":
            row.joins.append((other.table, linked))
            return self._joined(entity, replace(other, joins=row.joins), field.fields)
        found = sa.select(self.object(entity, other, field.fields)).where(linked).limit(literal("1"))
        return or_null(found.correlate(row.table).scalar_subquery())

    def _joined(self, entity: Entity, other: Row, fields: Fields) -> Expression:
        return sa.case((other.c.id.is_(None), NULL), else_=self.object(entity, other, fields))

    @field.register
    def _(self, declared: ToMany, row: Row, field: Field) -> Expression:
        assert isinstance(field.arguments, Page)
        return self.connection(ENTITIES[declared.entity], field.arguments, field.fields, (row, declared))

    # ------------------------------------------------------------------ lists

    def connection(
        self, entity: Entity, page: Page, fields: Fields, parent: tuple[Row, ToMany] | None = None
    ) -> Expression:
        """The JSON of a page of a list; of the rows that point at the parent, where there is one."""
        builder = _ConnectionBuilder if page.search is None else _SearchBuilder
        return builder(self, entity, page, parent).json(fields)

    def matching(self, entity: Entity, row: Row, where: Condition) -> list[Predicate]:
        """The rows that the viewer may see and that meet the condition."""
        return [entity.visible(row.table, self.may), self.condition(where, entity, row)]

    # ------------------------------------------------------------------ conditions

    @singledispatchmethod
    def condition(self, condition: Any, entity: Entity, row: Row) -> Predicate:
        """The condition as SQL on the row; not true where a value is missing."""
        raise NotImplementedError(type(condition))

    @condition.register
    def _(self, condition: Compare, entity: Entity, row: Row) -> Predicate:
        declared = entity.field(condition.field)
        value = _comparable(declared, row)
        many = condition.operator in ("in", "not_in")
        kind = sa.String() if isinstance(value.type, sa.String) else value.type
        operand = self.bind(condition.operand, ARRAY(kind) if many else kind)
        if isinstance(declared, Value) and declared.folded and condition.operator in folding.OF_FOLDED:
            found = self.found_by(entity)
            holds = folding.OF_FOLDED[condition.operator](found.table.c[declared.folded], operand)
            return sa.exists().where(found.of(row), holds)
        return _OPERATORS[condition.operator](value, operand)

    @condition.register
    def _(self, condition: Missing, entity: Entity, row: Row) -> Predicate:
        declared = entity.field(condition.field)
        if isinstance(declared, ToOne):
            return ~self._exists(declared, row, All(()))
        return _comparable(declared, row).is_(None)

    @condition.register
    def _(self, condition: Member, entity: Entity, row: Row) -> Predicate:
        keys = (self.bind(operand, sa.Uuid()) for operand in condition.keys)
        return entity.groups[condition.group](row, *keys)

    @condition.register
    def _(self, condition: Found, entity: Entity, row: Row) -> Predicate:
        found, given = self.found_by(entity), self.bind(condition.text, sa.Text())
        has_words = search.has_words(found.table, given)
        keys = sa.select(found.key).where(rights.in_organization(found.table), has_words)
        return sa.type_coerce(row.c.id.in_(keys), sa.Boolean)

    @condition.register
    def _(self, condition: Related, entity: Entity, row: Row) -> Predicate:
        return self._exists(entity.field(condition.field), row, condition.condition)

    def _exists(self, link: Declared, row: Row, where: Condition) -> Predicate:
        assert isinstance(link, ToOne | ToMany)
        entity = ENTITIES[link.entity]
        other = self.row(entity)
        joined = other.c[link.target] == row.c[link.column] if isinstance(link, ToOne) else other.c[link.by] == row.c.id
        return sa.exists().where(joined, *self.matching(entity, other, where))

    @condition.register
    def _(self, condition: All, entity: Entity, row: Row) -> Predicate:
        return sa.and_(sa.true(), *(self.condition(part, entity, row) for part in condition.conditions))

    @condition.register
    def _(self, condition: AnyOf, entity: Entity, row: Row) -> Predicate:
        return sa.or_(sa.false(), *(self.condition(part, entity, row) for part in condition.conditions))

    @condition.register
    def _(self, condition: Not, entity: Entity, row: Row) -> Predicate:
        return self.condition(condition.condition, entity, row).is_not(sa.true())


@dataclass(frozen=True)
class _PageRows:
    """The rows of a page in a statement."""

    row: Row
    order: Sequence[Expression]
    """What puts them in the order of the list."""
    in_page: Predicate | None = None
    """Leaves out the row after the page, where that was read to know whether there is one."""


class _Rows(NamedTuple):
    """Rows of a list, before it is cut into pages."""

    row: Row
    where: Sequence[Predicate]
    keys: Sequence[Key]
    only_if: Sequence[Predicate] = ()
    """What does not depend on the row: where it does not hold, there are none, and nothing is read."""


class _ConnectionBuilder:
    """Builds the sub-select of one page: its rows in order, then gathered."""

    def __init__(self, builder: _Builder, entity: Entity, page: Page, parent: tuple[Row, ToMany] | None) -> None:
        self._builder = builder
        self._entity = entity
        self._page = page
        self._parent = parent

    def json(self, fields: Fields) -> Expression:
        """The connection with the fields asked for; the page is read only where one of them needs it."""
        names = {field.name for field in fields if isinstance(field, Field)}
        if names <= {"total_count"}:
            return _members(fields, lambda field: json_value(self._total_count()))
        # Numbers tell which end of the page is which, and the row after it; a plain list needs neither.
        rows = self._numbered_rows() if "page_info" in names or self._page.backward else self._plain_rows()
        found = _members(fields, lambda field: self._field(field, rows))
        # HAVING makes it one row, also where nothing of the page itself is asked for.
        gathered = sa.select(found).select_from(_with_joins(rows.row)).having(literal("true"))
        return self._within_parent(gathered).scalar_subquery()

    def _within_parent(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement.correlate(self._parent[0].table) if self._parent else statement

    def _rows(self) -> _Rows:
        row, where = self._filtered()
        return _Rows(row, where, sort_keys(self._entity, self._page.order, row))

    def _filtered(self) -> tuple[Row, list[Predicate]]:
        row = self._builder.row(self._entity)
        return row, [*self._seen(row), self._builder.condition(self._page.where, self._entity, row)]

    def _seen(self, row: Row) -> list[Predicate]:
        if self._parent is None:
            return [self._entity.visible(row.table, row.may)]
        parent, link = self._parent
        sees = link.sees or self._entity.sees
        return [rights.in_organization(row.table), row.c[link.by] == parent.c.id, sees(row.table, row.may)]

    def _plain_rows(self) -> _PageRows:
        found, keys = self._found(self._page.size)
        return _PageRows(Row(found, self._builder.may, joins=[]), order_by(keys, backward=False))

    def _numbered_rows(self) -> _PageRows:
        found, _ = self._found(self._page.size + 1)
        numbered = sa.select(found, sa.func.row_number().over().label("place")).subquery()
        place = numbered.c.place
        order = [place.desc()] if self._page.backward else [place]
        return _PageRows(Row(numbered, self._builder.may, joins=[]), order, place <= literal(str(self._page.size)))

    def _found(self, size: int) -> tuple[sa.Subquery, list[Key]]:
        """So many rows in the order of reading, and the sort keys as they are called there."""
        rows = self._rows()
        return _as_called_in(self._within_parent(self._nearest(rows, size)).subquery(), rows.keys)

    def _nearest(self, rows: _Rows, size: int, *columns: Any) -> sa.Select[Any]:
        """The first so many of these rows within the page's bounds: these columns or else all, and their sort keys."""
        bounds = [
            beyond(rows.keys, position, self._builder.bind, forward=forward)
            for position, forward in ((self._page.after, True), (self._page.before, False))
            if position is not None
        ]
        return (
            sa.select(
                *(columns or (rows.row.table,)),
                *(key.expression.label(f"key_{place}") for place, key in enumerate(rows.keys)),
            )
            .where(*rows.where, *bounds)
            .order_by(*order_by(rows.keys, backward=self._page.backward))
            # A literal: with a parameter PostgreSQL may settle on a plan that fits no page size.
            .limit(literal(str(size)))
        )

    def _field(self, field: Field, rows: _PageRows) -> Expression:
        match field.name:
            case "total_count":
                return json_value(self._total_count())
            case "nodes":
                return self._gather(rows, self._builder.object(self._entity, rows.row, field.fields))
            case "edges":
                return self._gather(rows, _members(field.fields, lambda part: self._edge(part, rows)))
            case _:
                return _members(field.fields, lambda part: json_value(self._page_info(part, rows)))

    def _gather(self, rows: _PageRows, item: Expression) -> Expression:
        return json_array(item, *rows.order, where=rows.in_page)

    def _edge(self, part: Field, rows: _PageRows) -> Expression:
        if part.name == "cursor":
            return json_value(self._cursor(rows))
        return self._builder.object(self._entity, rows.row, part.fields)

    def _cursor(self, rows: _PageRows) -> Expression:
        return cursor(self._page.order, [column for column in rows.row.c if column.name.startswith("key_")])

    def _page_info(self, part: Field, rows: _PageRows) -> Expression:
        backward = self._page.backward
        if part.name in ("start_cursor", "end_cursor"):
            return self._end(rows, nearest=(part.name == "start_cursor") != backward)
        onward = (part.name == "has_next_page") != backward
        return self._goes_on() if onward else self._began_late()

    def _end(self, rows: _PageRows, *, nearest: bool) -> Expression:
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

    def _reaches(self, rows: _Rows, position: Any, *, forward: bool) -> Expression:
        outside = beyond(rows.keys, position, self._builder.bind, forward=forward, or_there=True)
        return self._exists(rows._replace(where=[*rows.where, outside]))

    def _exists(self, rows: _Rows) -> Expression:
        some = sa.select(literal("1")).select_from(rows.row.table).where(*rows.where)
        return sa.and_(*rows.only_if, self._within_parent(some).exists())

    def _total_count(self) -> Expression:
        return self._count(self._rows())

    def _count(self, rows: _Rows) -> Expression:
        counted = sa.select(sa.func.count()).select_from(rows.row.table).where(*rows.where)
        count = self._within_parent(counted).scalar_subquery()
        return sa.case((sa.and_(*rows.only_if), count), else_=literal("0")) if rows.only_if else count


def _as_called_in(found: sa.Subquery, keys: Sequence[Key]) -> tuple[sa.Subquery, list[Key]]:
    return found, [replace(key, expression=found.c[f"key_{place}"]) for place, key in enumerate(keys)]


class _Few(NamedTuple):
    """Some rows, read only as far as need be."""

    rows: sa.Subquery
    is_all: Predicate
    """Whether there are no more of them."""


NEAR = 500
"""So many names are looked at before anything else: words that most rows have fill a page from them."""

FEW = literal("2000")
"""So many rows are sooner read and put in order than found by going through the list in its order."""


class _SearchBuilder(_ConnectionBuilder):
    """Builds the page of a list that is searched.

    Each way to match is a select of its own that ends as soon as it has found enough. It has several parts where words
    may be in a few rows or in most, and the viewer may see few rows or most. Which it is, only the rows can tell: the
    database's statistics know the most common words alone, and a plan is made once for all texts.
    """

    def __init__(self, builder: _Builder, entity: Entity, page: Page, parent: tuple[Row, ToMany] | None) -> None:
        super().__init__(builder, entity, page, parent)
        assert page.search is not None
        self._given = builder.bind(page.search, sa.Text())
        self._read: dict[search.Way | None, tuple[sa.CTE, sa.CTE]] = {}
        """What matches in a way, or (None) what is seen at all; and whether that is more than a few."""

    @property
    def _ways(self) -> Sequence[search.Way]:
        """The ways to have the words, the best first."""
        return search.WAYS if self._page.order == search.BY_RELEVANCE else (search.BY_WORDS,)

    def _parts(self, way: search.Way) -> list[_Rows]:
        """The rows that match in this way, in parts of which all but one are empty."""
        found = self._found_by()
        if not way.by_words:
            return [self._matching(way, found)]
        having, seen = self._few_matching(way), self._few_seen()
        only = _FoundBy(having.rows, having.rows.c.key)
        return [
            self._matching(way, only)._replace(only_if=[having.is_all]),
            self._matching(way, found, among=seen.rows)._replace(only_if=[~having.is_all, seen.is_all]),
            self._matching(way, found, in_turn=True)._replace(only_if=[~having.is_all, ~seen.is_all]),
        ]

    def _few_matching(self, way: search.Way) -> "_Few":
        """What the index of words finds."""
        found = self._found_by()
        columns = (found.table.c[name] for name in ("organization_id", "name", "words"))
        meets = rights.in_organization(found.table), way.matches(found.table, self._given)
        return self._few(way, sa.select(*columns, found.key.label("key")).where(*meets))

    def _few_seen(self) -> "_Few":
        """What the viewer sees and the filter lets through."""
        row, where = self._filtered()
        return self._few(None, sa.select(row.table).where(*where))

    def _few(self, of: search.Way | None, rows: sa.Select[Any]) -> "_Few":
        if of not in self._read:
            those = _read_once(rows, f"some_{len(self._read)}")
            more = sa.exists(sa.select(literal("1")).select_from(those).offset(FEW)).label("more")
            self._read[of] = those, _read_once(sa.select(more), f"more_{len(self._read)}")
        those, more_than_few = self._read[of]
        return _Few(sa.select(those).limit(FEW).subquery(), ~sa.select(more_than_few.c.more).scalar_subquery())

    def _found_by(self) -> _FoundBy:
        return self._builder.found_by(self._entity)

    def _matching(
        self, way: search.Way, found: _FoundBy, *, among: sa.FromClause | None = None, in_turn: bool = False
    ) -> _Rows:
        row, where = self._filtered() if among is None else (Row(among, self._builder.may), [])
        matches = way.matches(found.table, self._given, in_turn=in_turn or among is not None)
        by_relevance = self._page.order == search.BY_RELEVANCE
        keys = self._keys(way, found) if by_relevance else sort_keys(self._entity, self._page.order, row)
        return _Rows(row, [*where, found.of(row), matches], keys)

    def _keys(self, way: search.Way, found: _FoundBy) -> Sequence[Key]:
        rank = way.rank(found.table, self._given)
        return relevance_keys(rank, found.table.c.name, found.key, same_rank=way is not search.ALIKE)

    def _alike(self, *having: sa.CTE) -> _Rows:
        """What is called alike, where nothing has the words: sooner told where some that do are known."""
        unknown = [~sa.exists(sa.select(part)) for part in having]
        nothing = [~self._exists(rows) for rows in self._parts(search.BY_WORDS)]
        return self._matching(search.ALIKE, self._found_by())._replace(only_if=[*unknown, *nothing])

    def _found(self, size: int) -> tuple[sa.Subquery, list[Key]]:
        read: list[sa.CTE] = []
        keys: Sequence[Key] = ()
        for way in [*self._ways, search.ALIKE][:: -1 if self._page.backward else 1]:
            parts = [self._alike(*read)] if way is search.ALIKE else self._parts(way)
            keys = parts[0].keys
            near = [_read_once(self._unless_full(rows, read, size), f"near_{len(read)}") for rows in self._near(way)]
            rest = [self._unless_full(rows, [*read, *near], size) for rows in parts]
            read.append(_read_once(sa.union(*(sa.select(part) for part in near), *rest), f"part_{len(read)}"))
        found, keys = _as_called_in(sa.union_all(*(sa.select(part) for part in read)).subquery(), keys)
        nearest = sa.select(found).order_by(*order_by(keys, backward=self._page.backward)).limit(literal(str(size)))
        return self._whole_rows(nearest.subquery(), keys)

    def _near(self, way: search.Way) -> list[_Rows]:
        """The rows that match among the first of all names, where these may be enough for the page."""
        if not (way.by_words and self._page.order == search.BY_RELEVANCE):
            return []
        found = self._found_by()
        names = _Rows(
            Row(found.table, self._builder.may), [rights.in_organization(found.table)], self._keys(way, found)
        )
        first = self._nearest(names, NEAR).subquery()
        return [self._matching(way, _FoundBy(first, first.c[found.key.name]), in_turn=True)]

    def _unless_full(self, rows: _Rows, read: Sequence[sa.CTE], size: int) -> sa.Select[Any]:
        """The nearest of these rows, unless those read before them fill the page."""
        counts = [sa.select(sa.func.count()).select_from(part).scalar_subquery() for part in read]
        is_full = [sum(counts[1:], start=counts[0]) >= literal(str(size))] if counts else []
        nearest = self._nearest(rows, size, rows.row.c.id).subquery()
        # Outside of what it is a condition of: workers would be started before it is looked at inside.
        return sa.select(nearest).where(*map(sa.not_, is_full), *rows.only_if)

    def _whole_rows(self, nearest: sa.Subquery, keys: Sequence[Key]) -> tuple[sa.Subquery, list[Key]]:
        row = self._builder.row(self._entity)
        _, keys = _as_called_in(nearest, keys)
        whole = (
            sa.select(row.table, *(key.expression for key in keys))
            .where(rights.in_organization(row.table), row.c.id == nearest.c.id)
            .order_by(*order_by(keys, backward=self._page.backward))
        )
        return _as_called_in(whole.subquery(), keys)

    def _up_to(self, position: Any, *, forward: bool) -> Expression:
        parts = [*(rows for way in self._ways for rows in self._parts(way)), self._alike()]
        return sa.or_(*(self._reaches(rows, position, forward=forward) for rows in parts))

    def _total_count(self) -> Expression:
        counts = [self._count(rows) for rows in (*self._parts(search.BY_WORDS), self._alike())]
        return sum(counts[1:], start=counts[0])


def _read_once(select: Any, name: str) -> sa.CTE:
    cte: sa.CTE = select.cte(name).prefix_with("MATERIALIZED")
    return cte


def _with_joins(row: Row) -> sa.FromClause:
    joined = row.table
    for other, on in row.joins or ():
        joined = joined.outerjoin(other, on)
    return joined


def _comparable(declared: Declared, row: Row) -> Expression:
    if isinstance(declared, Group):
        return _comparable(declared.fields[declared.key or ""], row)
    assert isinstance(declared, Value)
    return declared.of(row)


_OPERATORS: Mapping[str, Callable[[Expression, Expression], Predicate]] = {
    "eq": lambda value, operand: value == operand,
    "neq": lambda value, operand: value.is_distinct_from(operand),
    "in": lambda value, operand: value == sa.any_(operand),
    "not_in": lambda value, operand: (value == sa.any_(operand)).is_not(sa.true()),
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
    "contains": folding.contains,
    "starts_with": folding.starts_with,
}
