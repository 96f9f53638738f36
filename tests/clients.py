"""Clients of the web application, and what they show to be let in."""

from collections.abc import AsyncIterator

import httpx
from asgi_lifespan import LifespanManager

from db.connection import Sessions
from kartotek.app import create_app
from kartotek.settings import Settings
from resolvers.token import create_token
from resolvers.viewer import Viewer


async def client_on(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application of its own, in this process."""
    async with LifespanManager(create_app(settings)) as manager:
        transport = httpx.ASGITransport(app=manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://kartotek") as client:
            yield client


async def a_token(sessions: Sessions, viewer: Viewer, **values: object) -> dict[str, str]:
    """The headers of somebody with a token of the viewer's."""
    async with sessions.begin() as session:
        made = await create_token(session, viewer, {"name": "test", **values})
    return {"Authorization": f"Bearer {made.secret}"}
