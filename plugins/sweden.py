"""Sweden: Bolagsverket's valuable data sets (värdefulla datamängder), with what Statistics Sweden (SCB) adds."""

import re
from collections.abc import Sequence

from stdnum.se import orgnr
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
    RejectedInput,
    Unavailable,
    hookimpl,
)
from plugins.record import Record, country_code, joined, street, with_list

KARTOTEK_CONTRACT = 1

SCOPE = "vardefulla-datamangder:read"

# Only KK is in recorded answers; the others are in the register's list of codes, which was not seen first hand.
PROCEDURES = {
    "KK": CompanyStatus.BANKRUPT,
    "LI": CompanyStatus.LIQUIDATION,
    "FR": CompanyStatus.RESTRUCTURING,
    "AC": CompanyStatus.RESTRUCTURING,
    "RES": CompanyStatus.RESTRUCTURING,
}

# Mergers, divisions and conversions: business goes on.
HARMLESS = {"DEOL", "DEOT", "FUOL", "FUOT", "GROM", "OM"}
GRAVEST_FIRST = (CompanyStatus.BANKRUPT, CompanyStatus.LIQUIDATION, CompanyStatus.RESTRUCTURING, CompanyStatus.UNKNOWN)

# The specification has the procedures in one spelling, its own example in the other.
PROCEDURES_MEMBERS = (
    "pagaendeAvvecklingsEllerOmstruktureringsforfarande",
    "pagandeAvvecklingsEllerOmstruktureringsforfarande",
)

# What decides whether a company may be imported, and sent marketing: it must not be guessed while a source is down.
NEEDED = ("organisationsnamn", "avregistreradOrganisation", "reklamsparr", *PROCEDURES_MEMBERS)

REGISTERED_NAME = "FORETAGSNAMN"
COMPANY_NUMBERS = {"ORGNR", "ORGANISATIONSNUMMER"}
ESTATE = "DODSBO"
SOLE_TRADER = "E"
PERSONS_AT_SCB = {"10", "91"}

# Answers do not say which SNI; the recorded ones have codes of this one.
SCHEME = "SNI2007"

# Authorities put 16 in front where they have persons as well. The third digit of a company's number is two or more, so
# that it is no birthday: a person's number, which sole traders go by, must not be asked about nor kept in a cache.
NUMBER = re.compile(r"(?:SE)?(?:16(?=\d{10}$))?(\d{2}[2-9]\d{7})(01)?", re.ASCII)


