"""Stands between a driver and PostgreSQL: reads along, and can keep an answer to itself."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

EXECUTE, SIMPLE_QUERY, PARSE = b"E", b"Q", b"P"
SOCKET = ".s.PGSQL.5432"


@dataclass
class Line:
    """One connection."""

    texts: list[str] = field(default_factory=list)
    is_cut: bool = False
    """Whether answers no longer go through."""


@dataclass
class Wire:
    """Whatever runs a statement, it comes by here."""

    server: str
    """The socket of PostgreSQL."""
    folder: str
    count: int = 0
    texts: list[str] = field(default_factory=list)
    cut_after: str | None = None
    """The answer to the COMMIT of a transaction with such a statement in it does not go through."""

    def url(self, database_url: str) -> str:
        """The database, by this way."""
        by_way = sa.make_url(database_url).set(query={"host": self.folder, "port": "5432"})
        return by_way.render_as_string(hide_password=False)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways."""
        line = Line()
        from_server, to_server = await asyncio.open_unix_connection(self.server)
        back = asyncio.create_task(self._answers(line, from_server, writer))
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            # Only the first message has no letter in front.
            size = await reader.readexactly(4)
            to_server.write(size + await reader.readexactly(int.from_bytes(size) - 4))
            while True:
                kind, size = await reader.readexactly(1), await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(size) - 4)
                self._note(line, kind, body)
                to_server.write(kind + size + body)
        to_server.close()
        await back

    async def _answers(self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while answer := await reader.read(1 << 16):
                if not line.is_cut:
                    writer.write(answer)
        writer.close()

    def _note(self, line: Line, kind: bytes, body: bytes) -> None:
        self.count += kind in (EXECUTE, SIMPLE_QUERY)
        if kind not in (PARSE, SIMPLE_QUERY):
            return
        text = body.decode()
        self.texts.append(text)
        if "COMMIT" in text and self.cut_after and any(self.cut_after in earlier for earlier in line.texts):
            line.is_cut = True
        line.texts.append(text)

    @contextmanager
    def counted(self, expected: int) -> Iterator[None]:
        """So many statements come by."""
        self.count = 0
        self.texts.clear()
        yield
        assert self.count == expected, self.texts


@asynccontextmanager
async def wired(server: str, cut_after: str | None = None) -> AsyncIterator[Wire]:
    """A way to the server, as long as it is needed."""
    url = sa.make_url(server)
    with tempfile.TemporaryDirectory(prefix="kartotek-test-") as folder:
        wire = Wire(f"{url.query['host']}/.s.PGSQL.{url.query['port']}", folder, cut_after=cut_after)
        async with await asyncio.start_unix_server(wire.carry, Path(folder) / SOCKET):
            yield wire
