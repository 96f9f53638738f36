"""Values as other systems spell them: texts that become numbers, dates and yes or no, and back into plain texts."""

import datetime
import enum
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

TRUE = ("true", "yes", "y", "1")
FALSE = ("false", "no", "n", "0")

_LONGEST_NUMBER = 60
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f"), " ")
_MINUS = {ord("\u2212"): "-"}


class Unreadable(ValueError):
    """A text that is not what it should be; the message says what would be."""


def short(text: str) -> str:
    """The text in quotes, cut where it is long."""
    return f"“{text}”" if len(text) <= 60 else f"“{text[:59]}…”"


def read_decimal(text: str, point: str = ".", thousands: str = "") -> Decimal:
    """A number; where there are separators of thousands, they stand where they should."""
    number = _digits(text, point, thousands)
    if number is None:
        raise Unreadable(f"{short(text)} is not a number; it should look like 1{thousands}234{point}50")
    return Decimal(number)


def read_integer(text: str, thousands: str = "") -> int:
    """A whole number."""
    number = _digits(text, "", thousands)
    if number is None:
        raise Unreadable(f"{short(text)} is not a whole number; it should look like 1{thousands}234")
    return int(number)


def _digits(text: str, point: str, thousands: str) -> str | None:
    """The number as Python writes it, without a point where that is empty; None where the text is none."""
    spelt = text.translate(_MINUS | _SPACES if thousands == " " else _MINUS)
    if len(spelt) > _LONGEST_NUMBER or not _numbers(point, thousands).fullmatch(spelt):
        return None
    whole, _, decimals = spelt.partition(point or "\0")
    return f"{whole.replace(thousands, '') if thousands else whole}.{decimals}".rstrip(".")


@cache
def _numbers(point: str, thousands: str) -> re.Pattern[str]:
    grouped = rf"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|" if thousands else ""
    decimals = rf"(?:{re.escape(point)}[0-9]+)?" if point else ""
    return re.compile(rf"[+-]?(?:{grouped}[0-9]+){decimals}")


def read_date(text: str, formats: Sequence[str] = ()) -> date:
    """A date, in the first of the formats that fits; without any, as ISO 8601 has it."""
    if not formats:
        return _read_iso_date(text)
    for each in formats:
        try:
            return datetime.datetime.strptime(text, each).date()  # noqa: DTZ007 - a date has no time zone
        except ValueError:
            continue
    examples = " or ".join(date(2017, 3, 31).strftime(each) for each in formats)
    raise Unreadable(f"{short(text)} is not a date; it should look like {examples}")


def _read_iso_date(text: str) -> date:
    try:
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unreadable(f"{short(text)} is not a date; it should look like 2017-03-31")


def has_whole_date(format: str) -> bool:
    """Whether the format tells year, month and day."""
    day = datetime.datetime(2017, 3, 31)  # noqa: DTZ001 - a date has no time zone
    try:
        return datetime.datetime.strptime(day.strftime(format), format).date() == day.date()  # noqa: DTZ007
    except ValueError:
        return False


def read_boolean(text: str, true: Collection[str] = TRUE, false: Collection[str] = FALSE) -> bool:
    """Yes or no, by words that are the same in capitals."""
    word = text.casefold()
    if word in {each.casefold() for each in true}:
        return True
    if word in {each.casefold() for each in false}:
        return False
    raise Unreadable(f"{short(text)} is neither yes ({', '.join(true)}) nor no ({', '.join(false)})")


def read_choice(text: str, choices: type[enum.StrEnum]) -> enum.StrEnum:
    """One of the names of an enumeration, in capitals or not."""
    try:
        return choices[text.upper()]
    except KeyError:
        raise Unreadable(f"{short(text)} is not one of {', '.join(each.name for each in choices)}") from None


READERS: Mapping[type[Any], Callable[[str], Any]] = {
    str: str,
    int: read_integer,
    Decimal: read_decimal,
    date: read_date,
    bool: read_boolean,
}
"""How plain texts are read, by what they become."""


def reader_of(kind: type[Any]) -> Callable[[str], Any]:
    """How a plain text becomes a value of this type."""
    if issubclass(kind, enum.StrEnum):
        return lambda text: read_choice(text, kind)
    return READERS[kind]


def plain(value: Any) -> str:
    """The plain text of a value: what the reader of its type would read."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
