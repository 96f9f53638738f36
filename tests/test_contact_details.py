"""E-mail, telephone and web addresses: one spelling each, and what would be right where one cannot be."""

import re

import phonenumbers
import pytest
from babel import Locale
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import provisional as web
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from resolvers.contact_details import email, phone, website
from resolvers.validation import Wrong

E164 = phonenumbers.PhoneNumberFormat.E164
STYLES = (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL, E164)
COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS & {str(code) for code in Locale("en").territories})


def message_of(function, *arguments):
    with pytest.raises(Wrong) as refused:
        function(*arguments)
    return refused.value.message


# ---------------------------------------------------------------- telephone


@given(
    st.sampled_from(COUNTRIES),
    st.sampled_from((phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)),
    st.sampled_from(STYLES),
    st.sampled_from(["", " ", "-", ".", "/"]),
)
def test_a_number_as_dialled_at_home_or_from_abroad_is_stored_in_e164(country, kind, style, separator):
    number = phonenumbers.example_number_for_type(country, kind) or phonenumbers.example_number(country)
    assert number
    written = phonenumbers.format_number(number, style).replace("-", separator)
    assert phone(written, country) == phonenumbers.format_number(number, E164)


@given(st.sampled_from(COUNTRIES), st.sampled_from(COUNTRIES))
def test_what_is_stored_is_its_own_spelling_in_every_country(country, elsewhere):
    number = phonenumbers.example_number(country)
    assert number
    number.extension = "12"
    stored = phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.RFC3966), elsewhere)
    assert stored == phonenumbers.format_number(number, E164) + ";ext=12"
    assert phone(stored, elsewhere) == stored


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_numbers_that_a_message_recommends_are_taken(country):
    found = re.search(r"Use one such as (.+) or (.+)\.$", message_of(phone, "0", country))
    assert found
    assert phone(found[1], country) == phone(found[2], country)


@pytest.mark.parametrize(
    ("country", "given", "stored"),
    [
        ("FI", "040 123 4567", "+358401234567"),
        ("FI", "(09) 123 456", "+3589123456"),
        ("FI", "+358 (0)9 123456", "+3589123456"),
        ("FI", "00358 9 123456", "+3589123456"),
        ("FI", "tel:040-1234567", "+358401234567"),
        ("AX", "018 12345", "+3581812345"),
        ("SE", "08-123 456 78", "+46812345678"),
        ("NO", "22 12 34 56", "+4722123456"),
        ("FI", "+46 8 123 456 78", "+46812345678"),
        ("US", "(212) 555-0100 x5", "+12125550100;ext=5"),
        ("FI", "09 123456 x\N{ARABIC-INDIC DIGIT THREE}", "+3589123456;ext=3"),
        ("US", "00358 9 123456", "+3589123456"),
        ("AU", "0011 358 9 123456", "+3589123456"),
        ("AQ", "+64 3 123 4567", "+6431234567"),
        # A range that the library does not know yet.
        ("FI", "+358 48 1234567", "+358481234567"),
    ],
)
def test_a_telephone_number_is_stored_in_e164(country, given, stored):
    assert phone(given, country) == stored


@pytest.mark.parametrize(
    ("country", "given", "reason"),
    [
        ("FI", "123", "it is too short"),
        ("FI", "040 123 4567 040 123 4568", "it is too long"),
        ("FI", "040 1234567 (Matti)", "it is not written like one"),
        ("FI", "ask Matti", "it is not written like one"),
        ("FI", "1-800-FLOWERS", "it is not written like one"),
        ("FI", "+999 12345678", "it has no calling code that exists"),
        ("FI", "00999 12345678", "it has no calling code that exists"),
        ("US", "555-0100", "its area code is missing"),
        ("AQ", "123 4567", "it has no calling code that exists. Use one such as +358"),
        ("FI", "0" * 40, ""),
    ],
)
def test_a_telephone_number_that_nobody_can_have_is_refused(country, given, reason):
    message = message_of(phone, given, country)
    assert message.startswith(f"“{given}” is no telephone number: {reason}")


@given(st.text(st.sampled_from("0123456789+ -()/;ext=x#*.\n\N{ARABIC-INDIC DIGIT THREE}\N{FULLWIDTH PLUS SIGN}")))
def test_any_text_is_a_telephone_number_or_refused(text):
    for country in ("FI", "US", "AU", "BR", "AQ"):
        try:
            stored = phone(text, country)
        except Wrong:
            continue
        assert re.fullmatch(r"\+[0-9]{4,17}(;ext=[0-9]+)?", stored)
        assert phone(stored, country) == stored


