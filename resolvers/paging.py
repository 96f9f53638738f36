"""Keyset paging: sort keys, cursors, and which rows lie before or after a position."""

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from db.models import table_of
from resolvers.entities import ENTITIES, Entity, Expression, Group, Row, ToOne, Value
from resolvers.rights import Predicate
from resolvers.search import BY_RELEVANCE
from resolvers.selection import EVERYTHING, Condition, Operand, Page, Position, Sort
from resolvers.viewer import NOBODY

DEFAULT_SIZE = 50
LONGEST_SEARCH = 200
LARGEST_SIZE = 1000


class BadArgument(Exception):
    """An argument of a read cannot be right; `path` says where it is."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Key:
    """A sort key as it stands in a statement."""

    expression: Expression
    descending: bool
    nullable: bool
    constant: bool = False
    """Whether it is the same for all rows of a select that is one of several."""


def sort_keys(entity: Entity, order: Sequence[Sort], row: Row) -> tuple[Key, ...]:
    """What a list is ordered by; the id comes last, in the direction of the key before it."""
    wanted = tuple(order) or entity.order
    direction = wanted[-1].descending if wanted else entity.newest_first
    keys = [_key(entity, row, sort) for sort in wanted]
    return (*keys, Key(row.c.id, direction, nullable=False))


def relevance_keys(rank: Expression, name: Expression, key: Expression, *, same_rank: bool = False) -> tuple[Key, ...]:
    """What a list is ordered by that was searched for: the best match first, then by name."""
    first, *others = (Key(expression, descending=False, nullable=False) for expression in (rank, name, key))
    return (replace(first, constant=same_rank), *others)


def _key(entity: Entity, row: Row, sort: Sort) -> Key:
    expression, nullable = _sort_value(entity, row, sort.path)
    return Key(expression, sort.descending, nullable)


def _sort_value(entity: Entity, row: Row, path: tuple[str, ...]) -> tuple[Expression, bool]:
    declared = entity.field(path[0])
    if isinstance(declared, ToOne):
        return _linked_sort_value(declared, row, path[1:]), True
    value = declared.fields[declared.key or ""] if isinstance(declared, Group) else declared
    assert isinstance(value, Value)
    plain = value.of(row)
    return sortable(plain), getattr(plain, "nullable", True)


def _linked_sort_value(link: ToOne, row: Row, path: tuple[str, ...]) -> Expression:
    target = ENTITIES[link.entity]
    other = Row(table_of(target.model).alias(), row.may)
    value, _ = _sort_value(target, other, path)
    return (
        sa.select(value)
        .where(target.visible(other.table, row.may), other.c[link.target] == row.c[link.column])
        .correlate(row.table)
        .scalar_subquery()
    )


def sortable(plain: Expression) -> Expression:
    """Texts sort by their lower-case letters, by code point: the same on every PostgreSQL, with å, ä and ö last."""
    return sa.collate(sa.func.lower(plain, type_=sa.Text), "C") if isinstance(plain.type, sa.String) else plain


def order_by(keys: Sequence[Key], *, backward: bool) -> list[Expression]:
    """The order of a statement; nulls last in both directions, and so first when read backward."""
    return [_ordered(key, backward) for key in keys]


def _ordered(key: Key, backward: bool) -> Expression:
    ordered = sa.desc(key.expression) if key.descending != backward else sa.asc(key.expression)
    # A column that cannot be null takes no NULLS clause: the plain order is what an index can be read in both ways.
    if not key.nullable:
        return ordered
    nulls: Expression = sa.nulls_first(ordered) if backward else sa.nulls_last(ordered)
    return nulls


Bind = Callable[[Operand, sa.types.TypeEngine[Any]], Expression]


def beyond(keys: Sequence[Key], position: Position, bind: Bind, *, forward: bool, or_there: bool = False) -> Predicate:
    """The rows after the position in the order of the keys or, not `forward`, before it; also the one `there`."""
    values = [
        operand and bind(operand, key.expression.type) for key, operand in zip(keys, position.values, strict=True)
    ]
    return _beyond(list(zip(keys, values, strict=True)), forward=forward, or_there=or_there)


def _beyond(pairs: Sequence[tuple[Key, Any]], *, forward: bool, or_there: bool) -> Predicate:
    keys = [key for key, _ in pairs]
    is_one_way = len({key.descending for key in keys}) == 1 and not any(key.nullable or key.constant for key in keys)
    by = _beyond_row if is_one_way else _beyond_key
    return by(pairs, forward=forward, or_there=or_there)


def _beyond_row(pairs: Sequence[tuple[Key, Any]], *, forward: bool, or_there: bool) -> Predicate:
    """As one comparison of rows, which an index answers."""
    here, there = sa.tuple_(*(key.expression for key, _ in pairs)), sa.tuple_(*(value for _, value in pairs))
    if forward != pairs[0][0].descending:
        return here >= there if or_there else here > there
    return here <= there if or_there else here < there


def _beyond_key(pairs: Sequence[tuple[Key, Any]], *, forward: bool, or_there: bool) -> Predicate:
    (key, value), *rest = pairs
    past = _past(key, value, forward=forward)
    tied = key.expression.is_(None) if value is None else key.expression == value
    if not rest:
        return sa.or_(past, tied) if or_there else past
    return sa.or_(past, sa.and_(tied, _beyond(rest, forward=forward, or_there=or_there)))


def _past(key: Key, value: Any, *, forward: bool) -> Predicate:
    if value is None:
        return sa.false() if forward else key.expression.is_not(None)
    up = forward != key.descending
    past = key.expression > value if up else key.expression < value
    return sa.or_(past, key.expression.is_(None)) if forward and key.nullable else past


def cursor(order: Sequence[Sort], values: Sequence[Expression]) -> Expression:
    """The cursor of a row, as SQL: which order it belongs to, and the row's sort values."""
    content = sa.func.json_build_array(sa.literal_column(f"'{_fingerprint(order)}'", sa.Text), *values)
    encoded = sa.func.encode(
        sa.func.convert_to(sa.cast(content, sa.Text), sa.literal_column("'UTF8'")), sa.literal_column("'base64'")
    )
    return sa.func.translate(encoded, sa.literal_column("E'\\n'"), sa.literal_column("''"), type_=sa.Text)


