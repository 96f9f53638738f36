"""Business ids and VAT numbers: any common spelling is stored in one, and what cannot be right is refused."""

import re
from importlib import import_module

import pytest
from babel import Locale
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum.eu.vat import MEMBER_STATES
from stdnum.util import clean, get_cc_module

import tests.profiles  # noqa: F401
from resolvers.registration import business_id, vat_number
from resolvers.validation import Wrong

# A pattern of the digits in front of the check digits, how many of these there are, and stdnum's word on the whole.
ORACLES = {
    "AT": ("[1-9][0-9]{5}[a-z]", 0, "at.businessid"),
    "BE": ("0[0-9]{7}", 2, "be.vat"),
    "CH": ("CHE[0-9]{8}", 1, "ch.uid"),
    "CZ": ("[0-8][0-9]{6}", 1, "cz.dic"),
    "DK": ("[1-9][0-9]{6}", 1, "dk.cvr"),
    "EE": ("[1789][0-9]{6}", 1, "ee.registrikood"),
    "ES": ("B[0-9]{7}", 1, "es.nif"),
    "FI": ("[0-9]{7}", 1, "fi.ytunnus"),
    "FR": ("[0-9]{8}", 1, "fr.siren"),
    "HR": ("[0-9]{10}", 1, "hr.oib"),
    "IS": ("4[1-9]0[1-9][0-9]{2}[0-9]{2}", 2, "is_.kennitala"),
    "IT": ("[0-9]{6}[1-9]001", 1, "it.iva"),
    "LV": ("4[0-9]{8}", 2, "lv.pvn"),
    "NO": ("[89][0-9]{7}", 1, "no.orgnr"),
    "PL": ("[0-9]{8}", 1, "pl.regon"),
    "PT": ("5[0-9]{7}", 1, "pt.nif"),
    "RO": ("[1-9][0-9]{6}", 1, "ro.cui"),
    "SE": ("55[0-9]{7}", 1, "se.orgnr"),
    "SI": ("[0-9]{6}", 1, "si.maticna"),
}
ALSO_KEPT = {"GB": "SC095237", "NL": "69599084"}
EXAMPLE = re.compile(r"Use one such as (.+)\.$")


def oracle(country):
    return import_module(f"stdnum.{ORACLES[country][2]}")


@st.composite
def valid_numbers(draw):
    """A country and a number that stdnum finds valid there, in stdnum's own minimal spelling."""
    country = draw(st.sampled_from(sorted(ORACLES)))
    pattern, checks, _ = ORACLES[country]
    front = draw(st.from_regex(pattern, fullmatch=True))
    ends = [f"{number:0{checks}}" for number in range(10**checks)] if checks else [""]
    whole = [front + end for end in ends if oracle(country).is_valid(front + end)]
    assume(whole)
    return country, draw(st.sampled_from(whole))


valid = valid_numbers()


@st.composite
def written(draw, text):
    """The text as people write it: with separators anywhere, in capitals or not."""
    spaced = "".join(letter + draw(st.sampled_from(["", "", "", " ", "-", ".", "\N{EN DASH}"])) for letter in text)
    return draw(st.sampled_from([str.upper, str.lower]))(f" {spaced}")


@given(st.data(), valid)
def test_separators_and_case_do_not_matter(data, drawn):
    country, number = drawn
    stored = business_id(number, country)
    assert oracle(country).compact(stored.replace("-", "").replace(".", "")) == number
    assert business_id(data.draw(written(number)), country) == stored


@given(valid)
def test_what_is_stored_is_its_own_spelling(drawn):
    country, number = drawn
    stored = business_id(number, country)
    assert business_id(stored, country) == stored


@given(valid, st.integers(0, 30), st.sampled_from("0123456789"))
def test_a_number_is_taken_exactly_where_the_library_finds_it_valid(drawn, place, digit):
    country, number = drawn
    other = number[: place % len(number)] + digit + number[place % len(number) + 1 :]
    if oracle(country).is_valid(other):
        assert oracle(country).compact(business_id(other, country).replace("-", "").replace(".", ""))
    else:
        with pytest.raises(Wrong):
            business_id(other, country)


def test_numbers_are_checked_in_exactly_these_countries():
    countries = (str(code) for code in Locale("en").territories if len(str(code)) == 2)
    refusing = {country for country in countries if refuses(business_id, country)}
    territories = {"AX", "GF", "GP", "MQ", "RE", "SJ", "YT"}
    assert refusing == REFUSING | territories


def refuses(function, country):
    try:
        function("!", country)
    except Wrong:
        return True
    return False


REFUSING = {*ORACLES, *ALSO_KEPT}


