"""The files that a table can be had as.

Texts (CSV, NDJSON, JSON) are made by the database and passed on as they come. XLSX and Parquet are written to a file
first, since their ends say where their beginnings are.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import anyio
from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol

from resolvers import arrow
from resolvers.cells import Objects, Texts
from resolvers.export import Sink, Snapshot
from resolvers.report import ReportFailed
from resolvers.tabulation import Column, Kind

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
NEVER_QUOTED = {"quote": "\x01", "delimiter": "\x02"}
"""JSON has no such characters, so PostgreSQL passes a line of it on as it is."""


class DoesNotFit(ReportFailed):
    """The format cannot hold what is in the table; the message says what, and which other format can."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be."""

    title: str
    headings: tuple[str, ...]
    """What people call the columns."""
    names: tuple[str, ...]
    """What programs call them."""
    excel: bool = False
    """Whether a CSV file is for a spreadsheet of the locale."""
    locale: str = "en"
    timezone: str = "UTC"


@dataclass(frozen=True)
class Export:
    """A table that is to become a file."""

    snapshot: Snapshot
    columns: tuple[Column, ...]
    options: Options


class TextFormat(Protocol):
    """A format that is passed on as it comes."""

    media_type: str

    async def write(self, export: Export, sink: Sink) -> None:
        """All of the file, in order."""


class FileFormat(Protocol):
    """A format that is written to a file first."""

    media_type: str

    async def save(self, export: Export, path: Path) -> None:
        """Write the file; DoesNotFit where it cannot hold the table."""


# ---------------------------------------------------------------- texts


class Csv:
    """Comma-separated values (RFC 4180, with line feeds), UTF-8; nothing for null, and `""` for an empty text."""

    media_type = "text/csv; charset=utf-8"

    async def write(self, export: Export, sink: Sink) -> None:
        """A line of headings, then the rows."""
        options = export.options
        sign = decimal_sign(options.locale) if options.excel else "."
        # Where the comma is in numbers, spreadsheets have the semicolon between them.
        delimiter = ";" if sign == "," else ","
        heading = delimiter.join(_quoted(each, delimiter) for each in options.headings) + "\n"
        await sink(((BYTE_ORDER_MARK if options.excel else "") + heading).encode())
        timezone = options.timezone if options.excel else None
        await export.snapshot.copy(Texts(export.columns, sign, timezone), sink, delimiter=delimiter)


def decimal_sign(locale: str) -> str:
    """What stands before the decimals of a number there: a full stop where the locale is unknown."""
    try:
        return get_decimal_symbol(Locale.parse(locale, sep="-" if "-" in locale else "_"))
    except (UnknownLocaleError, ValueError):
        return "."


