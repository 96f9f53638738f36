"""docs/plugins.md: every word of the contract has its heading there, and its code works."""

import dataclasses
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import kartotek
from kartotek.testing import RegistryConformance
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyHit,
    CompanyStatus,
    IndustryCode,
    Number,
    NumberKind,
    RegistryAdapter,
    RegistryError,
    RegistryInfo,
    SearchResult,
)
from plugins.discovery import HOOKS
from tests.processes import environment

PAGE = (Path(__file__).parent.parent / "docs/plugins.md").read_text()
HEADING = re.compile(r"^### `([\w.]+)`$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VALUES = (RegistryInfo, Number, SearchResult, CompanyHit, Company, Address, IndustryCode)
CODES = (AddressKind, CompanyStatus, NumberKind)


def own_members(kind: type) -> Iterator[str]:
    """What a class offers of itself."""
    names = {*vars(kind), *getattr(kind, "__annotations__", {})}
    return (f"{kind.__name__}.{name}" for name in names if not name.startswith(("_", "test_")))


def outcomes(kind: type[RegistryError] = RegistryError) -> Iterator[str]:
    if kind.__module__ == RegistryError.__module__:
        yield kind.__name__
    for below in kind.__subclasses__():
        yield from outcomes(below)


def words_of_the_contract() -> set[str]:
    words = {*HOOKS, *outcomes(), "RegistryClient.secrets"}
    for kind in (RegistryAdapter, kartotek.RegistryClient, kartotek.Record, RegistryConformance):
        words |= set(own_members(kind))
    for value in VALUES:
        inherited = {
            field.name for base in value.__mro__[1:] for field in getattr(base, "__dataclass_fields__", {}).values()
        }
        words |= {
            f"{value.__name__}.{field.name}" for field in dataclasses.fields(value) if field.name not in inherited
        }
    return words


def test_every_word_of_the_contract_has_its_heading():
    headings = HEADING.findall(PAGE)
    assert sorted(words_of_the_contract() - set(headings)) == []
    assert sorted(set(headings) - words_of_the_contract()) == [], "there is no such thing any more"
    assert len(headings) == len(set(headings))


def test_no_heading_stands_alone():
    for heading, text in re.findall(r"^### (`[\w.]+`)\n\n(.*)$", PAGE, re.MULTILINE):
        assert text.strip(), heading
        assert not text.startswith("#"), heading


def test_every_code_is_explained():
    for kind in CODES:
        for code in kind:
            assert f"| `{code}` |" in PAGE or f"`{kind.__name__}.{code}`" in PAGE, code


def test_all_that_partners_import_is_named():
    missing = [name for name in kartotek.__all__ if not re.search(rf"\b{name}\b", PAGE)]
    assert missing == []


def test_the_package_on_the_page_works(tmp_path: Path):
    written = [path for _, path, content in BLOCK.findall(PAGE) if path and write(tmp_path / path, content)]
    assert written == ["pyproject.toml", "kartotek_is.py", "tests/test_kartotek_is.py"]
    points = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points == {"kartotek.registries": {"is": "kartotek_is"}}
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def write(path: Path, content: str) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_text(content)


def test_the_shorter_examples_work():
    found: dict[str, object] = {}
    for language, path, content in BLOCK.findall(PAGE):
        if language == "python" and not path:
            exec(compile(content, "docs/plugins.md", "exec"), found)  # noqa: S102
    hook, worldwide = found["kartotek_registries"], found["Worldwide"]
    assert callable(hook)
    assert callable(worldwide)
    assert [hook(locale)[0].language for locale in ("fr-BE", "nl", "de-BE")] == ["fr", "nl", "nl"]
    assert worldwide().for_country("BR").country == "BR"
