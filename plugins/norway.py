"""Norway: Enhetsregisteret, the register of all units, as open data of Brønnøysundregistrene.

Users know it as Bizweb too, a directory over the same data.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from stdnum.no import orgnr
from stdnum.util import clean

from plugins.client import RegistryClient
from plugins.contract import (
    Address,
    AddressKind,
    AskOtherwise,
    Company,
    CompanyStatus,
    IndustryCode,
    NotFound,
    Number,
    NumberKind,
    RegistryAdapter,
    RegistryInfo,
    RejectedInput,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.record import Record, street, web_address

KARTOTEK_CONTRACT = 1

UNITS, SUB_UNITS = "enheter", "underenheter"

# Each is a flag or a date; of several, the first counts. Sub-units and deleted units have none of the flags. The last
# two are in no recorded answer; what a foreign insolvency comes to for the unit, the register does not say.
SITUATIONS = (
    ("slettedato", CompanyStatus.DISSOLVED, "Slettet"),
    ("nedleggelsesdato", CompanyStatus.DISSOLVED, "Nedlagt"),
    ("konkurs", CompanyStatus.BANKRUPT, "Konkurs"),
    (
        "underTvangsavviklingEllerTvangsopplosning",
        CompanyStatus.LIQUIDATION,
        "Under tvangsavvikling eller tvangsoppløsning",
    ),
    ("underAvvikling", CompanyStatus.LIQUIDATION, "Under avvikling"),
    ("underRekonstruksjonsforhandlingDato", CompanyStatus.RESTRUCTURING, "Under rekonstruksjonsforhandling"),
    ("underUtenlandskInsolvensbehandlingDato", CompanyStatus.UNKNOWN, "Under utenlandsk insolvensbehandling"),
)

# Sole traders, and what persons employ people for who are not in business.
PERSONS = {"ENK", "AAFY"}

# The register moved to SN2025 with all its codes; its records do not say so.
SCHEME = "SN2025"

NUMBER = re.compile(r"(NO)?(\d{9})(MVA)?", re.ASCII)
FORMS = {"AS", "ASA", "ANS", "BA", "BBL", "BRL", "DA", "ENK", "FKF", "IKS", "KF", "KS", "NUF", "SA"}


class Enhetsregisteret(RegistryAdapter):
    """Units and their sub-units; a sub-unit is part of the unit that it belongs to."""

    info = RegistryInfo(
        id="no-brreg",
        name="Enhetsregisteret",
        aliases=("Bizweb", "Brønnøysundregistrene", "Brreg"),
        countries=("NO", "SJ"),
        locales=("nb", "nn"),
        base_url="https://data.brreg.no/enhetsregisteret/api",
        looks_up_by_vat=True,
        gives_contact_details=True,
        # No limit is published; eight at a time were reported to be taken. A search is two calls.
        calls_per_second=10.0,
        calls_at_once=4,
        licence="NLOD 2.0",
        attribution="Brønnøysundregistrene",
        homepage="https://www.brreg.no",
    )

    def read_number(self, text: str) -> Number | None:
        """Nine digits in any grouping; as a VAT number with `NO` in front or `MVA` behind."""
        found = NUMBER.fullmatch(clean("".join(text.split()), "-./:,").upper())
        if found is None or not orgnr.is_valid(found[2]):
            return None
        return Number(found[2], NumberKind.VAT_NUMBER if found[1] or found[3] else NumberKind.BUSINESS_ID)

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """Units first; where they leave room, sub-units after them."""
        words = _without_forms(name)
        if len(words) < 2:
            raise RejectedInput("Enhetsregisteret looks for names with two characters or more.")
        units, known = await self._named(client, UNITS, words, limit)
        if known > len(units):
            return SearchResult(units, has_more=True)
        parts, known = await self._named(client, SUB_UNITS, words, max(1, limit - len(units)))
        hits = [*units, *parts][:limit]
        return SearchResult(hits, has_more=len(units) + known > len(hits))

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """A unit or, where there is none with the number, a sub-unit."""
        try:
            return await self._one(client, UNITS, business_id)
        except NotFound:
            part = await self._one(client, SUB_UNITS, business_id)
        return replace(part, is_natural_person=part.is_natural_person or await self._is_persons(client, part.part_of))

    async def _one(self, client: RegistryClient, kind: str, business_id: str) -> Company:
        company = _company(Record(await client.get_json(f"/{kind}/{business_id}")))
        if company is None or company.business_id != business_id:
            raise Unavailable("Enhetsregisteret answered something else than the unit that was asked for.")
        return company

    async def _is_persons(self, client: RegistryClient, parent: str | None) -> bool:
        """Whether a sub-unit belongs to a sole trader, whose name it mostly has: nothing in its own record tells."""
        try:
            return parent is not None and (await self._one(client, UNITS, parent)).is_natural_person
        except AskOtherwise:
            return False

    async def _named(self, client: RegistryClient, kind: str, words: str, limit: int) -> tuple[list[Company], int]:
        """Those of a kind that have some of the words in their names, and how many the register knows."""
        answer = Record(await client.get_json(f"/{kind}", params={"navn": words, "size": str(limit)}))
        page = answer.of("page")
        if not page:  # `_embedded` is not there either where nothing was found
            raise Unavailable("Enhetsregisteret answered something else than units.")
        found = (_company(each) for each in answer.of("_embedded").each(kind))
        return [each for each in found if each][:limit], page.number("totalElements")


def _without_forms(name: str) -> str:
    """The name without legal forms: it finds all that have any of the words, and most have `AS`."""
    words = name.split()
    kept = [word for word in words if re.sub(r"[./,]", "", word).upper() not in FORMS]
    return " ".join(kept or words)


def _company(record: Record) -> Company | None:
    business_id, name = record.text("organisasjonsnummer"), record.text("navn")
    if business_id is None or name is None:
        return None
    status, status_text = _status(record)
    form = record.of("organisasjonsform")
    return Company(
        country="NO",
        business_id=business_id,
        name=name,
        status=status,
        status_text=status_text,
        legal_form=form.text("beskrivelse"),
        vat_number=f"NO{business_id}MVA" if record.flag("registrertIMvaregisteret") else None,
        industry=_industry(record.of("naeringskode1")),
        addresses=_addresses(record),
        part_of=record.text("overordnetEnhet"),
        is_natural_person=form.text("kode") in PERSONS,
        phone=record.text("telefon", "mobil"),
        email=record.text("epostadresse"),
        website=web_address(record.text("hjemmeside")),
        registered_on=record.day("registreringsdatoEnhetsregisteret"),
        dissolved_on=record.day("slettedato", "nedleggelsesdato"),
    )


def _status(record: Record) -> tuple[CompanyStatus, str | None]:
    for member, status, words in SITUATIONS:
        if record.flag(member) or record.text(member):
            return status, words
    return CompanyStatus.ACTIVE, None


def _industry(record: Record) -> IndustryCode | None:
    code = record.text("kode")
    return IndustryCode(scheme=SCHEME, code=code, label=record.text("beskrivelse")) if code else None


def _addresses(record: Record) -> tuple[Address, ...]:
    """A sub-unit has a place instead of a business address."""
    visiting = record.of("forretningsadresse") or record.of("beliggenhetsadresse")
    found = (_address(AddressKind.VISITING, visiting), _address(AddressKind.POSTAL, record.of("postadresse")))
    return tuple(each for each in found if each)


def _address(kind: AddressKind, record: Record) -> Address | None:
    lines, city = street(record.texts("adresse")), record.text("poststed")
    if not (lines or city):
        return None
    return Address(
        kind=kind, street=lines, post_code=record.text("postnummer"), city=city, country=record.text("landkode")
    )


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """Enhetsregisteret, whose labels are Norwegian for everybody."""
    return [Enhetsregisteret()]
