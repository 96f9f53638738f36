"""GLEIF, from answers in its shape about companies that do not exist."""

import json
from datetime import date
from typing import Any

import httpx
import pytest

from kartotek.testing import RegistryConformance
from plugins.contract import Address, AddressKind, CompanyStatus, NotFound
from plugins.gleif import Gleif
from resolvers.registration import business_id as stored
from tests.recorded import OURS, RECORDED, needs_recordings, recorded

LEI = "529900NORDSKEN00KT78"


class TestGleif(RegistryConformance):
    """Norway, as a country whose numbers have check digits, and are filed in threes."""

    adapter = Gleif().for_country("NO")
    known = "999000126"
    spellings = ("999 000 126", "999.000.126")
    unknown = "999000134"
    strangers = ("999000127", "529900NORDSKEN00KT79", "NORDSKEN", "99900012", "HRB 6684")
    finds = "nordsken"
    persons = ("Nordmann",)

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if request.url.path.endswith(f"/{LEI}"):
            one = json.loads((OURS / "gleif/one.json").read_text())
            return httpx.Response(200, json=one | {"data": one["data"][0]})
        if not request.url.path.endswith("/lei-records"):
            return httpx.Response(404, json={"errors": [{"status": "404"}]})
        assert params["filter[entity.jurisdiction]"] == "NO"
        if params.get("filter[entity.registeredAs]") == "999 000 126":
            return recorded("gleif", "one")
        return recorded("gleif", "several" if params.get("filter[entity.legalName]") == self.finds else "none")

    def test_a_record_is_read(self) -> None:
        company = self.lookup(self.known)
        assert (company.country, company.name) == ("NO", "NORDSKEN ÆØÅ AS")
        # The LEI of this company has lapsed, which says nothing of the company.
        assert (company.status, company.status_text) == (CompanyStatus.ACTIVE, "ACTIVE")
        assert (company.vat_number, company.legal_form, company.registered_on) == (None, None, None)
        assert company.addresses == (
            Address(
                kind=AddressKind.VISITING,
                street="Fjordgata 1, 3. etasje",
                post_code="9008",
                city="Tromsø",
                country="NO",
            ),
        )

    def test_an_lei_finds_the_company_under_its_local_number(self) -> None:
        number = self.adapter.read_number("5299 00no rdsk en00 kt78")
        assert number
        assert number.business_id == LEI
        assert self.lookup(LEI) == self.lookup(self.known)

    def test_an_unknown_lei_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            self.lookup("529900UNKNOWN0000021")

    def test_the_lei_of_a_company_elsewhere_is_not_found_here(self) -> None:
        with pytest.raises(NotFound):
            self.lookup("529900WALDMEISTER037", lambda request: recorded("gleif", "by-lei"))

    def test_hits_say_what_the_index_knows(self) -> None:
        result = self.search("nordsken")
        assert [(each.business_id, each.status, each.part_of) for each in result.hits] == [
            ("999000126", CompanyStatus.ACTIVE, None),
            ("999000150", CompanyStatus.ACTIVE, LEI),
            ("999000142", CompanyStatus.DISSOLVED, None),
            ("529900STIFTUNGEN0005", CompanyStatus.ACTIVE, None),
        ]
        assert result.has_more

    def test_a_company_that_has_ceased_says_when(self) -> None:
        ceased = json.loads((OURS / "gleif/several.json").read_text())
        ceased["data"] = ceased["data"][2:3]
        company = self.lookup("999000142", lambda request: httpx.Response(200, json=ceased))
        assert company.dissolved_on == date(2024, 2, 29)

    def test_the_separators_that_a_number_was_filed_with_do_not_matter(self) -> None:
        def only(spelling: str) -> Any:
            def answer(request: httpx.Request) -> httpx.Response:
                asked = request.url.params["filter[entity.registeredAs]"]
                return recorded("gleif", "one" if asked == spelling else "none")

            return answer

        assert self.lookup(self.known, only("999 000 126")) == self.lookup(self.known, only("999000126"))

    def test_a_page_is_no_larger_than_what_is_asked_for(self) -> None:
        sizes: list[str] = []

        def note(request: httpx.Request) -> httpx.Response:
            sizes.append(request.url.params["page[size]"])
            return self.answer(request)

        self.search("nordsken", note, limit=3)
        self.search("nordsken", note, limit=1000)
        assert sizes == ["3", "100"]


