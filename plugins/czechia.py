"""Czechia: ARES, which joins the registers of businesses."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from stdnum.cz import dic
from stdnum.exceptions import ValidationError
from stdnum.util import clean

from plugins.client import RegistryClient, raise_for_outcome, read_json
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
    RegistryError,
    RegistryInfo,
    RejectedInput,
    SearchResult,
    Unavailable,
    hookimpl,
)
from plugins.record import Record, joined, with_list

KARTOTEK_CONTRACT = 1

MOST_HITS = 1000
TOO_MANY = "VYSTUP_PRILIS_MNOHO_VYSLEDKU"
"""What it answers, as an error, instead of the first of more than `MOST_HITS`."""

ACTIVE, ENDED = "AKTIVNI", "ZANIKLY"
IN_LIQUIDATION = re.compile(r"\bv\s+likvidaci\W*$", re.IGNORECASE)
IN_INSOLVENCY = "v insolvenčním rejstříku"

PERSONS_FORMS = (*(str(form) for form in range(100, 110)), "424", "425")
LEGAL_FORMS = {
    "101": "Fyzická osoba podnikající dle živnostenského zákona",
    "105": "Fyzická osoba podnikající dle jiných zákonů",
    "107": "Zemědělský podnikatel",
    "111": "Veřejná obchodní společnost",
    "112": "Společnost s ručením omezeným",
    "113": "Komanditní společnost",
    "117": "Nadace",
    "118": "Nadační fond",
    "121": "Akciová společnost",
    "141": "Obecně prospěšná společnost",
    "145": "Společenství vlastníků jednotek",
    "161": "Ústav",
    "205": "Družstvo",
    "301": "Státní podnik",
    "325": "Organizační složka státu",
    "331": "Příspěvková organizace",
    "421": "Odštěpný závod zahraniční právnické osoby",
    "424": "Zahraniční fyzická osoba",
    "425": "Odštěpný závod zahraniční fyzické osoby",
    "601": "Vysoká škola",
    "641": "Školská právnická osoba",
    "661": "Veřejná výzkumná instituce",
    "706": "Spolek",
    "721": "Církev nebo náboženská společnost",
    "736": "Pobočný spolek",
    "801": "Obec",
    "804": "Kraj",
}

NACE_2025 = date(2026, 1, 1)
"""About since when `czNace` has codes of 2025 and `czNace2008` those that were there before."""

NUMBER = re.compile(r"(CZ)?(\d{7,8})", re.ASCII)
GROUP_OR_OWN = re.compile(r"CZ(\d{8,10})", re.ASCII)
LAST_LINE = re.compile(r"(\d{3} ?\d{2}) (.+)", re.ASCII)


class Ares(RegistryAdapter):
    """ARES by its public interface."""

    info = RegistryInfo(
        id="cz-ares",
        name="ARES",
        aliases=("Administrativní registr ekonomických subjektů",),
        countries=("CZ",),
        locales=("cs",),
        base_url="https://ares.gov.cz/ekonomicke-subjekty-v-be/rest",
        looks_up_by_vat=True,
        calls_per_second=2.0,
        licence="Public data of the Ministry of Finance",
        attribution="ARES, Ministry of Finance of the Czech Republic",
        homepage="https://ares.gov.cz",
    )

    def read_number(self, text: str) -> Number | None:
        """An IČO of eight digits, a zero in front may miss; as a VAT number with `CZ` in front.

        VAT numbers of groups and persons have more digits, which are no IČO: nothing can be looked up by them.
        """
        found = NUMBER.fullmatch(clean(text, " -./:").upper())
        if found is None:
            return None
        try:
            business_id = dic.validate(found[2].zfill(8))
        except ValidationError:
            return None
        return Number(business_id, NumberKind.VAT_NUMBER if found[1] else NumberKind.BUSINESS_ID)

    async def search(self, client: RegistryClient, name: str, limit: int) -> SearchResult:
        """By name. Companies from abroad that have no IČO are left out: they could not be looked up again."""
        wanted = {"obchodniJmeno": name, "start": 0, "pocet": min(limit, MOST_HITS)}
        try:
            found = await _ask(client, "POST", "/ekonomicke-subjekty/vyhledat", json=wanted)
        except NotFound:  # whether it says so, or answers an empty list, is not written
            return SearchResult()
        answer = with_list(found, "ekonomickeSubjekty")
        rows = list(answer.each("ekonomickeSubjekty"))
        hits = [company for row in rows if (company := _company(row))]
        return SearchResult(tuple(hits), has_more=answer.number("pocetCelkem") > len(rows))

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """What all registers together say of a number; where it has several lines of business, a second question."""
        record = Record(await _ask(client, "GET", f"/ekonomicke-subjekty/{business_id}"))
        company = _company(record)
        if company is None or company.business_id != business_id:
            raise Unavailable("ARES answered something else than the company.")
        if company.industry is None and _lines(record):
            company = replace(company, industry=await _main_line(client, business_id))
        return company


async def _main_line(client: RegistryClient, business_id: str) -> IndustryCode | None:
    """The main line of business by the statistical register, as others have seen it answer; no matter if it cannot."""
    try:
        answer = Record(await _ask(client, "GET", f"/ekonomicke-subjekty-res/{business_id}"))
    except RegistryError:
        return None
    for record in answer.each("zaznamy"):
        if code := record.text("czNacePrevazujici"):
            return IndustryCode(scheme=_scheme(record), code=code)
        if code := record.text("czNacePrevazujici2008"):
            return IndustryCode(scheme="CZ-NACE2008", code=code)
    return None


async def _ask(client: RegistryClient, method: str, path: str, **options: Any) -> Any:
    response = await client.call(method, path, **options)
    if response.status_code == 400 and TOO_MANY in response.text:
        raise RejectedInput("ARES has more than a thousand companies like this; write more of the name.")
    raise_for_outcome(response)
    return read_json(response)


def _company(record: Record) -> Company | None:
    business_id, name = record.text("ico"), record.text("obchodniJmeno")
    if business_id is None or name is None:
        return None
    business_id = business_id.zfill(8)
    form = record.text("pravniForma", "pravniFormaRos") or ""
    status, words = _status(record, name)
    return Company(
        country="CZ",
        business_id=business_id,
        name=name,
        status=status,
        status_text=words,
        legal_form=LEGAL_FORMS.get(form),
        vat_number=_vat_number(record, business_id, form in PERSONS_FORMS),
        industry=_industry(record),
        addresses=_addresses(record),
        is_natural_person=form in PERSONS_FORMS,
        registered_on=record.day("datumVzniku"),
        dissolved_on=record.day("datumZaniku"),
    )


def _status(record: Record, name: str) -> tuple[CompanyStatus, str | None]:
    """The state in its main register, and what the others add.

    An entry in the register of insolvencies is open from the first petition on, and through a reorganisation as well;
    which it is stands there alone. During a liquidation the law wants its name to say so (Act 89/2012, section 187).
    """
    states = record.of("seznamRegistraci")
    state = states.text(f"stavZdroje{(record.text('primarniZdroj') or 'res').capitalize()}")
    if record.day("datumZaniku") or state == ENDED:
        return CompanyStatus.DISSOLVED, state
    if states.text("stavZdrojeIr") == ACTIVE:
        return CompanyStatus.BANKRUPT, IN_INSOLVENCY
    return CompanyStatus.LIQUIDATION if IN_LIQUIDATION.search(name) else CompanyStatus.ACTIVE, state


def _vat_number(record: Record, business_id: str, is_person: bool) -> str | None:
    """Its group's, under which its members are registered, else its own; none once a registration has ended.

    A `dic` stays where it was when a registration ends, so the states decide; answers without them are taken at their
    word. A person's may be the number that the state knows him by from birth, and is left out then.
    """
    states = record.of("seznamRegistraci")
    for member, state in (("dicSkDph", "stavZdrojeSkDph"), ("dic", "stavZdrojeDph")):
        number = _read_vat_number(record.text(member))
        if number and states.text(state) in (ACTIVE, None) and not (is_person and number != f"CZ{business_id}"):
            return number
    return None


def _read_vat_number(text: str | None) -> str | None:
    """`N/A` is none."""
    found = GROUP_OR_OWN.fullmatch(clean(text or "", " ").upper())
    return found[0] if found and dic.is_valid(found[1]) else None


def _industry(record: Record) -> IndustryCode | None:
    """The only line of business; where there are several, nothing here says which of them is the main one."""
    return next(
        (IndustryCode(scheme=scheme, code=codes[0]) for scheme, codes in _lines(record) if len(codes) == 1), None
    )


def _lines(record: Record) -> list[tuple[str, list[str]]]:
    lines = [(_scheme(record), record.texts("czNace")), ("CZ-NACE2008", record.texts("czNace2008"))]
    return [(scheme, codes) for scheme, codes in lines if codes]


def _scheme(record: Record) -> str:
    """What `czNace` is of is not said. Older answers have codes of 2008 there, and no `czNace2008` beside it."""
    changed = record.day("datumAktualizace")
    has_both = record.texts("czNace2008") or record.text("czNacePrevazujici2008")
    is_new = has_both or (changed and changed >= NACE_2025)
    return "CZ-NACE2025" if is_new else "CZ-NACE2008"


def _addresses(record: Record) -> tuple[Address, ...]:
    """The seat, and where post goes if that is elsewhere."""
    seat, postal = _seat(record.of("sidlo")), _postal(record.of("adresaDorucovaci"))
    is_same = seat and postal and (seat.street, seat.post_code) == (postal.street, postal.post_code)
    return tuple(each for each in (seat, None if is_same else postal) if each)


def _seat(record: Record) -> Address | None:
    """As ARES writes it in one line, where the post code parts street and town; else from its parts."""
    code, town = record.text("psc", "pscTxt"), record.text("nazevObce")
    before, parted, after = (record.text("textovaAdresa") or "").rpartition(code or "\0")
    street = before.strip(" ,") if parted else _street(record) or record.text("textovaAdresa")
    city = after.strip(" ,") or town if parted else town
    if not (street or city):
        return None
    country = record.text("kodStatu")
    return Address(
        kind=AddressKind.VISITING,
        street=street or None,
        post_code=_post_code(code),
        city=city,
        country=country if country and len(country) == 2 and country.isalpha() else None,
    )


def _street(record: Record) -> str | None:
    """Villages have no streets: the number follows the name of the part or the village."""
    orientation = joined(record.text("cisloOrientacni"), record.text("cisloOrientacniPismeno"), by="")
    number = joined(record.text("cisloDomovni"), orientation, by="/") or record.text("cisloDoAdresy")
    return joined(record.text("nazevUlice", "nazevCastiObce", "nazevObce"), number) if number else None


def _postal(record: Record) -> Address | None:
    """Three lines at most, of which the last has post code and town."""
    lines = [line for name in ("radekAdresy1", "radekAdresy2", "radekAdresy3") if (line := record.text(name))]
    found = LAST_LINE.fullmatch(lines[-1]) if lines else None
    if found is None:
        return None
    street = joined(*lines[:-1], by=", ")
    return Address(kind=AddressKind.POSTAL, street=street, post_code=_post_code(found[1]), city=found[2])


def _post_code(text: str | None) -> str | None:
    digits = (text or "").replace(" ", "")
    return f"{digits[:3]} {digits[3:]}" if len(digits) == 5 and digits.isdecimal() else text


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """ARES, in Czech for everybody."""
    return [Ares()]
