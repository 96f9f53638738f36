"""Companies House, from answers in its shape about companies that do not exist."""

import base64

import httpx
import pytest

from plugins.contract import CompanyStatus, NeedsKey, NotFound, Unavailable
from plugins.united_kingdom import CompaniesHouse
from tests.recorded import needs_recordings, recorded
from tests.registry_facts import BundledConformance, facts, theirs, written


class TestCompaniesHouse(BundledConformance):
    adapter = CompaniesHouse()
    known = "98000001"
    spellings = ("9800 0001", "GB 98000001", "gb98000001")
    unknown = "98000009"
    strangers = ("12345", "24-7 365", "2024-2025", "GB980780684", "SC12345", "Brackenfell 2", "1st 4 Vans 24")
    finds = "brackenfell"
    persons = ("Ashdown",)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/search/companies":
            return recorded("gb", "several" if request.url.params["q"] == self.finds else "none")
        return recorded("gb", "company") if request.url.path.endswith(self.known) else recorded("gb", "not_found", 404)

    @pytest.mark.parametrize(
        ("text", "business_id"),
        [
            ("445790", "00445790"),
            ("sc 090312", "SC090312"),
            ("SC-090312", "SC090312"),
            ("ip27432r", "IP27432R"),
            ("SP1234RS", "SP1234RS"),
            ("R0000045", "R0000045"),
        ],
    )
    def test_numbers_keep_their_letters_and_zeros(self, text, business_id):
        number = self.adapter.read_number(text)
        assert number is not None
        assert number.business_id == business_id

    def test_rows_are_read_whatever_they_lack(self):
        assert [facts(hit) for hit in self.search(self.finds).hits] == [
            ("BRACKENFELL HAULAGE LTD", "98000001", None, "ACTIVE", "7 Quayside Lane | YO99 1AB | Whitby | GB", None),
            (
                "BRACKENFELL (ULSTER) LIMITED",
                "NI980002",
                None,
                "DISSOLVED",
                "Harbour House, Strand Road | - | - | GB",
                None,
            ),
            ("THE BRACKENFELL TRUST", "CE980003", None, "UNKNOWN", None, None),
        ]

    def test_the_key_is_the_user_without_a_password(self):
        seen = []

        def note(request):
            seen.append(request.headers["Authorization"])
            return self.answer(request)

        self.lookup(self.known, note, secrets={"key": "abc"})
        assert seen == [f"Basic {base64.b64encode(b'abc:').decode()}"]

    def test_a_proposal_to_strike_off_is_told_of_an_active_company(self):
        company = self.lookup(self.known)
        assert (company.status, company.status_text) == (CompanyStatus.ACTIVE, "active proposal to strike off")
        assert written(company.addresses[0]) == "7 Quayside Lane, PO Box 14 | YO99 1AB | Whitby | GB"

    def test_an_establishment_is_part_of_its_company_abroad(self):
        company = self.lookup("BR980004", lambda request: recorded("gb", "establishment"))
        assert (company.status, company.part_of) == (CompanyStatus.ACTIVE, "FC980005")
        assert written(company.addresses[0]) == "Dock 3 | - | - | DK"

    @pytest.mark.parametrize(
        ("lines", "street"),
        [
            (("C/O Margaret Ashdown, 7 Quayside Lane", "Ruswarp"), "7 Quayside Lane, Ruswarp"),
            (("Care of Margaret Ashdown", "7 Quayside Lane"), "7 Quayside Lane"),
            (("c/o Margaret Ashdown", None), None),
        ],
    )
    def test_at_whose_place_an_office_is_stays_untold(self, lines, street):
        office = {"address_line_1": lines[0], "address_line_2": lines[1], "locality": "Whitby"}
        profile = {"company_number": self.known, "company_name": "BRACKENFELL LTD", "registered_office_address": office}
        address = self.lookup(self.known, lambda request: httpx.Response(200, json=profile)).addresses[0]
        assert (address.street, address.city) == (street, "Whitby")

    @pytest.mark.parametrize(
        ("country", "code", "region"),
        [
            ("Wales", "GB", None),
            ("United Kingdom", "GB", None),
            ("Republic Of Ireland", "IE", None),
            ("CÔTE D'IVOIRE", "CI", None),
            ("Atlantis", None, "Atlantis"),
            (None, None, None),
        ],
    )
    def test_countries_are_told_in_words(self, country, code, region):
        profile = {
            "company_number": self.known,
            "company_name": "BRACKENFELL LTD",
            "registered_office_address": {"locality": "Somewhere", "country": country},
        }
        address = self.lookup(self.known, lambda request: httpx.Response(200, json=profile)).addresses[0]
        assert (address.country, address.region) == (code, region)

    def test_a_charity_that_is_only_listed_has_no_status(self):
        company = self.lookup("CE980003", lambda request: recorded("gb", "stub"))
        assert company.status is CompanyStatus.UNKNOWN
        assert company.addresses == ()

    @pytest.mark.parametrize(
        ("told", "status"),
        [
            ("registered", "ACTIVE"),
            ("administration", "RESTRUCTURING"),
            ("voluntary-arrangement", "RESTRUCTURING"),
            ("liquidation", "LIQUIDATION"),
            ("receivership", "BANKRUPT"),
            ("insolvency-proceedings", "BANKRUPT"),
            ("converted-closed", "DISSOLVED"),
            ("closed", "DISSOLVED"),
            ("removed", "DISSOLVED"),
            ("something-new", "UNKNOWN"),
        ],
    )
    def test_statuses(self, told, status):
        profile = {"company_number": self.known, "company_name": "BRACKENFELL LTD", "company_status": told}
        assert self.lookup(self.known, lambda request: httpx.Response(200, json=profile)).status == status

    def test_more_than_a_page_is_read_page_by_page(self):
        starts = []

        def page(request):
            start, size = (int(request.url.params[name]) for name in ("start_index", "items_per_page"))
            starts.append(start)
            numbers = range(start, min(start + size, 250))
            items = [{"company_number": f"{98000000 + number}", "title": f"No {number} Ltd"} for number in numbers]
            return httpx.Response(200, json={"items": items, "total_results": 250})

        result = self.search(self.finds, page, limit=150)
        assert starts == [0, 100]
        assert len({hit.business_id for hit in result.hits}) == 150
        assert result.has_more
        assert not self.search(self.finds, page, limit=300).has_more

    def test_another_company_than_asked_for_is_no_answer(self):
        with pytest.raises(Unavailable):
            self.lookup(self.unknown, lambda request: recorded("gb", "company"))

    @needs_recordings
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "lookup-by-id",
                (
                    "TESCO PLC",
                    "00445790",
                    None,
                    "ACTIVE",
                    "Tesco House, Shire Park, Kestrel Way | AL7 1GA | Welwyn Garden City | GB",
                    "SIC2007 47110",
                ),
            ),
            (
                "lookup-monzo",
                (
                    "MONZO BANK LIMITED",
                    "09446231",
                    None,
                    "ACTIVE",
                    "Broadwalk House, 5 Appold Street | EC2A 2AG | London | GB",
                    "SIC2007 64191",
                ),
            ),
            (
                "lookup-dissolved",
                (
                    "MARINE AND GENERAL MUTUAL LIFE ASSURANCE SOCIETY",
                    "00000006",
                    None,
                    "DISSOLVED",
                    "Cms Cameron Mckenna Llp Cannon Place, 78 Cannon Street | EC4N 6AF | London | GB",
                    "SIC2007 65110",
                ),
            ),
            (
                "lookup-liquidation",
                (
                    "COMMUNITY ACCOUNTANCY SELF HELP",
                    "04374209",
                    None,
                    "LIQUIDATION",
                    "6 Bevington Road, Bevington Road | W10 5TN | London | GB",
                    "SIC2007 69201",
                ),
            ),
            (
                "lookup-scottish-sparse-address",
                (
                    "NATWEST MARKETS PLC",
                    "SC090312",
                    None,
                    "ACTIVE",
                    "36 St Andrew Square, Edinburgh | EH2 2YB | - | -",
                    "SIC2007 66190",
                ),
            ),
            ("lookup-stub-no-status", ("COMMUNITY ACCOMMODATION GROUP", "CE020555", None, "UNKNOWN", None, None)),
            (
                "lookup-uk-establishment-open",
                (
                    "CIC INTERNATIONAL REALTY",
                    "BR026263",
                    None,
                    "ACTIVE",
                    "93 Lady Meers Road | LN3 4BW | Cherry Willingham | -",
                    None,
                ),
            ),
        ],
    )
    def test_recorded_profiles(self, name, expected):
        assert facts(self.lookup(expected[1], theirs("gb", name))) == expected

    @needs_recordings
    def test_recorded_searches(self):
        result = self.search("tesco", theirs("gb", "search-by-name"))
        assert result.has_more
        assert [facts(hit)[:5] for hit in result.hits] == [
            (
                "TESCO PLC",
                "00445790",
                None,
                "ACTIVE",
                "Tesco House, Shire Park, Kestrel Way | AL7 1GA | Welwyn Garden City | GB",
            ),
            (
                "KFORD TYRES (GORNAL) LTD",
                "09384423",
                None,
                "ACTIVE",
                "2 Dawley Brook Road | DY6 7BD | Kingswinford | GB",
            ),
            (
                "TESCO AQUA (FINCO2) LIMITED",
                "05888957",
                None,
                "DISSOLVED",
                "1 More London Place | SE1 2AF | London | -",
            ),
        ]
        assert self.search("nobody", theirs("gb", "search-empty")).hits == ()

    @needs_recordings
    def test_recorded_refusals(self):
        with pytest.raises(NotFound):
            self.lookup("99999999", theirs("gb", "not-found-404", 404))
        with pytest.raises(NeedsKey):
            self.lookup("00445790", theirs("gb", "error-401", 401))
