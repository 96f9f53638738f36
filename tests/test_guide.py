"""The examples of the pages for front-end teams, each page in its order against an organisation of its own."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kartotek.settings import Settings
from resolvers.token import create_token
from tests.builders import an_organization
from tests.clients import client_on
from tests.finnish_register import finnish_register

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"guide.md": "fi", "reports.md": "en"}
"""The pages, with the locale of the organisation that each is about."""
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Example:
    """An operation of the page with its variables, or the address of a file; and the answer that the page shows."""

    document: str = ""
    address: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    answer: Any = None


def examples(page: str) -> list[Example]:
    found: list[Example] = []
    for language, kind, content in BLOCK.findall((DOCS / page).read_text()):
        if language == "graphql":
            found.append(Example(content))
        elif language == "http":
            found.append(Example(address=content.removeprefix("GET ").strip()))
        elif kind == "variables":
            found[-1].variables = json.loads(content)
        elif language in ("csv", "ndjson"):
            found[-1].answer = content
        elif language == "json":
            found[-1].answer = json.loads(content)
    return found


class Shortened:
    """Texts that the page shows with an ellipsis: each stands for the same text wherever it is written again."""

    def __init__(self) -> None:
        self._meant: dict[str, str] = {}

    def full(self, value: Any) -> Any:
        """The value with what the shortened texts stand for."""
        if isinstance(value, dict):
            return {key: self.full(below) for key, below in value.items()}
        if isinstance(value, list):
            return [self.full(below) for below in value]
        return self._meant.get(value, value) if isinstance(value, str) else value

    def read(self, shown: Any, told: Any) -> Any:
        """What the page shows, with the texts that are shortened there as they came back."""
        if isinstance(shown, dict) and isinstance(told, dict):
            return {key: self.read(below, told.get(key)) for key, below in shown.items()}
        if isinstance(shown, list) and isinstance(told, list) and len(shown) == len(told):
            return [self.read(*pair) for pair in zip(shown, told, strict=True)]
        if isinstance(shown, str) and "…" in shown and isinstance(told, str):
            begins = told.startswith(shown.partition("…")[0])
            return self._meant.setdefault(shown, told) if begins else shown
        return shown


@pytest.fixture
async def client(database_url):
    """A client of an application whose Finnish register has companies of ours."""
    with finnish_register() as base:
        settings = Settings(database_url=database_url, registry_values={"FI_BASE_URL": base}, registry_stand_ins=True)
        async for client in client_on(settings):
            yield client


@pytest.mark.parametrize(("page", "locale"), PAGES.items())
async def test_every_example_answers_as_the_page_shows(client, sessions, page, locale):
    async with sessions.begin() as session:
        viewer = await an_organization(session, admin_email="anna@acme.example", locale=locale)
        token = await create_token(session, viewer, {"name": "guide"})
    headers = {"Authorization": f"Bearer {token.secret}"}
    shortened = Shortened()
    for example in examples(page):
        if example.address:
            assert (await client.get(example.address, headers=headers)).text == example.answer
            continue
        asked = {"query": example.document, "variables": shortened.full(example.variables)}
        told = (await client.post("/graphql", json=asked, headers=headers)).json()
        assert told == shortened.read(example.answer, told), example.document
