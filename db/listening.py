"""Hearing what committed transactions tell (see the migration of the notifications), on a connection of its own."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import asyncpg

CHANNEL = "kartotek"
LOOKED_AFTER = 5.0
"""Seconds between two looks whether the connection still answers, and how long it may take to answer."""

LONGEST_WAIT = 5.0
"""Seconds that connecting may take."""

AGAIN = 0.2
"""Seconds until the next try."""

SETTINGS = {"application_name": "kartotek"}

log = logging.getLogger("kartotek")

TROUBLE = (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def listen(url: str, heard: Callable[[str], None], connected: Callable[[bool], None]) -> None:
    """Hand each message to `heard`, until cancelled.

    `connected` is called each time that listening begins, with True after a connection was lost: what was told
    meanwhile was not heard.
    """
    again = False
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=LONGEST_WAIT, server_settings=SETTINGS)
            try:
                await _listen_on(connection, heard, partial(connected, again))
            finally:
                again = True
                connection.terminate()
        except Exception as error:
            is_known = isinstance(error, TROUBLE)
            log.warning("cannot listen to the database, trying again: %s", error, exc_info=not is_known)
        await asyncio.sleep(AGAIN)


async def _listen_on(
    connection: asyncpg.Connection, heard: Callable[[str], None], connected: Callable[[], None]
) -> None:
    """Return, or raise one of `TROUBLE`, when the connection is lost."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    await connection.add_listener(CHANNEL, lambda *message: heard(message[-1]))
    connected()
    while not lost.is_set():
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(lost.wait(), LOOKED_AFTER)
            return
        await connection.fetchval("SELECT 1", timeout=LOOKED_AFTER)
