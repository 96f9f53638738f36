"""The world: GLEIF, the index of legal entity identifiers (LEI), for countries without an adapter of their own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from stdnum import lei
from stdnum.at import businessid as firmenbuch
from stdnum.be import vat as ondernemingsnummer
from stdnum.ch import uid
from stdnum.cz import dic
from stdnum.dk import cvr
from stdnum.ee import registrikood
from stdnum.exceptions import ValidationError
from stdnum.fi import ytunnus
from stdnum.fr import siren
from stdnum.no import orgnr
from stdnum.se import orgnr as organisationsnummer
from stdnum.util import clean

from plugins.client import RegistryClient
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    NotFound,
    Number,
    RegistryAdapter,
    RegistryInfo,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.record import Record, street

KARTOTEK_CONTRACT = 1

LARGEST_PAGE = 100
LEI_LENGTH = 20
STATUSES = {"ACTIVE": CompanyStatus.ACTIVE, "INACTIVE": CompanyStatus.DISSOLVED}
SOLE_PROPRIETOR, BRANCH = "SOLE_PROPRIETOR", "BRANCH"

NUMBERS: Mapping[str, ModuleType] = {
    "AT": firmenbuch,
    "BE": ondernemingsnummer,
    "CH": uid,
    "CZ": dic,
    "DK": cvr,
    "EE": registrikood,
    "FI": ytunnus,
    "FR": siren,
    "NO": orgnr,
    "SE": organisationsnummer,
}
"""Where the number that is filed with an LEI has a check digit."""

DIGITS_ONLY = {"ES", "GB", "HR", "IS", "IT", "LV", "NL", "PL", "PT", "RO", "SI"}
"""Where a number without a known check digit is kept without separators; elsewhere it stays as it is written."""

WRITTEN_REGIONS = {"AU", "CA", "US"}
"""Where addresses are written with the state, as it is coded in ISO 3166-2."""

SUBDIVIDED = {"AE", "CA", "US"}
"""Whose jurisdictions are states or emirates, so that the country is found by the address."""

LETTERS = re.compile(r"[A-Z]+", re.ASCII)


class Gleif(RegistryAdapter):
    """GLEIF's records of one country; without one, all of them, by LEI and name only."""

    info = RegistryInfo(
        id="gleif",
        name="GLEIF",
        aliases=("Global LEI Index",),
        countries=(),
        locales=("en",),
        base_url="https://api.gleif.org/api/v1",
        licence="CC0 1.0",
        homepage="https://search.gleif.org",
    )

    def __init__(self, country: str | None = None) -> None:
        self._country = country

    def for_country(self, country: str) -> "Gleif":
        """The records of one country."""
        return Gleif(country)

    def read_number(self, text: str) -> Number | None:
        """An LEI, or the number of the country's own register as it is filed with the LEI."""
        compact = _compact(text)
        if len(compact) == LEI_LENGTH:
            return Number(compact) if lei.is_valid(compact) else None
        local = _local_number(text, self._country) if self._country else None
        return Number(local) if local else None

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """By legal name, within the country."""
        size = str(min(limit, LARGEST_PAGE))
        answer = await self._records(client, **{"filter[entity.legalName]": name, "page[size]": size})
        hits = self._companies(answer)[:limit]
        total = answer.of("meta").of("pagination").number("total")
        return SearchResult(hits, has_more=total > len(hits))

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The record of an LEI, or of a local number.

        That is asked for with and without its separators: which of them matter to GLEIF is not certain.
        """
        if lei.is_valid(business_id):
            found = self._companies(await self._records(client, f"/{business_id}"))
        else:
            found = await self._by_local_number(client, business_id)
        if not found:
            raise NotFound(f"GLEIF has no company with the number {business_id}{self._there}.")
        return min(found, key=lambda each: (each.part_of is not None, each.status is not CompanyStatus.ACTIVE))

    async def _by_local_number(self, client: RegistryClient, business_id: str) -> list[Company]:
        for spelling in _spellings(business_id, self._country):
            answer = await self._records(client, **{"filter[entity.registeredAs]": spelling})
            found = [each for each in self._companies(answer) if each.business_id == business_id]
            if found:
                return found
        return []

    @property
    def _there(self) -> str:
        return f" in {self._country}" if self._country else ""

    async def _records(self, client: RegistryClient, one: str = "", **params: str) -> Record:
        if self._country and params:
            place = "legalAddress.country" if self._country in SUBDIVIDED else "jurisdiction"
            params[f"filter[entity.{place}]"] = self._country
        answer = await client.get_json(f"/lei-records{one}", params=params)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list | dict):
            raise Unavailable("GLEIF answered something else than records.")
        return Record(answer | {"data": data if isinstance(data, list) else [data]})

    def _companies(self, answer: Record) -> list[Company]:
        found = (self._company(each.of("attributes")) for each in answer.each("data"))
        return [each for each in found if each]

    def _company(self, record: Record) -> Company | None:
        entity = record.of("entity")
        number, name, country = record.text("lei"), entity.of("legalName").text("name"), _country(entity)
        if number is None or name is None or country is None or self._country not in (None, country):
            return None
        is_branch = entity.text("category") == BRANCH
        status = STATUSES.get(entity.text("status") or "", CompanyStatus.UNKNOWN)
        return Company(
            country=country,
            business_id=_local_number(entity.text("registeredAs") or "", country) or number,
            name=name,
            status=status,
            status_text=entity.text("status"),
            legal_form=entity.of("legalForm").text("other"),
            addresses=tuple(_addresses(entity.of("legalAddress"))),
            part_of=entity.of("associatedEntity").text("lei") if is_branch else None,
            dissolved_on=entity.of("expiration").day("date") if status is CompanyStatus.DISSOLVED else None,
            is_natural_person=entity.text("category") == SOLE_PROPRIETOR,
        )


# ---------------------------------------------------------------- numbers


def _compact(text: str) -> str:
    return clean("".join(text.split()), "-./:,'").upper()


def _local_number(text: str, country: str) -> str | None:
    """The number in the spelling that the country's register goes by; None where it cannot be one."""
    module: Any = NUMBERS.get(country)
    compact = _compact(text)
    if module is None:
        looks_so = _looks_like_number(compact, country)
        return (compact if country in DIGITS_ONLY else " ".join(text.split())) if looks_so else None
    try:
        number: str = module.validate(compact.removeprefix("FN").lower() if country == "AT" else compact)
    except ValidationError:
        return None
    return module.format(number) if country in ("CH", "FI") else number


