"""The rejects file: each row that could not be loaded, where it stands, and why."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from kartotek.load.errors import LoadFailed
from kartotek.load.records import Record

HEADINGS = ("file", "line", "step", "reason")


class Rejects:
    """A CSV file that bears its name only once the load has come to its end: it never tells of a load that failed."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._columns = columns
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            self._file = self._unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            raise LoadFailed(f"{path}: the rejects file cannot be written: {error.strerror}.") from error
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow([*HEADINGS, *columns])
        self._is_empty = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def write(self, file: str, step: str, record: Record, reason: str) -> None:
        """Add a row."""
        cells = (record.raw.get(name) for name in self._columns)
        self._csv.writerow([file, record.line, step, reason, *cells])
        self._is_empty = False

    def flush(self) -> None:
        """Have everything on disk, as long as there is still time to fail."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def keep(self) -> Path | None:
        """Give the file its name, in place of an earlier one; None, and no file, where nothing was rejected."""
        if self._is_empty:
            self._path.unlink(missing_ok=True)
            return None
        self._unfinished.replace(self._path)
        return self._path
