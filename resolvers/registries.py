"""Asking the national registers: which one answers, and all that is put around each of them once for all.

An answer is kept for a while, of those who ask the same at once one asks the register, what is being typed waits for
its next letters, calls wait for their turn, what may pass is tried again, and a register that is down is left alone.
What comes out is a value or an outcome of the plugins' contract.
"""

import asyncio
import enum
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import stamina
from pydantic import TypeAdapter

from db.connection import Sessions
from db.models.base import now
from plugins.asking import ask_lookup, ask_search
from plugins.client import RegistryClient
from plugins.contract import (
    AskLater,
    AskOtherwise,
    Company,
    CompanyHit,
    Gone,
    NotFound,
    RateLimited,
    RegistryInfo,
    RejectedInput,
    SearchResult,
    Unavailable,
)
from plugins.discovery import Discovered, Registry
from plugins.vies import VIES, VatAnswer, VatValidity, check_vat_number
from resolvers.registry_cache import Asked, Kept, answer_to, newer_answer_to
from resolvers.registry_gate import Gate, TooBusy
from resolvers.type_ahead import PAUSE, TypeAhead

SHARE_OF_REGISTER = 0.8
"""How much of the time for an answer its register gets, all tries included; the rest is for those who wait for it."""
TRIES = 3
LONGEST_TRYING = 5.0
"""Seconds after which nothing is tried again."""
KEEP_SEARCHES = timedelta(minutes=10)
KEEP_COMPANIES = timedelta(days=1)
MOST_HITS = 100
"""How many hits a register is asked for: it ranks loosely, so the best is not always among its first few."""
LONGEST_NAME = 200

_OUTCOMES: Mapping[str, type[AskOtherwise]] = {kind.__name__: kind for kind in (NotFound, Gone, RejectedInput)}
"""What a register answers that is no company, and is kept like one."""

_HITS = TypeAdapter(CompanyHit)
_COMPANIES = TypeAdapter(Company)
_CHECKS = TypeAdapter(VatAnswer)


@dataclass(frozen=True)
class RegistryOptions:
    """What an operator has set for registers."""

    values: Mapping[str, str] = field(default_factory=dict)
    """By country and name, as in `GB_KEY`: `BASE_URL`, `TOKEN_URL` and secrets; in place of the country, for a register
    of the whole world, its id as in `GLEIF_BASE_URL`."""
    may_be_local: bool = False
    """Whether base URLs may lead to this machine or its neighbours: for stand-ins."""
    timeout: float = 10.0
    """Seconds until there is an answer, or a problem in place of one."""

    def of(self, info: RegistryInfo) -> Mapping[str, str]:
        """What is set for one register."""
        prefix = f"{info.countries[0] if info.countries else info.id.upper().replace('-', '_')}_"
        mine = {name: value for name, value in self.values.items() if name.startswith(prefix)}
        return {name.removeprefix(prefix).lower(): value for name, value in mine.items()}

    def missing_secrets(self, info: RegistryInfo) -> tuple[str, ...]:
        """Names of the secrets that a register needs and that are not set."""
        there = self.of(info)
        return tuple(name for name in info.secrets if not there.get(name))


@dataclass(frozen=True)
class Fetched:
    """What a register answered, and when."""

    value: Any
    fetched_at: datetime


class Ending(enum.StrEnum):
    """How a question ended."""

    KEPT = "kept"
    """By an answer that was kept: the register was not called."""
    ANSWERED = "answered"
    """By an answer of the register, also that there is no such company."""
    FAILED = "failed"
    """By none."""
    LEFT_ALONE = "left_alone"
    """The register has failed too often to be called just now."""


Noted = Callable[[str, Ending, float], None]
"""Hears of each question: id of the register, how it ended, seconds."""


def unheard(registry_id: str, ending: Ending, seconds: float) -> None:
    """Nobody listens."""


Ask = Callable[[], Awaitable[Asked]]