def _looks_like_number(compact: str, country: str) -> bool:
    """Digits with few letters among them, such as `HRB 6684`, `B82454` or `L17110MH1973PLC019786`, unlike a name."""
    if not compact.isascii() or not compact.isalnum() or len(compact) > 21:
        return False
    if country == "DE" and re.fullmatch(r"(HRA|HRB|GNR|PR|VR)\d{1,6}[A-Z]{0,3}", compact):
        return True
    letters = LETTERS.findall(compact)
    return len(compact) - sum(map(len, letters)) >= 5 and all(len(run) <= 3 for run in letters)


def _spellings(number: str, country: str | None) -> Iterable[str]:
    """The number as it may have been filed: in its country's fashion, as it is stored, and bare."""
    compact = _compact(number)
    local = {
        "AT": f"FN {number}",
        "BE": f"{compact[:4]}.{compact[4:7]}.{compact[7:]}",
        "FR": " ".join((compact[:3], compact[3:6], compact[6:])),
        "NO": " ".join((compact[:3], compact[3:6], compact[6:])),
        "SE": f"{compact[:6]}-{compact[6:]}",
    }.get(country or "", number)
    return dict.fromkeys((local, number, compact))


# ---------------------------------------------------------------- records


def _country(entity: Record) -> str | None:
    """The country of the jurisdiction, which may be a state of it (`US-DE`)."""
    place = entity.text("jurisdiction") or entity.of("legalAddress").text("country")
    return place[:2].upper() if place else None


def _addresses(record: Record) -> Iterable[Address]:
    lines, city, country = street(record.texts("addressLines")), record.text("city"), record.text("country")
    region = (record.text("region") or "").partition("-")[2] if country in WRITTEN_REGIONS else ""
    if lines or city:
        yield Address(
            kind=AddressKind.VISITING,
            street=lines,
            post_code=record.text("postalCode"),
            city=city,
            region=region or None,
            country=country,
        )


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """GLEIF, which has no labels in any language."""
    return [Gleif()]
