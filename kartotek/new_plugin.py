"""A partner's package for a country, written from a template: its tests pass before a line of it is changed."""

import re
import unicodedata
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from babel import Locale

from kartotek import CONTRACT_VERSION, __version__

FILES: Mapping[str, str] = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md": "README.md",
    "adapter.py.txt": "kartotek_${cc}.py",
    "tests.py.txt": "tests/test_kartotek_${cc}.py",
    "one.json": "tests/answers/one.json",
    "several.json": "tests/answers/several.json",
    "none.json": "tests/answers/none.json",
}
"""The files of the template, and what becomes of them."""

COUNTRIES = Locale("en").territories
SPELT_OUT = str.maketrans({"æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss"})


class PluginNotWritten(Exception):
    """The text says what the user has to change."""


def write_plugin(country: str, name: str, folder: Path | None = None) -> Path:
    """Write the package and answer its folder, by default `kartotek-xx` here; raises PluginNotWritten and OSError.

    Nothing is written over: the folder is new or empty.
    """
    values = _values(country, name)
    target = folder or Path(f"kartotek-{values['cc']}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PluginNotWritten(f"{target} is there already: say where else to write with --folder.")
    template = files("kartotek") / "plugin_template"
    for source, path in FILES.items():
        written = target / Template(path).substitute(values)
        written.parent.mkdir(parents=True, exist_ok=True)
        content = (template / source).read_text(encoding="utf-8")
        written.write_text(Template(content).substitute(values), encoding="utf-8")
    return target


def _values(country: str, name: str) -> Mapping[str, str]:
    """What the template has gaps for."""
    code, shown = country.strip().upper(), " ".join(name.split())
    if re.fullmatch(r"[A-Z]{2}", code, re.ASCII) is None or code not in COUNTRIES:
        raise PluginNotWritten(f"{country} is no country: give its ISO 3166-1 code, such as IS.")
    if not shown or not shown.isprintable() or re.search(r'["\\]', shown):
        raise PluginNotWritten("A registry's name is plain text without quotation marks and backslashes.")
    return {
        "CC": code,
        "cc": code.lower(),
        "country": COUNTRIES[code],
        "name": shown,
        "id": f"{code.lower()}-{_slug(shown) or 'register'}",
        "contract": str(CONTRACT_VERSION),
        "version": __version__,
    }


def _slug(name: str) -> str:
    """The name in small letters from a to z, with hyphens."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(SPELT_OUT))
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")
