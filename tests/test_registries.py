"""What is put around every register: kept answers, one question for many, tries, and a register left alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import EntryPoint

import httpx
import pytest

from db.connection import connected
from plugins.contract import Gone, NeedsKey, NotFound, RateLimited, RegistryError, RejectedInput, Unavailable
from plugins.discovery import discover
from resolvers.registries import Ending, Fetched, Registries, RegistryOptions
from resolvers.registry_gate import FAILURES
from resolvers.type_ahead import PAUSE, Overtaken
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


def opened(sessions, ytj, heard: Callable[[str, Ending, float], None] | None = None, **options) -> Registries:
    return Registries(
        sessions,
        lambda locale: discover(locale, entry_points=FINLAND),
        RegistryOptions(**options),
        **({"noted": heard} if heard else {}),
        transport=httpx.MockTransport(ytj),
    )


async def looked_up(here, number="2900100-7"):
    registry = here.discovered("fi-FI").by_country["FI"]
    return await here.lookup(registry, "FI", number, "fi-FI")


async def searched(here, name="nordsken", **options):
    registry = here.discovered("fi-FI").by_country["FI"]
    return await here.search(registry, "FI", name, "fi-FI", **options)


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


async def test_what_a_stand_in_said_is_not_told_as_the_registers_own(here, sessions, ytj):
    there = opened(sessions, ytj, values={"FI_BASE_URL": "http://127.0.0.1:9/ytj"}, may_be_local=True)
    for each in (there, here, there, here):
        assert (await looked_up(each)).value.name == "Nordsken Oy"
    await there.aclose()
    assert ytj.calls == 2


async def test_whoever_waits_for_another_ones_question_has_an_answer_in_time_too(sessions, ytj):
    async def hang(request):
        await asyncio.sleep(60)

    ytj.says = hang
    here = opened(sessions, ytj, timeout=1.0)
    async with asyncio.timeout(1.5):
        answers = await asyncio.gather(*(searched(here) for _ in range(5)), return_exceptions=True)
    await here.aclose()
    assert {type(answer) for answer in answers} == {Unavailable}


async def test_of_a_word_that_is_typed_few_letters_go_out_and_its_end_does(here, ytj):
    start, word, typed = time.monotonic(), "nordskenfraktvarasto", []
    for length in range(1, len(word) + 1):
        typed.append(asyncio.create_task(searched(here, word[:length], typist="somebody")))
        await asyncio.sleep(0.02)
    answers = await asyncio.gather(*typed, return_exceptions=True)
    given_up = [answer for answer in answers if isinstance(answer, Overtaken)]
    assert ytj.calls <= 2 + (time.monotonic() - start) / PAUSE
    assert ytj.calls + len(given_up) == len(word)
    assert isinstance(answers[-1], Fetched)


async def test_a_search_that_was_given_up_can_be_asked_again(here):
    typed = [asyncio.create_task(searched(here, text, typist="somebody")) for text in ("n", "no", "nor")]
    await asyncio.gather(*typed, return_exceptions=True)
    for text in ("n", "no", "nor"):
        assert isinstance(await searched(here, text, typist="somebody"), Fetched)


async def test_each_question_is_heard_of_with_its_end(sessions, ytj):
    heard = []
    here = opened(sessions, ytj, heard=lambda *told: heard.append(told))
    await looked_up(here)
    await looked_up(here)
    ytj.status(503)
    for number in range(FAILURES + 1):
        with pytest.raises(Unavailable):
            await searched(here, f"name {number}")
    await here.aclose()
    ends = [ending for _, ending, _ in heard]
    assert ends == [Ending.ANSWERED, Ending.KEPT, *[Ending.FAILED] * FAILURES, Ending.LEFT_ALONE]
    assert {registry_id for registry_id, _, _ in heard} == {"fi-ytj"}
    assert all(seconds >= 0 for _, _, seconds in heard)
