"""Finland's YTJ, from answers in its shape about companies that do not exist, and from recorded ones."""

import json

import httpx
import pytest

from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    IndustryCode,
    NotFound,
    NumberKind,
    RejectedInput,
    Unavailable,
)
from plugins.finland import Ytj
from tests.recorded import RECORDED, needs_recordings, recorded, recording
from tests.registry_facts import BundledConformance, facts, theirs

TRADE_REGISTER, VAT_REGISTER = "1", "6"


def entry(register: str, kind: str, since: str = "2018-01-08", until: str | None = None) -> dict[str, object]:
    """An entry in one of the registers."""
    return {"register": register, "type": kind, "registrationDate": since, "endDate": until, "descriptions": []}


def name(text: str, since: str, until: str | None = None, kind: str = "1") -> dict[str, object]:
    """A name that a company has or had."""
    return {"name": text, "type": kind, "registrationDate": since, "endDate": until}


def situation(kind: str, until: str | None = None) -> dict[str, object]:
    """A bankruptcy, liquidation or restructuring."""
    return {"type": kind, "registrationDate": "2026-03-01", "endDate": until}


class TestYtj(BundledConformance):
    adapter = Ytj("fi-FI")
    known = "2900100-7"
    spellings = ("29001007", "FI29001007", " fi 2900100-7 ", "FI-29001007")
    unknown = "2900101-5"
    strangers = ("2900100-8", "290010-7", "SE2900100701", "Nokia 2")
    finds = "nordsken"
    persons = ("Virtanen",)

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if params.get("businessId") == self.known or params.get("name") == self.finds:
            return recorded("fi", "one" if "businessId" in params else "several")
        return recorded("fi", "none")

    def company(self, **members: object) -> Company:
        """The company with some members of its record changed."""
        answer = json.loads(recorded("fi", "one").content)
        answer["companies"] = [answer["companies"][0] | members]
        return self.lookup(self.known, lambda request: httpx.Response(200, json=answer))

    # ------------------------------------------------------------ a company

    def test_everything_that_is_known_of_a_company(self) -> None:
        company = self.lookup(self.known)
        assert facts(company) == (
            "Nordsken Oy",
            "2900100-7",
            "FI29001007",
            "ACTIVE",
            "Satamakatu 4 A 12 | 20100 | TURKU | -",
            "TOL2025 49410",
        )
        assert company.addresses[1] == Address(
            kind=AddressKind.POSTAL, street="PL 17", post_code="20101", city="TURKU", country=None
        )
        assert company.website == "www.nordsken.example"
        assert (str(company.registered_on), company.dissolved_on) == ("2018-01-08", None)
        assert not company.is_natural_person

    @pytest.mark.parametrize(
        ("locale", "form", "word", "label", "city"),
        [
            ("fi-FI", "Osakeyhtiö", "Rekisterissä", "Tieliikenteen tavarankuljetus", "TURKU"),
            ("sv-FI", "Aktiebolag", "Registrerad", "Vägtransport av gods", "ÅBO"),
            ("en-GB", "Limited company", "Registered", "Freight transport by road", "TURKU"),
            ("de-DE", "Limited company", "Registered", "Freight transport by road", "TURKU"),
        ],
    )
    def test_it_speaks_the_readers_language(self, locale: str, form: str, word: str, label: str, city: str) -> None:
        kit = TestYtj()
        kit.adapter = Ytj(locale)  # type: ignore[misc]
        company = kit.lookup(self.known)
        assert company.industry is not None
        assert (company.legal_form, company.status_text) == (form, word)
        assert (company.industry.label, company.addresses[0].city) == (label, city)

    @pytest.mark.parametrize(
        ("entries", "vat_number"),
        [
            ([entry(VAT_REGISTER, "80")], "FI29001007"),
            ([entry(VAT_REGISTER, "80", until="2020-01-01")], None),
            ([entry(VAT_REGISTER, "80", until="2020-01-01"), entry(VAT_REGISTER, "83")], "FI29001007"),
            ([entry("5", "55"), entry("7", "41")], None),
            ([], None),
        ],
    )
    def test_only_an_open_entry_in_the_vat_register_gives_a_vat_number(
        self, entries: list[dict[str, object]], vat_number: str | None
    ) -> None:
        assert self.company(registeredEntries=entries).vat_number == vat_number

    @pytest.mark.parametrize(
        ("names", "current"),
        [
            ([name("Uusi Oy", "2022-01-21"), name("Vanha Oy", "2000-09-22", "2022-01-21")], "Uusi Oy"),
            ([name("Vanha Oy", "2000-09-22", "2022-01-21"), name("Uusi Oy", "2022-01-21")], "Uusi Oy"),
            ([name("Uusi Oy", "2022-01-21"), name("Vanha Oy", "2000-09-22")], "Uusi Oy"),
            (
                [name("Apu", "2023-01-01", kind="3"), name("Ny Ab", "2023-01-01", kind="2"), name("Oy", "2000-01-01")],
                "Oy",
            ),
            (
                [name("Viimeinen Oy", "1999-01-01", "2010-01-01"), name("Eka Oy", "1976-01-01", "1999-01-01")],
                "Viimeinen Oy",
            ),
        ],
        ids=("first", "last", "several in force", "parallel and auxiliary names", "ceased"),
    )
    def test_the_name_is_the_registered_one_that_is_in_force(
        self, names: list[dict[str, object]], current: str
    ) -> None:
        assert self.company(names=names).name == current

    @pytest.mark.parametrize(
        ("members", "status"),
        [
            ({}, CompanyStatus.ACTIVE),
            ({"status": "4"}, CompanyStatus.ACTIVE),
            ({"companySituations": [situation("KONK"), situation("SELTILA")]}, CompanyStatus.BANKRUPT),
            ({"companySituations": [situation("SELTILA")]}, CompanyStatus.LIQUIDATION),
            ({"companySituations": [situation("SANE")]}, CompanyStatus.RESTRUCTURING),
            ({"companySituations": [situation("KONK", "2026-05-01")]}, CompanyStatus.ACTIVE),
            ({"companySituations": [situation("UUSI")]}, CompanyStatus.ACTIVE),
            ({"companySituations": None}, CompanyStatus.ACTIVE),
            ({"tradeRegisterStatus": "2"}, CompanyStatus.DISSOLVED),
            ({"tradeRegisterStatus": "4", "companySituations": [situation("KONK")]}, CompanyStatus.DISSOLVED),
            ({"endDate": "2020-05-31"}, CompanyStatus.DISSOLVED),
            ({"tradeRegisterStatus": "3"}, CompanyStatus.NOT_YET_REGISTERED),
            ({"tradeRegisterStatus": "0"}, CompanyStatus.UNKNOWN),
            ({"tradeRegisterStatus": "9"}, CompanyStatus.UNKNOWN),
            ({"tradeRegisterStatus": None, "registeredEntries": []}, CompanyStatus.UNKNOWN),
            ({"tradeRegisterStatus": None}, CompanyStatus.ACTIVE),
        ],
    )
    def test_how_a_company_stands(self, members: dict[str, object], status: CompanyStatus) -> None:
        assert self.company(**members).status is status

    def test_since_when_a_company_is_out_of_business(self) -> None:
        ceased = [entry(TRADE_REGISTER, "1", "1976-04-23", "2005-12-18"), entry(TRADE_REGISTER, "4", "2005-12-19")]
        assert str(self.company(tradeRegisterStatus="4", endDate="2005-12-20").dissolved_on) == "2005-12-20"
        assert str(self.company(tradeRegisterStatus=None, registeredEntries=ceased).dissolved_on) == "2005-12-19"
        assert self.company(tradeRegisterStatus="4").dissolved_on is None

    @pytest.mark.parametrize(
        ("line", "industry"),
        [
            ({"type": "49410", "typeCodeSet": "TOIMI3"}, IndustryCode(scheme="TOL2008", code="49410")),
            ({"type": "49410", "typeCodeSet": "TOIMI2"}, IndustryCode(scheme="TOIMI2", code="49410")),
            ({"type": "49410"}, None),
            (None, None),
        ],
    )
    def test_the_classification_is_kept_with_the_code(
        self, line: dict[str, object] | None, industry: IndustryCode | None
    ) -> None:
        assert self.company(mainBusinessLine=line).industry == industry

    @pytest.mark.parametrize(
        ("members", "expected"),
        [
            ({"street": "Kuja", "buildingNumber": "4", "apartmentIdSuffix": "b"}, ("Kuja 4 b", None)),
            ({"street": "Kuja", "postOfficeBox": "12"}, ("Kuja, PL 12", None)),
            ({"freeAddressLine": "12 High Street, London", "country": "GB"}, ("12 High Street, London", "GB")),
            ({"freeAddressLine": "c/o Matti Virtanen, Kuja 1", "co": "Maija Virtanen"}, ("Kuja 1", None)),
        ],
        ids=("suffix", "post-office box", "abroad", "in the care of somebody"),
    )
    def test_how_an_address_is_written(self, members: dict[str, object], expected: tuple[str, str | None]) -> None:
        (address,) = self.company(addresses=[{"type": 1} | members]).addresses
        assert (address.street, address.country) == expected

    @pytest.mark.parametrize(
        "address",
        [
            {"type": 1, "street": "Kuja", "endDate": "2020-01-01"},
            {"type": 3, "street": "Kuja"},
            {"type": 1, "co": "Maija Virtanen"},
        ],
        ids=("former", "of an unknown kind", "nothing but a person"),
    )
    def test_what_is_no_address_is_left_out(self, address: dict[str, object]) -> None:
        assert self.company(addresses=[address]).addresses == ()

    def test_the_legal_form_is_the_one_in_force(self) -> None:
        def form(word: str, until: str | None) -> dict[str, object]:
            return {"endDate": until, "descriptions": [{"languageCode": "1", "description": word}]}

        forms = [form("Osakeyhtiö", None), form("Kommandiittiyhtiö", "2019-01-01")]
        assert self.company(companyForms=forms).legal_form == "Osakeyhtiö"

    def test_a_telephone_number_is_no_web_site(self) -> None:
        assert self.company(website={"url": "040 123 4567"}).website is None

    # ------------------------------------------------------------ searching

    def test_hits_are_whole_companies_in_the_registers_order(self) -> None:
        found = self.search(self.finds)
        assert [(each.name, each.status) for each in found.hits] == [
            ("Vanha Nordsken Oy", CompanyStatus.DISSOLVED),
            ("Nordsken Frakt Oy", CompanyStatus.BANKRUPT),
            ("Nordsken Oy", CompanyStatus.ACTIVE),
        ]
        assert all(isinstance(each, Company) for each in found.hits)
        assert not found.has_more

    def test_that_there_are_more_is_told(self) -> None:
        assert self.search(self.finds, limit=2).has_more
        answer = json.loads(recorded("fi", "several").content) | {"totalResults": 978}
        assert self.search(self.finds, lambda request: httpx.Response(200, json=answer)).has_more

    def test_an_answer_about_another_company_is_not_taken(self) -> None:
        with pytest.raises(NotFound):
            self.lookup(self.unknown, lambda request: recorded("fi", "one"))

    def test_an_answer_without_companies_says_nothing(self) -> None:
        with pytest.raises(Unavailable):
            self.lookup(self.known, lambda request: httpx.Response(200, json={"totalResults": 0}))


