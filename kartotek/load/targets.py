"""What a row can become: the entities that can be loaded, their fields, and how a mapping fills one in.

Fields are those of the forms in `resolvers/`, under the names that clients know. What a mapping says of a field is made
into a slot once; a slot gives the field's value for the cells of a row.
"""

import types
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any, Literal, Protocol, TypeVar, get_args

from sqlalchemy.ext.asyncio import AsyncSession

from kartotek.load.spellings import Unreadable, plain, reader_of
from kartotek.load.templates import Cells, Template, TemplateInvalid, parse
from resolvers import administration, upsert
from resolvers.contact import CONTACT
from resolvers.customer import CUSTOMER, INDUSTRY
from resolvers.forms import Amount, Field, Form, HomeAmount, Link, Parts
from resolvers.invoicing import COST, INVOICE, INVOICE_STATUS
from resolvers.money import Money
from resolvers.organization import UNIT, USER
from resolvers.references import By, Ref, noun_of
from resolvers.sales import CASE, SALES_STATUS
from resolvers.upsert import ErrorPolicy, UpsertResult
from resolvers.validation import camel
from resolvers.viewer import Viewer

Upsert = Callable[[AsyncSession, Viewer, Sequence[Mapping[str, Any]]], Awaitable[UpsertResult]]
Right = Literal["import_data", "administer"]
T = TypeVar("T")


class Misfit(ValueError):
    """What a mapping says of a field does not fit; the message says what would, `place` where in the field."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.place = place

    def below(self, name: str) -> "Misfit":
        """The same, seen from further up."""
        return Misfit(str(self), name, *self.place)


def meant(name: str, known: Iterable[str]) -> str:
    """What was probably meant by an unknown name: the nearest one, else all there are."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean “{near[0]}”?" if near else f"there is {', '.join(names)}"


# ---------------------------------------------------------------- slots


class Slot(Protocol):
    """What a field is filled with."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""

    def value(self, cells: Cells) -> Any:
        """The value for a row; None where cells that it needs are empty. Unreadable where it cannot be one."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that is written as one text."""

    template: Template
    kind: type[Any]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.template.columns

    def value(self, cells: Cells) -> Any:
        text = self.template.text(cells)
        if text is None or self.kind is str:
            return text
        try:
            return reader_of(self.kind)(text)
        except Unreadable as unreadable:
            raise Unreadable(f"{', '.join(self.columns)}: {unreadable}") from unreadable


@dataclass(frozen=True, slots=True)
class Named:
    """A thing that exists, by one of the ways to name it."""

    by: By
    name: Plain

    @property
    def columns(self) -> tuple[str, ...]:
        return self.name.columns

    def value(self, cells: Cells) -> Ref | None:
        value = self.name.value(cells)
        return None if value is None else Ref(self.by, value)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in a currency; without one, it is the organisation's, which is filled in later."""

    amount: Plain
    currency: Plain | None

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.amount.columns, *(self.currency.columns if self.currency else ()))

    def value(self, cells: Cells) -> Money | None:
        amount = self.amount.value(cells)
        if amount is None or self.currency is None:
            return None if amount is None else Money(amount, "")
        currency = self.currency.value(cells)
        if currency is None:
            raise Unreadable(f"no {', no '.join(self.currency.columns)}")
        return Money(amount, currency)


@dataclass(frozen=True, slots=True)
class Listed:
    """Parts such as addresses; one of which only constants are left is left out."""

    parts: tuple[Mapping[str, Slot], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for slot in part.values() for name in slot.columns))

    def value(self, cells: Cells) -> list[dict[str, Any]]:
        return [filled for part in self.parts if (filled := _filled(part, cells))]


def _filled(part: Mapping[str, Slot], cells: Cells) -> dict[str, Any]:
    values = {name: slot.value(cells) for name, slot in part.items()}
    is_there = any(values[name] is not None and slot.columns for name, slot in part.items())
    return {name: value for name, value in values.items() if value is not None} if is_there else {}


# ---------------------------------------------------------------- entities


