"""The web application: the GraphQL endpoint, the schema as text, whether all is well, and what was counted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TypedDict

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from db.connection import Database
from db.migration import is_current
from db.models import ReportStatus
from kartotek.database import connected_as, database
from kartotek.downloads import report_file
from kartotek.explorer_page import explorer_files, explorer_page
from kartotek.metrics import Metrics
from kartotek.registries import registries
from kartotek.settings import Settings
from resolvers.export import Limits
from resolvers.files import FILE_FORMATS
from resolvers.live import Live
from resolvers.registries import Registries
from schema.api import schema
from schema.context import NotAuthenticated
from schema.report_health import check_reports, core_of, registers_of
from schema.view import UNAUTHENTICATED, GraphQLView, find_viewer, refusal

log = logging.getLogger("kartotek")

COMPRESSION = 5
"""Of nine; above it, a file takes longer to make and is hardly smaller."""
COMPRESSED = tuple(each.media_type for each in FILE_FORMATS.values())
"""What is small already."""


class State(TypedDict):
    """What lives as long as the application."""

    database: Database
    registries: Registries
    live: Live


def create_app(settings: Settings) -> Starlette:
    """The application; its database is opened when it starts and closed when it stops."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            running = database(settings)
            url = await asyncio.to_thread(running.__enter__)
            stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
            connected = await stack.enter_async_context(connected_as(settings, url))
            reached = await stack.enter_async_context(registries(settings, connected.sessions, metrics.note_registry))
            stack.push_async_callback(_stopped, asyncio.create_task(_check_reports(connected, reached)))
            live = await stack.enter_async_context(aclosing(Live(url, connected.reads)))
            yield {"database": connected, "registries": reached, "live": live}

    graphql = GraphQLView(schema, open_to_strangers=settings.open_introspection, explorer=explorer_page)
    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", graphql),
            Mount(
                "/explorer",
                explorer_files(),
                middleware=[Middleware(GZipMiddleware, compresslevel=COMPRESSION)],
            ),
            Route(
                "/reports/{name}.{format}",
                report_file(Limits(settings.export_rows, settings.exports)),
                methods=["GET"],
                middleware=[Middleware(GZipMiddleware, compresslevel=COMPRESSION, exclude_content_types=COMPRESSED)],
            ),
            Route("/schema.graphql", sdl_for(settings)),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *([Route("/metrics", metrics.tell)] if settings.metrics else []),
            Route("/", RedirectResponse("/graphql")),
        ],
        lifespan=lifespan,
    )


async def _check_reports(connected: Database, reached: Registries) -> None:
    """Look at the reports with this version's schema, and tell the operator of those that do not fit."""
    try:
        if not await is_current(connected.engine):
            return
        checked = await check_reports(connected.sessions, core_of(schema), registers_of(reached))
    except Exception:
        # It keeps nobody from being served, so it is only told of.
        log.exception("reports could not be checked")
        return
    for each in checked:
        if each.status is not ReportStatus.VALID:
            log.warning("%s", each)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def sdl_for(settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that answers the schema, to strangers only where that is set."""

    async def sdl(request: Request) -> Response:
        try:
            viewer = await find_viewer(request.state.database, request)
        except NotAuthenticated as error:
            return refusal(error, UNAUTHENTICATED)
        if viewer is None and not settings.open_introspection:
            return refusal(NotAuthenticated(), UNAUTHENTICATED)
        return PlainTextResponse(schema.as_str())

    return sdl


async def healthz(request: Request) -> Response:
    """The process is alive."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The database answers and has the shape that this version needs; plugins that cannot be used keep nobody away."""
    try:
        current = await is_current(request.state.database.engine)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        return _not_ready(f"The database does not answer: {type(error).__name__}.")
    if not current:
        return _not_ready("Migrations are missing: run `kartotek migrate`.")
    problems = request.state.registries.discovered("en").problems
    told = [{"plugin": each.plugin, "registry": each.registry_id, "message": each.message} for each in problems]
    return JSONResponse({"status": "ok", **({"plugins": told} if told else {})})


def _not_ready(reason: str) -> Response:
    return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)
