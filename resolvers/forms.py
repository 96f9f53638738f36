"""Forms: which fields of an entity can be written, declared once, and what each is made of.

A field takes a client's value apart into columns, and puts a row's columns together again for the audit trail. A form
adds how a row is found, which values no two rows share, and the rules that only the database can answer.
"""

import datetime
import enum
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from db import models
from db.models import table_of
from resolvers import ids
from resolvers.money import Money, digits
from resolvers.references import Ref, Row, noun_of
from resolvers.rights import Predicate, Table
from resolvers.validation import (
    SPELLINGS,
    NationalSpelling,
    Spelling,
    Wrong,
    camel,
    checked,
    label_of,
    number_within,
    trimmed,
)
from resolvers.viewer import Permissions, Viewer
from resolvers.writer import Draft, Writer

Names = Mapping[tuple[str, uuid.UUID], str]
"""What people call the rows that links point at, by entity and key."""
Rule = Callable[[Writer, Sequence[Draft]], Awaitable[None]]
"""Looks at drafts that are fine so far; refuses some, or fills in what follows from the rest. Writes nothing."""

Default = Callable[[Viewer], Any]


def plain_json(value: Any) -> Any:
    """A column's value as clients see it."""
    if isinstance(value, Decimal):
        return digits(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, enum.StrEnum) else value


def plain_label(value: Any) -> str | None:
    """A column's value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, enum.Enum):
        return str(value.value).replace("_", " ").capitalize()
    return None if value is None else str(plain_json(value))


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of the same name."""

    name: str
    default: Default | None = None
    """The value of a new row where the client gives none, if the table does not say."""
    is_automatic: bool = False
    """A rule fills it in where the client does not."""
    spelling: Spelling | None = None

    @property
    def client_name(self) -> str:
        return camel(self.name)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.name,)

    def is_in(self, row: Row, value: Any) -> bool:
        """Whether a stored row has the very same text, so that it need not be read again."""
        return type(value) is str and row.get(self.name) == value

    def read(self, fields: type[SQLModel], value: Any) -> dict[str, Any]:
        """The columns that a client's value makes; Wrong where it cannot be one."""
        if isinstance(value, str) and not isinstance(value, enum.Enum):
            value = trimmed(self.name, value)
        if value is None:
            return {self.name: None}
        value = checked(fields, self.name, value)
        spelling = self.spelling or SPELLINGS.get(self.name)
        return {self.name: checked(fields, self.name, spelling(value)) if spelling else value}

    def json(self, row: Row) -> Any:
        """What a client sees of a row."""
        return plain_json(row[self.name])

    def label(self, row: Row, names: Names) -> str | None:
        """What a person reads of a row."""
        return plain_label(row[self.name])


@dataclass(frozen=True, kw_only=True)
class National(Field):
    """A column whose spelling depends on the country of its row, so it is spelt once that is known."""

    spelling_in: NationalSpelling
    is_local: bool = False
    """Whether what is stored may be nothing in another country, so that it is read anew where the row moves there."""

    def spelt(self, fields: type[SQLModel], value: str, country: str) -> str:
        """What `read` made of a client's value, as it is stored in a row of this country."""
        return str(checked(fields, self.name, self.spelling_in(value, country)))

    def stays(self, value: str, country: str) -> bool:
        """Whether a stored value is the very same in this country."""
        try:
            return self.spelling_in(value, country) == value
        except Wrong:
            return False


@dataclass(frozen=True, kw_only=True)
class Rate(Field):
    """What one unit of the row's currency is in the organisation's."""

    def read(self, fields: type[SQLModel], value: Any) -> dict[str, Any]:
        read = super().read(fields, value)
        rate = read[self.name]
        return read if rate is None else {self.name: number_within(self.name, rate, 9, 12)}


