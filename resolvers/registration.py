"""The numbers that companies are registered by: business ids and VAT numbers, in the one spelling that is stored.

python-stdnum knows the check digits. Here is what people write around such a number, and which spelling of it the
country's own register goes by.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from babel import Locale
from stdnum.at import businessid as firmenbuch
from stdnum.be import vat as ondernemingsnummer
from stdnum.ch import uid
from stdnum.cz import dic
from stdnum.dk import cvr
from stdnum.ee import registrikood
from stdnum.es import nif
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength, ValidationError
from stdnum.fi import ytunnus
from stdnum.fr import siren, siret
from stdnum.hr import oib
from stdnum.is_ import kennitala
from stdnum.it import codicefiscale
from stdnum.lv import pvn
from stdnum.no import orgnr
from stdnum.pl import nip, regon
from stdnum.pt import nif as nipc
from stdnum.ro import cui
from stdnum.se import orgnr as organisationsnummer
from stdnum.si import maticna
from stdnum.util import clean, get_cc_module

from resolvers.validation import Wrong, shown


@dataclass(frozen=True, slots=True)
class Register:
    """How a country's register numbers companies."""

    name: str
    """What people there call the number."""
    example: str
    """One in the spelling that is stored."""
    pattern: str
    """The number, without separators and in capitals, among what is often written around it, such as a VAT prefix."""
    stored: Callable[[str], str] = str
    """The number as it is stored; a `ValidationError` where it cannot be one."""

    def read(self, text: str, country: str) -> str:
        """The number in any spelling as it is stored; a `ValidationError` where it is none."""
        number = _compact(text)
        found = re.fullmatch(self.pattern, number, re.ASCII)
        if found is None:
            raise InvalidLength if number.removeprefix(country).isdecimal() else InvalidFormat
        return self.stored(next(group for group in found.groups() if group))


def _siren(number: str) -> str:
    """A SIRET is cut to its SIREN: it numbers an establishment, an address of the company that is the customer."""
    return siren.validate(siret.validate(number)[:9] if len(number) == 14 else number)


def _polish(number: str) -> str:
    """No register has all companies: nine digits are a REGON, ten a KRS number (from 0000) or else a NIP."""
    if len(number) == 9:
        return regon.validate(number)
    return number if number.startswith("0000") else nip.validate(number)


# As registers key their records: Finland with its hyphen, Switzerland with all of its marks, most with digits only.
_REGISTERS: Mapping[str, Register] = {
    "AT": Register(
        "Firmenbuchnummer", "122119m", r"(?:FN)?(\d{1,6}[A-Z])", lambda number: firmenbuch.validate(number.lower())
    ),
    "BE": Register("ondernemingsnummer", "0403019261", r"(?:BE)?(\d{9,10})", ondernemingsnummer.validate),
    "CH": Register(
        "UID",
        "CHE-100.155.212",
        r"(?:CHE?)?(\d{9})(?:MWST|TVA|IVA|TPV)?",
        lambda number: uid.format(uid.validate(number)),
    ),
    "CZ": Register("IČO", "25123891", r"(?:CZ)?(\d{7,8})", lambda number: dic.validate(number.zfill(8))),
    "DK": Register("CVR-nummer", "13585628", r"(?:DK)?(\d{8})", cvr.validate),
    "EE": Register("registrikood", "12345678", r"(?:EE)?(\d{8})", registrikood.validate),
    "ES": Register("NIF", "B64717838", r"(?:ES)?([0-9A-Z]\d{7}[0-9A-Z])", nif.validate),
    "FI": Register(
        "Y-tunnus",
        "0112038-9",
        r"(?:FI)?(\d{7,8})",
        lambda number: ytunnus.format(ytunnus.validate(number.zfill(8))),
    ),
    "FR": Register("SIREN", "552008443", r"(?:FR[0-9A-HJ-NP-Z]{2})?(\d{9})|(\d{14})", _siren),
    # Companies House has no check digits, only forms: digits, or two letters before digits with letters at their end.
    "GB": Register(
        "company number",
        "00445790",
        r"(?:GB)?(\d{6,8})|([A-Z][A-Z0-9](?:\d{6}|\d{5}[A-Z]|\d{4}[A-Z]{2}))",
        lambda number: number.zfill(8),
    ),
    "HR": Register("OIB", "33392005961", r"(?:HR)?(\d{11})", oib.validate),
    "IS": Register("kennitala", "4504013150", r"(?:IS)?(\d{10})", kennitala.validate),
    "IT": Register("codice fiscale", "00743110157", r"(?:IT)?(\d{11}|[A-Z]{6}[0-9A-Z]{10})", codicefiscale.validate),
    "LV": Register("reģistrācijas numurs", "40003521600", r"(?:LV)?(\d{11})", pvn.validate),
    "NL": Register("KVK-nummer", "69599084", r"(?:KVK)?(\d{8})"),
    "NO": Register("organisasjonsnummer", "923609016", r"(?:NO)?(\d{9})(?:MVA)?", orgnr.validate),
    "PL": Register("REGON, KRS or NIP number", "8567346215", r"(?:PL)?(\d{9,10})", _polish),
    "PT": Register("NIPC", "501964843", r"(?:PT)?(\d{9})", nipc.validate),
    "RO": Register("CUI", "18547290", r"(?:RO)?(\d{2,10})", cui.validate),
    # Authorities put 16 before the number where they also have persons, whose numbers begin with a century.
    "SE": Register(
        "organisationsnummer", "5560160680", r"(?:SE)?(?:16(?=\d{10}$))?(\d{10})(?:01)?", organisationsnummer.validate
    ),
    "SI": Register("matična številka", "9331310", r"(\d{7}(?:[0-9A-Z]\d{2})?)", maticna.validate),
}

