"""Reports as files over HTTP: `GET /reports/NAME.csv?variable=…`, all rows, as they come from the database.

What goes wrong before the first byte is an answer of its own. After that the connection is broken off, so that half a
file never looks like a whole one. XLSX and Parquet are written first; so is everything for a client that speaks
HTTP/1.0, where the end of a connection is all there is to tell the end of a file by.
"""

import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resolvers import files
from resolvers.export import BrokenOff, Limits, TooManyExports, TooManyRows, TooSlow
from resolvers.files import TEXT_FORMATS, DoesNotFit, Export
from resolvers.report import ReportFailed, record_export
from schema.api import schema
from schema.context import Context, NotAuthenticated
from schema.report_file import BadOption, NotThere, Wish, exporting, wish
from schema.report_run import Broken, NotRun
from schema.view import UNAUTHENTICATED, find_viewer, refusal

HELD_BACK = 256 * 1024
"""Bytes that are kept until there are more or all: a small file has a length, and is known again by its content."""
CHUNK = 256 * 1024
WAIT = "5"
"""Seconds after which it makes sense to try again where other exports are under way."""


Errors = Sequence[Mapping[str, Any]]


def report_file(limits: Limits) -> Callable[[Request], Awaitable[ASGIApp]]:
    """The endpoint of reports, with how much an export may take."""

    async def endpoint(request: Request) -> ASGIApp:
        if request.method != "GET":  # HEAD comes with GET, and would take as long
            return Response(status_code=405, headers={"Allow": "GET"})
        try:
            viewer = await find_viewer(request.state.database, request)
            if viewer is None:
                raise NotAuthenticated
            languages = request.headers.get("accept-language")
            context = Context(request.state.database, viewer, request.state.registries, languages)
            return Download(context, await _wish(context, request), limits, request)
        except NotAuthenticated as error:
            return refusal(error, UNAUTHENTICATED)
        except ReportFailed as error:
            return refused(error)

    return endpoint


async def _wish(context: Context, request: Request) -> Wish:
    given = request.query_params.multi_items()
    variables = [(name, text) for name, text in given if not name.startswith("_")]
    options = {name: text for name, text in given if name.startswith("_")}
    name, format_ = request.path_params["name"], request.path_params["format"]
    return await wish(schema, context, name, format_, variables=variables, options=options)


def refused(error: ReportFailed) -> Response:
    """Why there is no file, in the shape of a GraphQL answer."""
    status, code, tell = REFUSALS[type(error)]
    told = [{**each, "extensions": {"code": code, **each.get("extensions", {})}} for each in tell(error)]
    headers = {"Retry-After": WAIT} if status == 429 else None
    return Response(orjson.dumps({"errors": told}), status, headers, media_type="application/json")


def _itself(error: Any) -> Errors:
    return [{"message": str(error)}]


def _each(failed: Any) -> Errors:
    return [each.formatted for each in failed.errors]


def _located(broken: Any) -> Errors:
    return [
        {"message": each.message, "locations": [{"line": each.line, "column": each.column}]} for each in broken.problems
    ]


REFUSALS: Mapping[type[ReportFailed], tuple[int, str, Callable[[Any], Errors]]] = {
    NotThere: (404, "NOT_FOUND", _itself),
    BadOption: (400, "BAD_ARGUMENT", _itself),
    NotRun: (400, "BAD_ARGUMENT", _each),
    Broken: (409, "REPORT_INVALID", _located),
    TooManyRows: (422, "TOO_MUCH", _itself),
    DoesNotFit: (422, "TOO_MUCH", _itself),
    TooSlow: (504, "TOOK_TOO_LONG", _itself),
    BrokenOff: (503, "UNAVAILABLE", _itself),
    TooManyExports: (429, "TOO_MANY", _itself),
}
"""By what went wrong: the status, the code, and what is told."""