class TestGleifByLei(RegistryConformance):
    """Germany, whose numbers have neither check digits nor one spelling."""

    adapter = Gleif().for_country("DE")
    known = "HRB 99999 HB"
    spellings = ("HRB  99999  HB",)
    unknown = "HRB 99997"
    strangers = ("Waldmeister", "Werk 1234", "3M", "1&1", "HRB", "100000 Taxi", "4711")
    finds = "waldmeister"

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        found = "Waldmeister" if params.get("filter[entity.registeredAs]") == self.known else ""
        found = found or (params.get("filter[entity.legalName]") == self.finds and "Waldmeister") or ""
        return recorded("gleif", "by-lei" if found else "none")

    def test_the_legal_form_is_told_where_it_is_in_words(self) -> None:
        assert self.lookup(self.known).legal_form == "Gesellschaft mit beschränkter Haftung"

    def test_a_sole_proprietor_is_marked(self) -> None:
        company = self.lookup("HRA 99998", lambda request: recorded("gleif", "sole-proprietor"))
        assert company.is_natural_person

    def test_a_place_in_a_state_is_in_its_country(self) -> None:
        seen: list[httpx.QueryParams] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request.url.params)
            return recorded("gleif", "us")

        kit = TestGleifByLei()
        kit.adapter = Gleif().for_country("US")  # type: ignore[misc]
        (hit,) = kit.search("north light", answer).hits
        assert (hit.country, hit.business_id, hit.addresses[0].region) == ("US", "9999001", "DE")
        assert hit.addresses[0].street == "1 MAIN STREET"
        assert seen[0]["filter[entity.legalAddress.country]"] == "US"


def test_without_a_country_it_is_asked_by_lei_only():
    assert Gleif().read_number("999000126") is None
    assert Gleif().read_number(LEI.lower())


SPELLINGS = {
    "AT": ("FN 122119 m", "122119m"),
    "BE": ("0403.019.261", "0403019261"),
    "CH": ("CHE100155212", "CHE-100.155.212"),
    "CZ": ("25123891", "25123891"),
    "DK": ("13 58 56 28", "13585628"),
    "ES": ("B-64717838", "B64717838"),
    "FI": ("0112038-9", "0112038-9"),
    "FR": ("552 008 443", "552008443"),
    "GB": ("00445790", "00445790"),
    "IT": ("00743110157", "00743110157"),
    "LU": ("B 82454", "B 82454"),
    "NL": ("69599084", "69599084"),
    "NO": ("923 609 016", "923609016"),
    "SE": ("556016-0680", "5560160680"),
}


@pytest.mark.parametrize(("country", "filed", "number"), [(country, *each) for country, each in SPELLINGS.items()])
def test_numbers_are_spelt_as_they_are_stored(country: str, filed: str, number: str):
    read = Gleif(country).read_number(filed)
    assert read
    assert read.business_id == number == stored(filed, country)


RECORDED_COMPANIES = {
    "gb": ("TESCO PLC", "00445790", "TESCO HOUSE, SHIRE PARK, KESTREL WAY", "AL7 1GA", "WELWYN GARDEN CITY"),
    "no": ("EQUINOR ASA", "923609016", "Forusbeen 50", "4035", "Stavanger"),
    "se": ("Telefonaktiebolaget LM Ericsson", "5560160680", "Torshamnsgatan 21", "164 83", "Stockholm"),
}


@needs_recordings
@pytest.mark.parametrize(("country", "expected"), RECORDED_COMPANIES.items(), ids=RECORDED_COMPANIES)
def test_recorded_answers_are_read(country: str, expected: tuple[str, ...]):
    content = (RECORDED / f"gleif/search-by-registered-as-{country}.json").read_bytes()
    kit = TestGleif()
    kit.adapter = Gleif().for_country(country.upper())  # type: ignore[misc]
    company = kit.lookup(expected[1], lambda request: httpx.Response(200, content=content))
    (address,) = company.addresses
    assert (company.name, company.business_id, address.street, address.post_code, address.city) == expected
    assert (company.vat_number, company.status, company.industry) == (None, CompanyStatus.ACTIVE, None)


@needs_recordings
def test_a_recorded_answer_without_records_is_not_found():
    content = (RECORDED / "gleif/not-found.json").read_bytes()
    with pytest.raises(NotFound):
        TestGleif().lookup("923609016", lambda request: httpx.Response(200, content=content))