class Bolagsverket(RegistryAdapter):
    """Companies by number. What is identified by a person's number is never passed on."""

    info = RegistryInfo(
        id="se-bolagsverket",
        name="Bolagsverket",
        aliases=("Swedish Companies Registration Office", "Värdefulla datamängder"),
        countries=("SE",),
        locales=("sv",),
        base_url="https://gw.api.bolagsverket.se/vardefulla-datamangder/v1",
        token_url="https://portal.api.bolagsverket.se/oauth2/token",  # noqa: S106  an address, no secret
        searches_by_name=False,
        looks_up_by_vat=True,
        secrets=("client_id", "client_secret"),
        attribution="Bolagsverket and SCB",
        homepage="https://bolagsverket.se",
    )

    def read_number(self, text: str) -> Number | None:
        """Ten digits in any grouping, `16` in front or not; as a VAT number with `01` behind, mostly `SE` in front."""
        found = NUMBER.fullmatch(clean("".join(text.split()), "-./:,").upper())
        if found is None or not orgnr.is_valid(found[1]):
            return None
        return Number(found[1], NumberKind.VAT_NUMBER if found[2] else NumberKind.BUSINESS_ID)

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The company with the number. Each part of it has a source of its own, which may be down or not know it."""
        headers = await client.bearer(SCOPE)
        answer = await client.post_json("/organisationer", json={"identitetsbeteckning": business_id}, headers=headers)
        for record in with_list(answer, "organisationer").each("organisationer"):
            if _is_about(record.of("organisationsidentitet"), business_id):
                return _company(record, business_id)
        raise NotFound(f"Bolagsverket has no company with the number {business_id}.")


def _is_about(identity: Record, business_id: str) -> bool:
    """Whether an entry is this company's; one without identity can be no other's."""
    kind = _code(identity.of("typ"))
    is_companys = kind is None or kind in COMPANY_NUMBERS or kind == ESTATE
    return is_companys and identity.text("identitetsbeteckning") in (business_id, None)


def _company(record: Record, business_id: str) -> Company:
    _raise_for_faults(record)
    name = _name(record.of("organisationsnamn"), business_id)
    status, status_text = _status(record)
    return Company(
        country="SE",
        business_id=business_id,
        name=name,
        status=status,
        status_text=status_text,
        legal_form=_words(record.of("organisationsform")) or _words(record.of("juridiskForm")),
        industry=_industry(record.of("naringsgrenOrganisation")),
        addresses=_addresses(record.of("postadressOrganisation").of("postadress")),
        is_natural_person=_is_person(record),
        registered_on=record.of("organisationsdatum").day("registreringsdatum"),
        dissolved_on=record.of("avregistreradOrganisation").day("avregistreringsdatum"),
        marketing_blocked=_code(record.of("reklamsparr")) == "JA",
    )


def _raise_for_faults(record: Record) -> None:
    """Raise for what cannot be done without: a source that is down, or does not take the number."""
    faults = {record.of(member).of("fel").text("typ") for member in NEEDED}
    if faults & {"OTILLGANGLIG_UPPGIFTSKALLA", "TIMEOUT"}:
        raise Unavailable("One of Bolagsverket's sources does not work at the moment.")
    if "OGILTIG_BEGARAN" in faults:
        raise RejectedInput("Bolagsverket does not take this number.")


def _name(names: Record, business_id: str) -> str:
    """The registered name, else the first of any kind: kinds are spelt in more than one way."""
    found = [each for each in names.each("organisationsnamnLista") if each.text("namn")]
    registered = [each for each in found if _code(each.of("organisationsnamntyp")) == REGISTERED_NAME]
    name = next((each.text("namn") for each in registered or found), None)
    if name is None and names.of("fel").text("typ") == "ORGANISATION_FINNS_EJ":
        raise NotFound(f"Bolagsverket has no company with the number {business_id}.")
    if name is None:
        raise Unavailable("Bolagsverket answered a company without a name.")
    return name


def _is_person(record: Record) -> bool:
    """Whether it is a sole trader, or the estate of someone who has died."""
    return (
        _code(record.of("organisationsform")) == SOLE_TRADER
        or _code(record.of("juridiskForm")) in PERSONS_AT_SCB
        or _code(record.of("organisationsidentitet").of("typ")) == ESTATE
    )


def _status(record: Record) -> tuple[CompanyStatus, str | None]:
    if record.of("avregistreradOrganisation").text("avregistreringsdatum"):
        return CompanyStatus.DISSOLVED, _words(record.of("avregistreringsorsak"))
    procedures = list(_procedures(record))
    words = joined(*(_words(each) for each in procedures), by=", ")
    found = {_procedure_status(each) for each in procedures}
    return next((status for status in GRAVEST_FIRST if status in found), CompanyStatus.ACTIVE), words


def _procedures(record: Record) -> Sequence[Record]:
    return [each for name in PROCEDURES_MEMBERS for each in record.of(name).each(f"{name}Lista")]


def _procedure_status(procedure: Record) -> CompanyStatus:
    code = _code(procedure)
    return CompanyStatus.ACTIVE if code in HARMLESS else PROCEDURES.get(code or "", CompanyStatus.UNKNOWN)


def _code(record: Record) -> str | None:
    """Some of Bolagsverket's services put the name of the list behind the code: `KK-AVOMFO`."""
    return (record.text("kod") or "").partition("-")[0] or None


def _words(record: Record) -> str | None:
    """Where there is no text for a code, it says so in English."""
    words = record.text("klartext")
    return words if words != "n/a" else None


def _industry(record: Record) -> IndustryCode | None:
    """The first; the list is filled up with blanks."""
    first = next((each for each in record.each("sni") if each.text("kod")), Record(None))
    code = first.text("kod")
    return IndustryCode(scheme=SCHEME, code=code, label=_words(first)) if code else None


def _addresses(record: Record) -> tuple[Address, ...]:
    """Its `coAdress` is left out, for it may name a person; so is all of it where the country is not known here."""
    lines, city, land = street((record.text("utdelningsadress"),)), record.text("postort"), record.text("land")
    country = country_code(land, "sv")
    if (land and not country) or not (lines or city):
        return ()
    code = _post_code(record.text("postnummer"), country)
    return (Address(kind=AddressKind.POSTAL, street=lines, post_code=code, city=city, country=country),)


def _post_code(code: str | None, country: str | None) -> str | None:
    """In Sweden with a space, which the register leaves out."""
    is_swedish = country in ("SE", None) and re.fullmatch(r"\d{5}", code or "")
    return f"{code[:3]} {code[3:]}" if code and is_swedish else code


@hookimpl
def kartotek_registries(locale: str) -> Sequence[RegistryAdapter]:
    """Bolagsverket, whose labels are Swedish for everybody."""
    return [Bolagsverket()]
