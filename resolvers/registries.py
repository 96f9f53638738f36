"""Asking the national registers: which one answers, and all that is put around each of them once for all.

An answer is kept for a while, of those who ask the same at once one asks the register, calls wait for their turn, what
may pass is tried again, and a register that is down is left alone. What comes out is a value or an outcome of the
plugins' contract.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
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

TIME_OUT = 10.0
"""Seconds that an answer may take, waiting for a turn and all tries included."""
TRIES = 3
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


Noted = Callable[[str, str, float], None]
"""Hears of each question: id of the register, how it ended, seconds."""


def _unheard(registry_id: str, ending: str, seconds: float) -> None:
    pass


class Registries:
    """The registers as this server reaches them; opened and closed with it."""

    def __init__(
        self,
        sessions: Sessions,
        discover: Callable[[str], Discovered],
        options: RegistryOptions | None = None,
        noted: Noted = _unheard,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._sessions = sessions
        self._discover = discover
        self.options = options or RegistryOptions()
        self._noted = noted
        self._transport = transport
        self._discovered: dict[str, Discovered] = {}
        self._clients: dict[str, RegistryClient] = {}

    def discovered(self, locale: str) -> Discovered:
        """What there is for people who read a locale."""
        if locale not in self._discovered:
            self._discovered[locale] = self._discover(locale)
        return self._discovered[locale]

    async def search(self, registry: Registry, country: str, name: str, locale: str) -> Fetched:
        """A `SearchResult` with the best hits first; raises the outcomes of the contract."""
        wanted = " ".join(name.split())
        if len(wanted) > LONGEST_NAME:
            raise RejectedInput(f"A name to search for has at most {LONGEST_NAME} characters.")
        adapter = registry.adapter.for_country(country)
        ask = partial(ask_search, adapter, self._client(registry.info), wanted, MOST_HITS)
        request = f"search {country} {locale} {wanted.casefold()}"
        kept = await self._ask(registry, request, KEEP_SEARCHES, ask, _written_result)
        hits = tuple(_read(each) for each in kept.answer["hits"])
        return Fetched(SearchResult(hits, kept.answer["has_more"]), kept.fetched_at)

    async def lookup(
        self, registry: Registry, country: str, business_id: str, locale: str, *, anew: bool = False
    ) -> Fetched:
        """A `Company`, asked for `anew` one that is minutes old at most; raises the outcomes of the contract."""
        adapter = registry.adapter.for_country(country)
        ask = partial(ask_lookup, adapter, self._client(registry.info), business_id)
        request = f"company {country} {locale} {business_id}"
        oldest = KEEP_SEARCHES if anew else None
        kept = await self._ask(registry, request, KEEP_COMPANIES, ask, _written, oldest=oldest)
        return Fetched(_read(kept.answer), kept.fetched_at)

    async def check_vat_number(self, vat_number: str) -> Fetched:
        """A `VatAnswer` of VIES for a number with its prefix; what it could not tell is not kept."""
        kept = await answer_to(self._sessions, VIES.id, vat_number, lambda: self._fresh_check(vat_number))
        return Fetched(_CHECKS.validate_python(kept.answer), kept.fetched_at)

    async def _fresh_check(self, vat_number: str) -> Asked:
        gate = Gate(self._sessions, VIES)
        await gate.check()
        answer = await check_vat_number(self._client(VIES), vat_number)
        told = answer.validity is not VatValidity.COULD_NOT_TELL
        await (gate.note_success() if told else gate.note_failure())
        return Asked(_CHECKS.dump_python(answer, mode="json"), KEEP_COMPANIES if told else timedelta(0))

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def _client(self, info: RegistryInfo) -> RegistryClient:
        if info.id not in self._clients:
            given = self.options.of(info)
            self._clients[info.id] = RegistryClient(
                given.get("base_url", info.base_url),
                token_url=given.get("token_url", info.token_url),
                secrets=given,
                turn=Gate(self._sessions, info).turn,
                may_be_local=self.options.may_be_local,
                transport=self._transport,
            )
        return self._clients[info.id]

    async def _ask(
        self,
        registry: Registry,
        request: str,
        keep: timedelta,
        ask: Callable[[], Awaitable[Any]],
        write: Callable[[Any], Any],
        *,
        oldest: timedelta | None = None,
    ) -> Kept:
        start = time.perf_counter()
        ending = "failed"
        answered = partial(newer_answer_to, since=now() - oldest) if oldest else answer_to
        try:
            kept = await answered(
                self._sessions, registry.info.id, request, lambda: self._fresh(registry.info, keep, ask, write)
            )
            ending = "asked" if kept.is_new else "kept"
        finally:
            self._noted(registry.info.id, ending, time.perf_counter() - start)
        if outcome := kept.answer.get("outcome"):
            raise _OUTCOMES[outcome](kept.answer["message"])
        return kept

    async def _fresh(
        self, info: RegistryInfo, keep: timedelta, ask: Callable[[], Awaitable[Any]], write: Callable[[Any], Any]
    ) -> Asked:
        """What the register says now; the gate hears how it went."""
        gate = Gate(self._sessions, info)
        await gate.check()
        try:
            async with asyncio.timeout(TIME_OUT):
                found = await _tried(ask)
        except AskOtherwise as outcome:
            await gate.note_success()
            told = {"outcome": type(outcome).__name__, "message": str(outcome)}
            return Asked(told, min(keep, KEEP_SEARCHES))
        except TooBusy:
            raise
        except RateLimited as limited:
            await gate.note_failure(limited.retry_after)
            raise
        except (AskLater, TimeoutError) as failed:
            await gate.note_failure()
            raise failed if isinstance(failed, AskLater) else Unavailable(f"{info.name} took too long.") from failed
        await gate.note_success()
        return Asked(write(found), keep)


async def _tried(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask, and ask again where that may help."""
    async for attempt in stamina.retry_context(on=_may_pass, attempts=TRIES, timeout=TIME_OUT / 2, wait_max=1.0):
        with attempt:
            return await ask()
    raise AssertionError("the last try returns or raises")


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
