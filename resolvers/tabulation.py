"""A list as a table: which columns it has, and where in a query the list is.

The columns follow from a document and the schema; `resolvers.table` makes the statement that answers them.
"""

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Path = tuple[str, ...]
"""Response names, from the outside to the inside."""


class Kind(enum.Enum):
    """What the values of a column are."""

    TEXT = enum.auto()
    INTEGER = enum.auto()
    DECIMAL = enum.auto()
    NUMBER = enum.auto()
    BOOLEAN = enum.auto()
    DATE = enum.auto()
    MOMENT = enum.auto()
    JSON = enum.auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A leaf below the node of a list."""

    path: Path
    labels: tuple[str, ...]
    """What people call each step of the path: its alias, or else the field's label."""
    type: str
    """As the schema calls it."""
    kind: Kind
    of_money: bool = False
    """Whether it is one half of an amount with its currency."""

    @property
    def name(self) -> str:
        """The path as clients write it."""
        return ".".join(self.path)


def headings(columns: Sequence[Column]) -> list[str]:
    """The heading of each column: its label; where others have the same one, those of its whole path."""
    repeated = _repeated([column.labels[-1] for column in columns])
    made = [" / ".join(each.labels) if each.labels[-1] in repeated else each.labels[-1] for each in columns]
    still = _repeated(made)
    made = [column.name if heading in still else heading for column, heading in zip(columns, made, strict=True)]
    return [text if made.index(text) == place else f"{text} ({place + 1})" for place, text in enumerate(made)]


def _repeated(texts: Sequence[str]) -> set[str]:
    return {text for text, times in Counter(texts).items() if times > 1}
