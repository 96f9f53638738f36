"""Recherche d'entreprises, from answers in its shape about companies that do not exist."""

import json

import httpx
import pytest

from plugins.contract import RejectedInput
from plugins.france import RechercheEntreprises
from tests.recorded import RECORDED, needs_recordings, recorded
from tests.registry_facts import BundledConformance, facts, theirs


class TestRechercheEntreprises(BundledConformance):
    adapter = RechercheEntreprises()
    known = "900100116"
    spellings = ("900 100 116", "900.100.116", "FR04900100116", "fr 04 900 100 116", "900 100 116 00012")
    unknown = "900100157"
    strangers = ("900100117", "90010011", "FR05900100116", "90010011600013", "Chêne 2", "BE0428759497")
    finds = "grand chêne"
    persons = ("Vasseur", "Claire")

    def answer(self, request: httpx.Request) -> httpx.Response:
        names = {self.known: "one", self.finds: "several"}
        return recorded("fr", names.get(request.url.params["q"], "none"))

    def test_rows_are_read_whatever_they_lack(self):
        assert [facts(hit) for hit in self.search(self.finds).hits] == [
            (
                "TRANSPORTS DU GRAND CHÊNE",
                "900100116",
                "FR04900100116",
                "ACTIVE",
                "BATIMENT B, 12 BIS RUE DES TILLEULS | 44099 | NANTES CEDEX 1 | -",
                "NAF2 49.41A",
            ),
            (
                "GRAND CHÊNE LOISIRS",
                "900100124",
                None,
                "DISSOLVED",
                "BP 12 | 97400 | SAINT-DENIS | -",
                "NAF2 49.41A",
            ),
            (
                "LE GRAND CHÊNE AU MARCHÉ",
                "900100132",
                None,
                "ACTIVE",
                "3 PLACE DU MARCHE | 61000 | ALENCON | -",
                "NAF2 49.41A",
            ),
            ("[NON-DIFFUSIBLE]", "900100140", None, "ACTIVE", "- | - | BREST | -", "NAF2 49.41A"),
        ]

    def test_sole_traders_and_who_opposed_being_shown_are_natural_persons(self):
        hits = self.search(self.finds).hits
        assert [hit.is_natural_person for hit in hits] == [False, False, True, True]

    def test_officers_are_not_even_asked_for(self):
        def check(request):
            assert request.url.params["minimal"] == "true"
            assert "dirigeants" not in request.url.params["include"]
            return self.answer(request)

        self.lookup(self.known, check)
        self.search(self.finds, check)

    def test_pages_of_25_are_read_up_to_the_limit(self):
        asked = []

        def page(request):
            number, size = int(request.url.params["page"]), int(request.url.params["per_page"])
            assert size <= 25
            asked.append(number)
            rows = [
                {"siren": f"{900000000 + index}", "nom_complet": f"CHENE {index}"}
                for index in range((number - 1) * size, min(number * size, 70))
            ]
            return httpx.Response(200, json={"results": rows, "total_results": 70})

        result = self.search(self.finds, page, limit=60)
        assert asked == [1, 2, 3]
        assert len({hit.business_id for hit in result.hits}) == 60
        assert result.has_more
        whole = self.search(self.finds, page, limit=100)
        assert (len(whole.hits), whole.has_more) == (70, False)

    def test_what_is_too_short_is_rejected_with_what_would_do(self):
        with pytest.raises(RejectedInput, match="three letters"):
            self.search("gc", lambda request: recorded("fr", "too_short", 400))

    @pytest.mark.parametrize(
        ("numbers", "expected"),
        [
            (["FR04900100116"], "FR04900100116"),
            (["04900100116"], "FR04900100116"),
            (["FR28900100124", "FR04900100116"], "FR04900100116"),
            (["FR28900100124"], "FR28900100124"),
            (["FR00900100116", "?"], None),
            ([], None),
            (None, None),
        ],
    )
    def test_vat_numbers_are_those_of_the_list(self, numbers, expected):
        assert self._changed(tva=numbers).vat_number == expected

    @pytest.mark.parametrize(
        ("changes", "scheme", "code"),
        [
            ({}, "NAF2", "49.41A"),
            ({"activite_principale_naf25": None}, "NAF2", "49.41A"),
            ({"activite_principale_naf25": None, "date_mise_a_jour_insee": None}, "NAF2", "49.41A"),
            ({"activite_principale_naf25": None, "date_mise_a_jour_insee": "2027-01-04"}, "NAF2025", "49.41A"),
            ({"activite_principale": None}, "NAF2025", "49.41Y"),
        ],
    )
    def test_industries_say_which_classification_they_are_of(self, changes, scheme, code):
        industry = self._changed(**changes).industry
        assert industry is not None
        assert (industry.scheme, industry.code) == (scheme, code)

    def test_a_seat_abroad_has_its_country(self):
        seat = {
            "adresse": "5 HAFENSTRASSE 26721 EMDEN ALLEMAGNE",
            "libelle_voie": "HAFENSTRASSE",
            "numero_voie": "5",
            "libelle_commune_etranger": "26721 EMDEN",
            "libelle_pays_etranger": "ALLEMAGNE",
        }
        assert facts(self._changed(siege=seat))[4] == "5 HAFENSTRASSE | - | 26721 EMDEN | DE"

    @pytest.mark.parametrize(
        ("seat", "street"),
        [
            ({"adresse": "ZA DU BOIS 44000 NANTES"}, "ZA DU BOIS"),
            ({"adresse": "ZA DU BOIS BP 7 44000 NANTES", "distribution_speciale": "BP 7"}, "ZA DU BOIS BP 7"),
            ({"adresse": "M VASSEUR 44000 NANTES", "distribution_speciale": "BP 7"}, "BP 7"),
            ({"adresse": "44000 NANTES"}, None),
            ({"adresse": None}, None),
            ({"libelle_voie": "CHEZ PICARD", "complement_adresse": "BATIMENT C/O VASSEUR"}, "CHEZ PICARD"),
        ],
    )
    def test_streets_name_nobody(self, seat, street):
        seat = {"code_postal": "44000", "libelle_commune": "NANTES"} | seat
        assert self._changed(siege=seat).addresses[0].street == street

    def _changed(self, **changes):
        answer = json.loads(recorded("fr", "one").content)
        answer["results"][0].update(changes)
        return self.lookup(self.known, lambda request: httpx.Response(200, json=answer))

    @needs_recordings
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "lookup-by-siren-trimmed",
                (
                    "LA POSTE",
                    "356000000",
                    None,
                    "ACTIVE",
                    "DIRECTION GENERALE DE LA POSTE 9 RUE DU COLONEL PIERRE AVIA | 75015 | PARIS | -",
                    "NAF2 53.10Z",
                ),
            ),
            (
                "search-by-name",
                (
                    "CARREFOUR",
                    "510761505",
                    None,
                    "ACTIVE",
                    "15 AVENUE DES ECOLES | 06110 | LE CANNET | -",
                    "NAF2 68.32A",
                ),
            ),
        ],
    )
    def test_recorded_answers(self, name, expected):
        company = self.lookup(expected[1], theirs("fr", name))
        assert facts(company) == expected
        assert not company.is_natural_person

    @needs_recordings
    @pytest.mark.parametrize("name", ["lookup-by-siren-trimmed", "search-by-name"])
    def test_every_recorded_row_is_read(self, name):
        rows = json.loads((RECORDED / "fr" / f"{name}.json").read_bytes())["results"]
        assert len(self.search("anything", theirs("fr", name), limit=1).hits) == len(rows)
