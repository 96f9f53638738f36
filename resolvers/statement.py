"""From a selection to one SQL statement that answers with finished JSON.

However deep the query, it becomes one statement: links are sub-selects of the row they hang on, lists are a page of
rows gathered into a JSON array, and the viewer's organisation and rights are conditions of every table it touches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, singledispatchmethod
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, asyncpg

from db.models import table_of
from resolvers import folding, rights, search
from resolvers.connections import ConnectionBuilder, FoundBy, members
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
from resolvers.paging import order_by, sort_keys
from resolvers.rendering import NULL, json_array, json_value, literal, or_null, text
from resolvers.rights import Predicate
from resolvers.searching import SearchBuilder
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
    operands,
)
from resolvers.viewer import Permissions

DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Plan:
    """A statement and the names of its parameters in order."""

    sql: str
    names: tuple[str, ...]

    def values(self, query: Any, binds: Mapping[str, Any]) -> list[Any]:
        """The parameters for this query, or whatever the statement was made of, and viewer."""
        if all(name in binds for name in self.names):
            return [binds[name] for name in self.names]
        given = {**values_in(query), **binds}
        return [given[name] for name in self.names]


@lru_cache(maxsize=2000)
def plan(query: Query, may: Permissions) -> Plan:
    """The statement for all queries of this shape by all viewers of these permissions."""
    return compiled(StatementBuilder(query, may).statement(query))


def compiled(statement: sa.Select[Any] | sa.CompoundSelect[Any]) -> Plan:
    """The statement as the driver takes it."""
    finished = statement.compile(dialect=DIALECT)
    return Plan(str(finished), tuple(finished.positiontup or ()))


def visible_rows(entity: str, table: sa.FromClause, where: Condition, may: Permissions) -> Predicate:
    """The rows of the table that the viewer may see and that meet the condition, for statements of any kind.

    Its parameters are those of the viewer and `values_in(where)`.
    """
    builder = StatementBuilder(where, may)
    return sa.and_(*builder.matching(ENTITIES[entity], Row(table, may), where))


def values_in(part: Any) -> Mapping[str, Any]:
    """The values of the operands below, by the names of their parameters."""
    return {f"p{place}": operand.value for place, operand in enumerate(operands(part))}


class StatementBuilder:
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

    def found_by(self, entity: Entity) -> FoundBy:
        """The table of what the entity is found by, under a name of its own."""
        assert entity.found_by is not None
        table = table_of(entity.found_by.model).alias()
        return FoundBy(table, table.c[entity.found_by.by])

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
        return members(fields, lambda field: self.field(entity.field(field.name), row, field))

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
        found = members(field.fields, lambda part: self._part(declared.fields, row, part, field))
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
        item = members(
            field.fields, lambda part: json_value(elements.c.value.op("->", return_type=JSONB())(text(part.name)))
        )
        gathered = sa.select(json_array(item, elements.c.place)).select_from(elements)
        return gathered.correlate(row.table).scalar_subquery()

    @field.register
    def _(self, declared: Parts, row: Row, field: Field) -> Expression:
        parts = Row(table_of(declared.model).alias(), self.may)
        item = members(field.fields, lambda part: self._part(declared.fields, parts, part, field))
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
        builder = ConnectionBuilder if page.search is None else SearchBuilder
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