# ---------------------------------------------------------------- e-mail


@given(st.emails() | st.text(st.sampled_from('aB1.-@ "<>åß\N{COMBINING RING ABOVE}\N{IDEOGRAPHIC FULL STOP}')))
def test_an_e_mail_address_that_is_stored_is_its_own_spelling(text):
    try:
        stored = email(text)
    except Wrong:
        return
    assert email(stored) == stored
    assert stored.rpartition("@")[2] == stored.rpartition("@")[2].lower()


LOCAL = st.text(st.sampled_from("ab9._+-"), min_size=1, max_size=12)
LABEL = st.text(st.sampled_from("xyn1-_"), min_size=1, max_size=8)
TOP = st.sampled_from(("fi", "example", "f1", "a", "1", "x-y", "xn--p1ai", "test", "local", "arpa", "FI", ""))


@given(LOCAL, st.lists(LABEL, max_size=3), TOP, st.integers(1, 12))
@example("a" * 65, ["x"], "fi", 1)
@example("a", ["x" * 64], "fi", 1)
def test_an_address_is_taken_exactly_as_the_library_takes_it(local, labels, top, times):
    text = f"{local * times}@{'.'.join([*labels, top])}"
    try:
        stored = validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        with pytest.raises(Wrong):
            email(text)
    else:
        assert email(text) == stored


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Anna.Lind@Example.COM", "Anna.Lind@example.com"),
        ("anna@xn--land-poa.example", "anna@åland.example"),
        ("åsa@example.org", "åsa@example.org"),
        ("anna+list@kartotek.example", "anna+list@kartotek.example"),
    ],
)
def test_the_domain_of_an_e_mail_address_is_in_lower_case(given, stored):
    assert email(given) == stored


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("anna", "must have an @-sign"),
        ("anna@localhost", "should have a period"),
        ("anna@@example.com", "invalid characters"),
        ("anna lind@example.com", "invalid characters"),
        ("Anna <anna@example.com>", "display name"),
        ("anna@example..com", "two periods"),
        ("anna@example.invalid", "special-use"),
    ],
)
def test_a_text_that_is_no_e_mail_address_is_told_what_one_looks_like(given, hint):
    message = message_of(email, given)
    assert hint in message
    assert message.startswith(f"“{given}” is no e-mail address. ")
    assert message.endswith("It should look like anna@example.com.")
    assert email("anna@example.com") == "anna@example.com"


# ---------------------------------------------------------------- web


@given(web.urls() | st.text(st.sampled_from("aB1.-/:?#@% åß\\_[]\N{IDEOGRAPHIC FULL STOP}")))
def test_a_web_address_that_is_stored_is_its_own_spelling(text):
    try:
        stored = website(text)
    except Wrong:
        return
    assert stored.startswith(("http://", "https://"))
    assert website(stored) == stored


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("www.example.com", "https://www.example.com"),
        ("Example.com/", "https://example.com"),
        ("HTTP://EXAMPLE.com:80/Path?q=1#top", "http://example.com/Path?q=1#top"),
        ("https://example.com/fi/", "https://example.com/fi/"),
        ("www.åland.example/ö", "https://www.xn--land-poa.example/%C3%B6"),
        ("example.com:8080", "https://example.com:8080"),
    ],
)
def test_a_web_address_is_stored_with_its_scheme(given, stored):
    assert website(given) == stored


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("ftp://example.com", "URL scheme should be 'http' or 'https'"),
        ("javascript:alert(1)", "invalid port number"),
        ("https://anna:secret@example.com", "it has a user name or password in it"),
        ("anna@example.com", "it has a user name or password in it"),
        ("040 1234567", "it has white space in it"),
        ("0401234567", "it has no domain name"),
        ("192.168.0.1", "it has no domain name"),
        ("localhost", "it has no domain name"),
        ("www.example.com and others", "it has white space in it"),
        ("https://", "empty host"),
    ],
)
def test_a_text_that_is_no_web_address_is_told_what_one_looks_like(given, reason):
    message = message_of(website, given)
    assert message.startswith(f"“{given}” is no web address: {reason}")
    assert message.endswith("Use one such as https://www.example.com.")
