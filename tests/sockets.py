"""A client of subscriptions over a WebSocket, by the protocol graphql-transport-ws."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.waiting import PATIENCE

PROTOCOL = Subprotocol("graphql-transport-ws")


class Ended(Exception):
    """The server has ended a subscription; the errors it has told of."""


@dataclass
class Subscribed:
    """One subscription on a connection of its own."""

    connection: ClientConnection

    async def next(self) -> Any:
        """The data of the next event; `Ended` where there is none any more."""
        while True:
            try:
                message = json.loads(await asyncio.wait_for(self.connection.recv(), PATIENCE))
            except ConnectionClosed as closed:
                raise Ended(closed.rcvd.code if closed.rcvd else None) from None
            match message["type"]:
                case "next" if "errors" in message["payload"]:
                    raise Ended(message["payload"]["errors"])
                case "next":
                    return message["payload"]["data"]
                case "error":
                    raise Ended(message["payload"])
                case "complete":
                    raise Ended(None)

    async def silence(self, seconds: float = 1.0) -> bool:
        """Whether nothing comes for so long."""
        try:
            await asyncio.wait_for(self.connection.recv(), seconds)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def subscribed(
    address: str,
    headers: Mapping[str, str] | None,
    query: str,
    languages: str | None = None,
    by: str = "query",
    **variables: Any,
) -> AsyncIterator[Subscribed]:
    """A subscription at the address of an endpoint; the token goes with the first message, as from a browser.

    The query is a document or, `by` the name `documentId`, what one is saved under.
    """
    url, more = address.replace("http", "ws", 1), {"Accept-Language": languages} if languages else {}
    async with connect(url, subprotocols=[PROTOCOL], additional_headers=more) as connection:
        await connection.send(json.dumps({"type": "connection_init", "payload": dict(headers or {})}))
        try:
            acknowledged = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE))
        except ConnectionClosed as closed:
            raise Ended(closed.rcvd.code if closed.rcvd else None) from None
        assert acknowledged["type"] == "connection_ack"
        asked = {by: query, "variables": variables}
        await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
        yield Subscribed(connection)
