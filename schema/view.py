"""GraphQL over HTTP: who asks, and JSON in and out."""

from collections.abc import Mapping
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.types import ExecutionResult

from db.connection import Database
from resolvers.viewer import Viewer, find_viewer_by_token
from schema.context import Context, NotAuthenticated

UNAUTHENTICATED = 401
CHALLENGE = {"WWW-Authenticate": "Bearer"}


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The token in an `Authorization: Bearer` header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def find_viewer(database: Database, connection: HTTPConnection) -> Viewer | None:
    """Whoever the connection's token stands for; None without a token, NotAuthenticated where it is not good."""
    token = bearer_token(connection.headers)
    if token is None:
        return None
    viewer = await find_viewer_by_token(database.reads, token)
    if viewer is None:
        raise NotAuthenticated
    return viewer


def refusal(error: Exception, status: int) -> Response:
    """An error of the whole request, in the shape of a GraphQL answer."""
    formatted = error.formatted if isinstance(error, NotAuthenticated) else {"message": str(error)}
    headers = CHALLENGE if status == UNAUTHENTICATED else None
    return Response(orjson.dumps({"errors": [formatted]}), status, headers, media_type="application/json")


class GraphQLView(GraphQL[Context, None]):
    """The endpoint; open to strangers for introspection and the explorer page only where that is set."""

    def __init__(self, *args: Any, open_to_strangers: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._open_to_strangers = open_to_strangers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or connection; whoever may not ask gets a 401, whatever cannot be read a 4xx, both as JSON."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            response = await self.run(Request(scope, receive))
        except NotAuthenticated as error:
            response = refusal(error, UNAUTHENTICATED)
        except HTTPException as error:
            response = refusal(ValueError(error.reason), error.status_code)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Who asks, looked up anew for each request."""
        database: Database = request.state.database
        viewer = await find_viewer(database, request)
        if viewer is None and not self._open_to_strangers:
            raise NotAuthenticated
        return Context(database, viewer, request.state.registries, request.headers.get("accept-language"))

    async def execute_single(self, *args: Any, **options: Any) -> ExecutionResult:
        """Run it; a stranger who asked for more than introspection gets the status of one."""
        result = await super().execute_single(*args, **options)
        if any(isinstance(error.original_error or error, NotAuthenticated) for error in result.errors or ()):
            options["sub_response"].status_code = UNAUTHENTICATED
            options["sub_response"].headers.update(CHALLENGE)
        return result

    def encode_json(self, data: object) -> str | bytes:
        """With orjson, which takes finished JSON as it is."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """With orjson: NaN and the like are refused."""
        return orjson.loads(data)
