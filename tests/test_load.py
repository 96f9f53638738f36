"""`kartotek load`: mappings, cells, files, and what becomes of rows."""

import csv
import os
import re
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from graphql import InputObjectTypeDefinitionNode, NonNullTypeNode, parse
from sqlmodel import col

from db.connection import Sessions, reads_of
from db.models import Case, Change, Contact, Customer, Industry, Invoice, SalesCategory, SalesStatus, Unit, User
from kartotek.load import (
    LoadFailed,
    MappingInvalid,
    NotPermitted,
    SourceUnreadable,
    Summary,
    load,
    plan_of,
    read_mapping,
)
from kartotek.load.mapping import Column, File, StepTable
from kartotek.load.records import opened
from kartotek.load.spellings import Unreadable
from kartotek.load.targets import TARGETS
from kartotek.load.templates import TemplateInvalid
from kartotek.load.templates import parse as template
from resolvers.founding import init_organization
from resolvers.kpis import read_strip
from resolvers.viewer import Viewer, find_first_administrator

HOME = Path(__file__).parent.parent
SHARED = Path(os.environ.get("KARTOTEK_SHARED", HOME.parent / "shared"))
CRM_SALES = SHARED / "data" / "crm-sales"

CUSTOMERS: dict[str, Any] = {
    "into": "customer",
    "file": "customers.csv",
    "fields": {"externalId": "{id}", "name": "{name}"},
}


@pytest.fixture
async def viewer(sessions: Sessions) -> Viewer:
    """The administrator of an organisation without customers."""
    async with sessions.begin() as session:
        founded = await init_organization(
            session,
            name="Loading Inc",
            country="US",
            currency="USD",
            timezone="America/New_York",
            locale="en",
            admin_email="admin@loading.example",
        )
        assert not founded.problems
        assert founded.organization_id
        viewer = await find_first_administrator(session, founded.organization_id)
    assert viewer
    return viewer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files are."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


class Desk:
    """Somebody who loads files, again and again."""

    def __init__(self, sessions: Sessions, viewer: Viewer, folder: Path) -> None:
        self.sessions = sessions
        self.viewer = viewer
        self.folder = folder
        self.rejects = folder.parent / "rejects.csv"

    def put(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text, "utf-8", newline="")

    async def load(self, *steps: dict[str, Any], files: dict[str, Any] | None = None, **options: Any) -> Summary:
        plan = plan_of({"files": files or {}, "steps": list(steps)}, "mapping.toml")
        return await load(self.sessions, self.viewer, plan, self.folder, rejects=self.rejects, **options)

    async def all(self, *columns: Any) -> list[Any]:
        async with self.sessions() as session:
            rows = (await session.execute(sa.select(*columns).order_by(*columns))).all()
            return [row[0] if len(columns) == 1 else tuple(row) for row in rows]

    async def count(self, model: Any) -> int:
        async with self.sessions() as session:
            return int(await session.scalar(sa.select(sa.func.count()).select_from(model)) or 0)

    def rejected(self) -> list[dict[str, str]]:
        with self.rejects.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def desk(sessions: Sessions, viewer: Viewer, folder: Path) -> Desk:
    return Desk(sessions, viewer, folder)


def counts(summary: Summary) -> list[tuple[int, ...]]:
    return [(each.read, each.created, each.updated, each.unchanged, each.rejected) for each in summary.steps]


def add_up(summary: Summary) -> bool:
    return all(read == sum(others) for read, *others in counts(summary))


# ---------------------------------------------------------------- mappings

CASES: dict[str, Any] = {
    "into": "case",
    "file": "cases.csv",
    "fields": {
        "externalId": "{id}",
        "customer": {"externalId": "{customer}"},
        "name": "{name}",
        "salesStatus": {"name": "Won"},
    },
}


