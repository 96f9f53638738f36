"""Denmark's CVR at cvrapi.dk, from answers in its shape about companies that do not exist, and from a recorded one."""

import json

import httpx
import pytest

from kartotek.testing import RegistryConformance
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    NeedsKey,
    NotFound,
    RateLimited,
    RegistryError,
    RejectedInput,
    SearchResult,
    Unavailable,
)
from plugins.denmark import CvrApi
from tests.recorded import needs_recordings, recorded
from tests.registry_facts import theirs


class TestCvrApi(RegistryConformance):
    adapter = CvrApi()
    known = "99000104"
    spellings = ("99 00 01 04", "99.00.01.04", "DK99000104", "dk 99000104", "DK-99 00 01 04")
    unknown = "99000120"
    strangers = ("99000105", "9900010", "SE99000104", "DK9900010", "Klitlys 3")
    finds = "klitlys"
    persons = ("Aagaard", "Mogens")

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith("https://cvrapi.dk/api?country=dk&")
        params = request.url.params
        if params.get("vat") == self.known or params.get("name") == self.finds:
            return recorded("dk", "company")
        return recorded("dk", "closed") if params.get("vat") == "99000112" else recorded("dk", "none", status=404)

    def company(self, **members: object) -> Company:
        """The company with some members of its record changed."""
        record = json.loads(recorded("dk", "company").content) | members
        return self.lookup(self.known, lambda request: httpx.Response(200, json=record))

    # ------------------------------------------------------------ a company

    def test_everything_that_is_known_of_a_company(self) -> None:
        company = self.lookup(self.known)
        assert company.name == "Klitlys ApS"
        assert company.vat_number == "DK99000104"
        assert company.status is CompanyStatus.ACTIVE
        assert company.status_text is None
        assert company.legal_form == "Anpartsselskab"
        assert company.industry is not None
        assert (company.industry.code, company.industry.label) == ("274000", "Fremstilling af elektriske lamper")
        assert company.addresses == (
            Address(kind=AddressKind.VISITING, street="Havnevej 3, 1, Gammel Skagen", post_code="9990", city="Skagen"),
        )
        assert (company.phone, company.email) == ("70000001", "post@klitlys.example")
        assert str(company.registered_on) == "2011-04-01"
        assert company.dissolved_on is None
        assert not company.marketing_blocked
        assert not company.is_natural_person

    def test_a_company_that_has_ceased(self) -> None:
        company = self.lookup("99000112")
        assert company.status is CompanyStatus.DISSOLVED
        assert str(company.dissolved_on) == "2019-12-31"

    def test_zeros_in_front_of_numbers_are_kept(self) -> None:
        company = self.lookup("99000112")
        assert company.industry is not None
        assert company.industry.code == "011100"
        assert self.company(zipcode=800).addresses[0].post_code == "0800"

    def test_protected_companies_must_not_be_sent_marketing(self) -> None:
        assert self.lookup("99000112").marketing_blocked

    def test_sole_traders_are_persons(self) -> None:
        assert self.lookup("99000112").is_natural_person
        assert self.company(companycode=15).is_natural_person
        assert self.company(companycode=None, companydesc="Personligt ejet Mindre Virksomhed").is_natural_person

    @pytest.mark.parametrize(
        ("members", "status"),
        [
            ({"creditbankrupt": True, "creditstatus": 3}, CompanyStatus.BANKRUPT),
            ({"creditstatus": 3}, CompanyStatus.UNKNOWN),
            ({"creditbankrupt": True, "enddate": "02/03 - 2020"}, CompanyStatus.DISSOLVED),
            ({"enddate": "some day"}, CompanyStatus.DISSOLVED),
        ],
    )
    def test_how_a_company_stands(self, members: dict[str, object], status: CompanyStatus) -> None:
        assert self.company(**members).status is status

    @pytest.mark.parametrize("text", ["31/02 - 2020", "2020-03-02", "", None, 20200302])
    def test_what_is_no_day_is_left_out(self, text: object) -> None:
        assert self.company(startdate=text).registered_on is None

    def test_another_company_is_none(self) -> None:
        with pytest.raises(NotFound):
            self.company(vat=99000112)

    # ------------------------------------------------------------ what it says instead

    @pytest.mark.parametrize("status", [200, 400, 403, 404, 429, 500])
    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            ("QUOTA_EXCEEDED", RateLimited),
            ("BANNED", NeedsKey),
            ("INVALID_UA", NeedsKey),
            ("INVALID_VAT", RejectedInput),
            ("INTERNAL_ERROR", Unavailable),
            ("NOT_FOUND", NotFound),
        ],
    )
    def test_an_error_counts_whatever_its_status(self, error: str, outcome: type[RegistryError], status: int) -> None:
        answer = httpx.Response(status, json={"error": error, "t": 0, "version": 6})
        with pytest.raises(outcome):
            self.lookup(self.known, lambda request: answer)

    def test_when_it_may_be_asked_again_is_told(self) -> None:
        answer = httpx.Response(403, json={"error": "QUOTA_EXCEEDED"}, headers={"Retry-After": "3600"})
        with pytest.raises(RateLimited) as raised:
            self.search(self.finds, lambda request: answer)
        assert raised.value.retry_after == 3600

    def test_whoever_is_not_taken_hears_what_to_set(self) -> None:
        answer = httpx.Response(403, json={"error": "INVALID_UA"})
        with pytest.raises(NeedsKey, match="secret contact"):
            self.lookup(self.known, lambda request: answer)

    def test_a_search_without_a_company_is_empty(self) -> None:
        answer = httpx.Response(200, json={"error": "NOT_FOUND"})
        assert self.search(self.finds, lambda request: answer) == SearchResult()

    # ------------------------------------------------------------ who asks

    @pytest.mark.parametrize(
        ("secrets", "asker"),
        [
            ({}, "Kartotek (customer registry)"),
            ({"contact": "Ålborg Lys, +45 70000001"}, "Ålborg Lys, +45 70000001 - Kartotek (customer registry)"),
        ],
    )
    def test_it_hears_who_asks(self, secrets: dict[str, str], asker: str) -> None:
        heard: list[str] = []

        def note(request: httpx.Request) -> httpx.Response:
            heard.append(dict(request.headers.raw)[b"User-Agent"].decode())
            return self.answer(request)

        self.lookup(self.known, note, secrets=secrets)
        assert heard == [asker]