# Countries of ISO 3166-1 whose companies are in another's register.
_REGISTERED_IN = {"AX": "FI", "GF": "FR", "GP": "FR", "MQ": "FR", "RE": "FR", "SJ": "NO", "YT": "FR"}

# Prefixes of VAT numbers with an example of what follows: the Union's as VIES has them, so EL for Greece and XI for
# Northern Ireland, and its neighbours' country codes.
_VAT_EXAMPLES = {
    "AT": "U13585627",
    "BE": "0428759497",
    "BG": "175074752",
    "CH": "E100155212MWST",
    "CY": "10259033P",
    "CZ": "25123891",
    "DE": "136695976",
    "DK": "13585628",
    "EE": "100931558",
    "EL": "094259216",
    "ES": "B64717838",
    "FI": "20774740",
    "FR": "40303265045",
    "GB": "980780684",
    "HR": "33392005961",
    "HU": "12892312",
    "IE": "6433435F",
    "IS": "00621",
    "IT": "00743110157",
    "LT": "119511515",
    "LU": "15027442",
    "LV": "40003521600",
    "MT": "11679112",
    "NL": "004495445B01",
    "NO": "995525828MVA",
    "PL": "8567346215",
    "PT": "501964843",
    "RO": "18547290",
    "SE": "123456789701",
    "SI": "50223054",
    "SK": "2022749619",
    "XI": "980780684",
}

# Countries whose companies have a VAT number with another's prefix.
_PREFIX_OF = {"AX": "FI", "GP": "FR", "GR": "EL", "IM": "GB", "MC": "FR", "MQ": "FR", "RE": "FR"}

# Where the letters at the beginning are such a prefix, and not letters of the number itself.
_PREFIXED = re.compile(
    r"(AT(?=U)|CH(?=E)|ES(?=[A-Z0-9]\d)|FR(?=[A-Z0-9]{2}\d)|(?:GB|XI)(?=\d|GD|HA)|[A-Z]{2}(?=\d))(.+)", re.ASCII
)

_REASONS: Mapping[type[ValidationError], str] = {
    InvalidChecksum: "its check digit does not fit the others",
    InvalidComponent: "a part of it cannot be",
    InvalidFormat: "it is not written like one",
    InvalidLength: "it has too few or too many characters",
}


def business_id(text: str, country: str) -> str:
    """The number of a company as its country's register keys it; Wrong where it cannot be one.

    Separators, case, missing zeros in front and what makes it a VAT number do not matter. In a country whose register
    is not known here the text stays, with single spaces.
    """
    home = _REGISTERED_IN.get(country, country)
    register = _REGISTERS.get(home)
    if register is None:
        return " ".join(text.split())
    try:
        return register.read(text, home)
    except ValidationError as failed:
        kind, reason = f"{register.name} of {_country_name(home)}", _REASONS[type(failed)]
        message = f"Business id {shown(text)} is no {kind}: {reason}. Use one such as {register.example}."
        raise Wrong(message) from failed


def vat_number(text: str, country: str) -> str:
    """The VAT number with its prefix and without separators; Wrong where it cannot be one.

    The prefix says whose it is, since companies register for VAT abroad too; without one it is of `country`. Those of
    the Union are spelt as VIES wants them (Directive 2006/112/EC, Article 215: `FI01120389`, for Greece `EL`),
    Norwegian ones with the letters that make an organisasjonsnummer one (bokføringsforskriften, section 5-1-2:
    `NO923609016MVA`), Swiss ones all as `CHE100155212MWST`, since the ending only says in which language they were
    written. Where the numbers of a country are not known here, they stay as they are, in capitals.
    """
    number = _compact(text)
    prefix, rest = _split(number, _PREFIX_OF.get(country, country))
    if prefix not in _VAT_EXAMPLES:
        return number
    try:
        return _stored_vat(prefix, rest)
    except ValidationError as failed:
        where, reason = _country_name(_country_of(prefix)), _REASONS[type(failed)]
        example = prefix + _VAT_EXAMPLES[prefix]
        raise Wrong(f"{shown(text)} is no VAT number of {where}: {reason}. Use one such as {example}.") from failed


def _split(number: str, home: str) -> tuple[str, str]:
    """The prefix and what follows it."""
    found = _PREFIXED.fullmatch(number)
    prefix, rest = found.groups() if found else (home, number)
    prefix = _PREFIX_OF.get(prefix, prefix)
    return (prefix, rest) if prefix in _VAT_EXAMPLES else (home, number)


def _stored_vat(prefix: str, rest: str) -> str:
    if prefix == "NO":
        return f"NO{_REGISTERS[prefix].read(rest, prefix)}MVA"
    if prefix == "CH":
        return _compact(_REGISTERS[prefix].read(prefix + rest.removeprefix(prefix), prefix)) + "MWST"
    module = get_cc_module(_country_of(prefix), "vat")
    assert module
    number = re.fullmatch(r"[0-9A-Z]{2,15}", rest.removeprefix(prefix))
    if number is None:
        raise InvalidFormat if rest else InvalidLength
    return prefix + module.validate(number.group())


def _compact(text: str) -> str:
    """The text in capitals, without white space and separators."""
    return text.translate(_WITHOUT_SEPARATORS).upper()


class _Letters(dict[int, str]):
    """What becomes of each letter: nothing of a separator, as python-stdnum knows them."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        made = "" if letter.isspace() else clean(letter, " -./:,'")
        # All of Unicode would be too many to keep.
        return self.setdefault(code, made) if code < 0x3000 else made


_WITHOUT_SEPARATORS = _Letters()


def _country_of(prefix: str) -> str:
    return {"EL": "GR", "XI": "GB"}.get(prefix, prefix)


@cache
def _country_name(country: str) -> str:
    return str(Locale("en").territories[country])
