"""Slots: what a mapping says of a field, made into something that gives the field's value for the cells of a row."""

import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Protocol, TypeVar, get_args

from kartotek.load.errors import meant
from kartotek.load.spellings import Unreadable, plain, reader_of
from kartotek.load.templates import Cells, Template, TemplateInvalid, parse
from resolvers.forms import Amount, Field, Link, Parts
from resolvers.money import Money
from resolvers.references import By, Ref, noun_of
from resolvers.validation import camel

T = TypeVar("T")


class Misfit(ValueError):
    """What a mapping says of a field does not fit; the message says what would, `place` where in the field."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.place = place

    def below(self, name: str) -> "Misfit":
        """The same, seen from further up."""
        return Misfit(str(self), name, *self.place)


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


# ---------------------------------------------------------------- from what a mapping says

_WAYS: Mapping[str, Mapping[str, By]] = {
    "Customer": {"externalId": "external_id", "number": "number"},
    "Case": {"externalId": "external_id"},
    "User": {"email": "email"},
}
_BY_NAME: Mapping[str, By] = {"name": "name"}


def slot_of(checks: Any, field: Field, said: Any) -> Slot:
    """The slot that a mapping's words for a field make; `checks` knows the types. Misfit where they do not fit."""
    match field:
        case Link():
            return _named(field, said)
        case Amount():
            return _price(said)
        case Parts():
            return _listed(field, said)
        case _:
            return _plain(said, _kind_of(checks, field.name))


def _kind_of(checks: Any, name: str) -> type[Any]:
    """The type of a field, null left aside."""
    annotation: Any = checks.model_fields[name].annotation
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
