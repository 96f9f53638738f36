"""The public face: it is kept in the repository, described throughout, and keeps its promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schema.api import schema

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("KARTOTEK_SHARED", ROOT.parent / "shared"))


def test_the_sdl_in_the_repository_is_the_schema():
    assert (ROOT / "schema/schema.graphql").read_text().strip() == schema.as_str().strip()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of the contract is not here")
def test_what_is_promised_is_there_in_the_same_words():
    command = [sys.executable, str(SHARED / "check_contract.py"), str(ROOT / "schema/schema.graphql")]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    broken = [line for line in lines if line.startswith("differs:")]
    missing = [line for line in lines if line.startswith("missing: ")]
    assert broken == []
    assert missing == []


def described(name, kind):
    """Everything of a type that a client sees, with its description."""
    yield name, kind.description
    for field, definition in getattr(kind, "fields", {}).items():
        yield f"{name}.{field}", definition.description
        for argument, of in getattr(definition, "args", {}).items():
            yield f"{name}.{field}({argument}:)", of.description
    for value, definition in getattr(kind, "values", {}).items():
        yield f"{name}.{value}", definition.description


def test_everything_has_a_description():
    ours = {name: kind for name, kind in schema._schema.type_map.items() if not name.startswith("__")}
    bare = [place for item in ours.items() for place, text in described(*item) if not (text and text.strip())]
    assert bare == []


def test_every_directive_has_a_description():
    places = [(directive.name, directive) for directive in schema._schema.directives]
    assert [name for name, directive in places if not directive.description] == []
