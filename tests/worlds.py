"""Random worlds in a database, for tests that only read; and how to ask in them."""

import os
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from db.connection import Database, connected
from plugins.discovery import discover
from resolvers.ids import decode
from resolvers.registries import Registries
from resolvers.viewer import Viewer
from schema.api import schema
from schema.context import Context
from tests.asking import order_text
from tests.conftest import cloned
from tests.oracle import ROOT_PAGES
from tests.rows import World, a_world, insert

FIRST = int(os.environ.get("KARTOTEK_TEST_SEED", "1"))
WORLDS = [a_world(seed, size) for seed, size in enumerate((20, 20, 30, 12, 3, 20), start=FIRST)]


@asynccontextmanager
async def inhabited(server: str, template: str, worlds: Iterable[World] = WORLDS) -> AsyncIterator[Database]:
    """A database that has these worlds in it."""
    async for url in cloned(server, template):
        async with connected(url) as database:
            await insert(database.engine, *(rows for world in worlds for rows in (world.rows, world.foreign)))
            yield database


async def answered(
    database: Database, viewer: Viewer | None, document: str, variables: Mapping[str, Any] | None = None
) -> Any:
    """The whole answer, as a client gets it."""
    no_registers = Registries(database.sessions, lambda locale: discover(locale, entry_points=()))
    context = Context(database, viewer, no_registers)
    result = await schema.execute(document, variable_values=dict(variables or {}), context_value=context)
    answer: dict[str, Any] = {"data": orjson.loads(orjson.dumps(result.data))}
    return answer | ({"errors": [error.formatted for error in result.errors]} if result.errors else {})


async def told(database: Database, viewer: Viewer, document: str, variables: Mapping[str, Any] | None = None) -> Any:
    """The data, where nothing went wrong."""
    answer = await answered(database, viewer, document, variables)
    assert "errors" not in answer, (answer["errors"], document, variables)
    return answer["data"]


def key_in(text: str) -> uuid.UUID:
    found = decode(text)
    assert found is not None
    return found[1]


async def cursors_of(database: Database, viewer: Viewer, wanted: Iterable[tuple[str, Sequence[Any]]]) -> dict[Any, str]:
    """The cursors of all rows in these orders, by entity, order and key of the row."""
    fields = {entity: field for field, entity in ROOT_PAGES.items()}
    found: dict[Any, str] = {}
    for entity, order in wanted:
        if entity not in fields or any(key[:2] == (entity, repr(order)) for key in found):
            continue
        sorted_so = f", orderBy: {order_text(order)}" if order else ""
        document = f"{{ list: {fields[entity]}(first: 1000{sorted_so}) {{ edges {{ cursor node {{ id }} }} }} }}"
        for edge in (await told(database, viewer, document))["list"]["edges"]:
            found[entity, repr(order), key_in(edge["node"]["id"])] = edge["cursor"]
    return found


def differences(told: Any, expected: Any, path: str = "") -> Iterator[str]:
    """Where two answers differ, place by place."""
    if isinstance(told, dict) and isinstance(expected, dict) and told.keys() == expected.keys():
        for key in told:
            yield from differences(told[key], expected[key], f"{path}.{key}")
    elif isinstance(told, list) and isinstance(expected, list) and len(told) == len(expected):
        for place, pair in enumerate(zip(told, expected, strict=True)):
            yield from differences(*pair, f"{path}[{place}]")
    elif told != expected or type(told) is not type(expected):
        yield f"{path}: {told!r}, not {expected!r}"
