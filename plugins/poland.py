"""Poland: the tax administration's list of VAT payers ("white list"), by NIP or REGON and never by name."""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
from stdnum.exceptions import ValidationError
from stdnum.pl import nip, regon
from stdnum.util import clean

from plugins.client import RegistryClient, raise_for_outcome, read_json
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    NotFound,
    Number,
    NumberKind,
    RateLimited,
    RegistryAdapter,
    RegistryInfo,
    RejectedInput,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.record import Record

KARTOTEK_CONTRACT = 1

HOME = ZoneInfo("Europe/Warsaw")
ACTIVE = "Czynny"
NAMED_SITUATIONS = (
    (re.compile(r"\bw upadłości\b", re.IGNORECASE), CompanyStatus.BANKRUPT),
    (re.compile(r"\bw likwidacji\b", re.IGNORECASE), CompanyStatus.LIQUIDATION),
    (re.compile(r"\bw restrukturyzacji\b", re.IGNORECASE), CompanyStatus.RESTRUCTURING),
)
"""What companies have to add to their names, which is the only place where this list says how they stand."""

NIP = re.compile(r"(PL)?(?!0000)(\d{10})", re.ASCII)
REGON = re.compile(r"\d{9}", re.ASCII)
ONE_LINE = re.compile(r"(?:(?P<street>.+), *)?(?P<post_code>\d{2}-\d{3}) (?P<city>.+)", re.ASCII)


class WhiteList(RegistryAdapter):
    """The list as of today."""

    info = RegistryInfo(
        id="pl-vat-white-list",
        name="Wykaz podatników VAT",
        aliases=("Biała lista", "VAT white list"),
        countries=("PL",),
        locales=("pl",),
        base_url="https://wl-api.mf.gov.pl/api",
        searches_by_name=False,
        looks_up_by_vat=True,
        attribution="Ministerstwo Finansów, Wykaz podatników VAT",
        homepage="https://www.podatki.gov.pl/wykaz-podatnikow-vat-wyszukiwarka",
    )

    def read_number(self, text: str) -> Number | None:
        """A NIP of ten digits, as a VAT number with `PL` in front, or a REGON of nine; no KRS number."""
        compact = clean(text, " -./:").upper()
        found = NIP.fullmatch(compact)
        try:
            if found:
                kind = NumberKind.VAT_NUMBER if found[1] else NumberKind.BUSINESS_ID
                return Number(nip.validate(found[2]), kind)
            return Number(regon.validate(compact)) if REGON.fullmatch(compact) else None
        except ValidationError:
            return None

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """It has none."""
        raise RejectedInput("The Polish list of VAT payers cannot be searched by name; give a NIP or a REGON.")

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The payer of VAT with a NIP or REGON; its number is the NIP, however it was asked for."""
        kind = "regon" if REGON.fullmatch(business_id) else "nip"
        params = {"date": datetime.now(HOME).date().isoformat()}
        response = await client.call("GET", f"/search/{kind}/{business_id}", params=params)
        _raise_for_quota(response)
        raise_for_outcome(response)
        match read_json(response):
            case {"result": {"subject": None}}:
                raise NotFound(f"The Polish list of VAT payers has nobody with the number {business_id}.")
            case {"result": {"subject": dict(found)}}:
                subject = Record(found)
            case _:
                subject = Record(None)
        if subject.text(kind) != business_id:
            raise Unavailable("The Polish list of VAT payers answered something else than this payer.")
        return _company(subject, business_id)


def _raise_for_quota(response: httpx.Response) -> None:
    """The quota of a day is small, and how its end is told is not certain: 429, or 400 with a text about it."""
    if response.status_code == 400 and "limit" in response.text.lower():
        raise RateLimited("The Polish list of VAT payers was asked too often today.")


def _company(record: Record, asked: str) -> Company:
    """Its representatives, clerks and partners are persons, and its accounts nobody's business: never read."""
    number, name = record.text("nip") or asked, record.text("name")
    if name is None:
        raise Unavailable(f"The Polish list of VAT payers does not say who {number} is.")
    is_active = record.text("statusVat") == ACTIVE
    # Companies are in the court register (KRS). Who is not may be a person, or persons in partnership, and to take
    # an office for one does no harm.
    is_person = bool(record.text("pesel")) or not record.text("krs")
    return Company(
        country="PL",
        business_id=number,
        name=name,
        status=_status(name, is_active=is_active),
        status_text=record.text("statusVat"),
        vat_number=f"PL{number}" if is_active and len(number) == 10 else None,
        addresses=_addresses(record.text("workingAddress", *([] if is_person else ["residenceAddress"]))),
        registered_on=record.day("registrationLegalDate"),
        is_natural_person=is_person,
    )


def _status(name: str, *, is_active: bool) -> CompanyStatus:
    """Who has left the VAT register may be in business all the same."""
    for words, status in NAMED_SITUATIONS:
        if words.search(name):
            return status
    return CompanyStatus.ACTIVE if is_active else CompanyStatus.UNKNOWN


def _addresses(line: str | None) -> tuple[Address, ...]:
    """It is written in one line: `STREET 1, 00-001 CITY`."""
    if line is None:
        return ()
    found = ONE_LINE.fullmatch(line)
    parts = found.groupdict() if found else {"street": line}
    return (Address(kind=AddressKind.VISITING, **parts),)


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """The list, which speaks Polish only."""
    return [WhiteList()]
