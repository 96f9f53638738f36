"""How the values of a table are written, in SQL: as texts for CSV, as JSON, and as they are for typed files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from resolvers.rendering import json_list, json_object, json_value, literal, or_null, text
from resolvers.tabulation import Column, Kind

Expression = sa.ColumnElement[Any]
Cells = Sequence[Expression]

DEFUSED = "=+-@\t\r'"
"""Texts that begin so get an apostrophe in front: a spreadsheet would take the first six for formulas.

The apostrophe itself is one of them so that whoever takes one away always has the text as it was.
https://owasp.org/www-community/attacks/CSV_Injection
"""
NUMBERS = {Kind.INTEGER, Kind.DECIMAL, Kind.NUMBER}


@dataclass(frozen=True)
class Texts:
    """A text for each value, as GraphQL writes it."""

    columns: tuple[Column, ...]
    decimal_sign: str = "."
    timezone: str | None = None
    """Where moments are told in local time, in place of the time that GraphQL writes."""

    def __call__(self, values: Cells) -> Cells:
        """Each value as a text; those that a spreadsheet would run are defused."""
        written = [self._text(column, value) for column, value in zip(self.columns, values, strict=True)]
        # An empty line is none to many who read it: where it would be a row, nothing is written as the empty text.
        return [sa.func.coalesce(each, text("")) for each in written] if len(written) == 1 else written

    def _text(self, column: Column, value: Expression) -> Expression:
        if column.kind is Kind.MOMENT and self.timezone:
            local = sa.func.timezone(text(self.timezone), _moment(value))
            return sa.func.to_char(local, text("YYYY-MM-DD HH24:MI:SS"))
        written = _plain_text(column, value)
        if column.kind in NUMBERS and self.decimal_sign != ".":
            return sa.func.replace(written, text("."), text(self.decimal_sign))
        return _defused(written) if column.kind in (Kind.TEXT, Kind.JSON) else written


def _defused(written: Expression) -> Expression:
    # There are millions of texts, and most of them begin with a letter, which one cheap comparison tells.
    harmless = sa.collate(written, "C") >= text("A")
    letters = literal(f"'{{{','.join(str(ord(letter)) for letter in DEFUSED)}}}'::integer[]")
    runs = sa.func.ascii(written, type_=sa.Integer) == sa.any_(letters)
    return sa.case((harmless, written), (runs, text("'").concat(written)), else_=written)


def _plain_text(column: Column, value: Expression) -> Expression:
    if column.kind is Kind.JSON:
        return sa.cast(value if isinstance(value.type, JSONB) else sa.func.to_jsonb(value), sa.Text)
    if isinstance(value.type, sa.DateTime):
        value = sa.func.to_jsonb(value, type_=JSONB())
    return _inside(value) if isinstance(value.type, JSONB) else sa.cast(value, sa.Text)


def _inside(value: Expression) -> Expression:
    """The text in a JSON text, the digits of a JSON number; NULL where it is null."""
    return value.op("#>>", return_type=sa.Text())(literal("'{}'::text[]"))


def _moment(value: Expression) -> Expression:
    return sa.cast(_inside(value), sa.DateTime(timezone=True)) if isinstance(value.type, JSONB) else value


@dataclass(frozen=True)
class Objects:
    """One JSON object for each row; an amount with its currency is an object in it."""

    columns: tuple[Column, ...]
    names: tuple[str, ...]

    def __call__(self, values: Cells) -> Cells:
        """The object, as a text without line breaks."""
        made: dict[str, list[tuple[str, Expression]]] = {}
        for column, name, value in zip(self.columns, self.names, values, strict=True):
            whole = _whole(column, name)
            made.setdefault(whole or name, []).append((column.path[-1] if whole else "", value))
        members = [(name, _object(parts) if parts[0][0] else _json(parts[0][1])) for name, parts in made.items()]
        return [json_object(members)]


def _json(value: Expression) -> Expression:
    # A column that cannot be null is, where a left join found nothing.
    return or_null(json_value(value))


def _whole(column: Column, name: str) -> str | None:
    """What the amount is called that this is one half of."""
    return name.removesuffix(f".{column.path[-1]}") if column.of_money and name == column.name else None


def _object(parts: Sequence[tuple[str, Expression]]) -> Expression:
    made = json_object([(name, _json(value)) for name, value in parts])
    is_missing = sa.and_(*(value.is_(None) for _, value in parts))
    return sa.case((is_missing, text("null")), else_=made)


@dataclass(frozen=True)
class Arrays:
    """One JSON array for each row."""

    def __call__(self, values: Cells) -> Cells:
        """The array, as a text."""
        return [json_list([_json(value) for value in values])]


@dataclass(frozen=True)
class Typed:
    """Each value as it is: numbers as numbers, dates as dates; lists and the like as JSON texts."""

    columns: tuple[Column, ...]

    def __call__(self, values: Cells) -> Cells:
        """Each value in the type of its column."""
        return [self._typed(column, value) for column, value in zip(self.columns, values, strict=True)]

    def _typed(self, column: Column, value: Expression) -> Expression:
        if column.kind in (Kind.TEXT, Kind.JSON):
            return _plain_text(column, value)
        plain = _inside(value) if isinstance(value.type, JSONB) else value
        return sa.cast(plain, _TYPES[column.kind])


_TYPES: Mapping[Kind, sa.types.TypeEngine[Any]] = {
    Kind.INTEGER: sa.BigInteger(),
    Kind.DECIMAL: sa.Numeric(),
    Kind.NUMBER: sa.Double(),
    Kind.BOOLEAN: sa.Boolean(),
    Kind.DATE: sa.Date(),
    Kind.MOMENT: sa.DateTime(timezone=True),
}
