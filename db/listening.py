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
"""Seconds between two tries to connect, at most."""

log = logging.getLogger("kartotek")

TROUBLE = (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def listen(url: str, heard: Callable[[str], None], connected: Callable[[bool], None]) -> None:
    """Hand each message to `heard`, until cancelled.

    `connected` is called each time that listening begins, with True after a connection was lost: what was told
    meanwhile was not heard.
    """
    again = False
    wait = 0.1
    while True:
        try:
            connection = await asyncpg.connect(
                url, timeout=LONGEST_WAIT, server_settings={"application_name": "kartotek"}
            )
        except TROUBLE as error:
            log.warning("cannot listen to the database, trying again: %s", error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
            continue
        wait = 0.1
        try:
            await _listen_on(connection, heard, partial(connected, again))
        except TROUBLE as error:
            log.warning("lost the connection that listens to the database: %s", error)
        finally:
            connection.terminate()
            again = True


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
