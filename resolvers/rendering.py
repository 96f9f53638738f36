"""How rows become JSON, in SQL.

JSON is put together as text. That is several times faster in PostgreSQL than its JSON functions, which look up the type
of each value anew for each row; only texts go through one, for their escapes.
"""

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

Expression = sa.ColumnElement[Any]


def literal(sql: str) -> Expression:
    """A number or another constant of our own, as it is to stand in the statement."""
    return sa.literal_column(sql)


def text(value: str) -> Expression:
    """A text of our own, as a constant of the statement."""
    quoted = value.replace("'", "''")
    return sa.literal_column(f"'{quoted}'", sa.Text)


NULL = text("null")


def concatenated(texts: Sequence[Expression]) -> Expression:
    """One text of at least one; made in halves, since SQLAlchemy and PostgreSQL copy at each step what they have."""
    if len(texts) == 1:
        return texts[0]
    half = len(texts) // 2
    return concatenated(texts[:half]).concat(concatenated(texts[half:]))


def json_object(pairs: Sequence[tuple[str, Expression]]) -> Expression:
    """An object of these names and finished values."""
    parts, opening = [], "{"
    for name, value in pairs:
        parts += [text(f"{opening}{orjson.dumps(name).decode()}:"), value]
        opening = ","
    return concatenated([*parts, text("}" if parts else "{}")])


def json_list(items: Sequence[Expression]) -> Expression:
    """An array of these finished items, of which there is at least one."""
    parts = [part for item in items for part in (text(","), item)]
    return concatenated([text("["), *parts[1:], text("]")])


def json_array(item: Expression, *order: Expression, where: sa.ColumnElement[bool] | None = None) -> Expression:
    """An array of a finished item for each row (`where` that holds), in the order given or else that of the rows."""
    comma: Any = aggregate_order_by(text(","), *order) if order else text(",")
    joined: Any = sa.func.string_agg(item, comma, type_=sa.Text)
    gathered = joined if where is None else joined.filter(where)
    return text("[").concat(sa.func.coalesce(gathered, text(""))).concat(text("]"))


def json_value(value: Expression) -> Expression:
    """A plain value: a decimal as a text with its exact digits, a missing value as null."""
    written = _written(value)
    return written if getattr(value, "nullable", True) is False else or_null(written)


def or_null(finished: Expression) -> Expression:
    """What is finished, or null where nothing is there."""
    return sa.func.coalesce(finished, NULL, type_=sa.Text)


def _written(value: Expression) -> Expression:
    plain = sa.cast(value, sa.Text)
    if isinstance(value.type, sa.Integer | sa.Boolean | JSONB | sa.types.NullType):
        return plain
    if isinstance(value.type, sa.Numeric | sa.Date):
        return text('"').concat(plain).concat(text('"'))
    return sa.cast(sa.func.to_json(value), sa.Text)
