"""KVK, from answers in its shape about companies that do not exist."""

import json
from datetime import date

import httpx
import pytest

from plugins.contract import CompanyStatus, NotFound, SearchResult, Unavailable
from plugins.netherlands import Kvk
from tests.recorded import needs_recordings, recorded
from tests.registry_facts import BundledConformance, facts, theirs, written


class TestKvk(BundledConformance):
    adapter = Kvk()
    known = "98000010"
    spellings = ("9800 0010", "98.00.00.10", "KVK 98000010", "KvK-nr. 98000010", "kvk-nummer: 98000010")
    unknown = "98000045"
    strangers = ("9800001", "980000100", "NL004495445B01", "000098000011", "20-11-2024", "2024-11-26", "Windmolen 2")
    finds = "windmolen"
    persons = ("Veldkamp", "Joke")

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/v2/zoeken"):
            is_known = request.url.params["naam"] == self.finds
            return recorded("nl", "several") if is_known else recorded("nl", "not_found", 404)
        return recorded("nl", "company") if request.url.path.endswith(self.known) else recorded("nl", "not_found", 404)

    def test_the_rows_of_a_company_are_one_hit(self):
        result = self.search(self.finds)
        assert [facts(hit)[:5] for hit in result.hits] == [
            ("Windmolen Expeditie B.V.", "98000010", None, "ACTIVE", "Havenweg | - | Rotterdam | -"),
            ("Windmolen Fietsen", "98000029", None, "ACTIVE", "Dorpsstraat | - | Zwolle | -"),
            ("Stichting Windmolen", "98000037", None, "DISSOLVED", "Hafenstraße 5 | - | 26721 Emden | DE"),
        ]
        assert not result.has_more

    def test_the_key_goes_in_its_header(self):
        def check(request):
            assert request.headers["apikey"] == "abc"
            return self.answer(request)

        self.lookup(self.known, check, secrets={"key": "abc"})
        self.search(self.finds, check, secrets={"key": "abc"})

    def test_a_profile_is_read_whole(self):
        company = self.lookup(self.known)
        assert facts(company) == (
            "Windmolen Expeditie B.V.",
            "98000010",
            None,
            "ACTIVE",
            "Havenweg 17 M hoog | 3011 AB | Rotterdam | NL",
            "SBI2025 49410",
        )
        assert written(company.addresses[1]) == "Postbus 200 | 3000 AE | Rotterdam | NL"
        assert company.registered_on == date(2012, 3, 15)
        assert company.website == "www.windmolen-expeditie.example"
        assert company.marketing_blocked

    def test_a_sole_trader_is_a_person_whose_shielded_address_is_left_out(self):
        company = self.lookup("98000029", lambda request: recorded("nl", "sole_trader"))
        assert company.is_natural_person
        assert company.addresses == ()
        assert not company.marketing_blocked

    def test_an_end_without_its_day_is_an_end(self):
        company = self.lookup("98000029", lambda request: recorded("nl", "sole_trader"))
        assert (company.status, company.dissolved_on) == (CompanyStatus.DISSOLVED, None)

    def test_what_is_being_worked_on_is_not_missing(self):
        with pytest.raises(Unavailable):
            self.lookup(self.known, lambda request: recorded("nl", "busy", 404))
        with pytest.raises(Unavailable):
            self.search(self.finds, lambda request: recorded("nl", "busy", 404))

    def test_pages_are_read_until_there_are_enough_companies(self):
        asked = []

        def page(request):
            number = int(request.url.params["pagina"])
            asked.append(number)
            rows = [
                {"kvkNummer": f"{98000000 + index // 10}", "naam": f"Molen {index // 10}", "type": "nevenvestiging"}
                for index in range((number - 1) * 100, number * 100)
            ]
            return httpx.Response(200, json={"resultaten": rows, "totaal": 5000})

        result = self.search("molen", page, limit=15)
        assert asked == [1, 2]
        assert len(result.hits) == 15
        assert result.has_more

    def test_an_address_abroad_has_its_country(self):
        answer = json.loads(recorded("nl", "company").content)
        answer["_embedded"]["hoofdvestiging"]["adressen"] = [
            {
                "type": "bezoekadres",
                "straatHuisnummer": "Rue Neuve 1",
                "postcodeWoonplaats": "1000 Brussel",
                "land": "België",
            }
        ]
        company = self.lookup(self.known, lambda request: httpx.Response(200, json=answer))
        assert written(company.addresses[0]) == "Rue Neuve 1 | - | 1000 Brussel | BE"

    @needs_recordings
    def test_the_recorded_profile(self):
        company = self.lookup("69599084", theirs("nl", "basisprofiel-test-environment"))
        assert facts(company) == (
            "Test EMZ Dagobert",
            "69599084",
            None,
            "ACTIVE",
            "Abebe Bikilalaan 17 M | 1034 WL | Amsterdam | NL",
            "SBI2025 10110",
        )
        assert company.is_natural_person
        assert company.marketing_blocked
        assert company.legal_form == "Eenmanszaak"

    @needs_recordings
    def test_the_recorded_search(self):
        result = self.search("test emz", theirs("nl", "search-test-environment"))
        assert [facts(hit) for hit in result.hits] == [
            ("Test EMZ Dagobert", "69599084", None, "ACTIVE", "Abebe Bikilalaan | - | Amsterdam | -", None)
        ]

    @needs_recordings
    def test_the_recorded_refusal(self):
        with pytest.raises(NotFound):
            self.lookup("99999999", theirs("nl", "not-found-404", 404))
        assert self.search("nobody", theirs("nl", "not-found-404", 404)) == SearchResult()