# ---------------------------------------------------------------- recorded answers


def _records() -> dict[str, dict[str, object]]:
    """Every record in the recorded answers, by file and number."""
    answers = {file.stem: json.loads(file.read_bytes()) for file in sorted((RECORDED / "fi").glob("*.json"))}
    found = [(name, record) for name, answer in answers.items() for record in answer.get("companies", [answer])]
    return {f"{name} {_number(record)}": record for name, record in found if "businessId" in record}


def _number(record: dict[str, object]) -> str:
    return record["businessId"]["value"]  # type: ignore[index]


@needs_recordings
class TestRecordings:
    ask = TestYtj()

    def read(self, record: dict[str, object]) -> Company:
        answer = {"totalResults": 1, "companies": [record]}
        return self.ask.lookup(_number(record), lambda request: httpx.Response(200, json=answer))

    @pytest.mark.parametrize("record", [pytest.param(record, id=where) for where, record in _records().items()])
    def test_every_recorded_record_is_read(self, record: dict[str, object]) -> None:
        company = self.read(record)
        self.ask._check(company)
        assert company.business_id == _number(record)
        assert "c/o" not in repr(company)

    @pytest.mark.parametrize(
        ("file", "expected"),
        [
            (
                "lookup-by-id",
                ("Nokia Oyj", "0112038-9", "FI01120389", "ACTIVE", "Karakaari 7 | 02610 | ESPOO | -", "TOL2025 70100"),
            ),
            (
                "company-dynava",
                (
                    "Dynava Oy",
                    "0100130-4",
                    "FI01001304",
                    "ACTIVE",
                    "Valimotie 17-19 | 00380 | HELSINKI | -",
                    "TOL2025 82200",
                ),
            ),
            (
                "company-housing-types-restored",
                (
                    "Asunto Oy Liedon Graniitti",
                    "2678126-3",
                    None,
                    "ACTIVE",
                    "Ajurintie 3 | 21420 | LIETO | -",
                    "TOL2008 68202",
                ),
            ),
            (
                "company-wolt-trimmed",
                (
                    "Wolt Oy",
                    "2646674-9",
                    None,
                    "ACTIVE",
                    "Pohjoinen Rautatiekatu 21 | 00100 | HELSINKI | -",
                    "TOL2025 96999",
                ),
            ),
            (
                "company-compater-trimmed",
                ("Compater Oy", "2283132-3", None, "ACTIVE", "Hyljetie 18 A | 02260 | ESPOO | -", None),
            ),
            ("company-ceased-trimmed", ("Artjarven Metalli Oy", "0100002-9", None, "DISSOLVED", None, None)),
        ],
    )
    def test_what_recorded_companies_are(self, file: str, expected: tuple[str | None, ...]) -> None:
        answer = recording("fi", file).json()
        assert facts(self.read(answer.get("companies", [answer])[0])) == expected

    @pytest.mark.parametrize("text", ["0112038-9", "01120389", "FI01120389", " fi 0112038-9 "])
    def test_every_spelling_leads_to_nokia(self, text: str) -> None:
        number = self.ask.adapter.read_number(text)
        assert number is not None
        assert (number.kind is NumberKind.VAT_NUMBER) == ("fi" in text.lower())
        assert self.ask.lookup(number.business_id, theirs("fi", "lookup-by-id")).name == "Nokia Oyj"

    def test_its_name_leads_to_nokia(self) -> None:
        assert self.ask.adapter.read_number("nokia") is None
        hits = self.ask.search("nokia", theirs("fi", "search-by-name-assembled")).hits
        assert [each.business_id for each in hits] == ["0112038-9", "0100130-4", "2646674-9", "2678126-3"]

    def test_a_recorded_answer_without_companies_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            self.ask.lookup("0112038-9", theirs("fi", "not-found"))

    def test_a_recorded_refusal_is_told(self) -> None:
        with pytest.raises(RejectedInput):
            self.ask.search("*", theirs("fi", "error-400-shape", 400))