def with_field(step: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {"steps": [step | {"fields": step["fields"] | {name: value}}]}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({}, "steps: it is needed"),
        ({"steps": [CUSTOMERS], "file": {}}, "file: there is no such key; did you mean “files”?"),
        (
            {"steps": [CUSTOMERS | {"felds": {}}]},
            "step 1 (customer): felds: there is no such key; did you mean “fields”?",
        ),
        (
            {"steps": [CUSTOMERS | {"into": "costumer"}]},
            "into: there is no entity “costumer”; did you mean “customer”?",
        ),
        ({"steps": [CUSTOMERS | {"file": "../customers.csv"}]}, "is not the name of a file in the source folder"),
        ({"steps": [CUSTOMERS | {"file": "customers.dat"}]}, 'Say so with format = "csv" or "ndjson"'),
        ({"steps": [CUSTOMERS, CUSTOMERS]}, "step 2 (customers): name: another step is called “customers” too"),
        ({"steps": [CUSTOMERS | {"needs": "cases"}]}, "needs: “cases” is no earlier step that reads customers.csv"),
        ({"steps": [CUSTOMERS | {"where": {"stage": 1.5}}]}, "step 1 (customer): where.stage: it should be"),
        ({"steps": [CUSTOMERS | {"needs": 3}]}, "step 1 (customer): needs: it should be"),
        (with_field(CUSTOMERS, "nam", "x"), "fields.nam: a customer has no such field; did you mean “name”?"),
        ({"steps": [CASES | {"fields": {}}]}, "step 1 (cases): fields.externalId: it is needed, since a case is found"),
        ({"steps": [CASES | {"fields": {}}]}, "fields.salesStatus: it is needed, since a case is nothing without it"),
        (with_field(CASES, "customer", "{id}"), 'such as { externalId = "{column}" }'),
        (
            with_field(CASES, "owner", {"nam": "{x}"}),
            "fields.owner.nam: there is no such way to name one user; there is id",
        ),
        (with_field(CASES, "value", "{x}"), 'such as { amount = "{column}", currency = "EUR" }'),
        (with_field(CASES, "value", {"amount": "ten"}), "fields.value.amount: “ten” is not a number"),
        (with_field(CASES, "value", {"amount": 1, "curency": "EUR"}), "did you mean “currency”?"),
        (with_field(CASES, "closedOn", "31.12.2017"), "fields.closedOn: “31.12.2017” is not a date"),
        (with_field(CASES, "isOpen", {"column": "open"}), "fields.isOpen: this is one value"),
        (with_field(CUSTOMERS, "addresses", [{"city": "{x}"}]), "fields.addresses.1.kind: it is needed"),
        (with_field(CUSTOMERS, "addresses", [{"kind": "HOME"}]), "“HOME” is not one of VISITING, POSTAL, BILLING"),
        (with_field(CUSTOMERS, "notes", "{a"), "has a “{” too many"),
        (with_field(CUSTOMERS, "notes", "[a]"), "brackets without a column"),
        (with_field(CUSTOMERS, "notes", "{a|title}"), "there is no filter “title”, only lower, upper, slug, dotted"),
        ({"steps": [CUSTOMERS], "files": {"customer.csv": {}}}, 'files."customer.csv": no step reads this file'),
        ({"steps": [CUSTOMERS], "files": {"customers.csv": {"encoding": "utf-9"}}}, "there is no encoding “utf-9”"),
        (
            {"steps": [CUSTOMERS], "files": {"customers.csv": {"delimiter": "\n"}}},
            "line breaks cannot stand between cells",
        ),
        (
            {"steps": [CUSTOMERS], "files": {"customers.csv": {"columns": {"nam": {}}}}},
            'files."customers.csv".columns.nam: no step uses this column; did you mean “name”?',
        ),
        (
            {"steps": [CUSTOMERS], "files": {"customers.csv": {"columns": {"name": {"typ": "text"}}}}},
            'files."customers.csv".columns.name.typ: there is no such key; did you mean “type”?',
        ),
        (
            {"steps": [CUSTOMERS], "files": {"customers.csv": {"columns": {"name": {"type": "number"}}}}},
            "columns.name.type: it should be 'text', 'integer', 'decimal', 'date' or 'boolean'",
        ),
        (
            {"steps": [CUSTOMERS], "files": {"customers.csv": {"columns": {"name": {"formats": ["%d.%m.%Y"]}}}}},
            "“formats” goes with type = “date”",
        ),
        (
            {
                "steps": [CUSTOMERS],
                "files": {"customers.csv": {"columns": {"name": {"type": "date", "formats": ["%d.%m."]}}}},
            },
            "“%d.%m.” does not tell year, month and day",
        ),
    ],
)
def test_a_faulty_mapping_says_where_and_what_to_do(said, fault):
    with pytest.raises(MappingInvalid) as invalid:
        plan_of(said, "mapping.toml")
    assert fault in str(invalid.value)
    assert str(invalid.value).startswith("mapping.toml cannot be used as a mapping:")


def test_all_faults_are_told_at_once():
    said = {"steps": [CASES | {"fields": {"nam": "x"}}, CUSTOMERS | {"needs": "orders"}]}
    with pytest.raises(MappingInvalid) as invalid:
        plan_of(said, "mapping.toml")
    assert len(invalid.value.faults) == 6


def test_a_mapping_that_is_not_toml_says_in_which_line(tmp_path):
    path = tmp_path / "mapping.toml"
    path.write_text("[[steps]]\ninto = customer\n")
    with pytest.raises(MappingInvalid, match=r"mapping\.toml.*\n.*at line 2, column 8"):
        read_mapping(path)
    with pytest.raises(MappingInvalid, match="No such file"):
        read_mapping(tmp_path / "other.toml")


def test_every_key_of_a_mapping_is_documented():
    documented = (HOME / "docs" / "loading.md").read_text("utf-8")
    keys = {field.alias or name for table in (Column, File, StepTable) for name, field in table.model_fields.items()}
    assert not {key for key in keys if f"`{key}`" not in documented}
    assert not {name for name in TARGETS if f"`{name}`" not in documented}


SDL = HOME / "schema" / "schema.graphql"


@pytest.mark.skipif(
    not SDL.exists() or "input CaseInput" not in SDL.read_text(), reason="the schema has no upserts yet"
)
def test_fields_are_those_of_the_api():
    inputs = {
        node.name.value: {field.name.value: isinstance(field.type, NonNullTypeNode) for field in node.fields or ()}
        for node in parse(SDL.read_text("utf-8")).definitions
        if isinstance(node, InputObjectTypeDefinitionNode)
    }
    for name, target in TARGETS.items():
        fields = {client: target.is_needed(field) for client, field in target.fields.items()}
        api = inputs[f"{name[0].upper()}{name[1:]}Input"]
        api.pop("id", None)
        if "externalId" in api:
            api["externalId"] = True  # a load needs what the API leaves open
        assert fields == api


