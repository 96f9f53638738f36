"""What a client asked for, as plain values: a tree of fields with their pages and conditions.

Values that come from the client sit in `Operand`s and are left out when selections are compared. So two selections are
equal exactly when one statement, with other parameters, answers both; that makes a selection the key of the plan cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Operand:
    """A value that goes into a statement as a parameter."""

    value: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """A field beside a value: `eq neq in not_in gt gte lt lte contains starts_with`."""

    field: str
    operator: str
    operand: Operand


@dataclass(frozen=True, slots=True)
class Missing:
    """The field has no value; for a link: nothing that the viewer may see is there."""

    field: str


@dataclass(frozen=True, slots=True)
class Member:
    """One of the entity's named groups, such as the customers behind a figure; some are about a row of this key."""

    group: str
    keys: tuple[Operand, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The row has each word of the text at the beginning of one of its own."""

    text: Operand


@dataclass(frozen=True, slots=True)
class Related:
    """At least one of what the field links to is seen by the viewer and meets the condition."""

    field: str
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the conditions; none at all is always true."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Whatever does not meet the condition, missing values included."""

    condition: "Condition"


Condition = Compare | Missing | Member | Found | Related | All | AnyOf | Not
EVERYTHING = All(())


def by_key(key: UUID) -> Condition:
    """The one row with this key."""
    return Compare("id", "eq", Operand(key))


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort key: the field, reached through to-one links."""

    path: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a cursor points: the sort values of its row (None where one is missing), the id last."""

    values: tuple[Operand | None, ...]


ALL_ROWS = 2**31 - 2
"""The size of a page that has the whole list."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: so many rows from one end, after or before a position."""

    size: int
    backward: bool = False
    after: Position | None = None
    before: Position | None = None
    where: Condition = EVERYTHING
    order: tuple[Sort, ...] = ()
    search: Operand | None = None
    """Only what has these words; where nothing has, what is called alike."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a worked-out field, such as the period of a sum."""

    values: tuple[tuple[str, Operand], ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field under the name that the client wants it by, with what is wanted of it."""

    key: str
    name: str
    arguments: Page | Arguments | None = None
    fields: "Fields" = ()


@dataclass(frozen=True, slots=True)
class TypeName:
    """The name of the object's type, where the client asks for it."""

    key: str
    value: str


Fields = tuple[Field | TypeName, ...]


def plain_fields(*names: str) -> Fields:
    """Fields under their own names, nothing below them."""
    return tuple(Field(name, name) for name in names)


@dataclass(frozen=True, slots=True)
class One:
    """The row that meets the condition; the first in the given order where several do."""

    entity: str
    where: Condition
    fields: Fields
    order: tuple[Sort, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """Rows by their ids, of several entities, in the order asked; unknown ones are null."""

    keys: Operand
    kinds: Operand
    fields: tuple[tuple[str, Fields], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of a short list, in its own order."""

    entity: str
    fields: Fields
    where: Condition = EVERYTHING
    most: int | None = None
    """How many are wanted at most."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of a long list."""

    entity: str
    page: Page
    fields: Fields


Query = One | Some | Listing | Connection


def nodes_asked(query: Query) -> int:
    """How many rows the query may answer at most, by the sizes of its pages."""
    match query:
        case Connection():
            return query.page.size * (1 + _below(query.fields))
        case Some():
            widest = max((_below(fields) for _, fields in query.fields), default=0)
            return len(query.keys.value) * (1 + widest)
        case Listing(most=int(most)):
            return most * (1 + _below(query.fields))
        case _:
            return 1 + _below(query.fields)


def _below(fields: Fields) -> int:
    return sum(_rows(field) for field in fields if isinstance(field, Field))


def _rows(field: Field) -> int:
    below = _below(field.fields)
    return field.arguments.size * (1 + below) if isinstance(field.arguments, Page) else below


def operands(part: Any) -> Iterator[Operand]:
    """All operands below, always in the same order for equal selections."""
    if type(part) is Operand:
        yield part
    for below in part if type(part) is tuple else _parts(part):
        yield from operands(below)


def _parts(part: Any) -> Iterator[Any]:
    return (getattr(part, name) for name in _members(part.__class__))


@cache
def _members(kind: Any) -> tuple[str, ...]:
    """The members of a part of a selection that may hold operands; looked at for each query, so found out only once."""
    if kind is Operand or not is_dataclass(kind):
        return ()
    return tuple(member.name for member in fields(kind) if member.type not in (str, int, bool))