@dataclass(frozen=True, kw_only=True)
class Link(Field):
    """A key of another row, which a client names with a reference."""

    entity: str
    gives_country: bool = False
    """Whether the row is in the country of the one it points at, having none of its own."""

    @property
    def column(self) -> str:
        return f"{self.name}_id"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def ref(self, value: Ref | str | None) -> Ref | None:
        """The reference that a client gave; a bare text is a name."""
        return Ref("name", value) if isinstance(value, str) else value

    def read(self, fields: type[SQLModel], value: Ref | str | None) -> dict[str, Any]:
        """Only null can be read without looking the reference up."""
        return {self.column: None} if value is None else {}

    def json(self, row: Row) -> Any:
        key = row[self.column]
        return None if key is None else ids.encode(self.entity, key)

    def label(self, row: Row, names: Names) -> str | None:
        key = row[self.column]
        return None if key is None else names.get((self.entity, key))


@dataclass(frozen=True, kw_only=True)
class Amount(Field):
    """An amount with its currency, in two columns."""

    amount: str
    currency: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.amount, self.currency)

    def read(self, fields: type[SQLModel], value: Money | None) -> dict[str, Any]:
        if value is None:
            return dict.fromkeys(self.columns)
        read = {}
        for part, column, read_part in (("amount", self.amount, _amount), ("currency", self.currency, _currency)):
            try:
                read[column] = read_part(self.name, getattr(value, part))
            except Wrong as wrong:
                raise Wrong(wrong.message, part) from wrong
        return read

    def json(self, row: Row) -> Any:
        amount = row[self.amount]
        return None if amount is None else {"amount": digits(amount), "currency": row[self.currency]}

    def label(self, row: Row, names: Names) -> str | None:
        amount = row[self.amount]
        return None if amount is None else f"{digits(amount)} {row[self.currency]}"


def _amount(name: str, value: Decimal) -> Decimal:
    return number_within(name, Decimal(value), 15, 6)


def _currency(name: str, value: str) -> str:
    return SPELLINGS["currency"](trimmed("currency", value) or "")


@dataclass(frozen=True, kw_only=True)
class HomeAmount(Field):
    """What an amount is in the organisation's currency: follows from others, so no client gives it."""

    def json(self, row: Row) -> Any:
        return {"amount": digits(row[self.name]), "currency": row["home_currency"]}

    def label(self, row: Row, names: Names) -> str | None:
        return f"{digits(row[self.name])} {row['home_currency']}"


