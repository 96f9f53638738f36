"""United Kingdom: the register of Companies House, by its public data API."""

import re
from collections.abc import Sequence
from typing import Any

from stdnum.util import clean

from plugins.client import RegistryClient
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyHit,
    CompanyStatus,
    IndustryCode,
    Number,
    RegistryAdapter,
    RegistryInfo,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.paging import search_pages
from plugins.record import Record, country_code, joined, with_list

KARTOTEK_CONTRACT = 1

LARGEST_PAGE = 100

# Those of overseas entities are `registered` or `removed`, those of UK establishments `open` or `closed`. A company
# that was converted or closed goes on, if at all, under another number.
STATUSES = {
    "active": CompanyStatus.ACTIVE,
    "open": CompanyStatus.ACTIVE,
    "registered": CompanyStatus.ACTIVE,
    "administration": CompanyStatus.RESTRUCTURING,
    "voluntary-arrangement": CompanyStatus.RESTRUCTURING,
    "liquidation": CompanyStatus.LIQUIDATION,
    "receivership": CompanyStatus.BANKRUPT,
    "insolvency-proceedings": CompanyStatus.BANKRUPT,
    "dissolved": CompanyStatus.DISSOLVED,
    "converted-closed": CompanyStatus.DISSOLVED,
    "closed": CompanyStatus.DISSOLVED,
    "removed": CompanyStatus.DISSOLVED,
}

# What their codes do not say by themselves; the others are told as they are, with blanks for hyphens.
LEGAL_FORMS = {
    "ltd": "Private limited company",
    "plc": "Public limited company",
    "llp": "Limited liability partnership",
    "uk-establishment": "UK establishment of an overseas company",
    "oversea-company": "Overseas company",
    "eeig": "European economic interest grouping",
    "private-limited-guarant-nsc": "Private company limited by guarantee without share capital",
    "private-limited-guarant-nsc-limited-exemption": "Private company limited by guarantee without share capital, "
    "exempt from using 'Limited'",
    "private-limited-shares-section-30-exemption": "Private limited company, exempt from using 'Limited'",
    "private-unlimited-nsc": "Private unlimited company without share capital",
}

# Written by hand, so countries have more names than one.
COUNTRIES = {
    **dict.fromkeys(("england", "scotland", "wales", "northern ireland", "great britain", "uk"), "GB"),
    **dict.fromkeys(("england & wales", "england and wales"), "GB"),
    "hong kong": "HK",
    "republic of ireland": "IE",
    "usa": "US",
}

# There are no check digits to tell numbers from names. So numbers are taken only as they are written: blanks and
# hyphens after the letters, blanks between digits only where all eight are there, and `24-7 365` stays a name.
NUMBER = re.compile(
    r"(?:GB[ -]?)?(?:(\d{6,8})|((?:\d ?){7}\d)|([A-Z][A-Z0-9])[ -]?(\d{6}|\d{5}[A-Z]|\d{4}[A-Z]{2}))", re.ASCII
)
CARE_OF = re.compile(r"(?:c/o|care of)\b", re.IGNORECASE)
HOUSE_NUMBER = re.compile(r"\d+[A-Za-z]?(?:[-/]\d+[A-Za-z]?)?", re.ASCII)


