"""ARES, from answers in its shape about companies that do not exist."""

import json

import httpx
import pytest

from plugins.contract import AddressKind, RejectedInput, SearchResult
from plugins.czechia import Ares
from tests.recorded import needs_recordings, recorded
from tests.registry_facts import BundledConformance, facts, theirs, written


class TestAres(BundledConformance):
    adapter = Ares()
    known = "19900104"
    spellings = ("199 00 104", "CZ19900104", "cz 19900104")
    unknown = "19900155"
    strangers = ("19900105", "199001", "CZ699004572", "SK19900104", "Kopřiva 2")
    finds = "doprava"
    persons = ("Horáková", "Jany")

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/vyhledat"):
            name = json.loads(request.content)["obchodniJmeno"]
            return recorded("cz", "several" if name == self.finds else "none")
        return recorded("cz", "company") if request.url.path.endswith(self.known) else recorded("cz", "not_found", 404)

    def test_a_zero_in_front_may_be_missing(self):
        number = self.adapter.read_number("1350340")
        assert number is not None
        assert number.business_id == "01350340"

    def test_rows_are_read_whatever_they_lack(self):
        assert [facts(hit) for hit in self.search(self.finds).hits] == [
            (
                "Žluťoučká doprava s.r.o.",
                "19900104",
                "CZ19900104",
                "ACTIVE",
                "Lipová 418/7a, Pisárky | 602 00 | Brno | CZ",
                "CZ-NACE2025 49410",
            ),
            (
                "Doprava Kopřiva, a.s. v likvidaci",
                "19900112",
                "CZ699004572",
                "LIQUIDATION",
                "Lhota 12 | 391 65 | Lhota | CZ",
                None,
            ),
            (
                "Doprava a spol., v.o.s.",
                "19900121",
                None,
                "BANKRUPT",
                "Lipová 418/7a, Pisárky | 602 00 | Brno | CZ",
                None,
            ),
            (
                "Stará doprava s.r.o.",
                "19900139",
                None,
                "DISSOLVED",
                "Lipová 418/7a, Pisárky | 602 00 | Brno | CZ",
                "CZ-NACE2008 5590",
            ),
            (
                "Doprava Lesní",
                "19900147",
                None,
                "ACTIVE",
                "Lipová 418/7a, Pisárky | 602 00 | Brno | CZ",
                "CZ-NACE2025 49410",
            ),
        ]

    def test_persons_are_marked_and_their_birth_numbers_left_out(self):
        *companies, person = self.search(self.finds).hits
        assert not any(hit.is_natural_person for hit in companies)
        assert person.is_natural_person
        assert "5312310003" not in repr(person)

    def test_a_postal_address_is_there_where_it_is_another(self):
        seat, postal = self.lookup(self.known).addresses
        assert (seat.kind, postal.kind) == (AddressKind.VISITING, AddressKind.POSTAL)
        assert written(postal) == "P. O. BOX 31 | 658 31 | Brno | -"
        same = {
            "radekAdresy1": "Lipová 418/7a",
            "radekAdresy2": "Pisárky",
            "radekAdresy3": "60200 Brno",
        }
        assert len(self._changed(adresaDorucovaci=same).addresses) == 1

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, "CZ19900104"),
            ({"seznamRegistraci": None}, "CZ19900104"),
            ({"dic": "CZ699004572"}, "CZ699004572"),
            ({"dic": "CZ19900105"}, None),
            ({"dic": None}, None),
            ({"seznamRegistraci": {"stavZdrojeDph": "ZANIKLY"}}, None),
            ({"seznamRegistraci": {"stavZdrojeDph": "NEEXISTUJICI"}, "dicSkDph": "CZ699004572"}, "CZ699004572"),
        ],
    )
    def test_vat_numbers_are_those_of_open_registrations(self, changes, expected):
        assert self._changed(**changes).vat_number == expected

    def test_of_several_lines_of_business_the_statistical_register_says_the_main_one(self):
        def answer(request):
            return recorded("cz", "res" if "ekonomicke-subjekty-res" in request.url.path else "several_lines")

        industry = self.lookup("19900112", answer).industry
        assert industry is not None
        assert (industry.scheme, industry.code) == ("CZ-NACE2025", "4941")

    @pytest.mark.parametrize("status", [404, 429, 500])
    def test_without_the_statistical_register_the_line_of_business_stays_open(self, status):
        def answer(request):
            if "ekonomicke-subjekty-res" in request.url.path:
                return httpx.Response(status)
            return recorded("cz", "several_lines")

        assert self.lookup("19900112", answer).industry is None

    def test_too_many_hits_are_told_as_such(self):
        with pytest.raises(RejectedInput, match="more of the name"):
            self.search("s.r.o.", lambda request: recorded("cz", "too_many", 400))

    def test_nothing_found_may_be_told_as_not_found(self):
        found = self.search("nikdo", lambda request: recorded("cz", "not_found", 404))
        assert found == SearchResult()

    def test_zeros_in_front_come_back_where_they_were_lost(self):
        company = self.lookup(
            "00006947", lambda request: httpx.Response(200, json={"ico": 6947, "obchodniJmeno": "ÚŘ"})
        )
        assert company.business_id == "00006947"

    def _changed(self, **changes):
        answer = json.loads(recorded("cz", "company").content) | changes
        return self.lookup(self.known, lambda request: httpx.Response(200, json=answer))

    @needs_recordings
    def test_the_recorded_company(self):
        def answer(request):
            if "ekonomicke-subjekty-res" in request.url.path:
                return recorded("cz", "not_found", 404)
            return theirs("cz", "lookup-by-id")(request)

        company = self.lookup("26168685", answer)
        assert facts(company) == (
            "Seznam.cz, a.s.",
            "26168685",
            "CZ26168685",
            "ACTIVE",
            "Radlická 3294/10, Smíchov | 150 00 | Praha 5 | CZ",
            None,
        )
        assert company.legal_form == "Akciová společnost"
