"""The memory of a process, looked at again and again while something runs in it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

EVERY = 0.005
"""Seconds from one look to the next."""


@dataclass
class Memory:
    """How large the process was at first, and at most."""

    process: psutil.Process
    before: int = 0
    largest: int = 0

    def look(self) -> None:
        """Take note of how large it is now."""
        now = self.process.memory_info().rss
        self.before = self.before or now
        self.largest = max(self.largest, now)

    @property
    def megabytes(self) -> float:
        """How much larger than at first it has been."""
        return (self.largest - self.before) / 1e6


@contextmanager
def watched(process: psutil.Process) -> Iterator[Memory]:
    """Its memory from a thread of our own, so that a peak in between is not missed."""
    memory, done = Memory(process), threading.Event()
    memory.look()

    def look() -> None:
        while not done.wait(EVERY):
            memory.look()

    thread = threading.Thread(target=look, name="memory", daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()
        memory.look()
