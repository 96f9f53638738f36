"""The gate in front of a registry: one for all servers, closed where the registry fails, and never left ajar."""

import asyncio
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from db.connection import connected
from plugins.contract import RateLimited, RegistryInfo, Unavailable
from resolvers import registry_gate
from resolvers.registry_gate import BURST, FAILURES, GATES, SLOTS, Gate

REGISTRY = RegistryInfo(
    id="xx-test",
    name="Test",
    countries=("XX",),
    base_url="https://registry.example",
    calls_per_second=1000,
    calls_at_once=2,
)


@pytest.fixture
def gate(sessions) -> Gate:
    return Gate(sessions, REGISTRY)


@pytest.fixture
async def others(database_url):
    """The same gate on another server."""
    async with connected(database_url) as database:
        yield Gate(database.sessions, REGISTRY)


async def test_never_more_than_so_many_are_under_way_on_all_servers_together(gate, others):
    under_way = most = done = 0

    async def call(gate):
        nonlocal under_way, most, done
        async with gate.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1
            done += 1

    await asyncio.gather(*(call(each) for each in [gate, others] * 10))
    assert (most, done) == (2, 20)


async def test_calls_keep_their_distance_on_all_servers_together(gate, others):
    slow = [replace(each, registry=replace(REGISTRY, calls_per_second=20, calls_at_once=9)) for each in (gate, others)]
    begun: list[float] = []

    async def call(gate):
        async with gate.turn():
            begun.append(time.monotonic())

    await asyncio.gather(*(call(each) for each in slow * 4))
    assert max(begun) - min(begun) >= 0.5 * (len(begun) - BURST) / 20


async def test_who_would_wait_too_long_is_told_when_to_ask_again(gate):
    rare = replace(gate, registry=replace(REGISTRY, calls_per_second=0.1))
    for _ in range(BURST):
        async with rare.turn():
            pass
    with pytest.raises(RateLimited) as refused:
        async with rare.turn():
            raise AssertionError
    assert refused.value.retry_after


async def test_a_call_that_fails_or_is_given_up_frees_its_slot(gate):
    async def call():
        async with gate.turn():
            await asyncio.sleep(3600)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with gate.turn():
                raise ZeroDivisionError
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call(), 0.2)
    async with gate.turn():
        pass


async def test_the_slot_of_a_server_that_died_is_free_again_in_the_end(gate, session):
    async with gate.turn():
        pass
    long_ago = sa.func.now() - registry_gate.LONGEST_CALL
    await session.execute(sa.update(SLOTS).values(taken_until=long_ago))
    await session.commit()
    async with gate.turn():
        pass


async def opened(gate):
    async with gate.turn():
        pass


async def test_a_registry_that_fails_again_and_again_is_left_alone_by_all(gate, others):
    await opened(gate)
    for _ in range(FAILURES - 1):
        await gate.note_failure()
        await others.check()
    await gate.note_failure()
    for each in (gate, others):
        with pytest.raises(Unavailable):
            await each.check()


async def test_failures_with_a_success_between_them_close_nothing(gate):
    await opened(gate)
    for _ in range(3 * FAILURES):
        await gate.note_failure()
        await gate.note_success()
    await gate.check()


async def test_one_call_is_let_through_to_see_whether_it_works_again(gate, others, session):
    await opened(gate)
    for _ in range(FAILURES):
        await gate.note_failure()
    await session.execute(sa.update(GATES).values(closed_until=sa.func.now()))
    await session.commit()
    outcomes = await asyncio.gather(*(each.check() for each in (gate, others) * 5), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + 9 * ["Unavailable"]
    await gate.note_success()
    await asyncio.gather(*(each.check() for each in (gate, others) * 5))


async def test_a_registry_that_wants_to_be_left_alone_is(gate):
    await opened(gate)
    await gate.note_failure(retry_after=60)
    with pytest.raises(Unavailable):
        await gate.check()
