"""A partner's walk: a package is written, its tests pass as they are, and beside Kartotek it adds a country."""

import json
import subprocess
import sys
import sysconfig
import tomllib
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest

from kartotek.new_plugin import PluginNotWritten, write_plugin
from plugins.contract import CONTRACT_VERSION
from tests.processes import KARTOTEK, environment

ROOT = Path(__file__).parent.parent


def run(*command: object, folder: Path) -> str:
    """What the command printed; it has to succeed."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_tests_pass_as_they_are_written(tmp_path: Path):
    folder = write_plugin("is", "Fyrirtækjaskrá", tmp_path / "plugin")
    told = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=folder)
    assert " passed" in told


def test_the_command_writes_where_it_is_called(tmp_path: Path):
    told = run(KARTOTEK, "plugin", "new", "IS", "--name", "Fyrirtækjaskrá", folder=tmp_path)
    assert told == "plugin kartotek-is\n"
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {
        "kartotek-is/README.md",
        "kartotek-is/pyproject.toml",
        "kartotek-is/kartotek_is.py",
        "kartotek-is/tests/test_kartotek_is.py",
        "kartotek-is/tests/answers/none.json",
        "kartotek-is/tests/answers/one.json",
        "kartotek-is/tests/answers/several.json",
    }


def test_a_country_that_has_a_registry_is_told(tmp_path: Path):
    command = (str(KARTOTEK), "plugin", "new", "FI", "--name", "Another", "--folder", str(tmp_path))
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "FI has a registry already, fi-ytj" in " ".join(done.stderr.split())


def test_nothing_is_written_over(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    command = (str(KARTOTEK), "plugin", "new", "IS", "--name", "Fyrirtækjaskrá", "--folder", str(tmp_path))
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "is there already" in " ".join(done.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("country", ["", "I", "ISL", "UK", "../", "日本"])
def test_a_country_is_one_of_iso_3166(country: str, tmp_path: Path):
    with pytest.raises(PluginNotWritten, match="is no country"):
        write_plugin(country, "Register", tmp_path / "plugin")


@pytest.mark.parametrize("name", ["", " ", 'The "Register"', "C:\\Register", "Regi\0ster"])
def test_a_name_is_plain_text(name: str, tmp_path: Path):
    with pytest.raises(PluginNotWritten, match="plain text"):
        write_plugin("IS", name, tmp_path / "plugin")
    assert not (tmp_path / "plugin").exists()


@pytest.mark.parametrize(
    ("name", "registry_id"),
    [
        ("Fyrirtækjaskrá", "de-fyrirtaekjaskra"),
        ("Handels- & Genossenschaftsregister", "de-handels-genossenschaftsregister"),
        ("$Register ${CC}", "de-register-cc"),
        ("法人番号", "de-register"),
    ],
)
def test_the_id_is_made_of_the_name(name: str, registry_id: str, tmp_path: Path):
    folder = write_plugin("DE", name, tmp_path)
    adapter = (folder / "kartotek_de.py").read_text()
    assert f'id="{registry_id}"' in adapter
    assert f'name="{name}"' in adapter
    assert f"KARTOTEK_CONTRACT = {CONTRACT_VERSION}\n" in adapter
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["kartotek.registries"] == {"de": "kartotek_de"}
    assert project["description"] == f"{name} (Germany) for Kartotek"


LISTING = """
import json, kartotek
from plugins.discovery import discover
found = discover("en")
own = found.find_registry("IS")
print(json.dumps([kartotek.__file__, own.info.id, own.plugin, own.distribution, own.version,
                  [problem.plugin for problem in found.problems]]))
"""


@pytest.mark.skipif(not (find_spec("hatchling") and find_spec("uv")), reason="wheels are built in development only")
def test_from_an_empty_directory_to_a_registry_that_is_listed(tmp_path: Path):
    environment_folder, wheels, work = tmp_path / "environment", tmp_path / "wheels", tmp_path / "work"
    work.mkdir()
    venv.create(environment_folder, symlinks=True)
    python = environment_folder / "bin/python"
    # The libraries of this environment, but not Kartotek: its source folder comes by a .pth file, not read from there.
    (site,) = environment_folder.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(source: Path) -> None:
        before = set(wheels.glob("*.whl"))
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, folder=source)
        (wheel,) = set(wheels.glob("*.whl")) - before
        options = ("--python", python, "--offline", "--no-deps", "--no-index")
        run(sys.executable, "-m", "uv", "pip", "install", *options, wheel, folder=tmp_path)

    install(ROOT)
    run(environment_folder / "bin/kartotek", "plugin", "new", "IS", "--name", "Fyrirtækjaskrá", folder=work)
    install(work / "kartotek-is")
    module, *told, problems = json.loads(run(python, "-c", LISTING, folder=work))
    assert Path(module).is_relative_to(environment_folder)
    assert told == ["is-fyrirtaekjaskra", "is", "kartotek-is", "0.1.0"]
    assert "is" not in problems
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=work / "kartotek-is")
