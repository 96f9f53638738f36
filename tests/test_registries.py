"""What is put around every register: kept answers, one question for many, tries, and a register left alone."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import EntryPoint

import httpx
import pytest

from db.connection import connected
from plugins.contract import Gone, NeedsKey, NotFound, RateLimited, RegistryError, RejectedInput, Unavailable
from plugins.discovery import discover
from resolvers.registries import Registries, RegistryOptions
from resolvers.registry_gate import FAILURES
from tests.recorded import recorded

FINLAND = [EntryPoint("fi", "plugins.finland", "kartotek.registries")]


class Ytj:
    """Stands in for the register and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.says: Callable[[httpx.Request], Awaitable[httpx.Response]] = self.companies

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return await self.says(request)

    async def companies(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if params.get("businessId") == "2900100-7" or params.get("name") == "nordsken":
            return recorded("fi", "one" if "businessId" in params else "several")
        return recorded("fi", "none")

    def status(self, status: int, **headers: str) -> None:
        async def say(request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, headers=headers)

        self.says = say


@pytest.fixture
def ytj() -> Ytj:
    return Ytj()


@pytest.fixture
async def here(sessions, ytj):
    """The registers as one server reaches them."""
    found = opened(sessions, ytj)
    yield found
    await found.aclose()


def opened(sessions, ytj, **options) -> Registries:
    fast = RegistryOptions(**options)
    return Registries(
        sessions, lambda locale: discover(locale, entry_points=FINLAND), fast, transport=httpx.MockTransport(ytj)
    )


async def looked_up(here, number="2900100-7"):
    registry = here.discovered("fi-FI").by_country["FI"]
    return await here.lookup(registry, "FI", number, "fi-FI")


async def searched(here, name="nordsken"):
    registry = here.discovered("fi-FI").by_country["FI"]
    return await here.search(registry, "FI", name, "fi-FI")


async def test_a_company_is_fetched_once_and_kept(here, ytj):
    first, second = await looked_up(here), await looked_up(here)
    assert first == second
    assert first.value.name == "Nordsken Oy"
    assert ytj.calls == 1


async def test_a_search_is_kept_whatever_its_case_and_blanks(here, ytj):
    first, second = await searched(here), await searched(here, "  NORDSKEN ")
    assert [hit.business_id for hit in first.value.hits] == [hit.business_id for hit in second.value.hits]
    assert ytj.calls == 1


async def test_what_is_not_there_is_kept_too(here, ytj):
    for _ in range(2):
        with pytest.raises(NotFound):
            await looked_up(here, "2900101-5")
    assert ytj.calls == 1


async def test_of_many_on_two_servers_one_asks(here, ytj, database_url):
    async with connected(database_url) as database:
        there = opened(database.sessions, ytj)
        answers = await asyncio.gather(*(searched(each) for each in [here, there] * 10))
        await there.aclose()
    assert ytj.calls == 1
    assert len({answer.fetched_at for answer in answers}) == 1


@pytest.mark.parametrize(
    ("status", "outcome", "calls"),
    [(410, Gone, 1), (400, RejectedInput, 1), (401, NeedsKey, 1), (429, RateLimited, 1), (503, Unavailable, 3)],
)
async def test_only_what_may_pass_is_tried_again(here, ytj, status, outcome, calls):
    ytj.status(status)
    with pytest.raises(outcome):
        await looked_up(here)
    assert ytj.calls == calls


async def test_a_register_that_works_again_at_the_second_try_has_answered(here, ytj):
    async def once(request):
        ytj.says = ytj.companies
        return httpx.Response(502)

    ytj.says = once
    assert (await looked_up(here)).value.name == "Nordsken Oy"
    assert ytj.calls == 2


async def test_a_register_that_is_down_is_left_alone_until_it_works_again(here, ytj):
    ytj.status(500)
    for number in range(FAILURES):
        with pytest.raises(RegistryError):
            await searched(here, f"name {number}")
    calls = ytj.calls
    with pytest.raises(Unavailable):
        await searched(here, "another")
    assert ytj.calls == calls


async def test_what_is_kept_is_answered_while_the_register_is_left_alone(here, ytj):
    await looked_up(here)
    ytj.status(429, **{"Retry-After": "60"})
    with pytest.raises(RateLimited) as limited:
        await searched(here)
    assert limited.value.retry_after == 60
    with pytest.raises(Unavailable):
        await searched(here, "another")
    assert (await looked_up(here)).value.name == "Nordsken Oy"


async def test_a_failure_is_not_kept(here, ytj):
    ytj.status(503)
    with pytest.raises(Unavailable):
        await looked_up(here)
    ytj.says = ytj.companies
    assert (await looked_up(here)).value.name == "Nordsken Oy"
