"""Reports from the command line: the whole file or none; and what office programs make of the files."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa

from tests.builders import a_contact, a_customer
from tests.processes import KARTOTEK, environment
from tests.report_files import READERS
from tests.test_commands import kartotek
from tests.test_report_streams import LONG, MANY, cut_off, saved
from tests.waiting import until

SOFFICE = shutil.which("soffice")
needs_office = pytest.mark.skipif(not SOFFICE and "CI" not in os.environ, reason="LibreOffice is not here")
DOCUMENT = """
query ($name: StringFilter!) { customers(filter: { name: $name }) { nodes { number name notes isActive createdAt } } }
"""
TYPES = ("Int!", "String!", "String", "Boolean!", "DateTime!")
NAMES = ('=HYPERLINK("http://evil.example";"click")', "+46 8 123", "-1+1", "@SUM(1;2)", "'quoted", "0123", "1e5", "Åbo")


@pytest.fixture
async def report(database, viewer):
    """A report of customers with names that are not what they seem."""
    await saved(database, viewer, "odd", DOCUMENT)
    async with database.sessions.begin() as session:
        for name in NAMES:
            await a_customer(session, viewer, name=name, notes=f"{name}\nand more")


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def run(url, *words):
    return await asyncio.to_thread(kartotek, "report", "run", *words, url=url)


@pytest.mark.usefixtures("report")
async def test_a_report_becomes_a_file_of_the_format_of_its_ending(database_url, tmp_path: Path):
    variable = ("--var", 'name={"neq": "Åbo"}')
    for form, read in READERS.items():
        made = await run(database_url, "odd", "-o", tmp_path / f"file.{form}", *variable)
        assert made.returncode == 0, made.stderr
        assert made.stdout.split() == ["rows", "7", str(tmp_path / f"file.{form}")]
        rows = read((tmp_path / f"file.{form}").read_bytes(), TYPES)
        assert [row[1] for row in rows] == list(NAMES[:-1])
    assert names_in(tmp_path) == sorted(f"file.{form}" for form in READERS)


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none",), "There is no report none"),
        (("odd", "--format", "pdf"), "There is no format pdf"),
        (("odd", "--var", "name"), "has no value"),
        (("odd", "--var", "other=1"), "no variable other"),
        (("odd",), "$name"),
        (("odd", "--labels", "xx"), "_labels is xx"),
    ],
)
async def test_what_cannot_be_run_is_told(database_url, tmp_path: Path, words, said):
    refused = await run(database_url, *words, "-o", tmp_path / "file.csv")
    assert refused.returncode == 1
    assert said in " ".join(refused.stderr.split())
    assert names_in(tmp_path) == []


async def test_half_a_file_is_no_file(database_url, database, viewer, tmp_path: Path):
    await saved(database, viewer)
    async with database.sessions.begin() as session:
        await a_contact(session, viewer, await a_customer(session, viewer, name="The first"))
        await session.execute(sa.text(MANY), {"count": LONG})
    (tmp_path / "file.csv").write_text("as it was")

    command = (str(KARTOTEK), "report", "run", "everybody", "-o", str(tmp_path / "file.csv"))
    process = await asyncio.create_subprocess_exec(
        *command, env=environment(KARTOTEK_DATABASE_URL=database_url), stderr=subprocess.PIPE
    )
    await until(lambda: cut_off(database))
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in said
    assert names_in(tmp_path) == ["file.csv"]
    assert (tmp_path / "file.csv").read_text() == "as it was"


async def converted(path: Path, form: str) -> Path:
    """The same by LibreOffice, in another format and a folder of that name."""
    return await asyncio.to_thread(_converted, path, form)


def _converted(path: Path, form: str) -> Path:
    assert SOFFICE, "LibreOffice is needed: apt-get install libreoffice-calc-nogui"
    profile, folder = f"-env:UserInstallation=file://{path.parent}/office", path.parent / form
    command = [SOFFICE, profile, "--headless", "--convert-to", form, "--outdir", str(folder), str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    found = folder / path.with_suffix(f".{form}").name
    assert found.exists(), said
    return found


@needs_office
@pytest.mark.usefixtures("report")
async def test_a_workbook_opens_in_libreoffice_as_it_is(database_url, tmp_path: Path):
    await run(database_url, "odd", "-o", tmp_path / "file.xlsx", "--var", 'name={"neq": ""}')
    by_office = await converted(await converted(tmp_path / "file.xlsx", "ods"), "xlsx")
    sheet = openpyxl.load_workbook(by_office).active
    assert sheet is not None
    rows = list(sheet.iter_rows(min_row=2))
    assert [row[1].value for row in rows] == list(NAMES)
    assert {row[1].data_type for row in rows} == {"s"}
    assert [row[0].value for row in rows] == list(range(1, len(NAMES) + 1))
    assert {row[4].is_date for row in rows} == {True}


@needs_office
@pytest.mark.usefixtures("report")
async def test_a_csv_file_has_no_formulas_in_libreoffice(database_url, tmp_path: Path):
    await run(database_url, "odd", "-o", tmp_path / "file.csv", "--var", 'name={"neq": ""}')
    sheet = openpyxl.load_workbook(await converted(tmp_path / "file.csv", "xlsx")).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert not any(cell.data_type == "f" or cell.hyperlink for cell in cells)
    assert f"'{NAMES[0]}" in {cell.value for cell in cells}
