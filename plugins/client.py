"""The client that adapters are given: httpx, for one registry only, with the contract's outcomes for its failures."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from plugins.contract import AskOtherwise, Gone, NeedsKey, NotFound, RateLimited, RejectedInput, Unavailable
from plugins.record import Record

LARGEST_ANSWER = 8_000_000
"""Bytes of an answer, unpacked. The largest page that is asked for has some 300 kB."""

A_MINUTE = 60

TIMEOUT = httpx.Timeout(8.0, connect=4.0)

Turn = Callable[[], AbstractAsyncContextManager[None]]
"""Entered around each call: waits for its turn, and hears how it ended."""


@asynccontextmanager
async def _at_once() -> AsyncIterator[None]:
    yield


class RegistryClient(httpx.AsyncClient):
    """Talks to the registry at `base_url` and to nothing else.

    `get_json` and `post_json` are all that most adapters need. Whatever else they do with httpx is kept to the base URL
    and to the size of an answer as well, and no redirect is followed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        secrets: Mapping[str, str] | None = None,
        token_url: str | None = None,
        turn: Turn = _at_once,
        transport: httpx.AsyncBaseTransport | None = None,
        may_be_local: bool = False,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        base = httpx.URL(base_url)
        line = transport or httpx.AsyncHTTPTransport()
        if transport is None and not may_be_local:
            line = PublicOnly(line)
        super().__init__(
            base_url=base,
            transport=OneRegistry(line, base, token_url, turn),
            headers={"User-Agent": "Kartotek (customer registry)", "Accept": "application/json"},
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
        )
        self.secrets = dict(secrets or {})
        """The secrets that `RegistryInfo.secrets` names, as far as they are set."""
        self._token_url = token_url
        self._token: tuple[str, float] | None = None
        self._token_lock = asyncio.Lock()

    def secret(self, name: str) -> str:
        """A secret; raises NeedsKey where it is not set."""
        if not (value := self.secrets.get(name)):
            raise NeedsKey(f"This registry needs a {name}, and none is set.")
        return value

    async def bearer(self, scope: str) -> Mapping[str, str]:
        """Headers with an OAuth 2.0 token for the secrets `client_id` and `client_secret` (RFC 6749, section 4.4).

        One token serves until it runs out; NeedsKey where the secrets are not set or not taken.
        """
        async with self._token_lock:
            if self._token is None or self._token[1] < time.monotonic():
                self._token = await self._new_token(scope)
        return {"Authorization": f"Bearer {self._token[0]}"}

    async def _new_token(self, scope: str) -> tuple[str, float]:
        assert self._token_url, "RegistryInfo.token_url says where tokens come from"
        who = httpx.BasicAuth(self.secret("client_id"), self.secret("client_secret"))
        wanted = {"grant_type": "client_credentials", "scope": scope}
        try:
            found = Record(await self.ask("POST", self._token_url, data=wanted, auth=who))
        except AskOtherwise as refused:  # of the client (400 as well as 401), so it says nothing of any company
            raise NeedsKey("The registry hands out no token for the client_id and client_secret.") from refused
        if (token := found.text("access_token")) is None:
            raise Unavailable("The registry handed out no token.")
        return token, time.monotonic() + max(0, (found.number("expires_in") or 60) - A_MINUTE)

    async def get_json(self, path: str, **options: Any) -> Any:
        """The JSON at a path below the base URL; `options` are httpx's, such as `params`. Raises all outcomes."""
        return await self.ask("GET", path, **options)

    async def post_json(self, path: str, **options: Any) -> Any:
        """The JSON that a POST answers; `options` are httpx's, such as `json`. Raises all outcomes."""
        return await self.ask("POST", path, **options)

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of any call; raises the outcome that its status stands for."""
        response = await self.call(method, path, **options)
        raise_for_outcome(response)
        return read_json(response)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to any call, whatever its status, for registries that say more in it; Unavailable without one.

        An empty path is the base URL itself, without a slash at the end.
        """
        try:
            response = await self.request(method, path or str(self.base_url).rstrip("/"), **options)
        except httpx.TimeoutException as error:
            raise Unavailable("The registry did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unavailable(f"The registry could not be reached: {type(error).__name__}.") from error
        if response.status_code == 401:
            self._token = None  # it may have been taken back before its time
        return response


def raise_for_outcome(response: httpx.Response) -> None:
    """Raise what the status of an answer stands for; nothing where it is a success."""
    status = response.status_code
    if status == 404:
        raise NotFound("The registry has no such company.")
    if status == 410:
        raise Gone("The registry has removed this record for legal reasons.")
    if status in (401, 403):
        raise NeedsKey("The registry does not take the key that is set, or wants one.")
    if status == 429:
        raise RateLimited("The registry was asked too often.", retry_after(response))
    if 400 <= status < 500:
        raise RejectedInput(f"The registry does not take this question (status {status}).")
    if not response.is_success:
        raise Unavailable(f"The registry does not work at the moment (status {status}).")


def read_json(response: httpx.Response) -> Any:
    """The content as JSON; Unavailable where it is none."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise Unavailable("The registry answered something that is no JSON.") from error


def retry_after(response: httpx.Response) -> float | None:
    """The seconds in a `Retry-After` header, which has a number or a date; None where it has neither."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


# ---------------------------------------------------------------- transports


class OneRegistry(httpx.AsyncBaseTransport):
    """Lets through what goes to one registry, in its turn, and bounds what comes back."""

    def __init__(self, line: httpx.AsyncBaseTransport, base: httpx.URL, token_url: str | None, turn: Turn) -> None:
        self._line = line
        self._base = base
        self._token_url = token_url
        self._turn = turn

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer: it is read here, so that its size is known."""
        if not self._is_below_base(request.url) and str(request.url) != self._token_url:
            raise httpx.UnsupportedProtocol(f"{request.url.host} is not this registry.", request=request)
        async with self._turn():
            response = await self._line.handle_async_request(request)
            if response.is_redirect:
                await response.aclose()
                raise httpx.TooManyRedirects("The registry sends elsewhere.", request=request)
            response.request = request
            content = await _bounded(response)
        headers = [item for item in response.headers.raw if item[0].lower() not in _PACKING]
        return httpx.Response(response.status_code, headers=headers, content=content, request=request)

    def _is_below_base(self, url: httpx.URL) -> bool:
        here = self._base
        is_same_host = (here.scheme, here.host, here.port) == (url.scheme, url.host, url.port)
        folder = here.path.rstrip("/") + "/"
        return is_same_host and f"{url.path}/".startswith(folder) and ".." not in url.path.split("/")

    async def aclose(self) -> None:
        """Close what it stands on."""
        await self._line.aclose()


_PACKING = {b"content-encoding", b"content-length", b"transfer-encoding"}


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    try:
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise httpx.RemoteProtocolError("The registry's answer is too large.", request=response.request)
    finally:
        await response.aclose()
    return bytes(content)


class PublicOnly(httpx.AsyncBaseTransport):
    """Refuses hosts whose addresses are not public, such as this machine or its neighbours."""

    def __init__(self, line: httpx.AsyncBaseTransport) -> None:
        self._line = line

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Look where the host is before it is called."""
        port = request.url.port or {"https": 443}.get(request.url.scheme, 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(request.url.host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError("The registry's host is not known.", request=request) from error
        if not all(ipaddress.ip_address(address[0]).is_global for *_, address in found):
            raise httpx.ConnectError("The registry's host is not a public one.", request=request)
        return await self._line.handle_async_request(request)

    async def aclose(self) -> None:
        """Close what it stands on."""
        await self._line.aclose()
