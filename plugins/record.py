"""Reading what registries answer: JSON in which anything may be missing, null or of another kind than promised."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale

from plugins.contract import Unavailable


class Record:
    """A JSON object; what is not there as it should be counts as missing, and never stops the rest from being read."""

    def __init__(self, json: Any) -> None:
        self._members: dict[str, Any] = json if isinstance(json, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def text(self, *names: str) -> str | None:
        """The first of these members that has text or a number, without white space around it."""
        return next((found for name in names if (found := _text(self._members.get(name)))), None)

    def flag(self, name: str) -> bool:
        """Whether the member is true."""
        return self._members.get(name) is True

    def is_false(self, name: str) -> bool:
        """Whether the member is false, which says more than that it is missing."""
        return self._members.get(name) is False

    def number(self, name: str) -> int:
        """A whole number, also one written as text; 0 where there is none."""
        text = self.text(name) or ""
        return int(text) if text.isascii() and text.isdigit() else 0

    def day(self, *names: str) -> date | None:
        """The first of these members that begins with an ISO date."""
        return next((found for name in names if (found := _day(self.text(name)))), None)

    def of(self, name: str) -> "Record":
        """A member that is an object; an empty one where it is none."""
        return Record(self._members.get(name))

    def each(self, name: str) -> Iterator["Record"]:
        """The objects of a member that is a list."""
        return (Record(item) for item in self._list(name) if isinstance(item, dict))

    def texts(self, name: str) -> list[str]:
        """The texts of a member that is a list, without empty ones."""
        return [found for item in self._list(name) if (found := _text(item))]

    def _list(self, name: str) -> list[Any]:
        found = self._members.get(name)
        return found if isinstance(found, list) else []


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return " ".join(str(value).split()) or None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None


def web_address(text: str | None) -> str | None:
    """The text if it may be a web address: it has a dot and a letter, and no white space or `@`."""
    if text is None or "." not in text or "@" in text or " " in text:
        return None
    return text if any(letter.isalpha() for letter in text) else None


def joined(*parts: str | None, by: str = " ") -> str | None:
    """The parts that are there; None where none is."""
    return by.join(part for part in parts if part) or None


def with_list(json: Any, name: str) -> Record:
    """The JSON as a record that has a list of this name; Unavailable where it is anything else."""
    if not isinstance(json, dict) or not isinstance(json.get(name), list):
        raise Unavailable("The registry answered something else than a list.")
    return Record(json)


def country_code(name: str | None, language: str) -> str | None:
    """ISO 3166-1 alpha-2 code of a country by its name in a language, with or without accents; None if it has none."""
    return _countries(language).get(_folded(name or ""))


@lru_cache
def _countries(language: str) -> Mapping[str, str]:
    territories = Locale(language).territories
    return {_folded(name): code for code, name in territories.items() if len(code) == 2 and code not in _NO_COUNTRIES}


_NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}


def _folded(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text.casefold()) if letter.isalnum())


def street(lines: Iterable[str | None]) -> str | None:
    """The lines of an address joined by comma, without in whose care or to whose attention: that may be a person."""
    pieces = (piece for line in lines for piece in (line or "").split(","))
    return joined(*(" ".join(_PERSON.sub("", piece).split()) for piece in pieces), by=", ")


# Whoever files an address writes it into any line: `c/o`, in Norwegian and Danish `v/`, `att.`
_PERSON = re.compile(r"(?:\bc\s?/\s?o\b|\bc\.o\.|\bv/|\batt(?:n|ention)?\s?[.:]).*", re.IGNORECASE)
