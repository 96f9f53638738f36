"""Sweden's Bolagsverket, from answers in its shape about companies that do not exist, and from recorded ones."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qs

import httpx
import pytest

from kartotek.testing import RegistryConformance
from plugins.asking import ask_lookup
from plugins.client import RegistryClient
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    NeedsKey,
    NotFound,
    NumberKind,
    RateLimited,
    RegistryError,
    RejectedInput,
    Unavailable,
)
from plugins.sweden import Bolagsverket
from tests.recorded import RECORDED, needs_recordings, recorded, recording
from tests.registry_facts import theirs

T = TypeVar("T")

PROCEDURES = "pagaendeAvvecklingsEllerOmstruktureringsforfarande"
MISSPELT_PROCEDURES = "pagandeAvvecklingsEllerOmstruktureringsforfarande"


def _procedures(*codes: str, name: str = PROCEDURES) -> dict[str, object]:
    listed = [{"kod": code, "klartext": f"Förfarande {code}", "fromDatum": "2026-01-02"} for code in codes]
    return {name: {f"{name}Lista": listed, "dataproducent": "Bolagsverket", "fel": None}}


def _fault(kind: str) -> dict[str, object]:
    return {"dataproducent": "SCB", "fel": {"typ": kind, "felBeskrivning": "Uppgiften kunde inte lämnas."}}


class TestBolagsverket(RegistryConformance):
    adapter = Bolagsverket()
    known = "5299000108"
    spellings = ("529900-0108", "16 529900-0108", "165299000108", "SE529900010801", "se 529900-0108 01", "529900010801")
    unknown = "5299000116"
    # A person's number is none of this registry's: it must not be asked about.
    strangers = (
        "5299000109",
        "529900010",
        "SE529900010802",
        "197001019988",
        "700101-9988",
        "SE700101998801",
        "Volvo 1",
    )
    persons = ("Wahlbom", "Gunnel")

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith("/organisationer")
        assert request.headers["Authorization"] == "Bearer test"
        wanted = json.loads(request.content)["identitetsbeteckning"]
        return recorded("se", "company" if wanted == self.known else "none")

    def company(self, **members: object) -> Company:
        """The company with some members of its record changed."""
        answer = json.loads(recorded("se", "company").content)
        answer["organisationer"] = [answer["organisationer"][0] | members]
        return self.lookup(self.known, lambda request: httpx.Response(200, json=answer))

    # ------------------------------------------------------------ a company

    def test_everything_that_is_known_of_a_company(self) -> None:
        company = self.lookup(self.known)
        assert company.name == "Skärgårdsljus AB"
        assert company.status is CompanyStatus.ACTIVE
        assert company.legal_form == "Aktiebolag"
        assert company.vat_number is None, "it does not say who is registered for VAT"
        assert company.industry is not None
        assert (company.industry.code, company.industry.label) == ("27400", "Tillverkning av belysningsarmatur")
        assert company.addresses == (
            Address(kind=AddressKind.POSTAL, street="Hamngatan 5", post_code="761 30", city="NORRTÄLJE", country="SE"),
        )
        assert str(company.registered_on) == "2009-03-17"
        assert company.dissolved_on is None
        assert not company.is_natural_person

    def test_an_advertising_block_is_passed_on(self) -> None:
        assert self.lookup(self.known).marketing_blocked
        assert not self.company(reklamsparr={"kod": "NEJ", "dataproducent": "SCB", "fel": None}).marketing_blocked
        assert not self.company(reklamsparr=None).marketing_blocked

    @pytest.mark.parametrize(
        ("members", "status", "words"),
        [
            (_procedures("KK", "LI"), CompanyStatus.BANKRUPT, "Förfarande KK, Förfarande LI"),
            (_procedures("LI"), CompanyStatus.LIQUIDATION, "Förfarande LI"),
            (_procedures("FR"), CompanyStatus.RESTRUCTURING, "Förfarande FR"),
            (_procedures("AC-AVOMFO"), CompanyStatus.RESTRUCTURING, "Förfarande AC-AVOMFO"),
            (_procedures("FUOT"), CompanyStatus.ACTIVE, "Förfarande FUOT"),
            (_procedures("NYTT"), CompanyStatus.UNKNOWN, "Förfarande NYTT"),
            (_procedures("NYTT", "LI"), CompanyStatus.LIQUIDATION, "Förfarande NYTT, Förfarande LI"),
            (_procedures("KK", name=MISSPELT_PROCEDURES), CompanyStatus.BANKRUPT, "Förfarande KK"),
            (_procedures(), CompanyStatus.ACTIVE, None),
        ],
    )
    def test_how_a_company_stands(self, members: dict[str, object], status: CompanyStatus, words: str | None) -> None:
        company = self.company(**members)
        assert (company.status, company.status_text) == (status, words)

    @pytest.mark.parametrize("day", ["2023-05-05", "2023-05-05T00:00:00.000+00:00"])
    def test_a_company_that_was_removed(self, day: str) -> None:
        company = self.company(
            avregistreradOrganisation={"avregistreringsdatum": day, "fel": None},
            avregistreringsorsak={"kod": "LIAV", "klartext": "Likvidation", "fel": None},
            **_procedures("KK"),
        )
        assert (company.status, company.status_text) == (CompanyStatus.DISSOLVED, "Likvidation")
        assert str(company.dissolved_on) == "2023-05-05"

    @pytest.mark.parametrize(
        ("land", "country", "post_code"),
        [("Finland", "FI", "76130"), ("SVERIGE", "SE", "761 30"), (None, None, "761 30")],
    )
    def test_where_an_address_is(self, land: str | None, country: str | None, post_code: str) -> None:
        where = {
            "postnummer": "76130",
            "land": land,
            "postort": "BYN",
            "utdelningsadress": "c/o Gunnel Wahlbom, Vägen 1",
        }
        (address,) = self.company(postadressOrganisation={"postadress": where}).addresses
        assert (address.country, address.post_code, address.street) == (country, post_code, "Vägen 1")

    def test_an_address_somewhere_unknown_is_left_out(self) -> None:
        where = {"postnummer": "1", "land": "Långtbortistan", "postort": "BYN"}
        assert self.company(postadressOrganisation={"postadress": where}).addresses == ()

    def test_a_name_of_another_kind_is_better_than_none(self) -> None:
        names = {"organisationsnamnLista": [{"namn": "Ljusets vänner"}], "fel": None}
        assert self.company(organisationsnamn=names).name == "Ljusets vänner"

    # ------------------------------------------------------------ persons

    def test_what_goes_by_a_persons_number_is_never_passed_on(self) -> None:
        for number in ("197001019988", "7001019988", self.known):
            with pytest.raises(NotFound):
                self.lookup(number, lambda request: recorded("se", "sole-trader"))

    @pytest.mark.parametrize("kind", ["PERSONNUMMER", "SAMORDNINGSNUMMER", "GDNUMMER", "NYTT"])
    def test_whatever_the_number_looks_like(self, kind: str) -> None:
        with pytest.raises(NotFound):
            self.company(organisationsidentitet={"identitetsbeteckning": self.known, "typ": {"kod": kind}})

    @pytest.mark.parametrize(
        "members",
        [
            {"organisationsform": {"kod": "E", "klartext": "Enskild näringsidkare"}},
            {"organisationsform": None, "juridiskForm": {"kod": "10", "klartext": "Fysiska personer"}},
            {"organisationsidentitet": {"identitetsbeteckning": "5299000108", "typ": {"kod": "DODSBO"}}},
        ],
    )
    def test_sole_traders_and_estates_are_persons(self, members: dict[str, object]) -> None:
        assert self.company(**members).is_natural_person

    # ------------------------------------------------------------ answers in parts

    def test_what_statistics_sweden_cannot_say_is_left_out(self) -> None:
        company = self.lookup(self.known, lambda request: recorded("se", "statistics-down"))
        assert company.name == "Skärgårdsljus AB"
        assert company.industry is None
        assert company.legal_form == "Aktiebolag"

    def test_a_register_that_is_down_is_unavailable(self) -> None:
        with pytest.raises(Unavailable):
            self.lookup(self.known, lambda request: recorded("se", "register-down"))

    @pytest.mark.parametrize("fault", ["OTILLGANGLIG_UPPGIFTSKALLA", "TIMEOUT"])
    @pytest.mark.parametrize("member", ["organisationsnamn", "avregistreradOrganisation", PROCEDURES, "reklamsparr"])
    def test_what_decides_an_import_is_not_guessed(self, member: str, fault: str) -> None:
        with pytest.raises(Unavailable):
            self.company(**{member: _fault(fault)})

    def test_a_company_that_only_one_of_the_sources_has(self) -> None:
        nothing = _fault("ORGANISATION_FINNS_EJ")
        company = self.company(juridiskForm=nothing, naringsgrenOrganisation=nothing, reklamsparr=nothing)
        assert company.name == "Skärgårdsljus AB"
        assert not company.marketing_blocked

    def test_an_empty_list_is_no_company(self) -> None:
        with pytest.raises(NotFound):
            self.lookup(self.known, lambda request: httpx.Response(200, json={"organisationer": []}))

    def test_a_company_without_a_name_is_not_understood(self) -> None:
        with pytest.raises(Unavailable):
            self.company(organisationsnamn=None)

    def test_a_number_that_is_not_taken_is_told(self) -> None:
        with pytest.raises(RejectedInput):
            self.company(organisationsnamn=_fault("OGILTIG_BEGARAN"))

    def test_it_is_not_searched_by_name(self) -> None:
        with pytest.raises(RejectedInput, match="give a number"):
            self.search("ljus")


class TestTokens:
    """How the client comes by tokens, seen from this registry, the one that wants them."""

    known = "5299000108"

    def run(
        self, tokens: Callable[[httpx.Request], httpx.Response], ask: Callable[[RegistryClient], Awaitable[T]]
    ) -> tuple[T, list[str]]:
        """What asking with such tokens comes to, and the headers that the registry saw: it takes all but `stale`."""
        info = Bolagsverket.info
        seen: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            if str(request.url) == info.token_url:
                return tokens(request)
            seen.append(request.headers["Authorization"])
            return recorded("se", "company") if "stale" not in seen[-1] else httpx.Response(401)

        async def run() -> T:
            secrets = {"client_id": "någon", "client_secret": "he:mligt"}
            transport = httpx.MockTransport(answer)
            async with RegistryClient(
                info.base_url, token_url=info.token_url, secrets=secrets, transport=transport
            ) as client:
                return await ask(client)

        return asyncio.run(run()), seen

    async def look_up(self, client: RegistryClient) -> Company:
        return await ask_lookup(Bolagsverket(), client, self.known)

    def test_a_client_shows_who_it_is(self) -> None:
        asked: list[httpx.Request] = []

        def tokens(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200, json={"access_token": "abc", "token_type": "Bearer", "expires_in": 3600})

        company, seen = self.run(tokens, self.look_up)
        assert company.business_id == self.known
        assert seen == ["Bearer abc"]
        (request,) = asked
        assert parse_qs(request.content.decode()) == {
            "grant_type": ["client_credentials"],
            "scope": ["vardefulla-datamangder:read"],
        }
        scheme, _, who = request.headers["Authorization"].partition(" ")
        assert scheme == "Basic"
        assert base64.b64decode(who).decode() == "någon:he:mligt"

    @pytest.mark.parametrize(("seconds", "handed_out"), [(3600, 1), ("7200", 1), (30, 3), (None, 3)])
    def test_a_token_serves_until_it_runs_out(self, seconds: object, handed_out: int) -> None:
        count = 0

        def tokens(request: httpx.Request) -> httpx.Response:
            nonlocal count
            count += 1
            return httpx.Response(200, json={"access_token": str(count), "expires_in": seconds})

        async def three(client: RegistryClient) -> None:
            for _ in range(3):
                await self.look_up(client)

        _, seen = self.run(tokens, three)
        assert len(seen) == 3
        assert count == handed_out

    def test_one_token_serves_all_that_ask_at_once(self) -> None:
        count = 0

        def tokens(request: httpx.Request) -> httpx.Response:
            nonlocal count
            count += 1
            return httpx.Response(200, json={"access_token": str(count), "expires_in": 3600})

        async def many(client: RegistryClient) -> None:
            await asyncio.gather(*(self.look_up(client) for _ in range(10)))

        self.run(tokens, many)
        assert count == 1

    def test_a_token_that_is_no_longer_taken_is_not_used_again(self) -> None:
        names = iter(("stale", "fresh"))

        async def twice(client: RegistryClient) -> Company:
            with pytest.raises(NeedsKey):
                await self.look_up(client)
            return await self.look_up(client)

        company, seen = self.run(
            lambda request: httpx.Response(200, json={"access_token": next(names), "expires_in": 3600}), twice
        )
        assert company.business_id == self.known
        assert seen == ["Bearer stale", "Bearer fresh"]

    @pytest.mark.parametrize(
        ("status", "content", "outcome"),
        [
            (400, b'{"error": "invalid_client"}', NeedsKey),
            (401, b'{"error": "invalid_client"}', NeedsKey),
            (404, b"", NeedsKey),
            (410, b"", NeedsKey),
            (429, b"", RateLimited),
            (500, b"", Unavailable),
            (200, b"{}", Unavailable),
            (200, b"<html>", Unavailable),
        ],
    )
    def test_no_token_says_nothing_of_the_company(
        self, status: int, content: bytes, outcome: type[RegistryError]
    ) -> None:
        with pytest.raises(outcome):
            self.run(lambda request: httpx.Response(status, content=content), self.look_up)


@needs_recordings
class TestRecordings:
    ask = TestBolagsverket()

    @pytest.mark.parametrize("file", sorted(file.stem for file in (RECORDED / "se").glob("lookup-*.json")))
    def test_every_recorded_record_is_read(self, file: str) -> None:
        for record in recording("se", file).json()["organisationer"]:
            number = self.ask.adapter.read_number(record["organisationsidentitet"]["identitetsbeteckning"])
            assert number is not None
            company = self.ask.lookup(number.business_id, theirs("se", file))
            self.ask._check(company)
            assert company.business_id == number.business_id
            assert "c/o" not in repr(company)

    @pytest.mark.parametrize(
        ("file", "number", "name", "status", "address", "industry"),
        [
            (
                "lookup-by-id-test-environment",
                "5560021361",
                "Testbolag 4 bokat av SKV Aktiebolag",
                CompanyStatus.ACTIVE,
                ("Testgatan 1", "851 81", "SUNDSVALL"),
                ("46699", "Partihandel med diverse andra maskiner och diverse annan utrustning"),
            ),
            (
                "lookup-bankrupt-test-environment",
                "5560986878",
                "Testdata 1 AB",
                CompanyStatus.BANKRUPT,
                (None, "851 81", "SUNDSVALL"),
                None,
            ),
            (
                "lookup-scb-only-test-environment",
                "5567223705",
                "Testbolaget Aktiebolag",
                CompanyStatus.ACTIVE,
                ("Testvägen 1", "111 11", "TESTHOLMEN"),
                None,
            ),
        ],
    )
    def test_what_recorded_companies_are(
        self,
        file: str,
        number: str,
        name: str,
        status: CompanyStatus,
        address: tuple[str | None, ...],
        industry: tuple[str, str] | None,
    ) -> None:
        company = self.ask.lookup(number, theirs("se", file))
        assert (company.business_id, company.name, company.vat_number, company.status) == (number, name, None, status)
        assert [(each.street, each.post_code, each.city) for each in company.addresses] == [address]
        assert (company.industry and (company.industry.code, company.industry.label)) == industry

    def test_a_recorded_answer_of_a_source_that_is_down(self) -> None:
        with pytest.raises(Unavailable):
            self.ask.lookup("5560021361", theirs("se", "partial-source-unavailable-example"))

    @pytest.mark.parametrize(
        ("status", "outcome"), [(400, RejectedInput), (401, NeedsKey), (403, NeedsKey), (500, Unavailable)]
    )
    def test_recorded_errors_are_told(self, status: int, outcome: type[RegistryError]) -> None:
        with pytest.raises(outcome):
            self.ask.lookup("5560021361", theirs("se", f"error-{status}", status=status))

    @pytest.mark.parametrize("text", ["5560021361", "556002-1361", "SE556002136101", " se 556002-1361 01 "])
    def test_every_spelling_leads_to_it(self, text: str) -> None:
        number = self.ask.adapter.read_number(text)
        assert number is not None
        assert number.business_id == "5560021361"
        assert (number.kind is NumberKind.VAT_NUMBER) == ("se" in text.lower())
