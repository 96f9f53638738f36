"""Estonia: e-Äriregister, as its search box has it. It says little, but needs no contract."""

import re
from collections.abc import Sequence

from stdnum.ee import registrikood
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

# Only R is in recorded answers. The others are letters of the register's open data; anything else is not known.
STATUSES = {
    "R": (CompanyStatus.ACTIVE, "Registrisse kantud"),
    "L": (CompanyStatus.LIQUIDATION, "Likvideerimisel"),
    "N": (CompanyStatus.BANKRUPT, "Pankrotis"),
    "K": (CompanyStatus.DISSOLVED, "Kustutatud"),
}

# Legal forms come as numbers without a list; this one is in a recorded answer about an OÜ.
FORMS = {"5": "Osaühing"}

ROWS = 10
"""How many rows it has at most, or thereabouts."""

NUMBER = re.compile(r"(?:EE)?(\d{8})", re.ASCII)
SOLE_TRADER = re.compile(r"^FIE\b|\bFIE$|füüsilisest isikust ettevõtja", re.IGNORECASE)


class Ariregister(RegistryAdapter):
    """Rows of the search box, which finds by names and by numbers."""

    info = RegistryInfo(
        id="ee-ariregister",
        name="e-Äriregister",
        aliases=("Äriregister", "e-Business Register", "RIK"),
        countries=("EE",),
        locales=("et",),
        base_url="https://ariregister.rik.ee/est/api",
        attribution="Registrite ja Infosüsteemide Keskus, e-Äriregister",
        homepage="https://ariregister.rik.ee",
    )

    def read_number(self, text: str) -> Number | None:
        """Eight digits in any grouping, `EE` in front or not. VAT numbers have nine and nothing to do with them."""
        found = NUMBER.fullmatch(clean("".join(text.split()), "-./:,").upper())
        return Number(found[1]) if found and registrikood.is_valid(found[1]) else None

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """What the search box offers; a full one may have left something out."""
        found = await self._offered(client, name)
        return SearchResult(found[:limit], has_more=len(found) > limit or len(found) >= ROWS)

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The same question by number, which may find others too."""
        found = await self._offered(client, business_id)
        company = next((each for each in found if each.business_id == business_id), None)
        if company is None:
            raise NotFound(f"e-Äriregister has no company with the number {business_id}.")
        return company

    async def _offered(self, client: RegistryClient, text: str) -> list[Company]:
        answer = Record(await client.get_json("/autocomplete", params={"q": text}))
        if answer.text("status") != "OK":
            raise Unavailable("e-Äriregister answered something else than companies.")
        return [each for row in answer.each("data") if (each := _company(row))]


def _company(record: Record) -> Company | None:
    business_id, name = record.text("reg_code"), record.text("name")
    if business_id is None or name is None:
        return None
    letter = record.text("status")
    status, status_text = STATUSES.get(letter or "", (CompanyStatus.UNKNOWN, letter))
    return Company(
        country="EE",
        business_id=business_id.zfill(8),
        name=name,
        status=status,
        status_text=status_text,
        legal_form=FORMS.get(record.text("legal_form") or ""),
        addresses=_addresses(record),
        # Nothing but the name tells them, and not every one has the letters in it.
        is_natural_person=SOLE_TRADER.search(name) is not None,
    )


def _addresses(record: Record) -> tuple[Address, ...]:
    """One line from the county down to the house: `Harju maakond, Tallinn, Kesklinna linnaosa, Lubja tn 4`."""
    parts = [part.strip() for part in (record.text("legal_address") or "").split(",")]
    region, city = None, None
    if len(parts) >= 3 and parts[0].endswith(" maakond"):
        region, city, *parts = parts
        parts.reverse()
    near = street(parts)
    if not (near or city):
        return ()
    found = Address(
        kind=AddressKind.VISITING, street=near, post_code=record.text("zip_code"), city=city or None, region=region
    )
    return (found,)


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """e-Äriregister, which has no labels in any language."""
    return [Ariregister()]