def _quoted(text: str, delimiter: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(each in text for each in (delimiter, '"', "\n")) else text


class Ndjson:
    """One JSON object in each line, by the columns' names."""

    media_type = "application/x-ndjson"

    async def write(self, export: Export, sink: Sink) -> None:
        """The rows."""
        await export.snapshot.copy(Objects(export.columns, export.options.names), sink, **NEVER_QUOTED)


class Json:
    """An array of the objects that NDJSON has."""

    media_type = "application/json"

    async def write(self, export: Export, sink: Sink) -> None:
        """The rows, with what makes an array of them."""
        ahead = b"[\n"

        async def with_commas(lines: bytes) -> None:
            nonlocal ahead
            complete = lines.endswith(b"\n")
            body = lines[:-1] if complete else lines
            await sink(ahead + body.replace(b"\n", b",\n"))
            ahead = b",\n" if complete else b""

        await export.snapshot.copy(Objects(export.columns, export.options.names), with_commas, **NEVER_QUOTED)
        await sink(b"[]\n" if ahead == b"[\n" else b"\n]\n")


# ---------------------------------------------------------------- files


class Xlsx:
    """An Excel workbook with one sheet, of typed cells; texts are marked as such, so that none becomes a formula."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    most_rows = 1_048_575
    most_columns = 16_384

    async def save(self, export: Export, path: Path) -> None:
        """Write the workbook."""
        import pyarrow as pa

        types = {**arrow.usual_types(), Kind.DECIMAL: pa.string()}
        async with arrow.tables(export.snapshot, export.columns, types) as tables:
            count = await export.snapshot.rows()
            if count > self.most_rows or len(export.columns) > self.most_columns:
                raise DoesNotFit(
                    f"A sheet has room for {self.most_rows:,} rows and {self.most_columns:,} columns: take CSV or "
                    "Parquet."
                )
            # The headings are those of the first row.
            rows = self._rows(export, tables) if count else iter([dict.fromkeys(export.options.headings)])
            await anyio.to_thread.run_sync(self._save, export.options, export.columns, path, rows)

    def _save(self, options: Options, columns: Sequence[Column], path: Path, rows: Iterator[Mapping[str, Any]]) -> None:
        from rustpy_xlsxwriter import FastExcel, Format

        made = FastExcel(path).format(datetime_format="yyyy-mm-dd hh:mm:ss").freeze(row=1)
        formats = {kind: _format(Format(), kind) for kind in Kind}
        made.sheet(
            _sheet_name(options.title),
            rows,
            column_formats=[formats[column.kind] for column in columns],
            column_widths=[_WIDTHS.get(column.kind, 24) for column in columns],
            header_format=Format().set_bold().set_quote_prefix(),
        )
        try:
            made.save()
        except RuntimeError as error:
            if "exceeds Excel's limit" not in str(error):
                raise
            raise DoesNotFit("A text of the report is longer than the 32,767 letters of a cell: take CSV.") from error

    def _rows(self, export: Export, tables: arrow.Tables) -> Iterator[Mapping[str, Any]]:
        zone = ZoneInfo(export.options.timezone)
        cells = [_cell(column.kind, zone) for column in export.columns]
        for table in tables:
            read = zip(cells, (column.to_pylist() for column in table.columns), strict=True)
            values = zip(*(map(cell, column) if cell else column for cell, column in read), strict=True)
            # A sheet may have a million rows: what is done for each does not come back to Python.
            yield from map(dict, map(zip, repeat(export.options.headings), values))


_NUMBER_FORMATS = {
    Kind.INTEGER: "0",
    Kind.DECIMAL: "#,##0.00####",
    Kind.DATE: "yyyy-mm-dd",
    Kind.MOMENT: "yyyy-mm-dd hh:mm:ss",
}
_WIDTHS = {Kind.INTEGER: 10, Kind.DECIMAL: 16, Kind.NUMBER: 16, Kind.BOOLEAN: 9, Kind.DATE: 12, Kind.MOMENT: 20}


def _format(plain: Any, kind: Kind) -> Any:
    if kind in _NUMBER_FORMATS:
        return plain.set_num_format(_NUMBER_FORMATS[kind])
    return plain.set_quote_prefix() if kind in (Kind.TEXT, Kind.JSON) else plain


def _sheet_name(title: str) -> str:
    """What a sheet may be called: 31 characters as Excel counts them, in UTF-16, and some are not allowed."""
    kept = "".join(letter if letter.isprintable() and letter not in "[]:*?/\\" else " " for letter in title)
    while len(kept.encode("utf-16-le")) > 62:
        kept = kept[:-1]
    kept = kept.strip().strip("'")
    return kept if kept and kept.lower() != "history" else "Report"


def _cell(kind: Kind, zone: ZoneInfo) -> Callable[[Any], Any] | None:
    """How values are written where not as they are: numbers that a sheet would round, and very early days, as texts."""

    def moment(value: datetime | None) -> Any:
        local = value and value.astimezone(zone).replace(tzinfo=None)
        return local if local is None or local.year >= 1900 else local.isoformat(sep=" ")

    def day(value: date | None) -> Any:
        return value if value is None or value.year >= 1900 else value.isoformat()

    written: Mapping[Kind, Callable[[Any], Any]] = {Kind.DECIMAL: _exact, Kind.DATE: day, Kind.MOMENT: moment}
    return written.get(kind)


def _exact(digits: str | None) -> float | str | None:
    if digits is None:
        return None
    near = float(digits)
    return near if Decimal(repr(near)) == Decimal(digits) else digits


class Parquet:
    """Apache Parquet: exact decimals of up to 38 digits, 12 of them after the point; moments in UTC."""

    media_type = "application/vnd.apache.parquet"

    async def save(self, export: Export, path: Path) -> None:
        """Write the file."""
        types = arrow.usual_types()
        async with arrow.tables(export.snapshot, export.columns, types) as tables:
            named = zip(export.options.names, export.columns, strict=True)
            fields = [(name, types[column.kind]) for name, column in named]
            await anyio.to_thread.run_sync(self._save, path, fields, tables)

    def _save(self, path: Path, fields: Sequence[tuple[str, Any]], tables: arrow.Tables) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        schema = pa.schema(fields)
        try:
            with parquet.ParquetWriter(path, schema) as writer:
                for table in tables:
                    table.validate(full=True)  # digits are not counted where they are read
                    writer.write_table(pa.Table.from_arrays(table.columns, schema=schema))
        except pa.ArrowInvalid as error:
            raise DoesNotFit(f"Parquet cannot hold a number of the report ({error}): take CSV.") from error


TEXT_FORMATS: Mapping[str, TextFormat] = {"csv": Csv(), "ndjson": Ndjson(), "json": Json()}
FILE_FORMATS: Mapping[str, FileFormat] = {"xlsx": Xlsx(), "parquet": Parquet()}
FORMATS = (*TEXT_FORMATS, *FILE_FORMATS)
MEDIA_TYPES: Mapping[str, str] = {
    **{name: each.media_type for name, each in TEXT_FORMATS.items()},
    **{name: each.media_type for name, each in FILE_FORMATS.items()},
}


async def save(name: str, export: Export, path: Path) -> None:
    """Write the file in the format of this name (`FORMATS`) at the path."""
    if name in FILE_FORMATS:
        await FILE_FORMATS[name].save(export, path)
        return
    with path.open("wb") as file:

        async def sink(part: bytes) -> None:
            file.write(part)

        await TEXT_FORMATS[name].write(export, sink)


def digest(content: bytes) -> str:
    """A short text that is another one where the content is."""
    return hashlib.sha256(content).hexdigest()[:32]


def fingerprint(path: Path) -> str:
    """The digest of a file; of a workbook without when it was made."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts = [(each.filename, each.CRC, each.file_size) for each in archive.infolist()]
        return digest(repr([part for part in parts if part[0] != "docProps/core.xml"]).encode())
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