class Download:
    """Sends a report as a file; stops reading when the client is gone."""

    def __init__(self, context: Context, wished: Wish, limits: Limits, request: Request) -> None:
        self._context = context
        self._wish = wished
        self._limits = limits
        self._request = request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        failure: Response | None = None
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            sending = Sending(send, self._headers())
            failure = await self._send(sending, may_stream=scope["http_version"] != "1.0")
            group.cancel_scope.cancel()
        if failure is not None:
            await failure(scope, receive, send)

    async def _send(self, sending: "Sending", *, may_stream: bool) -> Response | None:
        """Send the file; what is to be answered in its place where it cannot be made and nothing was sent yet."""
        is_text = self._wish.format in TEXT_FORMATS
        try:
            await (self._stream(sending) if is_text and may_stream else self._from_file(sending))
        except ReportFailed as error:
            if sending.has_begun:
                raise
            return refused(error)
        return None

    async def _stream(self, sending: "Sending") -> None:
        async with exporting(self._context, self._wish, self._limits) as export:
            held = Held(sending, partial(self._record, export), self._is_known)
            await TEXT_FORMATS[self._wish.format].write(export, held)
            await held.finish()

    async def _from_file(self, sending: "Sending") -> None:
        with tempfile.TemporaryDirectory(prefix="kartotek-report-") as folder:
            path = Path(folder) / "report"
            async with exporting(self._context, self._wish, self._limits) as export:
                await files.save(self._wish.format, export, path)
                tag = await anyio.to_thread.run_sync(files.fingerprint, path)
                if not self._is_known(tag):
                    await self._record(export)
            # Nothing is held in the database while a slow client takes it.
            await (sending.nothing_new(tag) if self._is_known(tag) else sending.file(tag, path))

    async def _record(self, export: Export) -> None:
        facts = self._wish.facts(await export.snapshot.rows())
        await record_export(self._context.database, self._context.viewer, self._wish.report, facts)

    def _headers(self) -> dict[str, str]:
        name = self._request.query_params.get("_filename") or self._wish.report.name
        suffix = f".{self._wish.format}"
        return {
            "content-type": self._wish.media_type,
            "content-disposition": attachment(name if name.endswith(suffix) else name + suffix),
            "cache-control": "private, no-cache",
            "vary": "Authorization, Accept-Language",
            "x-content-type-options": "nosniff",
        }

    def _is_known(self, tag: str) -> bool:
        """Whether the client has it already."""
        known = self._request.headers.get("if-none-match", "")
        return any(each.strip() in (f'W/"{tag}"', f'"{tag}"', "*") for each in known.split(","))


def attachment(name: str) -> str:
    """The header that has a file saved under this name (RFC 6266), also where old clients know ASCII only."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\/' else "_" for letter in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


class Sending:
    """An answer on its way."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.has_begun = False

    async def begin(self, tag: str | None = None, *, length: int | None = None, status: int = 200) -> None:
        """Send the headers."""
        more = {"etag": tag and f'W/"{tag}"', "content-length": None if length is None else str(length)}
        headers = [
            (name.encode(), value.encode("latin-1")) for name, value in {**self._headers, **more}.items() if value
        ]
        self.has_begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, part: bytes) -> None:
        """Send some of the file."""
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def file(self, tag: str, path: Path) -> None:
        """Send all of it, which is at this path."""
        with path.open("rb") as file:
            await self.begin(tag, length=os.fstat(file.fileno()).st_size)
            while part := file.read(CHUNK):
                await self.body(part)
        await self.end()

    async def end(self) -> None:
        """There is no more."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def nothing_new(self, tag: str) -> None:
        """The client has it already."""
        await self.begin(tag, status=304)
        await self.end()


class Held:
    """The beginning of a file, held back until it is clear whether that is all of it.

    A file that goes on has no tag: that would have to be known before its first byte.
    """

    def __init__(
        self,
        sending: Sending,
        record: Callable[[], Awaitable[None]],
        is_known: Callable[[str], bool],
    ) -> None:
        self._sending = sending
        self._record = record
        self._is_known = is_known
        self._parts: list[bytes] = []

    async def __call__(self, part: bytes) -> None:
        """The next bytes."""
        if self._sending.has_begun:
            await self._sending.body(part)
            return
        self._parts.append(part)
        if sum(map(len, self._parts)) > HELD_BACK:
            await self._record()
            await self._sending.begin()
            await self._sending.body(b"".join(self._parts))

    async def finish(self) -> None:
        """That is all: a small file is known by what is in it."""
        if not self._sending.has_begun:
            whole = b"".join(self._parts)
            tag = files.digest(whole)
            if self._is_known(tag):
                await self._sending.nothing_new(tag)
                return
            await self._record()
            await self._sending.begin(tag, length=len(whole))
            await self._sending.body(whole)
        await self._sending.end()
