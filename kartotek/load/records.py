"""The records of a CSV or NDJSON file, one at a time, each with the line it begins on."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from kartotek.load.errors import SourceUnreadable, meant
from kartotek.load.mapping import Column, Step
from kartotek.load.spellings import Unreadable, plain, short
from resolvers.validation import is_storable

Raw = Mapping[str, str | None]

LONGEST = 2**24
"""So many characters a line or a cell may have: what is longer is taken for a file of another kind."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the file has it."""

    line: int
    """Where it begins; the first line of a file is 1."""
    raw: Raw
    fault: str | None = None
    """Why it is none."""


class Row:
    """The cells of a record as the mapping has them, each cleaned when it is first asked for."""

    def __init__(self, raw: Raw, column: Callable[[str], Column]) -> None:
        self._raw = raw
        self._column = column
        self._texts: dict[str, str | None] = {}

    def __getitem__(self, name: str) -> str | None:
        """The plain text of a cell; None where it is empty. Unreadable where it is not what the mapping says."""
        if name not in self._texts:
            column = self._column(name)
            cell = self._raw.get(column.source or name)
            if cell and not is_storable(cell):
                raise Unreadable(f"{name}: {short(cell)} has a character that is not text")
            try:
                self._texts[name] = column.text(cell)
            except Unreadable as unreadable:
                raise Unreadable(f"{name}: {unreadable}") from unreadable
        return self._texts[name]


class Reader:
    """The records of one file."""

    def __init__(self, path: Path, step: Step) -> None:
        self._path = path
        self._step = step
        self._binary = path.open("rb")
        encoding = "utf-8-sig" if step.file.encoding == "utf-8" else step.file.encoding
        self._text = io.TextIOWrapper(self._binary, encoding, newline="")
        csv.field_size_limit(LONGEST)
        self._csv = csv.reader(self._lines(), delimiter=step.file.delimiter, strict=True)
        self.size = path.stat().st_size

    @property
    def position(self) -> int:
        """How many bytes have been read."""
        return self._binary.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()

    def read_header(self) -> list[str]:
        """The names of a CSV file's columns; SourceUnreadable where one that is needed is missing."""
        try:
            names = [name.strip() for name in next((cells for cells in self._csv if any(cells)), [])]
        except csv.Error as error:
            raise SourceUnreadable(f"{self._step.file_name}, line 1: this is no header: {error}.") from error
        for column in self._step.columns:
            if names.count(column) != 1:
                raise SourceUnreadable(self._explained(column, names))
        return names

    def _explained(self, column: str, names: list[str]) -> str:
        where = f"{self._step.file_name}, line {max(self._csv.line_num, 1)}"
        if column in names:
            return f"{where}: the column “{column}” stands there twice; rename one of them."
        if not any(names):
            return f"{where}: the file is empty; its first line should name its columns."
        others = [sign for sign in (";", "\t", "|", ",") if sign != self._step.file.delimiter and sign in names[0]]
        if len(names) == 1 and others:
            hint = f"the cells seem to be separated by {json.dumps(others[0])}"
            return (
                f'{where}: {hint}; say so with delimiter = {json.dumps(others[0])} in [files."{self._step.file_name}"].'
            )
        return f"{where}: there is no column “{column}”; {meant(column, names)}"

    def __iter__(self) -> Iterator[Record]:
        """The records, from first to last; SourceUnreadable, with what to do about it, where one cannot be had."""
        return self._csv_records() if self._step.reads_csv else self._json_records()

    def _lines(self) -> Iterator[str]:
        number = 0
        while line := self._next_line():
            number += 1
            if len(line) == LONGEST:
                raise SourceUnreadable(
                    f"{self._step.file_name}, line {number}: the line is longer than {LONGEST:,} characters; "
                    f"is this the file that the mapping means?"
                )
            yield line

    def _next_line(self) -> str:
        try:
            return self._text.readline(LONGEST)
        except UnicodeError as error:
            raise SourceUnreadable(_undecodable(self._path, self._step, error)) from error

    def _csv_records(self) -> Iterator[Record]:
        names = self.read_header()
        while True:
            line = self._csv.line_num + 1
            try:
                cells = next(self._csv, None)
            except csv.Error as error:
                yield self._unreadable(line, error)
                continue
            if cells is None:
                return
            if any(map(str.strip, cells)):
                yield _record(line, names, cells)

    def _unreadable(self, line: int, error: csv.Error) -> Record:
        if "unexpected end" in str(error) or "field limit" in str(error):
            raise SourceUnreadable(
                f"{self._step.file_name}, line {line}: a cell begins with a quotation mark here that is never closed."
            )
        return Record(line, {}, f"the quotation marks do not fit together: {error}")

    def _json_records(self) -> Iterator[Record]:
        for line, text in enumerate(self._lines(), 1):
            if text.strip():
                yield _json_record(line, text)


def _record(line: int, names: list[str], cells: list[str]) -> Record:
    if len(cells) != len(names):
        fault = f"there are {len(cells)} cells, but {len(names)} columns"
        return Record(line, dict(zip(names, cells, strict=False)), fault)
    return Record(line, dict(zip(names, cells, strict=True)))


def _json_record(line: int, text: str) -> Record:
    try:
        value = json.loads(text, parse_float=_number, parse_int=str, parse_constant=_refuse)
        if isinstance(value, dict):
            return Record(line, dict(_flat(value)))
    except (ValueError, RecursionError) as error:
        return Record(line, {}, f"the line is not JSON: {error}")
    return Record(line, {}, "the line is not a JSON object")


def _number(text: str) -> str:
    number = Decimal(text)
    return plain(number) if abs(number.adjusted()) < 30 else text


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not a value of JSON")


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """The members as cells, those of objects inside with their paths: `address.city`."""
    for name, member in value.items():
        match member:
            case dict():
                yield from _flat(member, f"{prefix}{name}.")
            case None | str():
                yield prefix + name, member
            case list():
                yield prefix + name, json.dumps(member, ensure_ascii=False)
            case _:
                yield prefix + name, plain(member)


@contextmanager
def opened(path: Path, step: Step) -> Iterator[Reader]:
    """A reader of the step's file; SourceUnreadable where there is none."""
    try:
        reader = Reader(path, step)
    except OSError as error:
        raise SourceUnreadable(f"{path}: the file cannot be read: {error.strerror}.") from error
    try:
        yield reader
    finally:
        reader.close()


def _undecodable(path: Path, step: Step, error: UnicodeError) -> str:
    encoding = step.file.encoding
    line = _first_bad_line(path, encoding)
    where = f"{step.file_name}, line {line}" if line else step.file_name
    return (
        f"{where}: this is not {encoding.upper()} ({getattr(error, 'reason', error)}); say what it is "
        f'with encoding = "cp1252", or another one, in [files."{step.file_name}"].'
    )


def _first_bad_line(path: Path, encoding: str) -> int | None:
    """The line that cannot be decoded, if lines can be told apart before."""
    if "\n".encode(encoding) != b"\n":
        return None
    with path.open("rb") as lines:
        for number, line in enumerate(iter(partial(lines.readline, LONGEST), b""), 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return number
    return None