@dataclass(frozen=True)
class Target:
    """An entity that rows can become."""

    name: str
    plural: str
    form: Form
    upsert: Upsert
    right: Right

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The fields that can be filled in, by the names that clients know."""
        return {camel(each.name): each for each in self.form.fields if not isinstance(each, HomeAmount)}

    @property
    def key(self) -> str:
        """The field by which a row is found again."""
        return self.form.key

    def is_needed(self, field: Field) -> bool:
        """Whether every row must have a value for it."""
        if field.name == self.key:
            return True
        if not self.form.requires(field) or field.default or field.is_automatic:
            return False
        return self.form.table.c[field.columns[0]].default is None

    def reason(self, field: Field) -> str:
        """Why every row must have a value for it."""
        if field.name == self.key:
            return f"{self.noun} is found again by it, so that loading twice makes no second one"
        return f"{self.noun} is nothing without it"

    @property
    def noun(self) -> str:
        """What a person calls one of them, with its article."""
        noun = self.form.noun
        return f"an {noun}" if noun[0] in "aei" else f"a {noun}"

    def can_be_cleared(self, field: Field) -> bool:
        """Whether an empty cell empties the field; otherwise it leaves the field as it is."""
        return not self.form.requires(field)

    def identity(self, values: Mapping[str, Any]) -> str:
        """What two rows must not share; names and e-mail addresses are the same in capitals."""
        key: str = values[self.key]
        return key if self.key == "external_id" else key.lower()


def _target(name: str, plural: str, form: Form, function: Callable[..., Awaitable[UpsertResult]]) -> Target:
    return Target(name, plural, form, partial(function, error_policy=ErrorPolicy.REJECT_ROWS), "import_data")


def _looked_after(name: str, plural: str, form: Form, function: Upsert) -> Target:
    return Target(name, plural, form, function, "administer")


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        _target("industry", "industries", INDUSTRY, upsert.upsert_industries),
        _target("customer", "customers", CUSTOMER, upsert.upsert_customers),
        _target("contact", "contacts", CONTACT, upsert.upsert_contacts),
        _target("case", "cases", CASE, upsert.upsert_cases),
        _target("invoice", "invoices", INVOICE, upsert.upsert_invoices),
        _target("cost", "costs", COST, upsert.upsert_costs),
        _looked_after("unit", "units", UNIT, administration.upsert_units),
        _looked_after("user", "users", USER, administration.upsert_users),
        _looked_after("salesStatus", "sales statuses", SALES_STATUS, administration.upsert_sales_statuses),
        _looked_after("invoiceStatus", "invoice statuses", INVOICE_STATUS, administration.upsert_invoice_statuses),
    )
}
"""By the name that a mapping has for it. Roles are not among them: rights are nothing to be had from another system."""

_WAYS: Mapping[str, Mapping[str, By]] = {
    "Customer": {"externalId": "external_id", "number": "number"},
    "Case": {"externalId": "external_id"},
    "User": {"email": "email"},
}
_BY_NAME: Mapping[str, By] = {"name": "name"}


# ---------------------------------------------------------------- what a mapping says of a field


@dataclass(frozen=True, slots=True)
class Filling:
    """A field and what it is filled with."""

    name: str
    """As the functions that write know it."""
    slot: Slot
    is_needed: bool
    can_be_cleared: bool


def filling_of(target: Target, name: str, said: Any) -> Filling:
    """What a mapping says of the field that clients know by this name; Misfit where it does not fit."""
    field = target.fields[name]
    return Filling(field.name, _slot(target, field, said), target.is_needed(field), target.can_be_cleared(field))


def _slot(target: Target, field: Field, said: Any) -> Slot:
    match field:
        case Link():
            return _named(field, said)
        case Amount():
            return _price(said)
        case Parts():
            return _listed(field, said)
        case _:
            return _plain(said, _kind_of(target.form.checks, field.name))


def _kind_of(fields: Any, name: str) -> type[Any]:
    """The type of a field, null left aside."""
    annotation: Any = fields.model_fields[name].annotation
    kinds = [each for each in get_args(annotation) or (annotation,) if each is not types.NoneType]
    kind: type[Any] = kinds[0]
    return kind


def _plain(said: Any, kind: type[Any]) -> Plain:
    if isinstance(said, dict | list):
        raise Misfit('this is one value: write a text such as "{column}", a number, or true or false')
    try:
        slot = Plain(parse(plain(said)), kind)
    except TemplateInvalid as invalid:
        raise Misfit(str(invalid)) from invalid
    if not slot.columns:
        _check_constant(slot)
    return slot


def _check_constant(slot: Plain) -> None:
    try:
        slot.value({})
    except Unreadable as unreadable:
        raise Misfit(str(unreadable).removeprefix(": ")) from unreadable


def _named(link: Link, said: Any) -> Named:
    ways = {"id": "id", **_WAYS.get(link.entity, _BY_NAME)}
    noun, best = noun_of(link.entity), list(ways)[1]
    if not isinstance(said, dict) or len(said) != 1:
        raise Misfit(f'this names one {noun} in one way, such as {{ {best} = "{{column}}" }}')
    [(way, name)] = said.items()
    if way not in ways:
        raise Misfit(f"there is no such way to name one {noun}; {meant(way, ways)}", way)
    return Named(ways[way], _within(way, partial(_plain, name, int if way == "number" else str)))


def _price(said: Any) -> Price:
    if not isinstance(said, dict) or "amount" not in said:
        raise Misfit('this is an amount of money, such as { amount = "{column}", currency = "EUR" }')
    _refuse_unknown(said, ("amount", "currency"))
    amount = _within("amount", partial(_plain, said["amount"], Decimal))
    currency = _within("currency", partial(_plain, said["currency"], str)) if "currency" in said else None
    return Price(amount, currency)


def _listed(parts: Parts, said: Any) -> Listed:
    if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
        raise Misfit('this is a list of tables, such as [ { kind = "POSTAL", city = "{column}" } ]')
    return Listed(tuple(_within(str(place), partial(_listed_part, parts, each)) for place, each in enumerate(said, 1)))


def _listed_part(parts: Parts, said: Mapping[str, Any]) -> dict[str, Slot]:
    fields = {camel(each.name): each.name for each in parts.parts}
    _refuse_unknown(said, fields)
    for name in sorted(parts.required - said.keys()):
        raise Misfit("it is needed", camel(name))
    kinds = {name: _kind_of(parts.checks, fields[name]) for name in said}
    return {fields[name]: _within(name, partial(_plain, text, kinds[name])) for name, text in said.items()}


def _refuse_unknown(said: Mapping[str, Any], known: Collection[str]) -> None:
    for name in said:
        if name not in known:
            raise Misfit(f"there is no such part; {meant(name, known)}", name)


def _within(name: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except Misfit as misfit:
        raise misfit.below(name) from misfit
