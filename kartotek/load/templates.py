"""Templates: texts with places for cells, such as `{first} [{middle} ]{last}`."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from kartotek.load.spellings import Unreadable, short


class Cells(Protocol):
    """Cells by the names of their columns; an empty one is None."""

    def __getitem__(self, name: str, /) -> str | None:
        """The cell; Unreadable where it is not what its column should hold."""


class TemplateInvalid(ValueError):
    """A text that is no template; the message says what to write."""


# Letters that Unicode does not take apart into a plain one and an accent.
_PLAIN = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)


def _ascii(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_PLAIN))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def slug(text: str) -> str:
    """Words of plain letters, joined by hyphens: `Gekko & Co` is `gekko-co`."""
    return "-".join(re.findall("[a-z0-9]+", _ascii(text)))


def dotted(text: str) -> str:
    """A person's name as it stands in an e-mail address: `Mei-Mei Jöns` is `mei-mei.jons`."""
    return ".".join(slug(word) for word in text.split() if slug(word))


FILTERS: Mapping[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "slug": slug, "dotted": dotted}


@dataclass(frozen=True, slots=True)
class Hole:
    """The place of a cell, and what is done to its text."""

    column: str
    filters: tuple[str, ...] = ()

    def text(self, cells: Cells) -> str | None:
        """The cell's text; None where the cell is empty."""
        text = cells[self.column]
        if text is None:
            return None
        for name in self.filters:
            text = FILTERS[name](text)
        if not text:
            raise Unreadable(f"{self.column}: {short(cells[self.column] or '')} has no letters that could be used")
        return text


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places for cells; what stands in brackets is left out where a cell in it is empty."""

    parts: tuple["str | Hole | Template", ...]

    def text(self, cells: Cells) -> str | None:
        """The text with its cells; None where one of those outside brackets is empty, or nothing is left."""
        return (self._filled(cells) or "").strip() or None

    def _filled(self, cells: Cells) -> str | None:
        pieces = []
        for part in self.parts:
            if isinstance(part, Template):
                pieces.append(part._filled(cells) or "")
                continue
            piece = part if isinstance(part, str) else part.text(cells)
            if piece is None:
                return None
            pieces.append(piece)
        return "".join(pieces)

    def holes(self) -> Iterator[Hole]:
        """All places, those in brackets too."""
        for part in self.parts:
            if isinstance(part, Hole):
                yield part
            elif isinstance(part, Template):
                yield from part.holes()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order in which they stand."""
        return tuple(dict.fromkeys(hole.column for hole in self.holes()))


_TOKEN = re.compile(r"(?P<escaped>\{\{|\}\}|\[\[|\]\])|\{(?P<hole>[^{}]*)\}|(?P<sign>[{}\[\]])|(?P<plain>[^{}\[\]]+)")


def parse(text: str) -> Template:
    """The template that a text stands for; TemplateInvalid where it is none."""
    outer: list[str | Hole | Template] = []
    inner: list[str | Hole | Template] | None = None
    for token in _TOKEN.finditer(text):
        if token["sign"] == "[" and inner is None:
            inner = []
        elif token["sign"] == "]" and inner is not None:
            outer.append(_optional(inner, text))
            inner = None
        elif token["sign"]:
            raise TemplateInvalid(
                f"{short(text)} has a “{token['sign']}” too many; write it twice where it is meant as such"
            )
        else:
            (outer if inner is None else inner).append(_part(token))
    if inner is not None:
        raise TemplateInvalid(f"{short(text)} has a “[” too many; write it twice where it is meant as such")
    return Template(tuple(outer))


def _optional(parts: list["str | Hole | Template"], text: str) -> Template:
    if not any(isinstance(part, Hole) for part in parts):
        raise TemplateInvalid(f"{short(text)} has brackets without a column; write [[ and ]] for brackets as such")
    return Template(tuple(parts))


def _part(token: re.Match[str]) -> str | Hole:
    if token["hole"] is None:
        return token["escaped"][0] if token["escaped"] else token["plain"]
    column, *filters = (name.strip() for name in token["hole"].split("|"))
    unknown = [name for name in filters if name not in FILTERS]
    if not column:
        raise TemplateInvalid(f"“{token[0]}” names no column; write {{{{ and }}}} for braces as such")
    if unknown:
        raise TemplateInvalid(f"“{token[0]}”: there is no filter “{unknown[0]}”, only {', '.join(FILTERS)}")
    return Hole(column, tuple(filters))