@pytest.mark.parametrize("country", [*sorted(REFUSING), "AX", "RE"])
@pytest.mark.parametrize("text", ["!", "1", "1" * 40])
def test_the_number_that_a_message_recommends_is_taken_as_it_is(country, text):
    with pytest.raises(Wrong) as refused:
        business_id(text, country)
    assert refused.value.message.startswith("Business id “")
    found = EXAMPLE.search(refused.value.message)
    assert found
    assert business_id(found[1], country) == found[1]


@pytest.mark.parametrize(
    ("country", "given", "stored"),
    [
        ("FI", "0112038-9", "0112038-9"),
        ("FI", "01120389", "0112038-9"),
        ("FI", " fi 0112038-9", "0112038-9"),
        ("FI", "FI01120389", "0112038-9"),
        ("FI", "112038-9", "0112038-9"),
        ("FI", "\N{FULLWIDTH DIGIT ZERO}112038\N{NON-BREAKING HYPHEN}9", "0112038-9"),
        ("AX", "0112038-9", "0112038-9"),
        ("NO", "923 609 016", "923609016"),
        ("NO", "NO 923 609 016 MVA", "923609016"),
        ("NO", "923609016mva", "923609016"),
        ("SE", "556016-0680", "5560160680"),
        ("SE", "SE556016068001", "5560160680"),
        ("SE", "165560160680", "5560160680"),
        ("DK", "DK 13 58 56 28", "13585628"),
        ("EE", "EE 12345678", "12345678"),
        ("BE", "BE 0403.019.261", "0403019261"),
        ("BE", "403.019.261", "0403019261"),
        ("CH", "CHE-100.155.212", "CHE-100.155.212"),
        ("CH", "che100155212 MWST", "CHE-100.155.212"),
        ("CH", "100.155.212", "CHE-100.155.212"),
        ("AT", "FN 122119 m", "122119m"),
        ("CZ", "CZ25123891", "25123891"),
        ("CZ", "1350340", "01350340"),
        ("FR", "552 008 443", "552008443"),
        ("FR", "FR40303265045", "303265045"),
        ("FR", "732 829 320 00074", "732829320"),
        ("RE", "552 008 443", "552008443"),
        ("GB", "445790", "00445790"),
        ("GB", "sc095237", "SC095237"),
        ("GB", "IP27432R", "IP27432R"),
        ("GB", "R0000045", "R0000045"),
        ("NL", "69 59 90 84", "69599084"),
        ("NL", "KVK 69599084", "69599084"),
        ("PL", "PL 856-734-62-15", "8567346215"),
        ("PL", "0000028860", "0000028860"),
        ("PL", "192598184", "192598184"),
        ("DE", " HRB  12 345 b ", "HRB 12 345 b"),
        ("US", "12-3456789", "12-3456789"),
    ],
)
def test_a_business_id_is_stored_as_the_register_has_it(country, given, stored):
    assert business_id(given, country) == stored


@pytest.mark.parametrize(
    ("country", "given", "hint"),
    [
        ("FI", "0112038-8", "“0112038-8” is no Y-tunnus of Finland: its check digit does not fit the others"),
        ("FI", "01120389-12", "it has too few or too many characters. Use one such as 0112038-9."),
        ("FI", "Nokia", "it is not written like one"),
        ("FI", "SE556016068001", "it is not written like one"),
        ("AX", "0112038-8", "of Finland"),
        ("EE", "EE100931558", "it has too few or too many characters"),
        ("EE", "32345674", "a part of it cannot be"),
        ("FR", "73282932000075", "its check digit does not fit"),
        ("GB", "SC1", "it is not written like one"),
        ("NL", "004495445B01", "such as 69599084"),
        ("NO", "923609017", "no organisasjonsnummer of Norway"),
    ],
)
def test_a_business_id_that_cannot_be_is_told_what_would_be(country, given, hint):
    with pytest.raises(Wrong) as refused:
        business_id(given, country)
    assert hint in refused.value.message


# ---------------------------------------------------------------- VAT numbers

ELSEWHERE = "AR"
PREFIXES = {"GR": "EL", **{country: country for country in ("CH", "GB", "IS", "NO", "XI")}}
PREFIXES |= {state.upper(): state.upper() for state in MEMBER_STATES if state.upper() not in PREFIXES}


def vat_example(prefix):
    with pytest.raises(Wrong) as refused:
        vat_number(f"{'CHE' if prefix == 'CH' else 'ATU' if prefix == 'AT' else prefix}1", ELSEWHERE)
    found = EXAMPLE.search(refused.value.message)
    assert found
    return found[1]


@pytest.mark.parametrize("prefix", sorted(PREFIXES.values()))
def test_the_vat_number_that_a_message_recommends_is_taken_as_it_is(prefix):
    recommended = vat_example(prefix)
    assert recommended.startswith(prefix)
    assert vat_number(recommended, ELSEWHERE) == recommended


