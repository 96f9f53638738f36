"""Norway's Enhetsregisteret, from answers in its shape about units that do not exist, and from recorded ones."""

import json
from collections.abc import Callable

import httpx
import pytest

from kartotek.testing import RegistryConformance
from plugins.contract import Address, AddressKind, Company, CompanyStatus, Gone, NumberKind, RejectedInput, Unavailable
from plugins.norway import Enhetsregisteret
from tests.recorded import RECORDED, needs_recordings, recorded, recording
from tests.registry_facts import theirs

FOUND = {
    "/enheter/310100102": "unit",
    "/enheter/310100137": "deleted",
    "/underenheter/310100129": "sub-unit",
}


class TestEnhetsregisteret(RegistryConformance):
    adapter = Enhetsregisteret()
    known = "310100102"
    spellings = (
        "310 100 102",
        "310.100.102",
        "310-100-102",
        "NO310100102MVA",
        "no 310 100 102 mva",
        "310100102 MVA",
        "NO-310100102",
    )
    unknown = "310100196"
    strangers = ("310100103", "31010010", "3101001022", "SE310100102MVA", "310100102MV", "Equinor 9")
    finds = "fjordlys"
    persons = ("Haugland", "Solveig")

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/enhetsregisteret/api")
        if "navn" in request.url.params:
            return recorded("no", _named(path, request.url.params["navn"]))
        if path == "/enheter/310100145":
            return recorded("no", "gone", status=410)
        return recorded("no", FOUND[path]) if path in FOUND else httpx.Response(404)

    def asked(self, name: str, limit: int = 20) -> list[str]:
        """The paths and queries that a search comes to."""
        asked: list[str] = []

        def note(request: httpx.Request) -> httpx.Response:
            asked.append(f"{request.url.path.rpartition('/')[2]} {dict(request.url.params)}")
            return self.answer(request)

        self.search(name, note, limit)
        return asked

    def unit(self, **members: object) -> Company:
        """The unit with some members of its record changed."""
        record = json.loads(recorded("no", "unit").content) | members
        return self.lookup(self.known, lambda request: httpx.Response(200, json=record))

    # ------------------------------------------------------------ a unit

    def test_everything_that_is_known_of_a_unit(self) -> None:
        company = self.lookup(self.known)
        assert company.name == "FJORDLYS AS"
        assert company.country == "NO"
        assert company.legal_form == "Aksjeselskap"
        assert company.vat_number == "NO310100102MVA"
        assert company.industry is not None
        assert company.industry.code == "27.400"
        assert company.industry.label == "Produksjon av belysningsutstyr"
        assert company.phone == "70 00 00 01"
        assert company.email == "post@fjordlys.example"
        assert company.website == "www.fjordlys.example"
        assert str(company.registered_on) == "2015-02-03"
        assert company.dissolved_on is None
        assert company.part_of is None

    def test_in_whose_care_post_goes_is_left_out(self) -> None:
        visiting, postal = self.lookup(self.known).addresses
        assert visiting == Address(
            kind=AddressKind.VISITING, street="Brygga 4", post_code="6002", city="ÅLESUND", country="NO"
        )
        assert postal.kind is AddressKind.POSTAL
        assert postal.street == "Postboks 12"

    def test_only_those_in_the_vat_register_have_a_vat_number(self) -> None:
        assert self.unit(registrertIMvaregisteret=False).vat_number is None
        assert self.unit(registrertIMvaregisteret=None).vat_number is None

    @pytest.mark.parametrize(
        ("members", "status"),
        [
            ({}, CompanyStatus.ACTIVE),
            ({"konkurs": True, "underAvvikling": True}, CompanyStatus.BANKRUPT),
            ({"underAvvikling": True, "underAvviklingDato": "2026-01-02"}, CompanyStatus.LIQUIDATION),
            ({"underTvangsavviklingEllerTvangsopplosning": True}, CompanyStatus.LIQUIDATION),
            ({"underRekonstruksjonsforhandlingDato": "2026-01-02"}, CompanyStatus.RESTRUCTURING),
            ({"underUtenlandskInsolvensbehandlingDato": "2026-01-02"}, CompanyStatus.UNKNOWN),
            ({"konkurs": True, "slettedato": "2026-01-02"}, CompanyStatus.DISSOLVED),
            ({"konkurs": None, "underAvvikling": "no"}, CompanyStatus.LIQUIDATION),
        ],
    )
    def test_how_a_unit_stands(self, members: dict[str, object], status: CompanyStatus) -> None:
        company = self.unit(**members)
        assert company.status is status
        assert (company.status_text is None) == (status is CompanyStatus.ACTIVE)

    def test_a_deleted_unit_has_only_its_name_and_the_day(self) -> None:
        company = self.lookup("310100137")
        assert company.name == "HOLMGANG AS"
        assert company.status is CompanyStatus.DISSOLVED
        assert str(company.dissolved_on) == "2021-09-30"
        assert company.vat_number is None
        assert company.addresses == ()

    def test_what_was_removed_for_legal_reasons_is_gone(self) -> None:
        with pytest.raises(Gone):
            self.lookup("310100145")

    def test_sole_traders_are_persons(self) -> None:
        _, sole_trader, *_ = self.search(self.finds).hits
        assert sole_trader.legal_form == "Enkeltpersonforetak"
        assert sole_trader.is_natural_person
        assert not self.lookup(self.known).is_natural_person
        assert self.unit(organisasjonsform={"kode": "AAFY"}).is_natural_person

    def test_an_answer_about_another_unit_is_not_taken(self) -> None:
        with pytest.raises(Unavailable):
            self.unit(organisasjonsnummer="310100110")

    # ------------------------------------------------------------ sub-units

    def test_a_sub_unit_is_found_by_its_number_with_its_parent(self) -> None:
        company = self.lookup("310100129")
        assert company.name == "FJORDLYS AS AVD MOLDE"
        assert company.part_of == self.known
        assert company.status is CompanyStatus.ACTIVE
        assert company.vat_number is None
        assert company.addresses == (
            Address(kind=AddressKind.VISITING, street="Torget 1", post_code="6413", city="MOLDE", country="NO"),
        )

    @pytest.mark.parametrize(
        ("parent", "is_person"),
        [
            (
                httpx.Response(
                    200, json={"organisasjonsnummer": "310100102", "navn": "LYS", "organisasjonsform": {"kode": "ENK"}}
                ),
                True,
            ),
            (recorded("no", "unit"), False),
            (httpx.Response(404), False),
            (httpx.Response(410), False),
        ],
        ids=("sole trader", "company", "not there", "gone"),
    )
    def test_the_sub_unit_of_a_sole_trader_is_a_persons(self, parent: httpx.Response, is_person: bool) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            return parent if request.url.path.endswith("/enheter/310100102") else self.answer(request)

        assert self.lookup("310100129", answer).is_natural_person is is_person

    @pytest.mark.parametrize(
        ("lines", "street"),
        [
            (["Storgata 1", "C/O Kari Haugland"], "Storgata 1"),
            (["c/o Kari Haugland, Storgata 1"], "Storgata 1"),
            (["v/Kari Haugland", "Att: Kari", "Postboks 3"], "Postboks 3"),
            (["Avd. v/ styreleder Kari Haugland"], "Avd."),
            (["Attestgata 1", "Vik/Leira", "  "], "Attestgata 1, Vik/Leira"),
            (["c/o Kari Haugland"], None),
        ],
    )
    def test_persons_are_left_out_of_addresses(self, lines: list[str], street: str | None) -> None:
        (first, *_) = self.unit(forretningsadresse={"adresse": lines, "poststed": "VIK"}).addresses
        assert (first.street, first.city) == (street, "VIK")

    def test_a_sub_unit_that_was_closed_down_is_dissolved(self) -> None:
        assert self.unit(nedleggelsesdato="2024-05-06").status is CompanyStatus.DISSOLVED

    def test_sub_units_come_after_units(self) -> None:
        hits = self.search(self.finds).hits
        assert [each.business_id for each in hits] == ["310100102", "310100110", "310100129"]
        assert [each.part_of for each in hits] == [None, None, self.known]

    def test_sub_units_get_the_room_that_units_leave(self) -> None:
        assert self.asked("fjordlys", limit=5) == [
            "enheter {'navn': 'fjordlys', 'size': '5'}",
            "underenheter {'navn': 'fjordlys', 'size': '3'}",
        ]

    def test_units_without_room_left_are_all_that_is_asked_for(self) -> None:
        assert len(self.asked("fjordlys", limit=1)) == 1

    def test_that_there_are_sub_units_is_told_where_there_is_no_room_for_them(self) -> None:
        found = self.search("fjordlys", limit=2)
        assert [each.part_of for each in found.hits] == [None, None]
        assert found.has_more

    # ------------------------------------------------------------ searching

    @pytest.mark.parametrize("name", ["Fjordlys AS", "AS Fjordlys", "fjordlys a/s", "Fjordlys asa,", "fjordlys ANS"])
    def test_legal_forms_are_not_searched_for(self, name: str) -> None:
        assert "'navn': 'fjordlys'" in self.asked(name)[0].lower()

    def test_a_name_that_is_a_legal_form_is_searched_for(self) -> None:
        assert "'navn': 'AS'" in self.asked("AS")[0]

    def test_a_single_character_is_too_little(self) -> None:
        with pytest.raises(RejectedInput, match="two characters"):
            self.search("f")


