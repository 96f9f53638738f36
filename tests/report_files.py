"""Reads the files of reports back, each with a reader of its own, into the leaves of a GraphQL answer."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow.parquet as pq

DEFUSED = ("=", "+", "-", "@", "\t", "\r", "'")
Rows = list[list[Any]]


def from_csv(content: bytes, types: Sequence[str]) -> Rows:
    """Nothing is null and "" the empty text, as PostgreSQL's COPY has it, which the module `csv` cannot tell apart."""
    _, *lines = csv.reader(io.StringIO(content.decode()), strict=True)
    return [[_from_text(text, kind) for text, kind in zip(line, types, strict=True)] for line in lines]


def _from_text(text: str, kind: str) -> Any:
    name = kind.rstrip("!")
    if text == "":
        return None
    if name == "Boolean":
        return {"true": True, "false": False}[text]
    if name == "Int":
        return int(text)
    if name in ("Decimal", "Date", "DateTime"):
        return text
    return text.removeprefix("'")


def from_ndjson(content: bytes, types: Sequence[str]) -> Rows:
    return [_from_object(json.loads(line)) for line in content.decode().splitlines()]


def from_json(content: bytes, types: Sequence[str]) -> Rows:
    return [_from_object(each) for each in json.loads(content)]


def _from_object(found: Mapping[str, Any]) -> list[Any]:
    """An amount with its currency is an object, whose two values are told apart here, as columns."""
    row: list[Any] = []
    for name, value in found.items():
        if name.lower().endswith("amount") or name == "value":
            row += [value and value["amount"], value and value["currency"]]
        else:
            row.append(value)
    return row


def from_xlsx(content: bytes, types: Sequence[str], zone: str = "Europe/Helsinki") -> Rows:
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    _, *lines = sheet.iter_rows()
    return [[_from_cell(cell, kind, zone) for cell, kind in zip(line, types, strict=True)] for line in lines]


def _from_cell(cell: Any, kind: str, zone: str) -> Any:
    name, value = kind.rstrip("!"), cell.value
    if value is None:
        return None
    if name == "DateTime":
        assert isinstance(value, datetime)
        return value.replace(tzinfo=ZoneInfo(zone))
    if name == "Date":
        assert isinstance(value, datetime)
        return value.date().isoformat()
    if name == "Decimal":
        assert cell.data_type == "n" or len(value) > 15
        return Decimal(str(value))
    if name == "Int":
        assert cell.data_type == "n"
        return int(value)
    if name == "Boolean":
        assert cell.data_type == "b"
        return value
    assert cell.data_type == "s", (value, kind)
    return openpyxl.utils.escape.unescape(value)


def from_parquet(content: bytes, types: Sequence[str]) -> Rows:
    table = pq.read_table(io.BytesIO(content))
    return [list(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


READERS: Mapping[str, Callable[[bytes, Sequence[str]], Rows]] = {
    "csv": from_csv,
    "ndjson": from_ndjson,
    "json": from_json,
    "xlsx": from_xlsx,
    "parquet": from_parquet,
}


def plain(value: Any) -> Any:
    """A value without what formats write each in its own way: trailing zeros, offsets, less than a millisecond."""
    if isinstance(value, str):
        for read in (Decimal, _moment):
            try:
                return plain(read(value))
            except (ValueError, ArithmeticError):
                continue
        return value
    if isinstance(value, Decimal):
        return value.normalize() if value.is_finite() else str(value)
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo("UTC")).replace(microsecond=0)
    return value.isoformat() if isinstance(value, date) else value


def _moment(text: str) -> datetime:
    if "T" not in text:
        raise ValueError(text)
    return datetime.fromisoformat(text)
