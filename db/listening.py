"""Hearing what committed transactions tell (see the migration of the notifications), on a connection of its own."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg

CHANNEL = "kartotek"
LOOKED_AFTER = 5.0
"""Seconds between two looks whether the connection still answers, and how long it may take to answer."""

LONGEST_WAIT = 5.0
"""Seconds that connecting may take."""

AGAIN = 0.2
"""Seconds until the next try."""

SETTINGS = {"application_name": "kartotek listening"}

log = logging.getLogger("kartotek")

TROUBLE = (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Listener:
    """Hands on each message that it hears, and goes on whatever happens to its connection."""

    def __init__(self, url: str, heard: Callable[[str], None], connected: Callable[[datetime | None], None]) -> None:
        """`connected` hears, each time that listening begins, since when nobody has; None where nobody was to."""
        self._url = url
        self._heard = heard
        self._connected = connected
        self._alive: datetime | None = None

    async def run(self) -> None:
        """Listen until cancelled."""
        late = datetime.now(UTC) + timedelta(seconds=LONGEST_WAIT)
        while True:
            try:
                connection = await asyncpg.connect(self._url, timeout=LONGEST_WAIT, server_settings=SETTINGS)
                try:
                    if self._alive is None and datetime.now(UTC) > late:
                        self._alive = late
                    await self._listen_on(connection)
                finally:
                    connection.terminate()
            except Exception as error:
                is_known = isinstance(error, TROUBLE)
                log.warning("cannot listen to the database, trying again: %s", error, exc_info=not is_known)
            await asyncio.sleep(AGAIN)

    async def _listen_on(self, connection: asyncpg.Connection) -> None:
        """Return, or raise one of `TROUBLE`, when the connection is lost."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, lambda *message: self._heard(message[-1]))
        self._connected(self._alive)
        while not lost.is_set():
            self._alive = datetime.now(UTC)
            with suppress(asyncio.TimeoutError):
                async with asyncio.timeout(LOOKED_AFTER):
                    await lost.wait()
            if not lost.is_set():
                await connection.fetchval("SELECT 1", timeout=LOOKED_AFTER)