def _fingerprint(order: Sequence[Sort]) -> str:
    return ",".join(("-" if sort.descending else "") + ".".join(sort.path) for sort in order)


def page(
    entity: str, arguments: Mapping[str, Any], *, where: Condition = EVERYTHING, order: tuple[Sort, ...] = ()
) -> Page:
    """The part of a list that `first`, `after`, `last` and `before` ask for; BadArgument where they make no sense."""
    first, last, wanted = arguments.get("first"), arguments.get("last"), arguments.get("search")
    if wanted is not None:
        _check_search(wanted)
        order = order or BY_RELEVANCE
    if first is not None and last is not None:
        raise BadArgument("Give either first or last, not both.", "last")
    return Page(
        size=page_size(first if last is None else last, "first" if last is None else "last"),
        backward=last is not None,
        after=_position(entity, order, arguments.get("after"), "after"),
        before=_position(entity, order, arguments.get("before"), "before"),
        where=where,
        order=order,
        search=None if wanted is None else Operand(wanted),
    )


def _check_search(wanted: str) -> None:
    if len(wanted) > LONGEST_SEARCH:
        raise BadArgument(f"search has {len(wanted):,} characters, more than {LONGEST_SEARCH}; shorten it.", "search")
    if not any(char.isalnum() for char in wanted) or not storable(wanted):
        raise BadArgument("search has no letter or digit to look for: give it some, or leave it out.", "search")


def page_size(asked: int | None, argument: str = "first") -> int:
    """How many rows of a list the argument asks for; BadArgument where it cannot be so many."""
    if asked is None:
        return DEFAULT_SIZE
    if not 0 <= asked <= LARGEST_SIZE:
        raise BadArgument(f"{argument} must be between 0 and {LARGEST_SIZE}, not {asked}; page on for more.", argument)
    return asked


_RELEVANCE = relevance_keys(
    sa.literal_column("rank", sa.Integer), sa.literal_column("name", sa.Text), sa.literal_column("id", sa.Uuid)
)


def _position(entity: str, order: tuple[Sort, ...], text: str | None, argument: str) -> Position | None:
    if text is None:
        return None
    keys = _RELEVANCE if order == BY_RELEVANCE else _keys(entity, order)
    return position(keys, order, text, argument)


def position(keys: Sequence[Key], order: Sequence[Sort], text: str, argument: str) -> Position:
    """Where a cursor points in a list of this order; BadArgument where it is none, or one of another list."""
    content = _decode(text, argument)
    if content[0] != _fingerprint(order):
        raise BadArgument(f"{argument} is a cursor of another order; use it with the orderBy it came from.", argument)
    if len(content) != len(keys) + 1:
        raise _not_a_cursor(argument)
    return Position(tuple(_operand(key, value, argument) for key, value in zip(keys, content[1:], strict=True)))


def _decode(text: str, argument: str) -> list[Any]:
    try:
        content = json.loads(base64.b64decode(text, validate=True), parse_float=Decimal)
    except (binascii.Error, ValueError, RecursionError):
        raise _not_a_cursor(argument) from None
    if not (isinstance(content, list) and content):
        raise _not_a_cursor(argument)
    return content


def _not_a_cursor(argument: str) -> BadArgument:
    return BadArgument(f"{argument} is not a cursor; use one from an edge or from pageInfo.", argument)


def _keys(entity: str, order: tuple[Sort, ...]) -> tuple[Key, ...]:
    declared = ENTITIES[entity]
    return sort_keys(declared, order, Row(table_of(declared.model), NOBODY))


_READERS: Mapping[type[Any], Callable[[Any], Any]] = {
    uuid.UUID: uuid.UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: lambda value: Decimal(str(value)),
}


def _operand(key: Key, value: Any, argument: str) -> Operand | None:
    if value is None and key.nullable:
        return None
    kind = key.expression.type.python_type
    try:
        read = _READERS[kind](value) if kind in _READERS else value
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        raise _not_a_cursor(argument) from None
    if type(read) is not kind or not storable(read):
        raise _not_a_cursor(argument)
    return Operand(read)


def storable(value: Any) -> bool:
    """Whether PostgreSQL can take the value as a parameter at all."""
    match value:
        case int():
            return -(2**31) <= value < 2**31
        case str():
            return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
        case Decimal():
            return value.is_finite() and value.adjusted() < 131_072 and int(value.as_tuple().exponent) >= -16_383
        case datetime():
            return value.tzinfo is not None and _is_a_moment_in_utc(value)
        case _:
            return True


def _is_a_moment_in_utc(value: datetime) -> bool:
    try:
        value.astimezone(UTC)
    except OverflowError:  # the first and the last hours of the calendar, with an offset
        return False
    return True
