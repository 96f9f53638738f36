"""GraphQL over HTTP: who asks, and JSON in and out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLRequestData
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage
from strawberry.types import ExecutionResult
from strawberry.types.unset import UnsetType

from db.connection import Database
from resolvers.report import find_report
from resolvers.viewer import Viewer, find_viewer_by_token
from schema.context import Context, NotAuthenticated

UNAUTHENTICATED = 401
FORBIDDEN = 4403
"""Status of a WebSocket that is closed since nobody knows who asks."""

CHALLENGE = {"WWW-Authenticate": "Bearer"}


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The token in an `Authorization: Bearer` header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def find_viewer(database: Database, connection: HTTPConnection) -> Viewer | None:
    """Whoever the connection's token stands for; None without a token, NotAuthenticated where it is not good."""
    return await viewer_of(database, bearer_token(connection.headers))


async def viewer_of(database: Database, token: str | None) -> Viewer | None:
    """Whoever this token stands for; None without one, NotAuthenticated where it is not good."""
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


REPORT = "report:"


async def saved_document(context: Context, document_id: object, query: str | None = None) -> str:
    """The document of `report:` and a report's name; HTTPException where it stands for none."""
    if query is not None:
        raise HTTPException(400, "Give either query or documentId, not both.")
    if not isinstance(document_id, str) or not document_id.startswith(REPORT):
        raise HTTPException(400, "documentId is to be `report:` and the name of a report.")
    name = document_id.removeprefix(REPORT)
    report = await find_report(context.database, context.viewer, name)
    if report is None:
        raise HTTPException(404, f"There is no report {name} that you may see.")
    return report.document


@dataclass
class Saved(GraphQLRequestData):
    """A request that names a document in place of sending one."""

    document_id: object = None


class SocketAdapter(ASGIWebSocketAdapter):
    """A WebSocket whose messages are text, as the protocol has it."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Encoded with orjson, which takes finished JSON as it is."""
        try:
            await self.ws.send_text(orjson.dumps(message).decode())
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """Looks up anew who asks, for each operation on the same connection."""

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation; whose token is no good any more is told to go."""
        if self.connection_acknowledged:
            try:
                viewer = await viewer_of(self.context.database, self.context.token)
            except NotAuthenticated:
                await self.websocket.close(code=FORBIDDEN, reason="Forbidden")
                return
            # Each operation has its own, since the viewer of one that stays open changes with its events.
            self.context = replace(self.context, known_viewer=viewer)
            payload: Any = message["payload"]
            if "documentId" in payload and not await self._find_document(message["id"], payload):
                return
        await super().handle_subscribe(message)

    async def _find_document(self, id_: str, payload: dict[str, Any]) -> bool:
        """Put the saved document in the place of its id; where that cannot be, tell the client."""
        try:
            payload["query"] = await saved_document(self.context, payload["documentId"], payload.get("query"))
        except (HTTPException, NotAuthenticated) as error:
            told = error.formatted if isinstance(error, NotAuthenticated) else {"message": error.reason}
            await self.send_message({"id": id_, "type": "error", "payload": [told]})
            return False
        return True


class GraphQLView(GraphQL[Context, None]):
    """The endpoint; open to strangers for introspection and the explorer page only where that is set."""

    websocket_adapter_class = SocketAdapter
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: BaseSchema, *, open_to_strangers: bool, explorer: Callable[[], Response | None]) -> None:
        super().__init__(schema, subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL))
        self._open_to_strangers = open_to_strangers
        self._explorer = explorer

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
        """Who asks, looked up anew for each request; on a WebSocket once the client has begun."""
        state, headers = request.state, request.headers
        context = Context(
            state.database,
            None,
            state.registries,
            headers.get("accept-language"),
            token=bearer_token(headers),
            known_live=state.live,
        )
        if not isinstance(request, WebSocket):
            await self._let_in(context)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Take the token that a browser cannot send as a header from `connectionParams`, by the header's name."""
        given = {name.lower(): value for name, value in (context.connection_params or {}).items()}
        if isinstance(value := given.get("authorization"), str):
            context.token = bearer_token({"authorization": value})
        try:
            await self._let_in(context)
        except NotAuthenticated:
            raise ConnectionRejectionError from None
        return await super().on_ws_connect(context)

    async def _let_in(self, context: Context) -> None:
        context.known_viewer = await viewer_of(context.database, context.token)
        if context.known_viewer is None and not self._open_to_strangers:
            raise NotAuthenticated

    def should_render_graphql_ide(self, request: Any) -> bool:
        """Not for a saved document."""
        return request.query_params.get("documentId") is None and super().should_render_graphql_ide(request)

    async def render_graphql_ide(self, request: Request) -> Response:
        """The explorer; where there is none, Strawberry's page."""
        return self._explorer() or await super().render_graphql_ide(request)

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData | list[GraphQLRequestData]:
        """What is to be run, `documentId` included."""
        data = await super().parse_http_body(request)
        document_id = await self._document_id(request)
        if isinstance(data, list) or document_id is None:
            return data
        return Saved(**vars(data), document_id=document_id)

    async def _document_id(self, request: AsyncHTTPRequestAdapter) -> object:
        if request.method == "GET":
            return request.query_params.get("documentId")
        body = await request.get_body()
        given: Any = self.parse_json(body) if b"documentId" in body else {}
        return given.get("documentId")

    async def execute_operation(self, *args: Any, **options: Any) -> Any:
        """Run it; what is saved is looked up first."""
        asked = options["request_data"]
        if isinstance(asked, Saved):
            asked.query = await saved_document(options["context"], asked.document_id, asked.query)
        return await super().execute_operation(*args, **options)

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
