"""Two ways to the same answer, run in turns, so that whatever else the machine does falls on both.

Each timed run comes right after an untimed one of its own, as on a server that is busy with such requests. Otherwise
the one that takes long would leave cold caches to the other, and not the other way round.
"""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson

from bench.queries import Query

FEWEST_ROUNDS = 10
WARM_UP = 10
"""Before each measurement; PostgreSQL settles on a plan for a prepared statement after five runs."""

Answer = Callable[[], Awaitable[bytes]]


class AnswersDiffer(Exception):
    """The two ways give different answers, so it is no use to time them."""

    def __init__(self) -> None:
        super().__init__("Ours and the yardstick give different answers, so it is no use to time them.")


@dataclass
class Times:
    """What each run took, in milliseconds: by the clock, and of our process's CPU."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """By the clock."""
        return statistics.median(self.wall)

    @property
    def p95(self) -> float:
        """What 95 of 100 runs kept to, by the clock."""
        return statistics.quantiles(self.wall, n=20, method="inclusive")[-1]

    @property
    def median_cpu(self) -> float:
        """CPU time of our process; the database has its own."""
        return statistics.median(self.cpu)

    async def add(self, answer: Answer) -> None:
        """Run it twice more and note the second time."""
        await answer()
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        await answer()
        self.cpu.append((time.process_time_ns() - cpu) / 1e6)
        self.wall.append((time.perf_counter_ns() - wall) / 1e6)


@dataclass(frozen=True)
class Comparison:
    """Times of both."""

    ours: Times
    yardstick: Times

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.yardstick.median / self.ours.median


def promises_of(query: Query, found: Comparison) -> dict[str, bool]:
    """What is promised of the query, and whether it is kept."""
    promise = query.promise
    if promise is None:
        return {}
    kept = {f"< {promise.milliseconds:g} ms": found.ours.median < promise.milliseconds}
    return kept if promise.times is None else kept | {f"≥ {promise.times:g} ×": found.ratio >= promise.times}


def settle() -> None:
    """Collect garbage as the server does: what lives as long as the process is not looked at again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def alternate(ours: Answer, yardstick: Answer, *, rounds: int, turns: int) -> Comparison:
    """Both in turns where the yardstick takes long: so many of ours for each of the other, which is not warmed up."""
    for _ in range(WARM_UP):
        await ours()
    settle()
    found = Comparison(Times(), Times())
    for _ in range(rounds):
        await found.yardstick.add(yardstick)
        for _ in range(turns):
            await found.ours.add(ours)
    return found


async def compare(
    ours: Answer, yardstick: Answer, *, seconds: float, rounds: int | None, on_round: Callable[[float], None]
) -> Comparison:
    """Both in turns, for so many rounds or else seconds; `on_round` hears which share of them is done."""
    if orjson.loads(await ours()) != orjson.loads(await yardstick()):
        raise AnswersDiffer
    for _ in range(WARM_UP):
        await ours()
        await yardstick()
    settle()
    found = Comparison(Times(), Times())
    start, share = time.perf_counter(), 0.0
    while share < 1:
        await found.ours.add(ours)
        await found.yardstick.add(yardstick)
        done = len(found.ours.wall)
        share = done / rounds if rounds else min((time.perf_counter() - start) / seconds, done / FEWEST_ROUNDS)
        on_round(share)
    return found
