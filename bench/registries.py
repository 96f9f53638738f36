"""Asking a national register that is slow, silent or broken: how soon there is an answer, and how often it is called.

The register is one of our own on loopback, which takes as long to answer as real ones do.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

from bench.stopwatch import Times, settle
from db.connection import Database
from plugins.discovery import discover
from resolvers.registries import Registries, RegistryOptions
from resolvers.viewer import Viewer
from schema.api import schema
from schema.context import Context

CUSTOMERS = 1000
ROUNDS = 50
LATENCY = 0.15
"""Seconds that the register takes to answer."""
TIMEOUT = 2.0
WORD = "nordsken frakt og la"
LETTERS_PER_SECOND = 10

KEPT, LEFT_ALONE, SILENT = "answer that is kept", "register left alone", "register that says nothing"
PROMISES = {KEPT: 5.0, LEFT_ALONE: 10.0, SILENT: TIMEOUT * 1000}
"""Milliseconds."""
MOST_CALLS = 8
"""Of twenty letters in two seconds."""

SEARCH = """query($text: String!) {
  registrySearch(text: $text, country: "FI", first: 20) {
    hasMore problems { code } hits { company { name businessId vatNumber status } customer { id name } }
  }
}"""


def _company(number: int) -> dict[str, object]:
    return {
        "businessId": {"value": f"29{number:05d}-7"},
        "names": [{"name": f"Nordsken {number} Oy", "type": "1", "registrationDate": "2018-01-08"}],
        "tradeRegisterStatus": "1",
    }


FOUND = orjson.dumps({"totalResults": 100, "companies": [_company(number) for number in range(100)]})


@dataclass
class Results:
    """What was measured."""

    times: dict[str, Times] = field(default_factory=dict)
    letters: int = len(WORD)
    calls: int = 0
    """How many of the searches of a growing word went out."""

    def promises_of(self, name: str) -> dict[str, bool]:
        """What is promised of a row, and whether it is kept."""
        return {f"< {PROMISES[name]:g} ms": self.times[name].median < PROMISES[name]}

    @property
    def promises(self) -> dict[str, bool]:
        """All that is promised, and whether it is kept."""
        kept = {f"{name} {what}": true for name in self.times for what, true in self.promises_of(name).items()}
        return kept | self.promise_of_typing

    @property
    def promise_of_typing(self) -> dict[str, bool]:
        """How few calls there are to be, and whether there are."""
        return {f"≤ {MOST_CALLS} calls": self.calls <= MOST_CALLS}


class Register:
    """Counts its calls; answers after a while or, while it is silent, never, or that it is broken."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_silent = self.is_broken = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call."""
        await reader.readuntil(b"\r\n\r\n")
        self.calls += 1
        if self.is_silent:
            await reader.read()
        else:
            await asyncio.sleep(LATENCY)
            status = b"500 Internal Server Error" if self.is_broken else b"200 OK"
            head = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(FOUND))
            writer.write(head + FOUND)
            await writer.drain()
        writer.close()


@dataclass(frozen=True)
class Desk:
    """Somebody who searches."""

    database: Database
    viewer: Viewer
    registries: Registries

    async def search(self, text: str) -> bytes:
        """The encoded answer."""
        context = Context(self.database, self.viewer, self.registries)
        result = await schema.execute(SEARCH, {"text": text}, context)
        assert not result.errors, result.errors
        return orjson.dumps({"data": result.data})


async def measure(database: Database, viewer: Viewer, rounds: int, on_round: Callable[[float], None]) -> Results:
    """All rows, the one that breaks the register last."""
    results = Results()
    register = Register()
    async with _desk(database, viewer, register) as desk:
        await desk.search("nordsken")
        settle()
        results.times[KEPT] = await _timed(desk, rounds)
        on_round(0.2)
        register.is_silent = True
        results.times[SILENT] = await _once(desk, "something that nobody answers")
        register.is_silent = False
        on_round(0.4)
        results.calls = await _typed(desk, register)
        on_round(0.6)
        register.is_broken = True
        await _until_left_alone(desk, register)
        results.times[LEFT_ALONE] = await _timed(desk, rounds, "something else")
        on_round(1)
    return results


@asynccontextmanager
async def _desk(database: Database, viewer: Viewer, register: Register) -> AsyncIterator[Desk]:
    async with await asyncio.start_server(register, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        options = RegistryOptions({"FI_BASE_URL": address}, may_be_local=True, timeout=TIMEOUT)
        registries = Registries(database.sessions, discover, options)
        try:
            yield Desk(database, viewer, registries)
        finally:
            await registries.aclose()


async def _until_left_alone(desk: Desk, register: Register) -> None:
    """Ask until the register is not called any more, as often as its gate lets calls through."""
    for number in range(100):
        before = register.calls
        found = orjson.loads(await desk.search(f"something broken {number}"))["data"]["registrySearch"]
        is_called, codes = register.calls > before, [problem["code"] for problem in found["problems"]]
        if not is_called and codes == ["REGISTRY_UNAVAILABLE"]:
            return
        await asyncio.sleep(0 if is_called else 1)
    raise AssertionError("a register that fails is called again and again")


async def _timed(desk: Desk, rounds: int, text: str = "nordsken") -> Times:
    times = Times()
    for _ in range(rounds):
        await times.add(lambda: desk.search(text))
    return times


async def _once(desk: Desk, text: str) -> Times:
    start = time.perf_counter()
    await desk.search(text)
    return Times(wall=[(time.perf_counter() - start) * 1000], cpu=[0.0])


async def _typed(desk: Desk, register: Register) -> int:
    """How often the register is called by somebody who types a word and whose front end asks at each letter."""
    before, searches = register.calls, []
    for length in range(1, len(WORD) + 1):
        searches.append(asyncio.create_task(desk.search(WORD[:length])))
        await asyncio.sleep(1 / LETTERS_PER_SECOND)
    await asyncio.gather(*searches)
    return register.calls - before