class Registries:
    """The registers as this server reaches them; opened and closed with it."""

    def __init__(
        self,
        sessions: Sessions,
        discover: Callable[[str], Discovered],
        options: RegistryOptions | None = None,
        noted: Noted = unheard,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._sessions = sessions
        self._discover = discover
        self.options = options or RegistryOptions()
        self._noted = noted
        self._transport = transport
        self._type_ahead = TypeAhead()
        self._discovered: dict[str, Discovered] = {}
        self._clients: dict[str, RegistryClient] = {}

    def discovered(self, locale: str) -> Discovered:
        """What there is for people who read a locale."""
        if locale not in self._discovered:
            self._discovered[locale] = self._discover(locale)
        return self._discovered[locale]

    async def search(
        self, registry: Registry, country: str, name: str, locale: str, *, typist: Hashable | None = None
    ) -> Fetched:
        """A `SearchResult` with the best hits first; raises the outcomes of the contract.

        Of the searches of one `typist` for a text that grows, some are given up with RateLimited.
        """
        info, wanted = registry.info, " ".join(name.split())
        if len(wanted.casefold()) > LONGEST_NAME:
            raise RejectedInput(f"A name to search for has at most {LONGEST_NAME} characters.")
        adapter = registry.adapter.for_country(country)
        question = f"search {country} {locale} {wanted.casefold()}"

        async def ask() -> Asked:
            if typist is not None:
                pause = max(PAUSE, 1 / info.calls_per_second)  # else earlier letters would be in the way of later ones
                await self._type_ahead.wait((typist, info.id, country, locale), wanted.casefold(), pause)
            search = partial(_tried, partial(ask_search, adapter, self._client(info), wanted, MOST_HITS))
            return await self._called(info, KEEP_SEARCHES, search, _written_result)

        kept = await self._answer(info, question, ask)
        hits = tuple(_read(each) for each in kept.answer["hits"])
        return Fetched(SearchResult(hits, kept.answer["has_more"]), kept.fetched_at)

    async def lookup(
        self, registry: Registry, country: str, business_id: str, locale: str, *, anew: bool = False
    ) -> Fetched:
        """A `Company`, asked for `anew` one that is minutes old at most; raises the outcomes of the contract."""
        info, adapter = registry.info, registry.adapter.for_country(country)
        lookup = partial(_tried, partial(ask_lookup, adapter, self._client(info), business_id))
        ask = partial(self._called, info, KEEP_COMPANIES, lookup, _written)
        question = f"company {country} {locale} {business_id}"
        kept = await self._answer(info, question, ask, oldest=KEEP_SEARCHES if anew else None)
        return Fetched(_read(kept.answer), kept.fetched_at)

    async def check_vat_number(self, vat_number: str) -> Fetched:
        """A `VatAnswer` of VIES for a number with its prefix; Unavailable where it could not tell."""
        check = partial(_told, self._client(VIES), vat_number)
        ask = partial(self._called, VIES, KEEP_COMPANIES, check, partial(_CHECKS.dump_python, mode="json"))
        kept = await self._answer(VIES, vat_number, ask)
        return Fetched(_CHECKS.validate_python(kept.answer), kept.fetched_at)

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def _address(self, info: RegistryInfo) -> str:
        return self.options.of(info).get("base_url", info.base_url)

    def _client(self, info: RegistryInfo) -> RegistryClient:
        if info.id not in self._clients:
            given = self.options.of(info)
            self._clients[info.id] = RegistryClient(
                self._address(info),
                token_url=given.get("token_url", info.token_url),
                secrets=given,
                turn=Gate(self._sessions, info).turn,
                may_be_local=self.options.may_be_local,
                transport=self._transport,
            )
        return self._clients[info.id]

    async def _answer(self, info: RegistryInfo, question: str, ask: Ask, *, oldest: timedelta | None = None) -> Kept:
        """What is kept of an earlier call, else what `ask` answers; in time, whoever asks."""
        # What a stand-in has said must not be told as the register's own, nor the other way round.
        request = question if self._address(info) == info.base_url else f"{self._address(info)} {question}"
        answered = partial(newer_answer_to, since=now() - oldest) if oldest else answer_to
        start = time.perf_counter()
        try:
            async with asyncio.timeout(self.options.timeout):
                kept = await answered(self._sessions, info.id, request, ask)
        except TimeoutError as error:
            raise _took_too_long(info) from error
        if not kept.is_new:
            self._noted(info.id, Ending.KEPT, time.perf_counter() - start)
        if outcome := kept.answer.get("outcome"):
            raise _OUTCOMES[outcome](kept.answer["message"])
        return kept

    async def _called(
        self, info: RegistryInfo, keep: timedelta, ask: Callable[[], Awaitable[Any]], write: Callable[[Any], Any]
    ) -> Asked:
        """What the register says now."""
        await self._pass_gate(info)
        with self._heard(info):
            try:
                async with self._watched(info):
                    found = await ask()
            except AskOtherwise as outcome:
                told = {"outcome": type(outcome).__name__, "message": str(outcome)}
                return Asked(told, min(keep, KEEP_SEARCHES))
            return Asked(write(found), keep)

    async def _pass_gate(self, info: RegistryInfo) -> None:
        try:
            await Gate(self._sessions, info).check()
        except Unavailable:
            self._noted(info.id, Ending.LEFT_ALONE, 0.0)
            raise

    @contextmanager
    def _heard(self, info: RegistryInfo) -> Iterator[None]:
        """Whoever listens hears how the call within ended."""
        start, ending = time.perf_counter(), Ending.FAILED
        try:
            yield
            ending = Ending.ANSWERED
        finally:
            self._noted(info.id, ending, time.perf_counter() - start)

    @asynccontextmanager
    async def _watched(self, info: RegistryInfo) -> AsyncIterator[None]:
        """The gate hears how the call within goes, which gets its share of the time."""
        gate = Gate(self._sessions, info)
        try:
            async with asyncio.timeout(self.options.timeout * SHARE_OF_REGISTER):
                yield
        except AskOtherwise:
            await gate.note_success()
            raise
        except TooBusy:
            raise
        except RateLimited as limited:
            await gate.note_failure(limited.retry_after)
            raise
        except (AskLater, TimeoutError) as failed:
            await gate.note_failure()
            raise failed if isinstance(failed, AskLater) else _took_too_long(info) from failed
        await gate.note_success()


def _took_too_long(info: RegistryInfo) -> Unavailable:
    return Unavailable(f"{info.name} took too long.")


async def _tried(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask, and ask again where that may help."""
    async for attempt in stamina.retry_context(on=_may_pass, attempts=TRIES, timeout=LONGEST_TRYING, wait_max=1.0):
        with attempt:
            return await ask()
    raise AssertionError("the last try returns or raises")


async def _told(client: RegistryClient, vat_number: str) -> VatAnswer:
    """What VIES says of a number; Unavailable where it could not tell."""
    answer = await check_vat_number(client, vat_number)
    if answer.validity is VatValidity.COULD_NOT_TELL:
        raise Unavailable(answer.reason or "VIES could not tell.")
    return answer


def _may_pass(error: Exception) -> bool:
    """Whether another try may succeed: after a broken connection or a status of a server in trouble.

    Not after silence, which has taken its time already, and not after garbage, which would come again.
    """
    cause = error.__cause__
    is_broken = isinstance(cause, httpx.NetworkError | httpx.RemoteProtocolError)
    return isinstance(error, Unavailable) and (cause is None or is_broken)


def _written(hit: CompanyHit) -> dict[str, Any]:
    """A hit or a company as JSON."""
    if isinstance(hit, Company):
        return {"is_complete": True, "record": _COMPANIES.dump_python(hit, mode="json")}
    return {"is_complete": False, "record": _HITS.dump_python(hit, mode="json")}


def _written_result(result: SearchResult) -> dict[str, Any]:
    return {"hits": [_written(each) for each in result.hits], "has_more": result.has_more}


def _read(written: Mapping[str, Any]) -> CompanyHit:
    kind = _COMPANIES if written["is_complete"] else _HITS
    return kind.validate_python(written["record"])
