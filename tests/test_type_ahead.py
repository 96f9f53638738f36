"""A text that is typed goes out now and then, and at its end; nothing else waits."""

import asyncio
from collections.abc import Sequence

import pytest

from resolvers.type_ahead import Overtaken, TypeAhead

PAUSE = 0.2
TICK = 0.001
"""Seconds that a timer of the event loop, which counts in milliseconds, may be early."""


class Typing:
    """Lets people type, and keeps what goes out."""

    def __init__(self) -> None:
        self.went_out: list[str] = []
        self._ahead = TypeAhead()

    async def wait(self, text: str, typist: str = "somebody") -> None:
        await self._ahead.wait(typist, text, PAUSE)
        self.went_out.append(text)

    async def all(self, *texts: str | tuple[str, str]) -> Sequence[BaseException | None]:
        """What comes of searches at once, in this order."""
        asked = [(text, "somebody") if isinstance(text, str) else text for text in texts]
        return await asyncio.gather(*(self.wait(text, typist) for text, typist in asked), return_exceptions=True)


@pytest.fixture
def typing() -> Typing:
    return Typing()


async def test_the_first_goes_out_at_once_and_of_the_others_the_last(typing):
    first, *overtaken, last = await typing.all("n", "no", "nor", "nord", "nords")
    assert (first, last) == (None, None)
    assert [type(each) for each in overtaken] == [Overtaken] * 3
    assert typing.went_out == ["n", "nords"]


async def test_who_is_overtaken_may_ask_again(typing):
    _, overtaken, _ = await typing.all("n", "no", "nor")
    assert isinstance(overtaken, Overtaken)
    assert overtaken.retry_after
    await typing.wait("no")
    assert typing.went_out == ["n", "nor", "no"]


@pytest.mark.parametrize(
    "texts",
    [
        ("nordsken", "kala"),
        ("kone", "konecranes"),  # names from a list
        ("nord", "nor"),  # going back
        (("nor", "somebody"), ("nord", "somebody else")),
    ],
)
async def test_what_is_no_text_that_grows_waits_for_nothing(typing, texts):
    async with asyncio.timeout(PAUSE / 2):
        answers = await typing.all(*texts)
    assert answers == [None, None]


async def test_a_text_that_grows_slowly_goes_out_with_each_letter(typing):
    for text in ("n", "no", "nor"):
        await typing.wait(text)
        await asyncio.sleep(PAUSE)
    assert typing.went_out == ["n", "no", "nor"]


async def test_calls_for_a_text_keep_their_distance(typing):
    loop = asyncio.get_running_loop()
    start = loop.time()
    for text in ("n", "no", "nor", "nord"):
        await typing.wait(text)
    assert loop.time() - start >= 3 * (PAUSE - TICK)


async def test_who_gives_up_takes_nobody_along(typing):
    await typing.wait("n")
    shorter, longer = (asyncio.create_task(typing.wait(text)) for text in ("no", "nor"))
    await asyncio.sleep(0)
    shorter.cancel()
    await longer
    assert typing.went_out == ["n", "nor"]