class CompaniesHouse(RegistryAdapter):
    """The registers of England and Wales, Scotland and Northern Ireland. It has no VAT numbers."""

    info = RegistryInfo(
        id="gb-companies-house",
        name="Companies House",
        countries=("GB",),
        locales=("en",),
        base_url="https://api.company-information.service.gov.uk",
        secrets=("key",),
        calls_per_second=2.0,  # 600 in five minutes for each key
        licence="Crown copyright; free to use",
        attribution="Companies House",
        homepage="https://www.gov.uk/government/organisations/companies-house",
    )

    def read_number(self, text: str) -> Number | None:
        """Eight characters: digits, or two letters and digits with letters at their end; zeros in front may miss."""
        found = NUMBER.fullmatch(clean(text, "").strip().upper())
        if found is None:
            return None
        digits, spaced, letters, rest = found.groups()
        return Number(letters + rest if letters else (digits or spaced.replace(" ", "")).zfill(8))

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """By present and former names, and by number; as many pages as the limit needs."""
        size = min(limit, LARGEST_PAGE)

        async def page(number: int) -> SearchResult:
            start = number * size
            params = {"q": name, "items_per_page": size, "start_index": start}
            answer = with_list(await self._get(client, "/search/companies", params=params), "items")
            rows = list(answer.each("items"))
            hits = [hit for row in rows if (hit := _hit(row))]
            return SearchResult(hits, has_more=bool(rows) and answer.number("total_results") > start + len(rows))

        return await search_pages(page, limit)

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The profile, which has neither officers nor owners: those are other resources, never asked for."""
        company = _company(Record(await self._get(client, f"/company/{business_id}")))
        if company is None or company.business_id != business_id:
            raise Unavailable("Companies House answered something else than the company.")
        return company

    async def _get(self, client: RegistryClient, path: str, **options: Any) -> Any:
        return await client.get_json(path, auth=(client.secret("key"), ""), **options)


def _hit(record: Record) -> CompanyHit | None:
    business_id, name = record.text("company_number"), record.text("title")
    if business_id is None or name is None:
        return None
    return CompanyHit(
        country="GB",
        business_id=business_id,
        name=name,
        status=_status(record),
        status_text=_words(record.text("company_status")),
        legal_form=_legal_form(record.text("company_type")),
        addresses=_addresses(record.of("address")),
    )


def _company(record: Record) -> Company | None:
    business_id, name = record.text("company_number"), record.text("company_name")
    if business_id is None or name is None:
        return None
    status = _status(record)
    return Company(
        country="GB",
        business_id=business_id,
        name=name,
        status=status,
        # A proposal to strike off leaves the status as it is.
        status_text=_words(record.text("company_status_detail", "company_status")),
        legal_form=_legal_form(record.text("type")),
        industry=_industry(record),
        addresses=_addresses(record.of("registered_office_address")),
        part_of=record.of("branch_company_details").text("parent_company_number"),
        registered_on=record.day("date_of_creation"),
        dissolved_on=record.day("date_of_cessation") if status is CompanyStatus.DISSOLVED else None,
    )


def _status(record: Record) -> CompanyStatus:
    """Charities that Companies House only lists have none: whether they exist stands in another register."""
    told = STATUSES.get(record.text("company_status") or "", CompanyStatus.UNKNOWN)
    if told is CompanyStatus.UNKNOWN and record.day("date_of_cessation"):
        return CompanyStatus.DISSOLVED
    return told


def _words(code: str | None) -> str | None:
    return code.replace("-", " ") if code else None


def _legal_form(code: str | None) -> str | None:
    return LEGAL_FORMS.get(code, code.replace("-", " ").capitalize()) if code else None


def _industry(record: Record) -> IndustryCode | None:
    """The first of up to four. Codes of 2003 had four digits, and stay with companies that file no more."""
    code = next(iter(record.texts("sic_codes")), None)
    return IndustryCode(scheme="SIC2007" if len(code) == 5 else "SIC2003", code=code) if code else None


def _addresses(record: Record) -> tuple[Address, ...]:
    """Any part may miss, the town too. `care_of`, or what begins so, is left out: it may name a person."""
    box, country = record.text("po_box"), record.text("country")
    code = COUNTRIES.get((country or "").lower()) or country_code(country, "en")
    lines = joined(_first_line(record), record.text("address_line_2"), f"PO Box {box}" if box else None, by=", ")
    lines = joined(*(line for line in (lines or "").split(", ") if not CARE_OF.match(line)), by=", ")
    city = record.text("locality")
    if not (lines or city):
        return ()
    return (
        Address(
            kind=AddressKind.VISITING,
            street=lines,
            post_code=record.text("postal_code"),
            city=city,
            region=joined(record.text("region"), country if code is None else None, by=", "),
            country=code,
        ),
    )


def _first_line(record: Record) -> str | None:
    """Searches have house names and numbers apart from the street, profiles in the same line."""
    premises, line = record.text("premises"), record.text("address_line_1")
    return joined(premises, line, by=" " if premises and HOUSE_NUMBER.fullmatch(premises) else ", ")


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """Companies House, in English for everybody."""
    return [CompaniesHouse()]