def _named(path: str, name: str) -> str:
    if name.lower() != "fjordlys":
        return "none"
    return "units" if path == "/enheter" else "sub-units"


# ---------------------------------------------------------------- recorded answers


def _records() -> list[tuple[str, str, dict[str, object]]]:
    """Every record in the recorded answers: the file, under which path it is found, and the record."""
    found: list[tuple[str, str, dict[str, object]]] = []
    for file in sorted((RECORDED / "no").glob("*.json")):
        answer = json.loads(file.read_bytes())
        units = answer if isinstance(answer, list) else [answer]
        if isinstance(answer, dict) and "_embedded" in answer:
            units = [unit for units in answer["_embedded"].values() for unit in units]
        kind = "underenheter" if file.name.startswith("underenhet") else "enheter"
        found += [(file.stem, kind, unit) for unit in units if "organisasjonsnummer" in unit]
    return found


def _plays(answers: Callable[[str], httpx.Response | None]) -> Callable[[httpx.Request], httpx.Response]:
    """A registry with some answers by their path, and no unit otherwise."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/enhetsregisteret/api")
        if (found := answers(path)) is not None:
            return found
        return recording("no", "search-empty") if "navn" in request.url.params else httpx.Response(404)

    return answer


@needs_recordings
class TestRecordings:
    ask = TestEnhetsregisteret()

    @pytest.mark.parametrize(("file", "kind", "record"), _records(), ids=lambda value: str(value)[:50])
    def test_every_recorded_record_is_read(self, file: str, kind: str, record: dict[str, object]) -> None:
        number = str(record["organisasjonsnummer"])
        answer = _plays({f"/{kind}/{number}": httpx.Response(200, json=record)}.get)
        company = self.ask.lookup(number, answer)
        self.ask._check(company)
        assert company.name == record["navn"]
        assert (company.status is CompanyStatus.DISSOLVED) == ("slettedato" in record or "nedleggelsesdato" in record)
        assert (company.part_of is None) == ("overordnetEnhet" not in record)
        assert "c/o" not in repr(company)

    @pytest.mark.parametrize(
        ("file", "number", "name", "vat_number", "status", "address", "industry"),
        [
            (
                "lookup-by-id",
                "923609016",
                "EQUINOR ASA",
                "NO923609016MVA",
                CompanyStatus.ACTIVE,
                ("Forusbeen 50", "4035", "STAVANGER"),
                ("06.100", "Utvinning av råolje"),
            ),
            (
                "lookup-by-id-orgl-not-vat",
                "974760673",
                "REGISTERENHETEN I BRØNNØYSUND",
                None,
                CompanyStatus.ACTIVE,
                ("Havnegata 48", "8900", "BRØNNØYSUND"),
                ("84.110", "Generell offentlig administrasjon"),
            ),
            ("deleted-doc-example", "123456789", "SLETTET ENHET AS", None, CompanyStatus.DISSOLVED, None, None),
        ],
    )
    def test_what_recorded_units_are(
        self,
        file: str,
        number: str,
        name: str,
        vat_number: str | None,
        status: CompanyStatus,
        address: tuple[str, ...] | None,
        industry: tuple[str, str] | None,
    ) -> None:
        company = self.ask.lookup(number, _plays({f"/enheter/{number}": recording("no", file)}.get))
        assert (company.business_id, company.name, company.vat_number, company.status) == (
            number,
            name,
            vat_number,
            status,
        )
        first = next(((each.street, each.post_code, each.city) for each in company.addresses), None)
        assert first == address
        assert (company.industry and (company.industry.code, company.industry.label)) == industry

    def test_a_recorded_search_finds_three(self) -> None:
        found = self.ask.search("sesam", _plays({"/enheter": recording("no", "search-by-name-page0")}.get), limit=2)
        assert [(each.business_id, each.name) for each in found.hits] == [
            ("976030788", "SESAM AS"),
            ("971497017", "SESAM FAMILIEBARNEHAGE"),
        ]
        assert found.has_more

    def test_a_recorded_search_for_sub_units_names_the_parent(self) -> None:
        answer = _plays({"/underenheter": recording("no", "underenheter-search-doc-example")}.get)
        (hit,) = self.ask.search("sesam", answer).hits
        assert (hit.name, hit.part_of) == ("TRYLLEBUTIKKEN SESAM", "443322119")

    def test_a_recorded_refusal_is_told(self) -> None:
        with pytest.raises(RejectedInput):
            self.ask.search("**", theirs("no", "error-400-shape", status=400))

    @pytest.mark.parametrize("text", ["923609016", "NO923609016MVA", "923 609 016", " no923609016mva "])
    def test_every_spelling_leads_to_equinor(self, text: str) -> None:
        number = self.ask.adapter.read_number(text)
        assert number is not None
        assert (number.kind is NumberKind.VAT_NUMBER) == ("mva" in text.lower())
        answer = _plays({"/enheter/923609016": recording("no", "lookup-by-id")}.get)
        assert self.ask.lookup(number.business_id, answer).name == "EQUINOR ASA"

    def test_its_name_leads_to_equinor(self) -> None:
        assert self.ask.adapter.read_number("equinor") is None
        unit = recording("no", "lookup-by-id").json()
        page = {"size": 20, "totalElements": 1, "totalPages": 1, "number": 0}
        found = httpx.Response(200, json={"_embedded": {"enheter": [unit]}, "page": page})
        hits = self.ask.search("equinor", _plays({"/enheter": found}.get)).hits
        assert [each.name for each in hits] == ["EQUINOR ASA"]
