"""The server process: uvicorn, tuned, and one line when it answers."""

import gc
import os
import socket
from collections.abc import Callable

import uvicorn

from kartotek.app import create_app
from kartotek.settings import Settings

LAST_WORDS = 5
"""Seconds that requests may take when the server stops; streams of events would go on for ever."""


class Announcing(uvicorn.Server):
    """Says where it listens as soon as it does."""

    def __init__(self, config: uvicorn.Config, announcement: Callable[[str], str]) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            # What lives as long as the process is not worth looking at again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            print(self._announcement(self._address()), flush=True)

    def _address(self) -> str:
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/graphql"


def serve(settings: Settings, host: str, port: int, announcement: Callable[[str], str]) -> bool:
    """Serve until told to stop; False where it could not even start."""
    # Arrow's other pools keep what they have had: some 30 MB after the first Parquet file.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    config = uvicorn.Config(
        create_app(settings),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=LAST_WORDS,
    )
    server = Announcing(config, announcement)
    try:
        server.run()
    except SystemExit:
        if server.started:
            raise  # stopped by a signal
        return False  # how uvicorn says that it cannot listen
    return server.started
