"""VIES: whether a VAT number of the European Union is valid. It is no register, and often cannot tell."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from stdnum.util import clean

from plugins.client import RegistryClient, read_json
from plugins.contract import RegistryError, RegistryInfo, Unavailable
from plugins.record import Record

VIES = RegistryInfo(
    id="eu-vies",
    name="VIES",
    countries=(),
    base_url="https://ec.europa.eu/taxation_customs/vies/rest-api",
    searches_by_name=False,
    looks_up_by_vat=True,
    attribution="European Commission, VIES",
    homepage="https://ec.europa.eu/taxation_customs/vies",
)
"""What a client for it needs to know: it is no adapter, and no plugin hands it over."""

PREFIXES = frozenset(
    "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI".split()  # noqa: SIM905
)
"""Whose numbers it knows: the member states, with EL for Greece, and XI for Northern Ireland."""

NUMBER = re.compile(r"([A-Z]{2})([0-9A-Z+*]{2,12})", re.ASCII)

REASONS: Mapping[str, str] = {
    "MS_UNAVAILABLE": "The country's own register does not answer at the moment.",
    "SERVICE_UNAVAILABLE": "VIES does not work at the moment.",
    "TIMEOUT": "The country's own register did not answer in time.",
    "MS_MAX_CONCURRENT_REQ": "The country's own register is asked too often at the moment.",
    "MS_MAX_CONCURRENT_REQ_TIME": "The country's own register is asked too often at the moment.",
    "GLOBAL_MAX_CONCURRENT_REQ": "VIES is asked too often at the moment.",
    "GLOBAL_MAX_CONCURRENT_REQ_TIME": "VIES is asked too often at the moment.",
    "IP_BLOCKED": "VIES does not answer this server.",
    "VAT_BLOCKED": "VIES does not answer questions about this number.",
    "INVALID_INPUT": "VIES does not take the number as it is written.",
    "INVALID_REQUESTER_INFO": "VIES does not take the question.",
}
"""What its error codes mean; whatever else it says is no answer either."""


class VatValidity(enum.StrEnum):
    """What VIES says of a VAT number."""

    VALID = "VALID"
    """It is valid for trade within the Union."""
    NOT_VALID = "NOT_VALID"
    """The member state says that it is not valid."""
    COULD_NOT_TELL = "COULD_NOT_TELL"
    """There was no answer, for whatever reason; nothing follows from that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VatAnswer:
    """What came of a check."""

    vat_number: str
    """The number as VIES knows it, with its prefix."""
    validity: VatValidity
    """Whether it is valid."""
    name: str | None = None
    """Whose it is, where the member state discloses that."""
    reason: str | None = None
    """Why VIES could not tell."""


async def check_vat_number(client: RegistryClient, vat_number: str) -> VatAnswer:
    """Whether a VAT number with its prefix is valid; raises nothing, whatever becomes of the question.

    Only a member state that says so makes a number NOT_VALID.
    """
    compact = clean("".join(vat_number.split()), "-./:,'").upper()
    spelt = f"EL{compact[2:]}" if compact.startswith("GR") else compact
    found = NUMBER.fullmatch(spelt)
    if found is None:
        return _no_answer(spelt, "It is not written like a VAT number of the Union, such as FI01120389.")
    prefix, number = found.groups()
    if prefix not in PREFIXES:
        return _no_answer(spelt, f"VIES knows numbers of the Union, and none that begins with {prefix}.")
    try:
        return _answer(spelt, await client.call("GET", f"/ms/{prefix}/vat/{number}"))
    except RegistryError as error:
        return _no_answer(spelt, str(error))


def _answer(vat_number: str, response: httpx.Response) -> VatAnswer:
    """What a response of any status says: errors come with 200 too."""
    try:
        record = Record(read_json(response))
    except Unavailable:
        record = Record(None)
    validity = _validity(record) if response.is_success else VatValidity.COULD_NOT_TELL
    if validity is VatValidity.COULD_NOT_TELL:
        return _no_answer(vat_number, _reason(record, response.status_code))
    name = _disclosed(record.text("name")) if validity is VatValidity.VALID else None
    return VatAnswer(vat_number=vat_number, validity=validity, name=name)


def _validity(record: Record) -> VatValidity:
    """`isValid` and `valid` are the words of two ways to ask; an outage says false too, with another `userError`."""
    says = record.text("userError")
    is_valid, is_denied = (any(map(of, ("isValid", "valid"))) for of in (record.flag, record.is_false))
    if any(record.each("errorWrappers")) or is_valid == is_denied:
        return VatValidity.COULD_NOT_TELL
    if is_valid and says in ("VALID", None):
        return VatValidity.VALID
    return VatValidity.NOT_VALID if is_denied and says == "INVALID" else VatValidity.COULD_NOT_TELL


def _reason(record: Record, status: int) -> str:
    codes = [each.text("error") for each in record.each("errorWrappers")] or [record.text("userError")]
    told = next((reason for code in codes if (reason := REASONS.get(code or ""))), None)
    if told is None and status == 429:
        return REASONS["GLOBAL_MAX_CONCURRENT_REQ"]
    if told is None and status >= 500:
        return REASONS["SERVICE_UNAVAILABLE"]
    return told or "VIES answered something that is no answer."


def _disclosed(name: str | None) -> str | None:
    """Member states that do not disclose names write `---`."""
    return name if name and name.strip("- ") else None


def _no_answer(vat_number: str, reason: str) -> VatAnswer:
    return VatAnswer(vat_number=vat_number, validity=VatValidity.COULD_NOT_TELL, reason=reason)
