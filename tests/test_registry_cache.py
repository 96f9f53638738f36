"""Answers of registries: kept for all servers, asked for once, and never kept longer than they are good."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from db.connection import connected
from db.models.base import now
from plugins.contract import Unavailable
from resolvers.registry_cache import CACHE, Asked, answer_to, forget, newer_answer_to


class Registry:
    """Counts how often it is asked."""

    def __init__(self, keep: float = 60, wait: float = 0.0) -> None:
        self.asked = 0
        self._keep = timedelta(seconds=keep)
        self._wait = wait

    async def __call__(self) -> Asked:
        self.asked += 1
        await asyncio.sleep(self._wait)
        return Asked({"turn": self.asked}, self._keep)


async def test_an_answer_is_kept_and_says_since_when(sessions):
    registry = Registry()
    started = now()
    first = await answer_to(sessions, "fi-ytj", "a", registry)
    second = await answer_to(sessions, "fi-ytj", "a", registry)
    assert (first.is_new, second.is_new, registry.asked) == (True, False, 1)
    assert first.answer == second.answer == {"turn": 1}
    assert started <= first.fetched_at == second.fetched_at <= now()


async def test_other_questions_and_registries_have_answers_of_their_own(sessions):
    registry = Registry()
    for registry_id, request in (("fi-ytj", "a"), ("fi-ytj", "b"), ("no-brreg", "a")):
        await answer_to(sessions, registry_id, request, registry)
    assert registry.asked == 3


async def test_of_many_on_two_servers_one_asks(sessions, database_url):
    registry = Registry(wait=0.2)
    async with connected(database_url) as other:
        each = [sessions, other.sessions] * 10
        answers = await asyncio.gather(*(answer_to(one, "fi-ytj", "a", registry) for one in each))
    assert registry.asked == 1
    assert {answer.answer["turn"] for answer in answers} == {1}
    assert sum(answer.is_new for answer in answers) == 1


async def test_what_is_no_longer_good_is_asked_anew(sessions):
    registry = Registry(keep=0)
    for turn in (1, 2, 3):
        assert (await answer_to(sessions, "fi-ytj", "a", registry)).answer == {"turn": turn}


@pytest.mark.parametrize("error", [Unavailable("down"), asyncio.CancelledError()])
async def test_a_failure_is_not_kept_and_holds_nobody_up(sessions, error):
    async def fail() -> Asked:
        raise error

    with pytest.raises(type(error)):
        await answer_to(sessions, "fi-ytj", "a", fail)
    assert (await answer_to(sessions, "fi-ytj", "a", Registry())).is_new


async def test_a_server_that_died_while_it_asked_holds_nobody_up_for_ever(sessions):
    async with sessions.begin() as session:
        long_ago = now() - timedelta(minutes=1)
        row = {"registry_id": "fi-ytj", "request": "a", "fetched_at": long_ago, "expires_at": long_ago}
        await session.execute(sa.insert(CACHE).values(row))
    assert (await answer_to(sessions, "fi-ytj", "a", Registry())).is_new


async def test_what_is_forgotten_is_gone(sessions):
    registry = Registry()
    await answer_to(sessions, "fi-ytj", "a", registry)
    await forget(sessions, "fi-ytj", "a")
    await answer_to(sessions, "fi-ytj", "a", registry)
    assert registry.asked == 2


@pytest.mark.parametrize("ask", [answer_to, partial(newer_answer_to, since=now())])
async def test_who_brings_an_answer_takes_away_what_is_good_for_nothing(sessions, ask):
    for request in ("old", "older", "good"):
        await answer_to(sessions, "fi-ytj", request, Registry())
    async with sessions.begin() as session:
        past = sa.update(CACHE).where(CACHE.c.request != "good").values(expires_at=now() - timedelta(hours=1))
        await session.execute(past)
    await ask(sessions, "fi-ytj", "new", Registry())
    async with sessions() as session:
        assert set(await session.scalars(sa.select(CACHE.c.request))) == {"good", "new"}
