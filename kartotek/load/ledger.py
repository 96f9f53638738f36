"""What a load has to remember of its rows: on disk, so that memory stays the same however many there are."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Seen:
    """The first row of a step that had an identity."""

    line: int
    digest: bytes


class Ledger:
    """Which rows came first, and which were rejected. Kept in a file without a name that goes when it is closed."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("", isolation_level=None)
        self._store.execute("PRAGMA journal_mode = OFF")
        self._store.execute("BEGIN")
        self._store.execute(
            "CREATE TABLE seen (step TEXT, identity TEXT, line INTEGER, digest BLOB, PRIMARY KEY (step, identity))"
            " WITHOUT ROWID"
        )
        self._store.execute("CREATE TABLE rejected (step TEXT, line INTEGER, PRIMARY KEY (step, line)) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._store.close()

    def find_earlier(self, step: str, identity: str, line: int, digest: bytes) -> Seen | None:
        """The earlier row of this identity; None, and remembered, where this is the first."""
        row = (step, identity, line, digest)
        if self._store.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", row).rowcount:
            return None
        found = self._store.execute("SELECT line, digest FROM seen WHERE step = ? AND identity = ?", (step, identity))
        return Seen(*found.fetchone())

    def reject(self, step: str, line: int) -> None:
        """Remember that the row was rejected."""
        self._store.execute("INSERT OR IGNORE INTO rejected VALUES (?, ?)", (step, line))

    def is_rejected(self, steps: Collection[str], line: int) -> bool:
        """Whether one of the steps rejected the row."""
        asked = "SELECT 1 FROM rejected WHERE step = ? AND line = ?"
        return any(self._store.execute(asked, (step, line)).fetchone() for step in steps)
