"""Estonia's e-Äriregister, from answers in its shape about companies that do not exist, and from recorded ones."""

import json

import httpx
import pytest

from kartotek.testing import RegistryConformance
from plugins.contract import Address, AddressKind, CompanyHit, CompanyStatus, SearchResult
from plugins.estonia import Ariregister
from tests.recorded import needs_recordings, recorded
from tests.registry_facts import theirs


class TestAriregister(RegistryConformance):
    adapter = Ariregister()
    known = "99000100"
    spellings = ("99 000 100", "9900-0100", "EE99000100", "ee 99000100")
    unknown = "99000130"
    # A VAT number has nine digits, and no company can be told from it.
    strangers = ("99000101", "9900010", "EE100931558", "100931558", "29000100", "SE99000100", "Bolt 4")
    finds = "rannikuvalgus"
    persons = ("Kuusk",)

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/est/api/autocomplete"
        wanted = request.url.params["q"]
        return recorded("ee", {self.known: "one", self.finds: "several"}.get(wanted, "none"))

    def company(self, **members: object) -> CompanyHit:
        """The company with some members of its row changed."""
        answer = json.loads(recorded("ee", "one").content)
        answer["data"] = [answer["data"][0] | members]
        return self.lookup(self.known, lambda request: httpx.Response(200, json=answer))

    def test_everything_that_is_known_of_a_company(self) -> None:
        company = self.lookup(self.known)
        assert company.name == "Rannikuvalgus OÜ"
        assert company.status is CompanyStatus.ACTIVE
        assert company.status_text == "Registrisse kantud"
        assert company.legal_form == "Osaühing"
        assert company.vat_number is None
        assert company.industry is None
        assert not company.is_natural_person

    @pytest.mark.parametrize(
        ("letter", "status", "words"),
        [
            ("R", CompanyStatus.ACTIVE, "Registrisse kantud"),
            ("L", CompanyStatus.LIQUIDATION, "Likvideerimisel"),
            ("N", CompanyStatus.BANKRUPT, "Pankrotis"),
            ("K", CompanyStatus.DISSOLVED, "Kustutatud"),
            ("Q", CompanyStatus.UNKNOWN, "Q"),
            (None, CompanyStatus.UNKNOWN, None),
        ],
    )
    def test_how_a_company_stands(self, letter: str | None, status: CompanyStatus, words: str | None) -> None:
        company = self.company(status=letter)
        assert (company.status, company.status_text) == (status, words)

    @pytest.mark.parametrize(
        ("line", "street", "city", "region"),
        [
            (
                "Harju maakond, Tallinn, Põhja-Tallinna linnaosa, Kai tn 2",
                "Kai tn 2, Põhja-Tallinna linnaosa",
                "Tallinn",
                "Harju maakond",
            ),
            ("Tartu maakond, Tartu linn, Kai tn 2", "Kai tn 2", "Tartu linn", "Tartu maakond"),
            ("Tartu maakond, Tartu linn", "Tartu maakond, Tartu linn", None, None),
            ("Kai tn 2, Tallinn, 10411", "Kai tn 2, Tallinn, 10411", None, None),
            ("Kai tn 2", "Kai tn 2", None, None),
        ],
    )
    def test_its_line_is_taken_apart_where_it_can_be(
        self, line: str, street: str, city: str | None, region: str | None
    ) -> None:
        assert self.company(legal_address=line).addresses == (
            Address(kind=AddressKind.VISITING, street=street, post_code="10411", city=city, region=region),
        )

    @pytest.mark.parametrize("line", ["", " , ", None])
    def test_no_line_is_no_address(self, line: str | None) -> None:
        assert self.company(legal_address=line).addresses == ()

    def test_forms_that_are_not_known_are_left_out(self) -> None:
        assert self.company(legal_form="77").legal_form is None

    @pytest.mark.parametrize(("name", "is_person"), [("Mari Kask FIE", True), ("FIE Kask", True), ("Fiesta OÜ", False)])
    def test_sole_traders_are_persons(self, name: str, is_person: bool) -> None:
        assert self.company(name=name).is_natural_person is is_person

    def test_zeros_in_front_of_numbers_are_kept(self) -> None:
        answer = httpx.Response(200, json={"status": "OK", "data": [{"reg_code": 9000100, "name": "Kai OÜ"}]})
        (hit,) = self.search(self.finds, lambda request: answer).hits
        assert hit.business_id == "09000100"

    def test_only_the_company_with_the_number_is_looked_up(self) -> None:
        company = self.lookup(self.known, lambda request: recorded("ee", "several"))
        assert company.name == "Rannikuvalgus OÜ"

    def test_a_full_answer_may_have_left_out_more(self) -> None:
        rows = [{"reg_code": 99000100 + each, "name": f"Kai {each} OÜ"} for each in range(10)]
        full = httpx.Response(200, json={"status": "OK", "data": rows})
        assert self.search(self.finds, lambda request: full).has_more
        assert not self.search(self.finds).has_more

    def test_no_list_is_an_empty_one(self) -> None:
        answer = httpx.Response(200, json={"status": "OK", "data": None})
        assert self.search(self.finds, lambda request: answer) == SearchResult(())


@needs_recordings
class TestRecordings:
    ask = TestAriregister()

    @pytest.mark.parametrize(
        ("file", "number", "name", "legal_form", "address"),
        [
            (
                "search-by-name",
                "12417834",
                "Bolt Technology OÜ",
                "Osaühing",
                ("Vana-Lõuna tn 15, Kesklinna linnaosa", "10134", "Tallinn", "Harju maakond"),
            ),
            (
                "search-by-name-second",
                "70000310",
                "Registrite ja Infosüsteemide Keskus",
                None,
                ("Lubja tn 4, Kesklinna linnaosa", "10115", "Tallinn", "Harju maakond"),
            ),
        ],
    )
    def test_what_recorded_companies_are(
        self, file: str, number: str, name: str, legal_form: str | None, address: tuple[str, ...]
    ) -> None:
        assert self.ask.adapter.read_number(number) is not None
        (hit,) = self.ask.search("anything", theirs("ee", file)).hits
        self.ask._check(hit)
        assert hit == self.ask.lookup(number, theirs("ee", file))
        assert (hit.business_id, hit.name, hit.legal_form) == (number, name, legal_form)
        assert (hit.vat_number, hit.status, hit.industry) == (None, CompanyStatus.ACTIVE, None)
        assert [(each.street, each.post_code, each.city, each.region) for each in hit.addresses] == [address]
