"""Netherlands: the Handelsregister of KVK, by its APIs Zoeken and Basisprofiel."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stdnum.util import clean

from plugins.client import RegistryClient, raise_for_outcome, read_json
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyHit,
    CompanyStatus,
    IndustryCode,
    NotFound,
    Number,
    RegistryAdapter,
    RegistryInfo,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.paging import MOST_PAGES
from plugins.record import Record, country_code, joined, web_address, with_list

KARTOTEK_CONTRACT = 1

PAGE = 100
YES, NO = "Ja", "Nee"

BUSY = {"IPD1002", "IPD1003"}
"""Codes with which a 404 says that the data are being worked on."""

LEGAL_ENTITY, MAIN_BRANCH = "rechtspersoon", "hoofdvestiging"
SOLE_TRADER = "eenmanszaak"
ADDRESS_KINDS = {"bezoekadres": AddressKind.VISITING, "correspondentieadres": AddressKind.POSTAL}

# KVK went over to SBI 2025, which follows NACE 2.1, in September 2025. Answers do not say it.
SCHEME = "SBI2025"

# There are no check digits. VAT numbers come from another number, so nothing can be looked up by them.
NUMBER = re.compile(r"(?:KVK(?:NUMMER|NR)?)?(\d{8})", re.ASCII)
DATE = re.compile(r"\d{1,2}-\d{1,2}-\d{4}|\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
POST_CODE = re.compile(r"(\d{4}) ?([A-Z]{2})", re.ASCII)


class Kvk(RegistryAdapter):
    """The Handelsregister. It has no VAT numbers and tells nothing of insolvencies here."""

    info = RegistryInfo(
        id="nl-kvk",
        name="KVK Handelsregister",
        aliases=("Kamer van Koophandel",),
        countries=("NL",),
        locales=("nl",),
        base_url="https://api.kvk.nl/api",  # with /test before /api: invented companies, for anybody
        gives_contact_details=True,
        secrets=("key",),
        calls_per_second=2.0,
        licence="Terms of the KVK APIs",
        attribution="KVK Handelsregister",
        homepage="https://www.kvk.nl",
    )

    def read_number(self, text: str) -> Number | None:
        """Eight digits, also with separators or `KVK` in front; a date is none."""
        found = NUMBER.fullmatch(clean(text, " -.:").upper())
        return Number(found[1]) if found and not DATE.fullmatch(text.strip()) else None

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """By names that are in use, word for word. A company has a row for itself and for each branch."""
        rows: list[Record] = []
        has_more = True
        for page in range(1, MOST_PAGES + 1):
            answer = await _search_page(client, naam=name, pagina=page, resultatenPerPagina=PAGE)
            found = list(answer.each("resultaten"))
            rows += found
            has_more = bool(found) and answer.number("totaal") > page * PAGE
            if not has_more or len(_by_company(rows)) >= limit:
                break
        hits = [hit for own in _by_company(rows).values() if (hit := _hit(own))]
        return SearchResult(tuple(hits[:limit]), has_more=has_more or len(hits) > limit)

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The profile, for which KVK charges."""
        company = _company(Record(await _get(client, f"/v1/basisprofielen/{business_id}")))
        if company is None or company.business_id != business_id:
            raise Unavailable("KVK answered something else than the company.")
        return company


async def _search_page(client: RegistryClient, **params: Any) -> Record:
    """No hits are a 404."""
    try:
        return with_list(await _get(client, "/v2/zoeken", params=params), "resultaten")
    except NotFound:
        return Record({"resultaten": []})


async def _get(client: RegistryClient, path: str, **options: Any) -> Any:
    response = await client.call("GET", path, headers={"apikey": client.secret("key")}, **options)
    if response.status_code == 404 and any(code in response.text for code in BUSY):
        raise Unavailable("KVK is working on these data.")
    raise_for_outcome(response)
    return read_json(response)


# ---------------------------------------------------------------- rows of a search


