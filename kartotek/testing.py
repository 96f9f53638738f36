"""What every registry adapter is held to: a class of tests for partners to run against theirs.

    class TestMyRegistry(RegistryConformance):
        adapter = MyRegistry()
        known = "0112038-9"
        spellings = ("01120389", "FI01120389")
        unknown = "2900100-7"
        strangers = ("0112038-8", "nokia", "")
        finds = "nokia"

        def answer(self, request: httpx.Request) -> httpx.Response: ...

`answer` plays the registry from recorded answers. All else that registries do, the kit plays itself: silence, garbage,
refusals, redirects, floods, and handing out tokens. Needs pytest and nothing else; the tests are plain functions.
"""

import asyncio
import dataclasses
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import httpx
import pytest

from plugins.asking import ask_lookup, ask_search
from plugins.client import LARGEST_ANSWER, RegistryClient
from plugins.contract import (
    AddressKind,
    Company,
    CompanyHit,
    NeedsKey,
    NotFound,
    NumberKind,
    RateLimited,
    RegistryAdapter,
    RegistryError,
    RejectedInput,
    SearchResult,
    Unavailable,
)

T = TypeVar("T")
Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]

GARBAGE: Mapping[str, bytes] = {
    "empty": b"",
    "truncated": b'{"a": [1, 2',
    "html": b"<!doctype html><title>Maintenance</title>",
    "binary": b"\xff\xfe\x00\x01",
    "not UTF-8": b'{"name": "\xe5bo"}',
    "null": b"null",
    "a number": b"7",
    "a text": b'"down"',
    "a list": b"[1, null, {}]",
    "an empty object": b"{}",
    "an error": b'{"error": "internal"}',
}
"""What no registry means to answer."""

ODD: Sequence[Any] = (None, "?", 7, True, [], {}, [None, {"a": "?"}])
"""What may stand where something else was promised."""