# ---------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("column", "cell", "text"),
    [
        ({}, "  Aalto Oy ", "Aalto Oy"),
        ({}, "   ", None),
        ({}, None, None),
        ({"empty": ["N/A", "-"]}, " - ", None),
        ({"default": "FI"}, "", "FI"),
        ({"empty": ["?"], "default": "FI"}, "?", "FI"),
        ({"map": {"technolgy": "technology"}}, "technolgy", "technology"),
        ({"map": {"technolgy": "technology"}}, "retail", "retail"),
        ({"map": {"Y": "true"}, "type": "boolean"}, "Y", "true"),
        ({"type": "integer"}, "-12", "-12"),
        ({"type": "integer", "thousands": "."}, "1.234.567", "1234567"),
        ({"type": "decimal"}, "1234.50", "1234.50"),
        ({"type": "decimal"}, "+3", "3"),
        ({"type": "decimal", "decimal": ",", "thousands": "."}, "-1.234,50", "-1234.50"),
        ({"type": "decimal", "decimal": ",", "thousands": " "}, "\u22121\u00a0234\u202f567,5", "-1234567.5"),
        ({"type": "decimal", "decimal": ",", "thousands": "."}, "1234,5", "1234.5"),
        ({"type": "date"}, "2017-03-31", "2017-03-31"),
        ({"type": "date", "formats": ["%d.%m.%Y", "%Y%m%d"]}, "1.3.2017", "2017-03-01"),
        ({"type": "date", "formats": ["%d.%m.%Y", "%Y%m%d"]}, "20170301", "2017-03-01"),
        ({"type": "date", "formats": ["%Y-%m-%d %H:%M"]}, "2017-03-01 23:59", "2017-03-01"),
        ({"type": "boolean"}, "YES", "true"),
        ({"type": "boolean", "true": ["Kyllä"], "false": ["Ei"]}, "ei", "false"),
    ],
)
def test_a_cell_is_read_as_its_column_says(column, cell, text):
    assert Column.model_validate(column).text(cell) == text


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ({"map": {"Norway": "NO"}, "unmapped": "reject"}, "Norge", "“Norge” is not among the values that the mapping"),
        ({"type": "integer"}, "12.5", "“12.5” is not a whole number"),
        ({"type": "integer"}, "\u0661", "is not a whole number"),
        ({"type": "decimal"}, "1,5", "“1,5” is not a number; it should look like 1234.50"),
        ({"type": "decimal", "decimal": ",", "thousands": "."}, "1.5", "it should look like 1.234,50"),
        ({"type": "decimal"}, "9" * 100, "is not a number"),
        ({"type": "decimal"}, "NaN", "is not a number"),
        ({"type": "date"}, "2017-02-29", "“2017-02-29” is not a date; it should look like 2017-03-31"),
        ({"type": "date"}, "20170301", "is not a date"),
        ({"type": "date", "formats": ["%d.%m.%Y"]}, "2017-03-01", "it should look like 31.03.2017"),
        ({"type": "boolean", "true": ["K"], "false": ["E"]}, "yes", "“yes” is neither yes (K) nor no (E)"),
    ],
)
def test_a_cell_that_cannot_be_read_says_what_would_be_right(column, cell, message):
    with pytest.raises(Unreadable, match=re.escape(message)):
        Column.model_validate(column).text(cell)


@pytest.mark.parametrize(
    ("text", "cells", "result"),
    [
        ("{a}", {"a": "x"}, "x"),
        ("{a} for {b}", {"a": "x", "b": None}, None),
        ("{a}[ ({b})]", {"a": "x", "b": None}, "x"),
        ("{a}[ ({b})]", {"a": "x", "b": "y"}, "x (y)"),
        ("[{a}]", {"a": None}, None),
        ("{{{a}}} [[no]]", {"a": "x"}, "{x} [no]"),
        ("{amount [EUR]}", {"amount [EUR]": "1"}, "1"),
        ("{a|upper}-{a | lower}", {"a": "Xy"}, "XY-xy"),
        ("{a|slug}", {"a": "Gekko & Co"}, "gekko-co"),
        ("{a|dotted}@x.example", {"a": "Mei-Mei  Jöns Øster"}, "mei-mei.jons.oster@x.example"),
    ],
)
def test_a_template_is_filled_with_cells(text, cells, result):
    assert template(text).text(cells) == result


@pytest.mark.parametrize("text", ["{", "a}b}", "[{a}", "{a}]", "[[{a}]", "{}", "[{a}[{b}]]"])
def test_a_text_that_is_no_template_is_refused(text):
    with pytest.raises(TemplateInvalid):
        template(text)


def test_a_name_without_a_plain_letter_makes_no_address():
    with pytest.raises(Unreadable, match="a: “王” has no letters"):
        template("{a|dotted}").text({"a": "王"})


# ---------------------------------------------------------------- files


def records(path: Path, data: bytes, **options: Any) -> list[tuple[int, dict[str, Any], str | None]]:
    path.write_bytes(data)
    said = {"steps": [CUSTOMERS | {"file": path.name}], "files": {path.name: options}}
    with opened(path, plan_of(said, "mapping.toml").steps[0]) as reader:
        return [(record.line, dict(record.raw), record.fault) for record in reader]


def lines(found: list[tuple[int, dict[str, Any], str | None]]) -> list[tuple[int, str | None]]:
    return [(line, cells.get("id")) for line, cells, _ in found]