VAT_EXAMPLES = {country: vat_example(prefix) for country, prefix in PREFIXES.items()}


@given(st.data(), st.sampled_from(sorted(VAT_EXAMPLES)))
def test_separators_case_and_a_prefix_that_goes_without_saying_do_not_matter(data, country):
    stored = VAT_EXAMPLES[country]
    assert vat_number(data.draw(written(stored)), ELSEWHERE) == stored
    if country != "XI":
        assert vat_number(data.draw(written(stored[2:])), country) == stored


@given(st.sampled_from(sorted(VAT_EXAMPLES)), st.integers(0, 30), st.sampled_from("0123456789"))
def test_a_vat_number_is_taken_exactly_where_the_library_finds_it_valid(country, place, digit):
    stored = VAT_EXAMPLES[country]
    places = [each for each, letter in enumerate(stored) if letter.isdigit()]
    at = places[place % len(places)]
    other = stored[:at] + digit + stored[at + 1 :]
    module = get_cc_module({"XI": "GB"}.get(country, country), "vat")
    assert module
    if module.is_valid(other):
        assert vat_number(other, ELSEWHERE) == other
    else:
        with pytest.raises(Wrong):
            vat_number(other, ELSEWHERE)


@pytest.mark.parametrize(
    ("country", "given", "stored"),
    [
        ("FI", "FI01120389", "FI01120389"),
        ("FI", "0112038-9", "FI01120389"),
        ("AX", "0112038-9", "FI01120389"),
        ("SE", "FI 0112038-9", "FI01120389"),
        ("FI", "el 094259216", "EL094259216"),
        ("FI", "GR094259216", "EL094259216"),
        ("GR", "094259216", "EL094259216"),
        ("NO", "923 609 016", "NO923609016MVA"),
        ("FI", "NO923609016", "NO923609016MVA"),
        ("NO", "NO 923 609 016 MVA", "NO923609016MVA"),
        ("CH", "CHE-107.787.577 IVA", "CHE107787577MWST"),
        ("FI", "CHE-107.787.577 TVA", "CHE107787577MWST"),
        ("CH", "107.787.577", "CHE107787577MWST"),
        ("GB", "GD001", "GBGD001"),
        ("GB", "XI980780684", "XI980780684"),
        ("IM", "980 7806 84", "GB980780684"),
        ("MC", "53 000 004 605", "FR53000004605"),
        ("BE", "403019261", "BE0403019261"),
        ("AT", "u13585627", "ATU13585627"),
        ("ES", "B-64717838", "ESB64717838"),
        ("US", "12-3456789", "123456789"),
        # Letters of the number itself are no prefix.
        ("MX", "dem-880115-2e9", "DEM8801152E9"),
    ],
)
def test_a_vat_number_is_stored_with_its_prefix(country, given, stored):
    assert vat_number(given, country) == stored


@pytest.mark.parametrize(
    ("country", "given", "hint"),
    [
        ("FI", "FI01120388", "“FI01120388” is no VAT number of Finland: its check digit does not fit the others"),
        ("FI", "SE556016068002", "no VAT number of Sweden: it is not written like one. Use one such as SE"),
        ("FI", "123", "no VAT number of Finland: it has too few or too many characters. Use one such as FI"),
        ("GR", "123456789", "no VAT number of Greece"),
        ("FI", "XI123456789", "no VAT number of United Kingdom"),
        ("FI", "FI", "Use one such as FI"),
    ],
)
def test_a_vat_number_that_cannot_be_is_told_what_would_be(country, given, hint):
    with pytest.raises(Wrong) as refused:
        vat_number(given, country)
    assert hint in refused.value.message


@given(st.text(max_size=20))
@example("\N{FULLWIDTH DIGIT ONE}\N{EN DASH}\N{NON-BREAKING HYPHEN}\N{IDEOGRAPHIC SPACE}`\n")
def test_separators_are_what_the_library_takes_for_them(text):
    # Of a country whose numbers are not known, and with a digit where a prefix would be, so that it stays as it is.
    assert vat_number(f"1{text}", "AR") == clean("".join(f"1{text}".split()), " -./:,'").upper()


@given(st.text(st.sampled_from("0123456789ABCDEFGHIMNORSTUVX -.\n\N{LATIN SMALL LETTER SHARP S}\u0663"), max_size=20))
@example("")
@example("IE1234567WW")
@example("NLB01")
@example("\u0663" * 8)
def test_any_text_is_spelt_or_refused(text):
    for country in REFUSING | PREFIXES.keys():
        for function in (business_id, vat_number):
            try:
                stored = function(text, country)
            except Wrong:
                continue
            assert function(stored, country) == stored
            assert stored.isascii() or country not in REFUSING