@dataclass(frozen=True, kw_only=True)
class Parts(Field):
    """A list of rows that are nothing by themselves, such as addresses; a list replaces the whole list."""

    model: Any
    checks: type[SQLModel]
    by: str
    parts: tuple[Field, ...]
    required: frozenset[str]
    most: int

    def is_in(self, row: Row, value: Sequence[Mapping[str, Any]] | None) -> bool:
        """Whether a stored row, read with its lists, has the very same list."""
        names = [each.name for each in self.parts]
        return [{name: given.get(name) for name in names} for given in value or ()] == row.get(self.name)

    def read(self, fields: type[SQLModel], value: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
        """One pseudo-column with all of the list."""
        value = value or []
        if len(value) > self.most:
            raise Wrong(f"{label_of(self.name)} are {len(value)}; at most {self.most} fit.")
        return {self.name: [self._read_part(position, given) for position, given in enumerate(value)]}

    def _read_part(self, position: int, given: Mapping[str, Any]) -> dict[str, Any]:
        part: dict[str, Any] = {}
        for each in self.parts:
            try:
                part |= each.read(self.checks, given.get(each.name))
            except Wrong as wrong:
                raise Wrong(wrong.message, str(position), each.client_name, *wrong.path) from wrong
            if part[each.name] is None and each.name in self.required:
                raise Wrong(f"{label_of(each.name)} is needed.", str(position), each.client_name)
        return part

    def json(self, row: Row) -> Any:
        return [
            {each.client_name: json for each in self.parts if (json := each.json(part)) is not None}
            for part in row[self.name]
        ]

    def label(self, row: Row, names: Names) -> str | None:
        return "; ".join(self._label_of_part(part) for part in row[self.name]) or None

    def _label_of_part(self, part: Row) -> str:
        kind, *rest = (each.label(part, {}) for each in self.parts)
        return f"{kind}: {', '.join(text for text in rest if text)}"


def fields(*names: str) -> tuple[Field, ...]:
    """Columns of these names, as they are."""
    return tuple(Field(name=name) for name in names)


def own_name(row: Row) -> str:
    """The label of most things."""
    return str(row["name"])


def stored_name(row: Table) -> sa.ColumnElement[str]:
    """`own_name` in SQL."""
    return row.c.name


def everybody(table: Table, may: Permissions) -> Predicate:
    """No right beyond the one to call the function."""
    return sa.true()


@dataclass(frozen=True, kw_only=True)
class Form:
    """How an entity is written."""

    entity: str
    model: Any
    checks: type[SQLModel]
    fields: tuple[Field, ...]
    label: Callable[[Row], str] = own_name
    stored_label: Callable[[Table], sa.ColumnElement[str]] = stored_name
    """The same of a table's row, in SQL."""
    key: str = "external_id"
    """The column by which an upsert finds a row that is not named by its id."""
    needs_key: bool = False
    """Whether it must be there even though the column may be empty."""
    unique: tuple[tuple[str, ...], ...] = ()
    """Columns whose values no two (undeleted) rows of an organisation share; the last one is where the problem is."""
    editable: Callable[[Table, Permissions], Predicate] = everybody
    derived: tuple[str, ...] = ()
    """Columns that rules fill in and no client sees."""
    rules: tuple[Rule, ...] = ()
    stored: tuple[Rule, ...] = ()
    """What else is written once the rows are."""

    @property
    def noun(self) -> str:
        return noun_of(self.entity)

    @cached_property
    def table(self) -> sa.Table:
        return table_of(self.model)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        return tuple(each for each in self.fields if isinstance(each, Link))

    @cached_property
    def country_link(self) -> Link | None:
        return next((link for link in self.links if link.gives_country), None)

    @cached_property
    def national(self) -> tuple[National, ...]:
        return tuple(each for each in self.fields if isinstance(each, National))

    @cached_property
    def parts(self) -> tuple[Parts, ...]:
        return tuple(each for each in self.fields if isinstance(each, Parts))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table that are written."""
        return (*(name for each in self.fields for name in each.columns if name in self.table.c), *self.derived)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(each.name for each in self.fields) | {"id"}

    @property
    def is_versioned(self) -> bool:
        return "version" in self.table.c

    @property
    def is_soft(self) -> bool:
        """Deleted rows stay, marked."""
        return "deleted_at" in self.table.c

    def requires(self, each: Field) -> bool:
        """Whether null is no value of the field."""
        return each.name in self._required

    @cached_property
    def _required(self) -> frozenset[str]:
        plain = (each for each in self.fields if not isinstance(each, Parts))
        return frozenset(each.name for each in plain if not self.table.c[each.columns[0]].nullable)

    def defaults_for(self, viewer: Viewer) -> dict[str, dict[str, Any]]:
        """The columns of a new row for which the client gave nothing, by name of the field."""
        return {each.name: self._default_of(each, viewer) for each in self.fields}

    def _default_of(self, each: Field, viewer: Viewer) -> dict[str, Any]:
        if each.default:
            return {each.columns[0]: each.default(viewer)}
        if isinstance(each, Parts):
            return {each.name: []}
        return {name: _column_default(self.table.c[name]) for name in each.columns}

    def json(self, row: Row) -> dict[str, Any]:
        """A whole row as clients see it, without what is null or empty."""
        told = ((each.client_name, each.json(row)) for each in self.fields)
        return {name: value for name, value in told if value is not None and value != []}


def _column_default(column: sa.Column[Any]) -> Any:
    default = column.default
    return default.arg if isinstance(default, sa.ColumnDefault) and default.is_scalar else None


ADDRESSES = Parts(
    name="addresses",
    model=models.Address,
    checks=models.AddressFields,
    by="customer_id",
    parts=fields("kind", "street", "post_code", "city", "region", "country"),
    required=frozenset({"kind"}),
    most=100,
)