def test_lines_are_counted_through_quoted_line_breaks_and_blank_lines(tmp_path):
    data = b'id,name\r\n1,"two\r\nlines"\r\n\r\n2,x\n,\n3,"a ""quoted"" word"\n'
    found = records(tmp_path / "a.csv", data)
    assert lines(found) == [(2, "1"), (5, "2"), (7, "3")]
    assert found[0][1]["name"] == "two\r\nlines"


def test_a_header_may_have_line_breaks_and_a_byte_order_mark(tmp_path):
    found = records(tmp_path / "a.csv", b'\xef\xbb\xbfid;name;"long\nheading"\n1;x;y\n', delimiter=";")
    assert found == [(3, {"id": "1", "name": "x", "long\nheading": "y"}, None)]


def test_a_file_may_be_in_another_encoding(tmp_path):
    assert (
        records(tmp_path / "a.csv", "id,name\n1,Mäkelä\n".encode("cp1252"), encoding="cp1252")[0][1]["name"] == "Mäkelä"
    )
    assert (
        records(tmp_path / "a.csv", "id,name\n1,Mäkelä\n".encode("utf-16"), encoding="utf-16")[0][1]["name"] == "Mäkelä"
    )


def test_a_row_with_too_many_cells_or_stray_quotes_is_no_record(tmp_path):
    data = b'id,name\n1,x,y\n2\n3,"a"b"\n4,ok\n'
    faults = [(line, fault) for line, _, fault in records(tmp_path / "a.csv", data)]
    assert faults[:2] == [(2, "there are 3 cells, but 2 columns"), (3, "there are 1 cells, but 2 columns")]
    assert faults[2][0] == 4
    assert "quotation marks" in (faults[2][1] or "")
    assert faults[3] == (5, None)