class RegistryConformance:
    """Subclass it, name it `Test…`, and say what the attributes below ask."""

    adapter: ClassVar[RegistryAdapter]
    """The adapter under test."""
    known: ClassVar[str]
    """A number, in the registry's own spelling, that `answer` knows."""
    spellings: ClassVar[Sequence[str]] = ()
    """Other spellings of it: without separators, with blanks, as a VAT number where that can be told."""
    unknown: ClassVar[str]
    """A number that could be one (check digits included), but `answer` has no company for it."""
    strangers: ClassVar[Sequence[str]]
    """Texts that are no numbers of this registry: a wrong check digit, too short, a name."""
    finds: ClassVar[str] = ""
    """A name that `answer` finds something for, where the registry searches by name."""
    finds_nothing: ClassVar[str] = "Zzyzx 日本 & Ñandú 😀 %2F"
    """One that it finds nothing for; with letters that must survive the way."""
    persons: ClassVar[Sequence[str]] = ()
    """Names of persons in the recorded answers, which no value may have in it."""
    secrets: ClassVar[Mapping[str, str]] = {}
    """Values for the secrets that the registry needs; by default `test` for each."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What the registry says to a request, from recorded answers; its way of saying that there is nothing else.

        Where it wants tokens, they have been handed out: what comes here is `Bearer test`.
        """
        raise NotImplementedError("Say what the registry answers: override `answer`.")

    # ------------------------------------------------------------ helpers

    def client(self, handler: Handler | None = None, secrets: Mapping[str, str] | None = None) -> RegistryClient:
        """A client on recorded answers, or on a handler of your own."""
        given = {**dict.fromkeys(self.adapter.info.secrets, "test"), **self.secrets} if secrets is None else secrets
        info = self.adapter.info
        transport = httpx.MockTransport(_with_tokens(info.token_url, handler or self.answer))
        return RegistryClient(info.base_url, token_url=info.token_url, secrets=given, transport=transport)

    def lookup(self, business_id: str, handler: Handler | None = None, **options: Any) -> Company:
        """Look up, as Kartotek does."""
        return self._run(lambda client: ask_lookup(self.adapter, client, business_id), handler, **options)

    def search(self, name: str, handler: Handler | None = None, limit: int = 20, **options: Any) -> SearchResult:
        """Search, as Kartotek does."""
        return self._run(lambda client: ask_search(self.adapter, client, name, limit), handler, **options)

    def _run(self, ask: Callable[[RegistryClient], Awaitable[T]], handler: Handler | None, **options: Any) -> T:
        async def run() -> T:
            async with self.client(handler, **options) as client:
                return await ask(client)

        return asyncio.run(run())

    @property
    def _asks(self) -> list[Callable[[Handler], Any]]:
        """Every way to call the registry."""
        asks: list[Callable[[Handler], Any]] = [lambda handler: self.lookup(self.known, handler)]
        if self.adapter.info.searches_by_name:
            asks.append(lambda handler: self.search(self.finds, handler))
        return asks

    def _all_raise(self, outcome: type[Exception], handler: Handler) -> list[Any]:
        raised = []
        for ask in self._asks:
            with pytest.raises(outcome) as caught:
                ask(handler)
            raised.append(caught.value)
        return raised

    def _needs_a_search(self) -> None:
        if not self.adapter.info.searches_by_name:
            pytest.skip("this registry is not searched by name")

    # ------------------------------------------------------------ what the adapter says of itself

    def test_the_adapter_says_what_it_is(self) -> None:
        info = self.adapter.info
        assert info.id == info.id.lower()
        assert info.id.replace("-", "").isalnum()
        assert info.name.strip()
        assert all(len(country) == 2 and country.isalpha() and country.isupper() for country in info.countries)
        assert info.base_url.startswith(("https://", "http://"))
        assert not info.base_url.endswith("/")
        assert info.calls_per_second > 0
        assert info.calls_at_once > 0
        secrets = (*info.secrets, *info.optional_secrets)
        assert all(name.isidentifier() and name.islower() for name in secrets)
        assert len(set(secrets)) == len(secrets)

    # ------------------------------------------------------------ numbers

    def test_every_spelling_of_a_number_is_read(self) -> None:
        for text in (self.known, f"  {self.known} ", *self.spellings):
            number = self.adapter.read_number(text)
            assert number is not None, f"{text!r} is not read"
            assert number.business_id == self.known, f"{text!r} is read as {number.business_id!r}"

    def test_vat_numbers_are_read_where_it_is_said(self) -> None:
        kinds = {number.kind for text in self.spellings if (number := self.adapter.read_number(text))}
        assert (NumberKind.VAT_NUMBER in kinds) == self.adapter.info.looks_up_by_vat

    def test_what_is_no_number_is_not_read(self) -> None:
        for text in ("", " ", "Acme", "0", "1" * 50, "12 monkeys", "日本", "\0", *self.strangers):
            assert self.adapter.read_number(text) is None, f"{text!r} is taken for a number"

    def test_an_unknown_number_could_be_one(self) -> None:
        number = self.adapter.read_number(self.unknown)
        assert number is not None
        assert number.business_id == self.unknown

    # ------------------------------------------------------------ answers

    def test_a_known_number_is_looked_up(self) -> None:
        company = self.lookup(self.known)
        assert company.business_id == self.known
        self._check(company)

    def test_an_unknown_number_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            self.lookup(self.unknown)

    def test_a_name_finds_companies(self) -> None:
        self._needs_a_search()
        result = self.search(self.finds)
        assert result.hits
        for hit in result.hits:
            self._check(hit)

    def test_a_name_that_nobody_has_finds_nothing(self) -> None:
        self._needs_a_search()
        assert self.search(self.finds_nothing) == SearchResult(())

    def test_no_more_hits_come_than_were_asked_for(self) -> None:
        self._needs_a_search()
        result = self.search(self.finds, limit=1)
        assert len(result.hits) == 1
        assert result.has_more == (len(self.search(self.finds).hits) > 1 or self.search(self.finds).has_more)

    def test_a_registry_that_is_not_searched_says_what_it_takes(self) -> None:
        if self.adapter.info.searches_by_name:
            pytest.skip("this registry is searched by name")
        with pytest.raises(RejectedInput, match=r"\w"):
            self.search("Acme")

    def test_the_numbers_of_hits_can_be_looked_up(self) -> None:
        self._needs_a_search()
        for hit in self.search(self.finds).hits:
            number = self.adapter.read_number(hit.business_id)
            assert number is not None
            assert number.business_id == hit.business_id

    def test_letters_of_a_name_arrive_as_they_are(self) -> None:
        self._needs_a_search()
        seen: list[str] = []

        def note(request: httpx.Request) -> httpx.Response:
            body = request.content.decode()
            texts = [*request.url.params.values(), *(_texts(json.loads(body)) if body.startswith("{") else ())]
            seen.append(" ".join(texts))
            return self.answer(request)

        self.search(self.finds_nothing, note)
        assert any("日本" in text and "&" in text and "%2F" in text for text in seen), seen

    def test_the_same_question_gets_the_same_answer(self) -> None:
        assert self.lookup(self.known) == self.lookup(self.known)

    def test_no_person_is_named(self) -> None:
        told = [repr(self.lookup(self.known))]
        if self.adapter.info.searches_by_name:
            told.append(repr(self.search(self.finds)))
        for person in self.persons:
            assert not any(person.lower() in text.lower() for text in told), f"{person} is in what was told"

    def _check(self, hit: CompanyHit) -> None:
        """What holds for every company."""
        self._check_filled(hit)
        vat_number = hit.vat_number
        assert vat_number is None or re.fullmatch("[A-Z]{2}[0-9A-Z+*]+", vat_number), f"{vat_number!r} is no VAT number"
        for address in hit.addresses:
            country = address.country
            assert country is None or re.fullmatch("[A-Z]{2}", country), f"{country!r} is no country code"
        with pytest.raises(dataclasses.FrozenInstanceError):
            hit.name = "another"  # type: ignore[misc]

    def _check_filled(self, hit: CompanyHit) -> None:
        """What holds whatever the registry says."""
        countries = self.adapter.info.countries
        assert not countries or hit.country in countries
        assert hit.business_id.strip() == hit.business_id != ""
        assert hit.name.strip() == hit.name != ""
        for told in (hit, *hit.addresses, hit.industry):
            for name, value in (dataclasses.asdict(told) if told else {}).items():
                assert value != "", f"{name} is empty: leave it out"
        kinds = [address.kind for address in hit.addresses]
        assert kinds == sorted(kinds, key=lambda kind: kind is AddressKind.POSTAL), "the visiting address comes first"

    # ------------------------------------------------------------ failures

    @pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
    def test_garbage_is_unavailable(self, content: bytes) -> None:
        self._all_raise(Unavailable, lambda request: httpx.Response(200, content=content))

    def test_odd_members_are_lived_with(self) -> None:
        """Each member of the answers in turn is missing or of another kind: the adapter itself does not fail."""
        self._with_odd_members(lambda client: self.adapter.lookup(client, self.known))
        if self.adapter.info.searches_by_name:
            self._with_odd_members(lambda client: self.adapter.search(client, self.finds, 20))

    def _with_odd_members(self, ask: Callable[[RegistryClient], Awaitable[Company | SearchResult]]) -> None:
        answers: list[httpx.Response] = []

        def note(request: httpx.Request) -> httpx.Response:
            answers.append(self.answer(request))
            return answers[-1]

        async def run() -> None:
            for turn, answer in enumerate(answers):
                for where, odd in _odd_versions(answer):
                    replies = [*answers[:turn], httpx.Response(answer.status_code, json=odd)]
                    await self._is_lived_with(ask, replies, where)

        self._run(ask, note)
        asyncio.run(run())

    async def _is_lived_with(
        self,
        ask: Callable[[RegistryClient], Awaitable[Company | SearchResult]],
        replies: Sequence[httpx.Response],
        where: str,
    ) -> None:
        left = list(replies)
        async with self.client(lambda request: left.pop(0) if left else self.answer(request)) as client:
            try:
                found = await ask(client)
            except RegistryError:
                return
            except Exception as error:
                raise AssertionError(f"{where}: {error!r}") from error
        for hit in found.hits if isinstance(found, SearchResult) else [found]:
            self._check_filled(hit)

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_registry_that_is_down_is_unavailable(self, status: int) -> None:
        self._all_raise(Unavailable, lambda request: httpx.Response(status, text="<h1>Sorry</h1>"))

    @pytest.mark.parametrize(
        ("header", "seconds"), [({"Retry-After": "17"}, 17), ({}, None), ({"Retry-After": "x"}, None)]
    )
    def test_being_asked_too_often_is_told(self, header: dict[str, str], seconds: float | None) -> None:
        for error in self._all_raise(RateLimited, lambda request: httpx.Response(429, headers=header)):
            assert error.retry_after == seconds

    @pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ConnectTimeout, httpx.ConnectError, httpx.ReadError])
    def test_silence_is_unavailable(self, error: type[httpx.TransportError]) -> None:
        def fail(request: httpx.Request) -> httpx.Response:
            raise error("silence", request=request)

        self._all_raise(Unavailable, fail)

    def test_a_redirect_is_not_followed(self) -> None:
        called: list[str] = []

        def redirect(request: httpx.Request) -> httpx.Response:
            called.append(request.url.host)
            return httpx.Response(302, headers={"Location": "https://elsewhere.example/steal"})

        self._all_raise(Unavailable, redirect)
        assert "elsewhere.example" not in called

    def test_a_flood_is_cut_off(self) -> None:
        flood = b'{"a": "' + b"x" * (LARGEST_ANSWER + 1) + b'"}'
        self._all_raise(Unavailable, lambda request: httpx.Response(200, content=flood))

    def test_nobody_but_the_registry_is_called(self) -> None:
        base = httpx.URL(self.adapter.info.base_url)

        def check(request: httpx.Request) -> httpx.Response:
            assert (request.url.scheme, request.url.host) == (base.scheme, base.host)
            assert request.url.path.startswith(base.path)
            return self.answer(request)

        for ask in self._asks:
            ask(check)

    def test_a_missing_key_is_told(self) -> None:
        if not self.adapter.info.secrets:
            pytest.skip("this registry needs no key")
        with pytest.raises(NeedsKey):
            self.lookup(self.known, secrets={})
        self._all_raise(NeedsKey, lambda request: httpx.Response(401))

    # ------------------------------------------------------------ many at once

    def test_many_at_once_get_their_own_answers(self) -> None:
        async def run() -> None:
            async with self.client() as client:
                asks = [ask_lookup(self.adapter, client, number) for number in [self.known, self.unknown] * 10]
                answers = await asyncio.gather(*asks, return_exceptions=True)
                assert all(isinstance(each, Company) and each.business_id == self.known for each in answers[::2])
                assert all(isinstance(each, NotFound) for each in answers[1::2])

        asyncio.run(run())

    def test_a_question_that_is_given_up_ends_at_once(self) -> None:
        async def hang(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(3600)
            raise AssertionError("nobody waits that long")

        async def run() -> None:
            async with self.client(hang) as client:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(ask_lookup(self.adapter, client, self.known), 0.05)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"still running: {left}"

        asyncio.run(run())


def _odd_versions(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    """The JSON of an answer with one member at a time missing or odd, and where that is."""
    try:
        paths = list(_paths(json.loads(answer.content)))
    except ValueError:
        return
    for *way, last in paths:
        for odd in (_MISSING, *ODD):
            whole = place = json.loads(answer.content)
            for step in way:
                place = place[step]
            if odd is _MISSING:
                del place[last]
            else:
                place[last] = odd
            yield f"{[*way, last]} is {'missing' if odd is _MISSING else repr(odd)}", whole


_MISSING = object()


def _paths(value: Any) -> Iterator[list[str | int]]:
    """The ways to all members, however deep."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in steps:
        yield [step]
        yield from ([step, *below] for below in _paths(member))


def _with_tokens(token_url: str | None, handler: Handler) -> Handler:
    """The handler, behind one that hands out tokens where the registry wants them."""

    def answer(request: httpx.Request) -> Any:
        if str(request.url) == token_url:
            return httpx.Response(200, json={"access_token": "test", "token_type": "Bearer", "expires_in": 3600})
        return handler(request)

    return answer


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    if isinstance(value, list):
        return [text for member in value for text in _texts(member)]
    return [value] if isinstance(value, str) else []
