"""Clients of the web application, and what they show to be let in."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
from asgi_lifespan import LifespanManager

from db.connection import Sessions
from kartotek.app import create_app
from kartotek.settings import Settings
from resolvers.token import create_token
from resolvers.viewer import Viewer
from schema.api import schema
from schema.context import Context


async def client_on(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application of its own, in this process."""
    async with LifespanManager(create_app(settings)) as manager:
        transport = httpx.ASGITransport(app=manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://kartotek") as client:
            yield client


async def data_of(context: Context, document: str, **variables: Any) -> Any:
    """The data that an operation answers, as JSON has them; nothing may have gone wrong."""
    result = await schema.execute(document, variable_values=variables, context_value=context)
    assert not result.errors, result.errors
    return orjson.loads(orjson.dumps(result.data))


async def a_token(sessions: Sessions, viewer: Viewer, **values: object) -> dict[str, str]:
    """The headers of somebody with a token of the viewer's."""
    async with sessions.begin() as session:
        made = await create_token(session, viewer, {"name": "test", **values})
    return {"Authorization": f"Bearer {made.secret}"}