def test_json_members_are_cells(tmp_path):
    data = (
        b'{"id": 7, "name": "x", "sum": 1.50, "on": true, "at": {"city": "Oslo", "to": null}, "tags": ["a"]}\n'
        b'\n{"id": 1e400}\nnot json\n["a"]\n{"id": NaN}\n{"id": 1E+2}'
    )
    found = records(tmp_path / "a.ndjson", data)
    assert found[0] == (
        1,
        {"id": "7", "name": "x", "sum": "1.50", "on": "true", "at.city": "Oslo", "at.to": None, "tags": '["a"]'},
        None,
    )
    assert [(line, bool(fault)) for line, _, fault in found[1:]] == [
        (3, False),
        (4, True),
        (5, True),
        (6, True),
        (7, False),
    ]
    assert found[-1][1] == {"id": "100"}


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"id,nam\n1,x\n", {}, "a.csv, line 1: there is no column “name”; did you mean “nam”?"),
        (b"id,name,name\n1,x,y\n", {}, "the column “name” stands there twice"),
        (b"", {}, "the file is empty"),
        (b"id;name\n1;x\n", {}, 'separated by ";"; say so with delimiter = ";" in [files."a.csv"]'),
        ("id,name\n1,x\n2,Mäkelä\n".encode("cp1252"), {}, "a.csv, line 3: this is not UTF-8"),
        (b'id,name\n1,x\n2,"open\n3,y\n', {}, "a.csv, line 3: a cell begins with a quotation mark here that is never"),
        (b"id,name\n", {"encoding": "utf-16"}, "this is not UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(tmp_path, data, options, message):
    with pytest.raises(SourceUnreadable) as unreadable:
        records(tmp_path / "a.csv", data, **options)
    assert message in str(unreadable.value)


# ---------------------------------------------------------------- loading


async def test_the_example_of_the_documentation(desk, folder):
    text = (HOME / "docs" / "loading.md").read_text("utf-8")
    files = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert list(files) == ["clients.csv", "people.ndjson", "mapping.toml"]
    for name, body in files.items():
        (folder / name).write_text(body, "utf-8")
    plan = read_mapping(folder / "mapping.toml")
    summary = await load(desk.sessions, desk.viewer, plan, folder, rejects=desk.rejects)
    table = re.findall(r"^\| (\w+) \| (\d) \| (\d) \| (\d) \| (\d) \| (\d) \|$", text, re.MULTILINE)
    assert [(tally.step, *map(str, row)) for tally, row in zip(summary.steps, counts(summary), strict=True)] == table
    rejected = [(row["file"], row["line"], row["reason"]) for row in desk.rejected()]
    assert [(file, line) for file, line, _ in rejected] == [("clients.csv", "4"), ("people.ndjson", "3")]
    assert all(f"`{file}`, line {line}: *{reason}*" in text for file, line, reason in rejected)
    assert await desk.all(Customer.external_id, Customer.country, Customer.notes) == [
        ("old-crm-1001", "FI", "Customer since 2017-03-31, revenue 1250.50."),
        ("old-crm-1002", "SE", "Customer since 2019-12-01, revenue 980.00."),
    ]
    assert await desk.all(Contact.name, Contact.email) == [("Aino Lind", "aino@aalto.example"), ("Holm", None)]


async def test_loading_twice_changes_nothing_the_second_time(desk):
    desk.put(customers_csv="id,name,city\n1,Aalto,Espoo\n2,Berg,\n")
    address = {"addresses": [{"kind": "POSTAL", "city": "{city}"}]}
    step = CUSTOMERS | {"fields": CUSTOMERS["fields"] | address}
    assert counts(await desk.load(step)) == [(2, 2, 0, 0, 0)]
    changes = await desk.count(Change)
    assert counts(await desk.load(step)) == [(2, 0, 0, 2, 0)]
    assert await desk.count(Change) == changes
    assert await desk.all(Customer.version) == [1, 1]


async def test_what_has_changed_is_updated_and_what_is_not_named_is_left_alone(desk):
    desk.put(customers_csv="id,name,mail\n1,Aalto,a@aalto.example\n2,Berg,\n")
    await desk.load(CUSTOMERS | {"fields": CUSTOMERS["fields"] | {"email": "{mail}", "notes": "From the old system"}})
    desk.put(customers_csv="id,name,mail\n1,Aalto,\n2,Berg & Co,\n")
    summary = await desk.load(CUSTOMERS | {"fields": CUSTOMERS["fields"] | {"email": "{mail}", "country": "{mail}"}})
    assert counts(summary) == [(2, 0, 2, 0, 0)]
    assert await desk.all(Customer.name, Customer.email, Customer.country, Customer.notes) == [
        ("Aalto", None, "US", "From the old system"),
        ("Berg & Co", None, "US", "From the old system"),
    ]


async def test_one_bad_row_does_not_stop_the_others(desk):
    desk.put(customers_csv='id,name,mail\n1,Aalto,x\n2,,x\n,"Berg\nAB",x\n4,"too",many,cells\n5,Dahl,x\n')
    summary = await desk.load(CUSTOMERS)
    assert counts(summary) == [(5, 2, 0, 0, 3)]
    assert summary.exit_code == 3
    assert summary.rejects == desk.rejects
    assert summary.reasons == {"no name": 1, "no id": 1, "there are 4 cells, but 3 columns": 1}
    assert [tuple(row.values()) for row in desk.rejected()] == [
        ("customers.csv", "3", "customers", "no name", "2", "", "x"),
        ("customers.csv", "4", "customers", "no id", "", "Berg\nAB", "x"),
        ("customers.csv", "6", "customers", "there are 4 cells, but 3 columns", "4", "too", "many"),
    ]
    assert list(desk.rejected()[0]) == ["file", "line", "step", "reason", "id", "name", "mail"]


async def test_all_that_is_wrong_with_a_row_is_told(desk):
    desk.put(cases_csv="id,customer,name,open,on\n1,,,perhaps,31.12.2017\n")
    await desk.load(CASES | {"fields": CASES["fields"] | {"isOpen": "{open}", "closedOn": "{on}"}})
    reason = desk.rejected()[0]["reason"]
    assert reason.startswith("no customer; no name; open: “perhaps” is neither yes")
    assert "on: “31.12.2017” is not a date" in reason


async def test_what_the_registry_refuses_is_rejected_with_its_words(desk):
    desk.put(customers_csv="id,name,land\n1,Aalto,FI\n2,Berg,XX\n3,B\0d,SE\n")
    summary = await desk.load(CUSTOMERS | {"fields": CUSTOMERS["fields"] | {"country": "{land}"}})
    assert counts(summary) == [(3, 1, 0, 0, 2)]
    reasons = {row["line"]: row["reason"] for row in desk.rejected()}
    assert "There is no country “XX”" in reasons["3"]
    assert "not text" in reasons["4"]


async def test_rows_beyond_the_number_of_problems_that_are_told_have_a_reason_too(desk):
    desk.put(customers_csv="id,name,land\n" + "".join(f"{i},C{i},{'XX' if i % 2 else 'SE'}\n" for i in range(2500)))
    step = CUSTOMERS | {"fields": CUSTOMERS["fields"] | {"country": "{land}"}}
    summary = await desk.load(step, batch=2500)
    assert counts(summary) == [(2500, 1250, 0, 0, 1250)]
    assert {row["reason"][:25] for row in desk.rejected()} == {"There is no country “XX”;"}


@pytest.mark.parametrize("batch", [1, 2, 1000])
async def test_repeated_rows_fare_the_same_however_they_are_batched(desk, batch):
    desk.put(
        customers_csv="id,name,land\n1,Aalto,SE\n2,Berg,SE\n1,Aalto,SE\n1,Other,SE\n3,C,Nowhere\n3,C,Nowhere\n3,C,SE\n4,D,SE\n"
    )
    step = CUSTOMERS | {"fields": CUSTOMERS["fields"] | {"country": "{land}"}}
    summary = await desk.load(step, batch=batch)
    assert counts(summary) == [(8, 3, 0, 1, 4)]
    reasons = {row["line"]: row["reason"] for row in desk.rejected()}
    assert reasons["5"] == "line 2 has the same externalId, but other values; keep one of them"
    assert reasons["7"] == reasons["8"] == "the same externalId as line 6, which was rejected"
    assert counts(await desk.load(step, batch=batch)) == [(8, 0, 0, 4, 4)]


@pytest.mark.parametrize("batch", [1, 2, 1000])
async def test_rows_that_claim_the_same_number_fare_the_same_however_they_are_batched(desk, batch):
    desk.put(customers_csv="id,name,no\n1,Aalto,7\n2,Berg,7\n3,Dahl,8\n4,Ek,7\n")
    step = CUSTOMERS | {"fields": CUSTOMERS["fields"] | {"number": "{no}"}}
    assert counts(await desk.load(step, batch=batch)) == [(4, 2, 0, 0, 2)]
    assert [row["line"] for row in desk.rejected()] == ["3", "5"]
    assert {row["reason"] for row in desk.rejected()} == {"Number 7 is taken: customer “Aalto” has it."}


async def test_a_dry_run_changes_nothing_but_tells_everything(desk):
    desk.put(customers_csv="id,name\n1,Aalto\n2,\n")
    before = await desk.count(Change)
    summary = await desk.load(CUSTOMERS, dry_run=True)
    assert summary.is_dry_run
    assert counts(summary) == [(2, 1, 0, 0, 1)]
    assert [row["reason"] for row in desk.rejected()] == ["no name"]
    assert (await desk.count(Customer), await desk.count(Change)) == (0, before)


async def test_a_failure_in_the_middle_changes_nothing(desk, folder):
    desk.put(customers_csv="id,name\n1,Aalto\n2,\n", rejects_csv="")
    (folder / "cases.csv").write_bytes(b"id,customer,name\n1,1,A\n" + b"2,1,B\xe4r\n")
    desk.rejects.write_text("of an earlier load")
    before = await desk.count(Change)
    with pytest.raises(SourceUnreadable, match=r"cases\.csv, line 3: this is not UTF-8"):
        await desk.load(CUSTOMERS, CASES)
    assert (await desk.count(Customer), await desk.count(Change)) == (0, before)
    assert desk.rejects.read_text() == "of an earlier load"
    assert [path.name for path in desk.rejects.parent.iterdir() if path.is_file()] == ["rejects.csv"]


async def test_a_load_that_is_interrupted_changes_nothing(desk):
    def interrupt(step: str, done: int, total: int) -> None:
        if step == "cases":
            raise InterruptedError

    desk.put(customers_csv="id,name\n1,Aalto\n2,\n", cases_csv="id,customer,name\n1,1,A\n")
    before = await desk.count(Change)
    with pytest.raises(InterruptedError):
        await desk.load(CUSTOMERS, CASES, progress=interrupt)
    assert (await desk.count(Customer), await desk.count(Change)) == (0, before)
    assert [path for path in desk.rejects.parent.iterdir() if path.is_file()] == []


async def test_files_are_looked_at_before_anything_is_written(desk, folder):
    desk.put(customers_csv="id,name\n1,Aalto\n")
    with pytest.raises(SourceUnreadable, match=r"cases\.csv: the file cannot be read: No such file"):
        await desk.load(CUSTOMERS, CASES)
    desk.put(cases_csv="id,client,name\n")
    with pytest.raises(SourceUnreadable, match=r"cases\.csv, line 1: there is no column “customer”"):
        await desk.load(CUSTOMERS, CASES)
    desk.rejects = folder / "customers.csv"
    with pytest.raises(LoadFailed, match="is to be loaded, so it cannot be the rejects file"):
        await desk.load(CUSTOMERS)
    desk.rejects = folder.parent / "nowhere" / "rejects.csv"
    with pytest.raises(LoadFailed, match="the rejects file cannot be written"):
        await desk.load(CUSTOMERS)
    desk.folder = folder.parent / "nowhere"
    with pytest.raises(SourceUnreadable, match="is not a folder"):
        await desk.load(CUSTOMERS)


async def test_a_load_without_rejects_leaves_no_rejects_file(desk):
    desk.put(customers_csv="id,name\n1,\n")
    await desk.load(CUSTOMERS)
    assert desk.rejects.exists()
    desk.put(customers_csv="id,name\n1,Aalto\n")
    summary = await desk.load(CUSTOMERS)
    assert (summary.rejects, summary.exit_code) == (None, 0)
    assert not desk.rejects.exists()


async def test_where_and_unless_say_which_rows_are_meant(desk):
    desk.put(customers_csv="id,name,kind,gone\n1,Aalto,A,\n2,Berg,B,yes\n3,Dahl,C,\n4,Ek,,\n5,Falk,A,x\n")
    columns = {"gone": {"type": "boolean", "true": ["yes"], "false": []}}
    step = CUSTOMERS | {"where": {"kind": ["A", "B", ""]}, "unless": {"gone": True}}
    summary = await desk.load(step, files={"customers.csv": {"columns": columns}})
    assert counts(summary) == [(3, 2, 0, 0, 1)]
    assert await desk.all(Customer.name) == ["Aalto", "Ek"]
    assert desk.rejected()[0]["reason"].startswith("gone: “x” is neither yes")


async def test_a_row_is_rejected_only_once_by_steps_that_need_each_other(desk):
    desk.put(cases_csv="id,customer,name,kind\n1,1,A,a\n2,,B,a\n3,9,C,a\n4,1,D,b\n", customers_csv="id,name\n1,Aalto\n")
    invoices = {
        "into": "invoice",
        "file": "cases.csv",
        "fields": {
            "externalId": "{id}",
            "customer": {"externalId": "{customer}"},
            "case": {"externalId": "{id}"},
            "status": {"name": "Draft"},
            "amount": {"amount": 5},
        },
    }
    costs = {
        "into": "cost",
        "file": "cases.csv",
        "needs": "invoices",
        "fields": {
            "externalId": "{id}",
            "case": {"externalId": "{id}"},
            "kind": "work",
            "date": date(2017, 3, 1),
            "amount": {"amount": "1.5", "currency": "USD"},
        },
    }
    summary = await desk.load(CUSTOMERS, CASES, invoices | {"needs": ["cases"], "where": {"kind": "a"}}, costs)
    assert counts(summary) == [(1, 1, 0, 0, 0), (4, 2, 0, 0, 2), (1, 1, 0, 0, 0), (2, 2, 0, 0, 0)]
    assert [(row["line"], row["step"]) for row in desk.rejected()] == [("3", "cases"), ("4", "cases")]


async def test_amounts_can_have_a_currency_of_their_own(desk):
    desk.put(
        cases_csv="id,customer,name,sum,cur\n1,1,A,10,EUR\n2,1,B,,\n3,1,C,10,\n", customers_csv="id,name\n1,Aalto\n"
    )
    cases = CASES | {"fields": CASES["fields"] | {"value": {"amount": "{sum}", "currency": "{cur}"}}}
    await desk.load(CUSTOMERS, cases)
    assert await desk.all(Case.name, Case.value_amount, Case.value_currency) == [("A", 10, "EUR"), ("B", None, None)]
    assert desk.rejected()[0]["reason"] == "no cur"


async def test_administrators_load_units_users_and_statuses(desk):
    desk.put(
        people_csv="name,team,role\nAnna Lind,North,Sales\nBo Ek,South,Nobody\nCy Dahl,North,Sales\n",
        stages_csv="stage\nLead\nOffer\nlead\n",
    )
    summary = await desk.load(
        {"into": "unit", "file": "people.csv", "fields": {"name": "{team}"}},
        {
            "into": "user",
            "file": "people.csv",
            "fields": {
                "name": "{name}",
                "email": "{name|dotted}@load.example",
                "unit": {"name": "{team}"},
                "role": {"name": "{role}"},
            },
        },
        {
            "into": "salesStatus",
            "file": "stages.csv",
            "fields": {"name": "{stage}", "category": "IN_PROGRESS", "probability": 20},
        },
    )
    assert counts(summary) == [(3, 2, 0, 1, 0), (3, 2, 0, 0, 1), (3, 2, 0, 0, 1)]
    assert [row["reason"] for row in desk.rejected()] == [
        "There is no role with the name “Nobody”.",
        "line 2 has the same name, but other values; keep one of them",
    ]
    assert await desk.all(User.email) == [
        "admin@loading.example", "anna.lind@load.example", "cy.dahl@load.example"
    ]  # fmt: skip


async def test_a_load_needs_the_rights_of_what_it_loads(desk):
    desk.put(customers_csv="id,name\n1,Aalto\n")
    units = {"into": "unit", "file": "customers.csv", "fields": {"name": "{name}"}}
    may = desk.viewer.permissions
    desk.viewer = replace(desk.viewer, permissions=replace(may, administer=False))
    assert counts(await desk.load(CUSTOMERS)) == [(1, 1, 0, 0, 0)]
    with pytest.raises(NotPermitted, match="Loading units: Your role does not have the right to administer"):
        await desk.load(CUSTOMERS, units)
    desk.viewer = replace(desk.viewer, permissions=replace(may, import_data=False))
    with pytest.raises(NotPermitted, match="Loading customers: Your role does not have the right to import data"):
        await desk.load(CUSTOMERS)


async def test_a_member_that_no_line_has_is_noted(desk):
    desk.put(customers_ndjson='{"id": 1, "name": "Aalto", "post": null}\n{"id": "2", "name": "Berg"}\n')
    fields = CUSTOMERS["fields"] | {"email": "{post.mail}", "phone": "{fone}"}
    summary = await desk.load(CUSTOMERS | {"file": "customers.ndjson", "fields": fields})
    assert counts(summary) == [(2, 2, 0, 0, 0)]
    assert summary.notes == ["customers.ndjson: no row has “fone”; is it misspelt?"]


async def test_a_number_that_cannot_be_goes_to_the_rejects_file_with_what_would_be(desk):
    desk.put(customers_csv="id,name,vat,fone\n1,Aalto,FI 0112038-9,040 1234567\n2,Berg,FI01120388,040 1234567\n")
    fields = CUSTOMERS["fields"] | {"country": "FI", "vatNumber": "{vat}", "phone": "{fone}"}
    summary = await desk.load(CUSTOMERS | {"fields": fields})
    assert counts(summary) == [(2, 1, 0, 0, 1)]
    assert await desk.all(Customer.vat_number, Customer.phone) == [("FI01120389", "+358401234567")]
    (rejected,) = desk.rejected()
    assert rejected["line"] == "3"
    assert rejected["reason"].startswith("“FI01120388” is no VAT number of Finland: its check digit")
    assert rejected["reason"].endswith("Use one such as FI20774740.")


async def test_a_load_leaves_statistics_of_what_it_has_written(desk):
    desk.put(customers_csv="id,name\n" + "".join(f"{i},Customer number {i}\n" for i in range(300)))
    statement = sa.text(
        "SELECT relname, reltuples FROM pg_class WHERE relname IN ('customers', 'addresses', 'changes')"
    )
    await desk.load(CUSTOMERS, dry_run=True)
    async with desk.sessions() as session:
        assert set((await session.execute(statement)).scalars(1)) == {-1}  # nothing is known
    await desk.load(CUSTOMERS)
    async with desk.sessions() as session:
        known = dict((await session.execute(statement)).all())
    assert known["customers"] == 300
    assert known["changes"] >= 300
    assert known["addresses"] == 0


async def test_progress_is_told_in_bytes(desk):
    told: list[tuple[str, int, int]] = []
    desk.put(customers_csv="id,name\n" + "".join(f"{i},Customer number {i}\n" for i in range(3000)))
    await desk.load(CUSTOMERS, progress=lambda *each: told.append(each))
    size = (desk.folder / "customers.csv").stat().st_size
    assert {(step, total) for step, _, total in told} == {("customers", size)}
    done = [each[1] for each in told]
    assert done == sorted(done)
    assert done[-1] == size
    assert 0 < done[0] < size


# ---------------------------------------------------------------- the CRM data


def rows_of(name: str) -> list[dict[str, str]]:
    with (CRM_SALES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not CRM_SALES.is_dir(), reason=f"{CRM_SALES} is not there")
async def test_the_crm_data_load_without_losing_a_row(desk):
    desk.folder = CRM_SALES
    plan = read_mapping(HOME / "examples" / "crm-sales.toml")
    summary = await load(desk.sessions, desk.viewer, plan, CRM_SALES, rejects=desk.rejects)
    assert add_up(summary)
    assert {tally.step: row for tally, row in zip(summary.steps, counts(summary), strict=True)} == {
        "industries": (85, 10, 0, 75, 0),
        "customers": (85, 85, 0, 0, 0),
        "regions": (35, 3, 0, 32, 0),
        "teams": (35, 6, 0, 29, 0),
        "users": (35, 35, 0, 0, 0),
        "cases": (8800, 7375, 0, 0, 1425),
        "invoices": (4238, 4238, 0, 0, 0),
    }
    assert summary.reasons == {"no account": 1425}
    assert {row["reason"] for row in desk.rejected()} == {"no account"}
    expected = [str(line) for line, row in enumerate(rows_of("sales_pipeline.csv"), 2) if not row["account"]]
    assert [row["line"] for row in desk.rejected()] == expected
    await check_crm_entities(desk)
    await check_crm_kpis(desk)

    changes = await desk.count(Change)
    again = await load(desk.sessions, desk.viewer, plan, CRM_SALES, rejects=desk.rejects)
    assert [again.total(count) for count in ("created", "updated", "rejected")] == [0, 0, 1425]
    assert await desk.count(Change) == changes


async def check_crm_entities(desk: Desk) -> None:
    assert sorted(await desk.all(Industry.name)) == sorted(
        {row["sector"].replace("technolgy", "technology") for row in rows_of("accounts.csv")}
    )
    with_industry = sa.select(col(Customer.name), col(Industry.name)).join(
        Industry, col(Industry.id) == col(Customer.industry_id)
    )
    with_unit = sa.select(col(User.name), col(Unit.name)).join(Unit, col(Unit.id) == col(User.unit_id))
    by_category = (
        sa.select(col(SalesStatus.category), col(Case.is_open), sa.func.count())
        .join(SalesStatus, col(SalesStatus.id) == col(Case.sales_status_id))
        .group_by(col(SalesStatus.category), col(Case.is_open))
    )
    async with desk.sessions() as session:
        industries = {row[0]: row[1] for row in await session.execute(with_industry)}
        units = {row[0]: row[1] for row in await session.execute(with_unit)}
        categories = {(category, is_open): count for category, is_open, count in await session.execute(by_category)}
    assert industries == {
        row["account"]: row["sector"].replace("technolgy", "technology") for row in rows_of("accounts.csv")
    }
    assert units == {row["sales_agent"]: f"Team {row['manager']}" for row in rows_of("sales_teams.csv")}
    stages = Counter(row["deal_stage"] for row in rows_of("sales_pipeline.csv") if row["account"])
    assert categories == {
        (SalesCategory.WON, False): stages["Won"],
        (SalesCategory.LOST, False): stages["Lost"],
        (SalesCategory.IN_PROGRESS, True): stages["Engaging"] + stages["Prospecting"],
    }
    assert await desk.count(Invoice) == stages["Won"]
    assert sorted(await desk.all(Case.external_id, Case.name, Case.value_amount, Case.closed_on)) == sorted(
        (
            row["opportunity_id"],
            f"{row['product'].replace('GTXPro', 'GTX Pro')} for {row['account']}",
            Decimal(row["close_value"]) if row["close_value"] else None,
            date.fromisoformat(row["close_date"]) if row["close_date"] else None,
        )
        for row in rows_of("sales_pipeline.csv")
        if row["account"]
    )


async def check_crm_kpis(desk: Desk) -> None:
    """The strip as of the end of 2017, against plain sums over the file."""
    pipeline = [row for row in rows_of("sales_pipeline.csv") if row["account"]]
    won = [row for row in pipeline if row["deal_stage"] == "Won"]

    def billing(month: str) -> Decimal:
        return sum((Decimal(row["close_value"]) for row in won if row["close_date"].startswith(month)), Decimal(0))

    is_open = {row["account"] for row in pipeline if not row["close_date"]}
    as_of = date(2017, 12, 31)
    async with desk.sessions() as session:
        strip = await read_strip(await reads_of(session), desk.viewer, as_of)
    margin, month = strip.margin_this_year, strip.billing_this_month
    assert (margin.billing, margin.total_cost, margin.value) == (billing("2017"), Decimal(0), billing("2017"))
    assert (month.value, month.previous) == (billing("2017-12"), billing("2017-11"))
    assert month.change == billing("2017-12") - billing("2017-11")
    assert strip.active_customers == len(is_open)
    assert strip.prospects_in_pipeline == len(is_open - {row["account"] for row in won})
