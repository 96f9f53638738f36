"""The whole way of a request: HTTP over loopback to a server process of its own, bearer token and all."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.queries import Query

CLIENTS = 8


@dataclass(frozen=True)
class Server:
    """A server process and where it listens."""

    process: psutil.Process
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}{self.path}"


@dataclass(frozen=True)
class Traffic:
    """How requests fare: one after the other (milliseconds), and as many as go through with several clients."""

    median: float
    p95: float
    per_second: float
    cpu: float
    """Milliseconds of the server process for each request."""


@contextmanager
def serving(database_url: str) -> Iterator[Server]:
    """`kartotek serve` on a port of its own."""
    command = [str(Path(sys.executable).with_name("kartotek")), "serve", "--port", "0"]
    environment = {**os.environ, "KARTOTEK_DATABASE_URL": database_url}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = urlsplit(process.stdout.readline().removeprefix("ready ").strip())
            yield Server(psutil.Process(process.pid), url.hostname or "", url.port or 0, url.path)
        finally:
            process.terminate()


def _request(server: Server, token: str, query: Query) -> bytes:
    body = json.dumps({"query": query.document, "variables": dict(query.variables)}).encode()
    lines = (
        f"POST {server.path} HTTP/1.1",
        f"Host: {server.host}:{server.port}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


class _Client:
    """One connection that stays open. Any HTTP library would take longer than the server it is to measure."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, server: Server) -> "_Client":
        return cls(*await asyncio.open_connection(server.host, server.port, limit=2**20))

    async def send(self, request: bytes) -> bytes:
        self._writer.write(request)
        status, *headers = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in headers if line.startswith(b"content-length:"))
        body = await self._reader.readexactly(length)
        if b" 200 " not in status:
            raise RuntimeError(body.decode(errors="replace"))
        return body

    async def send_until(self, end: float, request: bytes) -> list[float]:
        """Requests one after the other until then; how long each took."""
        taken = []
        while (start := time.perf_counter()) < end:
            await self.send(request)
            taken.append((time.perf_counter() - start) * 1000)
        return taken


async def measure(server: Server, token: str, query: Query, seconds: float) -> Traffic:
    """One client for half of the time, then several at once."""
    request = _request(server, token, query)
    clients = [await _Client.to(server) for _ in range(CLIENTS)]
    # Each of the server's connections to its database warms up by itself.
    await asyncio.gather(*(client.send_until(time.perf_counter() + 0.5, request) for client in clients))
    alone = await clients[0].send_until(time.perf_counter() + seconds / 2, request)
    before, start = server.process.cpu_times(), time.perf_counter()
    together = await asyncio.gather(*(client.send_until(start + seconds / 2, request) for client in clients))
    spent, after = time.perf_counter() - start, server.process.cpu_times()
    requests = sum(map(len, together))
    cpu = (after.user + after.system - before.user - before.system) * 1000
    p95 = statistics.quantiles(alone, n=20, method="inclusive")[-1]
    return Traffic(statistics.median(alone), p95, requests / spent, cpu / requests)
