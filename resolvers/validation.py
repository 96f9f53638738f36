"""What a value must be like to be stored, and what is said to a person where it is not.

The limits are those of the fields classes in `db.models`. What no limit can say, such as which countries there are, is
a function of one text here; `SPELLINGS` says which column has which. Numbers of companies are spelt in `registration`,
what they are reached by in `contact_details`.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global, parse_locale
from babel.numbers import list_currencies
from pydantic import TypeAdapter, ValidationError
from sqlmodel import SQLModel

from resolvers.problems import Path


class Wrong(ValueError):
    """A value that cannot be stored."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path: Path = path
        """Where in the value, if it has parts."""


Spelling = Callable[[str], str]
"""Gives a text in the spelling that is stored, or says what is `Wrong`."""
NationalSpelling = Callable[[str, str], str]
"""Does so for a text in a country."""

_LABELS = {
    "email": "E-mail address",
    "vat_number": "VAT number",
    "timezone": "Time zone",
    "is_active": "The active flag",
    "is_internal": "The internal flag",
    "is_open": "The open flag",
    "is_primary": "The primary flag",
    "marketing_allowed": "The permission for marketing",
}


def label_of(name: str) -> str:
    """What a person calls a field, at the beginning of a sentence."""
    return _LABELS.get(name) or name.replace("_", " ").capitalize()


@cache
def camel(name: str) -> str:
    """The name that clients know a field by."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL character, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def trimmed(name: str, text: str) -> str | None:
    """The text without white space around it; None where nothing is left."""
    if not is_storable(text):
        raise Wrong(f"{label_of(name)} has a character that is not text (NUL or half of a pair); take it out.")
    return text.strip() or None


def checked(fields: type[SQLModel], name: str, value: Any) -> Any:
    """The value as the fields class wants it."""
    try:
        return _adapter(fields, name).validate_python(value)
    except ValidationError as failed:
        raise Wrong(_message(name, value, failed.errors(include_url=False)[0])) from failed


@cache
def _adapter(fields: type[SQLModel], name: str) -> TypeAdapter[Any]:
    field = fields.model_fields[name]
    kind: Any = Annotated[field.annotation, "checked", *field.metadata]
    return TypeAdapter(kind)


_MESSAGES: Mapping[str, str] = {
    "string_too_long": "{label} has {length} characters; at most {max_length} fit.",
    "string_too_short": "{label} has {length} characters; it needs at least {min_length}.",
    "greater_than": "{label} is {value}; it must be greater than {gt}.",
    "greater_than_equal": "{label} is {value}; it must be at least {ge}.",
    "less_than": "{label} is {value}; it must be less than {lt}.",
    "less_than_equal": "{label} is {value}; it must be at most {le}.",
    "enum": "{label} is {value}; it must be {expected}.",
    "string_type": "{label} must be text.",
    "int_type": "{label} must be a whole number.",
    "int_parsing": "{label} must be a whole number.",
    "int_from_float": "{label} must be a whole number.",
    "bool_type": "{label} must be true or false.",
    "bool_parsing": "{label} must be true or false.",
    "finite_number": "{label} must be a number with an end, not {value}.",
}


def _message(name: str, value: Any, error: Any) -> str:
    length = len(value) if isinstance(value, str) else 0
    template = _MESSAGES.get(error["type"], "{label} cannot be {value}: {msg}.")
    facts = {"label": label_of(name), "value": shown(value), "length": length, "msg": error["msg"]}
    return template.format(**facts, **error.get("ctx", {}))


def shown(value: Any) -> str:
    """A client's value as part of a message: not too long, and always text that can be sent."""
    text = str(value).encode(errors="replace").decode()
    short = text if len(text) <= 60 else text[:59] + "…"
    return f"“{short}”" if isinstance(value, str) else short


def number_within(name: str, number: Decimal, whole: int, decimals: int) -> Decimal:
    """The number if it has at most so many digits before and after the point; zeros at the end do not count."""
    label = label_of(name)
    if not number.is_finite():
        raise Wrong(f"{label} must be a number with an end, not {number}.")
    if number and number.adjusted() >= whole:
        raise Wrong(f"{label} has {number.adjusted() + 1} digits before the point; at most {whole} fit.")
    shortest = _without_zeros(number, decimals)
    if _decimals(shortest) > decimals:
        raise Wrong(f"{label} has more than {decimals} decimals; round it.")
    return shortest


def _decimals(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def _without_zeros(number: Decimal, decimals: int) -> Decimal:
    """Zeros taken off the end, as far as there are more decimals than fit."""
    if not number:
        return Decimal(0).scaleb(-min(max(_decimals(number), 0), decimals))
    sign, figures, exponent = number.as_tuple()
    surplus = max(_decimals(number) - decimals, 0)
    while surplus and figures[-1] == 0:
        figures, surplus = figures[:-1], surplus - 1
    return Decimal((sign, figures, int(exponent) + len(number.as_tuple().digits) - len(figures)))


# CLDR's territories that are no countries of ISO 3166-1; XK (Kosovo) is none either, but in use everywhere.
_NO_COUNTRIES = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"])
_NO_CURRENCIES = frozenset({"XXX", "XTS"})


@cache
def _countries() -> frozenset[str]:
    codes = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - _NO_COUNTRIES


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies()) - _NO_CURRENCIES


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def country(text: str) -> str:
    """A country of ISO 3166-1, in capitals."""
    code = text.upper()
    if code in _countries():
        return code
    aliases = {"EL": ["GR"], **get_global("territory_aliases")}.get(code, ())
    meant = [alias for alias in aliases if alias in _countries()]
    hint = f"did you mean {' or '.join(meant)}?" if meant else "use two letters of ISO 3166-1, such as FI."
    raise Wrong(f"There is no country {shown(text)}; {hint}")


def currency(text: str) -> str:
    """A currency of ISO 4217, in capitals; old ones too, since old invoices are in them."""
    code = text.upper()
    if code not in _currencies():
        raise Wrong(f"There is no currency {shown(text)}; use three letters of ISO 4217, such as EUR.")
    return code


def language(text: str) -> str:
    """A BCP 47 tag of a language that is known, in its usual spelling."""
    try:
        spoken, territory, script, *variants = parse_locale(text.replace("_", "-"), sep="-")
    except ValueError:
        spoken, territory, script, variants = "", None, None, []
    if spoken not in Locale("en").languages:
        raise Wrong(f"{shown(text)} is not a language; use a tag such as fi, sv-FI or en.")
    return "-".join(part for part in (spoken, script, territory, *variants) if part)


def locale(text: str) -> str:
    """A BCP 47 tag of a locale that labels can be written in."""
    try:
        return str(Locale.parse(text.replace("_", "-"), sep="-")).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        raise Wrong(f"{shown(text)} is not a known locale; use one such as fi-FI or en-GB.") from None


def timezone(text: str) -> str:
    """An IANA time zone."""
    if text not in _timezones():
        raise Wrong(f"There is no time zone {shown(text)}; use an IANA name, such as Europe/Helsinki.")
    return text


def sign_in_address(text: str) -> str:
    """An e-mail address to sign in with, in lower case."""
    name, at, domain = text.lower().rpartition("@")
    if not (name and domain) or any(letter.isspace() for letter in text):
        raise Wrong(f"{shown(text)} is not an e-mail address; it should look like anna@example.com.")
    return name + at + domain


SPELLINGS: Mapping[str, Spelling] = {
    "country": country,
    "currency": currency,
    "language": language,
    "locale": locale,
    "timezone": timezone,
}
"""By name of the column, in whichever entity it is."""
