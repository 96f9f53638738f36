"""Finland: YTJ, the Business Information System of PRH and the Tax Administration, as open data (version 3)."""

import re
from collections.abc import Sequence
from datetime import date

from stdnum.exceptions import ValidationError
from stdnum.fi import ytunnus
from stdnum.util import clean

from plugins.client import RegistryClient
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    IndustryCode,
    NotFound,
    Number,
    NumberKind,
    RegistryAdapter,
    RegistryInfo,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.record import Record, joined, street, web_address

KARTOTEK_CONTRACT = 1

LANGUAGES = {"fi": "1", "sv": "2", "en": "3"}
SCHEMES = {"TOIMI3": "TOL2008", "TOIMI4": "TOL2025"}
REGISTERED, REMOVED, START_UP, CEASED = "1", "2", "3", "4"
TRADE_REGISTER, VAT_REGISTER = "1", "6"
REGISTERED_NAME = "1"
SITUATIONS = (
    ("KONK", CompanyStatus.BANKRUPT),
    ("SELTILA", CompanyStatus.LIQUIDATION),
    ("SANE", CompanyStatus.RESTRUCTURING),
)
ADDRESS_KINDS = {"1": AddressKind.VISITING, "2": AddressKind.POSTAL}

NUMBER = re.compile(r"(FI)?(\d{8})", re.ASCII)


class Ytj(RegistryAdapter):
    """YTJ in one of its languages."""

    info = RegistryInfo(
        id="fi-ytj",
        name="YTJ",
        aliases=("PRH", "Business Information System", "Företags- och organisationsdatasystemet"),
        countries=("FI", "AX"),
        locales=("fi", "sv", "en"),
        base_url="https://avoindata.prh.fi/opendata-ytj-api/v3",
        looks_up_by_vat=True,
        gives_contact_details=True,
        licence="CC BY 4.0",
        attribution="PRH and the Tax Administration, YTJ",
        homepage="https://www.ytj.fi",
    )

    def __init__(self, locale: str) -> None:
        self._language = LANGUAGES.get(locale.partition("-")[0].lower(), LANGUAGES["en"])

    def read_number(self, text: str) -> Number | None:
        """Seven digits and a check digit, with or without hyphen; as a VAT number with `FI` in front."""
        found = NUMBER.fullmatch(clean(text, " -./:").upper())
        if found is None:
            return None
        try:
            business_id = ytunnus.format(ytunnus.validate(found[2]))
        except ValidationError:
            return None
        return Number(business_id, NumberKind.VAT_NUMBER if found[1] else NumberKind.BUSINESS_ID)

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """One page of a hundred: it matches loosely, on earlier and parallel names too."""
        answer = await self._companies(client, name=name)
        found = [self._company(each) for each in answer.each("companies")]
        hits = [each for each in found if each is not None][:limit]
        return SearchResult(hits, has_more=answer.number("totalResults") > len(hits))

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The same question by number; where there is none, the answer is an empty list."""
        answer = await self._companies(client, businessId=business_id)
        found = (self._company(each) for each in answer.each("companies"))
        company = next((each for each in found if each and each.business_id == business_id), None)
        if company is None:
            raise NotFound(f"YTJ has no company with the number {business_id}.")
        return company

    async def _companies(self, client: RegistryClient, **params: str) -> Record:
        answer = await client.get_json("/companies", params=params)
        if not isinstance(answer, dict) or "companies" not in answer:
            raise Unavailable("YTJ answered something else than companies.")
        return Record(answer)

    def _company(self, record: Record) -> Company | None:
        business_id, name = record.of("businessId").text("value"), _name(record)
        if business_id is None or name is None:
            return None
        entries = list(record.each("registeredEntries"))
        is_vat_registered = any(each.text("register") == VAT_REGISTER and not each.text("endDate") for each in entries)
        trade = _trade_entry(record)
        return Company(
            country="FI",
            business_id=business_id,
            name=name,
            status=_status(record, trade),
            status_text=self._word(trade),
            legal_form=self._legal_form(record),
            vat_number=f"FI{business_id.replace('-', '')}" if is_vat_registered else None,
            industry=self._industry(record.of("mainBusinessLine")),
            addresses=self._addresses(record),
            website=web_address(record.of("website").text("url")),
            registered_on=record.day("registrationDate") or record.of("businessId").day("registrationDate"),
            dissolved_on=_dissolved_on(record, trade),
        )

    def _word(self, record: Record) -> str | None:
        """A description in the reader's language, else in whichever is there."""
        return self._spoken(record, "descriptions", "description")

    def _spoken(self, record: Record, list_name: str, text_name: str) -> str | None:
        words = {each.text("languageCode"): each.text(text_name) for each in record.each(list_name)}
        return words.get(self._language) or next(filter(None, words.values()), None)

    def _legal_form(self, record: Record) -> str | None:
        forms = [each for each in record.each("companyForms") if not each.text("endDate")]
        return self._word(forms[-1]) if forms else None

    def _industry(self, line: Record) -> IndustryCode | None:
        code, code_set = line.text("type"), line.text("typeCodeSet")
        if code is None or code_set is None:
            return None
        return IndustryCode(scheme=SCHEMES.get(code_set, code_set), code=code, label=self._word(line))

    def _addresses(self, record: Record) -> tuple[Address, ...]:
        found = (self._address(each) for each in record.each("addresses") if not each.text("endDate"))
        return tuple(sorted((each for each in found if each), key=lambda each: each.kind is AddressKind.POSTAL))

    def _address(self, record: Record) -> Address | None:
        """Its `co` is left out, and whoever is named so in another line: that may be a person."""
        kind = ADDRESS_KINDS.get(record.text("type") or "")
        box = record.text("postOfficeBox")
        number = joined(record.text("buildingNumber"), record.text("entrance"), record.text("apartmentNumber"))
        house = joined(record.text("street"), number, record.text("apartmentIdSuffix"))
        lines = street((house, f"PL {box}" if box else None, record.text("freeAddressLine")))
        city = self._spoken(record, "postOffices", "city")
        if kind is None or not (lines or city):
            return None
        return Address(
            kind=kind, street=lines, post_code=record.text("postCode"), city=city, country=record.text("country")
        )


