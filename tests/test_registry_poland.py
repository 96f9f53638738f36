"""Poland's list of VAT payers, from answers in its shape about companies that do not exist."""

import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from kartotek.testing import RegistryConformance
from plugins.contract import (
    Address,
    AddressKind,
    CompanyStatus,
    Number,
    NumberKind,
    RateLimited,
    RejectedInput,
    Unavailable,
)
from plugins.poland import WhiteList
from tests.recorded import OURS, RECORDED, needs_recordings, recorded

SUBJECT = json.loads((OURS / "pl/one.json").read_text())["result"]["subject"]


def answering(**members):
    """The subject of ours, with some members of its record changed."""
    return lambda request: httpx.Response(200, json={"result": {"subject": SUBJECT | members}})


class TestWhiteList(RegistryConformance):
    adapter = WhiteList()
    known = "5259900128"
    spellings = ("525-990-01-28", "525 990 01 28", "PL5259900128", "pl 525-990-01-28")
    unknown = "5259900157"
    strangers = ("5259900127", "525990012", "0000999001", "PL149990122", "149990123", "DE136695976", "Łączność 24")
    persons = ("Wiśniewska", "Kowalczyk", "00000000000", "00000000000000000000000001", "Grażyna")

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.params["date"]
        kind, number = request.url.path.removeprefix("/api/search/").split("/")
        known = {("nip", self.known): "one", ("regon", "149990122"): "one", ("nip", "5259900140"): "person"}
        return recorded("pl", known.get((kind, number), "none"))

    def test_a_record_is_read(self) -> None:
        company = self.lookup(self.known)
        assert (company.country, company.name) == ("PL", "SPÓŁKA ŁĄCZNOŚĆ NORDSKEN SPÓŁKA AKCYJNA")
        assert (company.vat_number, company.status, company.status_text) == (
            "PL5259900128",
            CompanyStatus.ACTIVE,
            "Czynny",
        )
        assert company.registered_on == date(2011, 3, 1)
        assert company.addresses == (
            Address(kind=AddressKind.VISITING, street="UL. ŻURAWIA 7/12", post_code="00-515", city="WARSZAWA"),
        )
        assert not company.is_natural_person

    def test_a_regon_finds_the_same_company_under_the_same_number(self) -> None:
        assert self.adapter.read_number("149-990-122") == Number("149990122")
        assert self.lookup("149990122") == self.lookup(self.known)

    def test_vat_numbers_are_told_from_tax_numbers(self) -> None:
        assert self.adapter.read_number("PL5259900128") == Number(self.known, NumberKind.VAT_NUMBER)
        assert self.adapter.read_number("5259900128") == Number(self.known, NumberKind.BUSINESS_ID)

    def test_it_is_asked_for_the_day_that_it_is_in_poland(self) -> None:
        asked: list[str] = []

        def note(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.params["date"])
            return self.answer(request)

        days = [datetime.now(ZoneInfo("Europe/Warsaw")).date().isoformat()]
        self.lookup(self.known, note)
        days.append(datetime.now(ZoneInfo("Europe/Warsaw")).date().isoformat())
        assert asked[0] in days

    def test_a_person_in_business_is_marked_and_the_home_is_not_told(self) -> None:
        company = self.lookup("5259900140")
        assert company.is_natural_person
        assert company.vat_number is None
        assert company.status is CompanyStatus.UNKNOWN
        assert "DOMOWA" not in repr(company)
        assert [each.city for each in company.addresses] == ["KRAKÓW"]

    def test_who_is_not_in_the_court_register_may_be_a_person(self) -> None:
        assert self.lookup(self.known, answering(krs=None)).is_natural_person

    @pytest.mark.parametrize(
        ("ending", "status"),
        [
            (" W LIKWIDACJI", CompanyStatus.LIQUIDATION),
            (" W UPADŁOŚCI LIKWIDACYJNEJ", CompanyStatus.BANKRUPT),
            (" w restrukturyzacji", CompanyStatus.RESTRUCTURING),
            (" LIKWIDACJE", CompanyStatus.ACTIVE),
        ],
    )
    def test_the_name_says_how_it_stands(self, ending: str, status: CompanyStatus) -> None:
        assert self.lookup(self.known, answering(name=f"NORDSKEN{ending}")).status is status

    @pytest.mark.parametrize("vat_status", ["Zwolniony", "Niezarejestrowany", None])
    def test_only_an_active_payer_has_a_vat_number(self, vat_status: str | None) -> None:
        company = self.lookup(self.known, answering(statusVat=vat_status))
        assert (company.vat_number, company.status) == (None, CompanyStatus.UNKNOWN)

    @pytest.mark.parametrize(
        ("line", "parts"),
        [
            ("WOLA 5, 05-555 WOLA", ("WOLA 5", "05-555", "WOLA")),
            ("UL. A, LOK. 2, 00-001 WARSZAWA", ("UL. A, LOK. 2", "00-001", "WARSZAWA")),
            ("00-001 WARSZAWA", (None, "00-001", "WARSZAWA")),
            ("UL. BEZ KODU 7", ("UL. BEZ KODU 7", None, None)),
        ],
    )
    def test_an_address_of_one_line_is_taken_apart(self, line: str, parts: tuple[str | None, ...]) -> None:
        (address,) = self.lookup(self.known, answering(residenceAddress=line)).addresses
        assert (address.street, address.post_code, address.city) == parts

    def test_an_answer_about_another_company_is_none(self) -> None:
        with pytest.raises(Unavailable):
            self.lookup(self.known, answering(nip="5259900157"))

    def test_a_quota_that_is_used_up_is_told_as_such(self) -> None:
        refusal = {"code": "WL-000", "message": "Przekroczono dzienny limit zapytań"}
        with pytest.raises(RateLimited):
            self.lookup(self.known, lambda request: httpx.Response(400, json=refusal))
        with pytest.raises(RejectedInput):
            self.lookup(
                self.known, lambda request: httpx.Response(400, json=refusal | {"message": "Nieprawidłowy NIP"})
            )

    def test_a_name_is_refused_with_what_would_be_taken(self) -> None:
        with pytest.raises(RejectedInput, match="give a NIP or a REGON"):
            self.search("orlen")


@needs_recordings
def test_recorded_answers_are_read():
    content = (RECORDED / "pl/vat-whitelist-by-nip.json").read_bytes()
    company = TestWhiteList().lookup("6310100408", lambda request: httpx.Response(200, content=content))
    assert (company.name, company.business_id, company.vat_number, company.status, company.industry) == (
        '"INTELLINET" SPÓŁKA Z OGRANICZONĄ ODPOWIEDZIALNOŚCIĄ',
        "6310100408",
        "PL6310100408",
        CompanyStatus.ACTIVE,
        None,
    )
    assert company.addresses == (
        Address(
            kind=AddressKind.VISITING, street="KS. BPA HERBERTA BEDNORZA 2A-6", post_code="40-386", city="KATOWICE"
        ),
    )
    assert not company.is_natural_person