def _by_company(rows: Iterable[Record]) -> Mapping[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for row in rows:
        if business_id := row.text("kvkNummer"):
            found.setdefault(business_id.zfill(8), []).append(row)
    return found


def _hit(rows: Sequence[Record]) -> CompanyHit | None:
    """The name of the legal entity or the main branch, the address of the main branch, else of the first row.

    Whether the owner is a person is told by the profile alone.
    """
    rows = sorted(rows, key=lambda row: row.text("type") != MAIN_BRANCH)
    names = sorted(rows, key=lambda row: row.text("type") != LEGAL_ENTITY)
    name = next((name for row in names if (name := row.text("naam"))), None)
    number = rows[0].text("kvkNummer")
    if name is None or number is None:
        return None
    return CompanyHit(
        country="NL",
        business_id=number.zfill(8),
        name=name,
        status=_status_of(rows),
        addresses=next((found for row in rows if (found := tuple(_addresses_of(row)))), ()),
    )


def _status_of(rows: Iterable[Record]) -> CompanyStatus:
    """What has ended is found only when asked for, which is not done; `actief` is there now and then."""
    is_ended = all(row.text("actief") == NO or row.is_false("actief") for row in rows)
    return CompanyStatus.DISSOLVED if is_ended else CompanyStatus.ACTIVE


def _addresses_of(row: Record) -> Iterator[Address]:
    for name in ("binnenlandsAdres", "buitenlandsAdres"):
        if found := _address(row.of("adres").of(name)):
            yield found


# ---------------------------------------------------------------- profiles


def _company(record: Record) -> Company | None:
    business_id, name = record.text("kvkNummer"), record.text("statutaireNaam", "naam")
    if business_id is None or name is None:
        return None
    branch, owner = record.of("_embedded").of("hoofdvestiging"), record.of("_embedded").of("eigenaar")
    course = record.of("materieleRegistratie")
    is_ended = course.text("datumEinde") is not None
    websites = (web_address(text) for each in (branch, owner) for text in each.texts("websites"))
    return Company(
        country="NL",
        business_id=business_id.zfill(8),
        name=name,
        status=CompanyStatus.DISSOLVED if is_ended else CompanyStatus.ACTIVE,
        legal_form=owner.text("uitgebreideRechtsvorm", "rechtsvorm"),
        industry=_industry(record),
        addresses=_addresses(branch) or _addresses(owner),
        is_natural_person=(owner.text("rechtsvorm") or "").lower() == SOLE_TRADER,
        website=next(filter(None, websites), None),
        registered_on=record.day("formeleRegistratiedatum"),
        dissolved_on=course.day("datumEinde"),
        marketing_blocked=_says_yes(record, "indNonMailing") or _says_yes(branch, "indNonMailing"),
    )


def _industry(record: Record) -> IndustryCode | None:
    lines = list(record.each("sbiActiviteiten"))
    main = next((each for each in lines if _says_yes(each, "indHoofdactiviteit")), lines[0] if lines else Record(None))
    code = main.text("sbiCode")
    return IndustryCode(scheme=SCHEME, code=code, label=main.text("sbiOmschrijving")) if code else None


def _addresses(holder: Record) -> tuple[Address, ...]:
    """Visiting address first, without what is shielded: it may be somebody's home."""
    shown = (each for each in holder.each("adressen") if not _says_yes(each, "indAfgeschermd"))
    found = (_address(each) for each in shown)
    return tuple(sorted((each for each in found if each), key=lambda each: each.kind is AddressKind.POSTAL))


def _address(record: Record) -> Address | None:
    """From its parts; `volledigAdres` has them in one line, with the post code between."""
    kind = ADDRESS_KINDS.get(record.text("type") or "bezoekadres")
    box, country = record.text("postbusnummer"), record.text("land")
    number = joined(record.text("huisnummer"), record.text("huisletter"), record.text("huisnummerToevoeging"))
    street = f"Postbus {box}" if box else joined(record.text("straatnaam"), number)
    street, city = street or record.text("straatHuisnummer"), record.text("plaats", "postcodeWoonplaats")
    if kind is None or not (street or city):
        return None
    code = country_code(country, "nl")
    return Address(
        kind=kind,
        street=street,
        post_code=_post_code(record.text("postcode")),
        city=city,
        region=joined(record.text("regio"), country if code is None else None, by=", "),
        country=code,
    )


def _post_code(text: str | None) -> str | None:
    found = POST_CODE.fullmatch(text or "")
    return f"{found[1]} {found[2]}" if found else text


def _says_yes(record: Record, name: str) -> bool:
    return record.flag(name) or (record.text(name) or "").capitalize() == YES


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """KVK, in Dutch for everybody."""
    return [Kvk()]