def _name(record: Record) -> str | None:
    """The registered name that is in force; of a company that has ceased, the last one that was."""
    names = [each for each in record.each("names") if each.text("type") == REGISTERED_NAME and each.text("name")]
    current = [each for each in names if not each.text("endDate")]
    since = "registrationDate" if current else "endDate"
    in_turn = sorted(current or names, key=lambda each: each.text(since) or "")
    return in_turn[-1].text("name") if in_turn else None


def _status(record: Record, trade: Record) -> CompanyStatus:
    """By the trade register; `status` is the state of the number and says nothing of the company."""
    entry = trade.text("type")
    state = record.text("tradeRegisterStatus") or entry
    if record.text("endDate") or {state, entry} & {REMOVED, CEASED}:
        return CompanyStatus.DISSOLVED
    open_ones = {each.text("type") for each in record.each("companySituations") if not each.text("endDate")}
    for situation, status in SITUATIONS:
        if situation in open_ones:
            return status
    return {REGISTERED: CompanyStatus.ACTIVE, START_UP: CompanyStatus.NOT_YET_REGISTERED}.get(
        state or "", CompanyStatus.UNKNOWN
    )


def _dissolved_on(record: Record, trade: Record) -> date | None:
    """Since when it is out of the trade register; by its entry there where the record itself does not tell."""
    since_entry = trade.day("registrationDate") if trade.text("type") in (REMOVED, CEASED) else None
    return record.day("endDate") or since_entry


def _trade_entry(record: Record) -> Record:
    """What stands in the trade register last."""
    entries = [each for each in record.each("registeredEntries") if each.text("register") == TRADE_REGISTER]
    return max(entries, key=lambda each: each.text("registrationDate") or "", default=Record(None))


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """YTJ in the reader's language."""
    return [Ytj(locale)]