@needs_recordings
class TestRecordings:
    ask = TestCvrApi()

    def test_what_the_recorded_company_is(self) -> None:
        company = self.ask.lookup("31678021", theirs("dk", "cvrapi-lookup-by-vat-trimmed"))
        self.ask._check(company)
        assert (company.business_id, company.name, company.vat_number, company.status) == (
            "31678021",
            "EA Copenhagen Business",
            "DK31678021",
            CompanyStatus.ACTIVE,
        )
        assert company.addresses == (
            Address(kind=AddressKind.VISITING, street="Landemærket 11, 5", post_code="1119", city="København K"),
        )
        assert company.industry is not None
        assert (company.industry.scheme, company.industry.code, company.industry.label) == (
            "DB07",
            "854100",
            "Videregående uddannelser ikke på universitetsniveau",
        )
        assert (company.phone, company.email) == ("36154500", "kontakt@cphbusiness.dk")
        assert str(company.registered_on) == "2008-10-01"

    @pytest.mark.parametrize("text", ["31678021", "DK31678021", "31 67 80 21", " dk-31678021 "])
    def test_every_spelling_leads_to_it(self, text: str) -> None:
        number = self.ask.adapter.read_number(text)
        assert number is not None
        assert number.business_id == "31678021"

    def test_a_recorded_answer_without_a_company(self) -> None:
        with pytest.raises(NotFound):
            self.ask.lookup("31678021", theirs("dk", "cvrapi-not-found-404", status=404))
