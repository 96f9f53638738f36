"""Kartotek in processes of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

KARTOTEK = Path(sys.executable).with_name("kartotek")


def environment(**settings: str) -> dict[str, str]:
    """That of this process, with these settings and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KARTOTEK_")} | settings


@contextmanager
def running(*words: object, url: str | None = None) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A server and the words of the line it printed when it was ready."""
    settings = {"KARTOTEK_DATABASE_URL": url} if url else {}
    command = [str(KARTOTEK), *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**settings)) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


@asynccontextmanager
async def serving(url: str, **settings: str) -> AsyncIterator[tuple[Process, str]]:
    """A server on a database, which a test may kill, and the address of its endpoint."""
    given = environment(KARTOTEK_DATABASE_URL=url, **settings)
    command = (str(KARTOTEK), "serve", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, env=given, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        word, address = (await process.stdout.readline()).decode().split()
        assert word == "ready"
        yield process, address
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
