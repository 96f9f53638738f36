"""How a customer or a person is reached: e-mail, telephone and the web, each in the one spelling that is stored."""

import re

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult
from pydantic import HttpUrl, ValidationError

from resolvers.validation import Wrong, shown


def email(text: str) -> str:
    """An address that mail can be sent to, its domain in lower case and in its own letters; nothing is looked up."""
    if _is_plain(text):
        return text
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as failed:
        message = f"{shown(text)} is no e-mail address. {failed} It should look like anna@example.com."
        raise Wrong(message) from failed


# As most addresses are: so short that no part is too long, in small letters that need no other spelling.
_PLAIN = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:-?[a-z0-9])*\.)+([a-z](?:-?[a-z0-9])*[a-z])", re.ASCII
)
_NO_DOMAINS = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


def _is_plain(text: str) -> bool:
    """Whether the library would leave the address as it is, which it takes ten times longer to say."""
    found = _PLAIN.fullmatch(text) if len(text) <= 64 else None
    return found is not None and found[1] not in _NO_DOMAINS


def phone(text: str, country: str) -> str:
    """The number in E.164, with `;ext=` and the extension if there is one; Wrong where nobody can have it.

    Without `+` or `00` in front it is a number of `country`. Its length must be right; whether its range has been given
    out is not asked, since national plans change more often than the library is renewed.
    """
    try:
        number = _parsed(text, country)
    except NumberParseException as failed:
        raise Wrong(_not_a_number(text, country, _UNREADABLE[failed.error_type])) from failed
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != ValidationResult.IS_POSSIBLE:
        raise Wrong(_not_a_number(text, country, _IMPOSSIBLE[possible]))
    # The library leaves the digits of an extension as they were written, Arabic ones for instance.
    extension = f";ext={phonenumbers.normalize_digits_only(number.extension)}" if number.extension else ""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) + extension


def _parsed(text: str, country: str) -> PhoneNumber:
    if phonenumbers.is_alpha_number(text):
        # The library would dial the letters: a name behind the number would become a part of it.
        raise NumberParseException(NumberParseException.NOT_A_NUMBER, "letters")
    number = _international(text, country)
    # With a country at hand the library takes a number with an unknown calling code for a national one.
    return phonenumbers.parse(number, None if number.startswith(_PLUS) else country)


_PLUS = ("+", "\N{FULLWIDTH PLUS SIGN}")


def _international(text: str, country: str) -> str:
    """The text with `+` instead of `00`, except where carriers are chosen by longer prefixes that begin like this."""
    found = re.fullmatch(r"0\s*0(.+)", text, re.DOTALL)
    if not found:
        return text
    plan = PhoneMetadata.metadata_for_region(country)
    dialled = re.match((plan and plan.international_prefix) or "", re.sub(r"\D", "", text))
    return text if dialled and len(dialled[0]) > 2 else f"+{found[1]}"


_UNREADABLE = {
    NumberParseException.INVALID_COUNTRY_CODE: "it has no calling code that exists",
    NumberParseException.NOT_A_NUMBER: "it is not written like one",
    NumberParseException.TOO_SHORT_AFTER_IDD: "it is too short",
    NumberParseException.TOO_SHORT_NSN: "it is too short",
    NumberParseException.TOO_LONG: "it is too long",
}
_IMPOSSIBLE = {
    ValidationResult.INVALID_COUNTRY_CODE: "it has no calling code that exists",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
    ValidationResult.TOO_SHORT: "it is too short",
    ValidationResult.TOO_LONG: "it is too long",
    ValidationResult.INVALID_LENGTH: "no number there has this length",
}


def _not_a_number(text: str, country: str, reason: str) -> str:
    plan = country if PhoneMetadata.metadata_for_region(country) else "FI"
    example = phonenumbers.example_number(plan)
    assert example
    spellings = [
        phonenumbers.format_number(example, style)
        for style in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL)
    ]
    such_as = " or ".join(spellings if plan == country else spellings[1:])
    return f"{shown(text)} is no telephone number: {reason}. Use one such as {such_as}."


def website(text: str) -> str:
    """The web address with `https://` if it came without a scheme; Wrong where it is not of a public web site."""
    if any(letter.isspace() for letter in text):
        raise Wrong(_not_an_address(text, "it has white space in it"))
    url = text if "://" in text else f"https://{text}"
    try:
        address = HttpUrl(url)
    except ValidationError as failed:
        reason = failed.errors(include_url=False)[0]["msg"].removeprefix("Input should be a valid URL, ")
        raise Wrong(_not_an_address(text, reason)) from failed
    if address.username is not None or address.password is not None:
        raise Wrong(_not_an_address(text, "it has a user name or password in it"))
    # Telephone numbers are filed as web addresses, and any figures would do for an IP address.
    if not _DOMAIN.fullmatch(address.host or ""):
        raise Wrong(_not_an_address(text, "it has no domain name"))
    is_bare = (address.path, address.query, address.fragment) == ("/", None, None)
    return str(address).removesuffix("/") if is_bare else str(address)


_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+(?:[a-z]+|xn--[a-z0-9-]+)\.?")


def _not_an_address(text: str, reason: str) -> str:
    return f"{shown(text)} is no web address: {reason}. Use one such as https://www.example.com."
