"""A register in trouble, over real connections: the right problem in time, and everything else goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from kartotek.settings import Settings
from resolvers.registry_gate import FAILURES
from tests.builders import an_organization
from tests.clients import a_token, client_on

TIMEOUT = 2.0
ASK = """query($text: String!) {
  registrySearch(text: $text, country: "FI") { hits { company { name } } problems { code path retryAfter } }
  customers { totalCount }
  registries { id }
}"""


def answering(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An HTTP answer as it goes over the wire."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode() + body


NOTHING_FOUND = answering("200 OK", b'{"totalResults": 0, "companies": []}', "Content-Type: application/json")


class Register:
    """Answers whatever is asked with the same bytes; with none, it breaks the connection, with None it hangs."""

    def __init__(self) -> None:
        self.calls = 0
        self.called = asyncio.Event()
        self.says: bytes | None = NOTHING_FOUND

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.calls += 1
        self.called.set()
        if self.says is None:
            await reader.read()  # until the caller gives up
        else:
            writer.write(self.says)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(register: Register) -> AsyncIterator[str]:
    server = await asyncio.start_server(register, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def register() -> Register:
    return Register()


@dataclass
class Desk:
    """A server whose Finnish register is ours, and an administrator who asks it."""

    client: httpx.AsyncClient
    headers: dict[str, str]

    async def ask(self, text: str = "kaisla") -> Any:
        asked = {"query": ASK, "variables": {"text": text}}
        return (await self.client.post("/graphql", json=asked, headers=self.headers)).json()["data"]


@pytest.fixture
async def desk(database_url: str, sessions, register):
    async with sessions.begin() as session:
        viewer = await an_organization(session)
    headers = await a_token(sessions, viewer)
    async with listening(register) as address:
        settings = Settings(
            database_url=database_url,
            registry_values={"FI_BASE_URL": address},
            registry_stand_ins=True,
            registry_timeout=TIMEOUT,
            metrics=True,
        )
        async for client in client_on(settings):
            yield Desk(client, headers)


@pytest.fixture
def ask(desk: Desk) -> Callable[..., Any]:
    return desk.ask


TROUBLES = {
    "hangs": (None, "REGISTRY_UNAVAILABLE"),
    "breaks off": (b"", "REGISTRY_UNAVAILABLE"),
    "breaks off in the middle": (answering("200 OK", b"{" * 50)[:-20], "REGISTRY_UNAVAILABLE"),
    "speaks no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "REGISTRY_UNAVAILABLE"),
    "answers a page": (answering("200 OK", b"<html>Huoltokatko</html>"), "REGISTRY_UNAVAILABLE"),
    "answers something else": (answering("200 OK", b'{"companies": {"a": 1}}'), None),
    "is down": (answering("503 Service Unavailable"), "REGISTRY_UNAVAILABLE"),
    "sends elsewhere": (answering("302 Found", b"", "Location: http://127.0.0.1:1/"), "REGISTRY_UNAVAILABLE"),
    "is asked too often": (answering("429 Too Many Requests"), "REGISTRY_RATE_LIMITED"),
    "wants a pause": (answering("429 Too Many Requests", b"", "Retry-After: 77"), "REGISTRY_RATE_LIMITED"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_whatever_a_register_does_there_is_an_answer_in_time(ask, register, trouble):
    register.says, code = TROUBLES[trouble]
    async with asyncio.timeout(TIMEOUT + 1):
        answer = await ask()
    assert answer["customers"] == {"totalCount": 0}
    assert answer["registries"]
    found = answer["registrySearch"]
    assert found["hits"] == []
    assert [(each["code"], each["path"]) for each in found["problems"]] == ([(code, ["text"])] if code else [])
    if trouble == "wants a pause":
        assert found["problems"][0]["retryAfter"] == 77


async def test_a_register_that_breaks_off_is_asked_again(ask, register):
    register.says = b""
    asked = asyncio.create_task(ask())
    await register.called.wait()
    register.called.clear()
    await register.called.wait()
    (problem,) = (await asked)["registrySearch"]["problems"]
    assert problem["code"] == "REGISTRY_UNAVAILABLE"


async def test_a_register_that_goes_on_failing_is_not_called_any_more_until_it_was_left_alone(ask, register):
    register.says = answering("500 Internal Server Error")
    for number in range(FAILURES):
        await ask(f"kaisla {number}")
    calls = register.calls
    register.says = NOTHING_FOUND
    (problem,) = (await ask("kaisla again"))["registrySearch"]["problems"]
    assert (problem["code"], register.calls) == ("REGISTRY_UNAVAILABLE", calls)


async def test_a_client_that_goes_away_takes_nobody_along(ask, register):
    register.says = None
    impatient = asyncio.create_task(ask())
    await register.called.wait()
    patient = asyncio.create_task(ask())
    register.says = NOTHING_FOUND
    impatient.cancel()
    assert (await patient)["registrySearch"]["problems"] == []


async def test_what_was_asked_of_a_register_is_counted(ask, desk, register):
    await ask()
    await ask()
    register.says = answering("429 Too Many Requests", b"", "Retry-After: 60")
    await ask("something else")
    await ask("something else again")
    figures = (await desk.client.get("/metrics")).text.splitlines()
    for ending in ("kept", "answered", "failed", "left_alone"):
        assert f'kartotek_registry_answers_total{{ending="{ending}",registry="fi-ytj"}} 1.0' in figures
    assert 'kartotek_registry_call_seconds_count{registry="fi-ytj"} 2.0' in figures


async def test_nothing_is_told_of_figures_where_that_is_not_set(client):
    assert (await client.get("/metrics")).status_code == 404
