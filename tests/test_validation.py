"""Spellings and limits of single values, without a database."""

from decimal import Decimal

import pytest

from resolvers.validation import Wrong, country, currency, language, locale, number_within, timezone


@pytest.mark.parametrize(
    ("function", "given", "stored"),
    [
        (country, "fi", "FI"),
        (country, "XK", "XK"),
        (currency, "eur", "EUR"),
        (currency, "FIM", "FIM"),
        (language, "sv_fi", "sv-FI"),
        (language, "EN-us", "en-US"),
        (language, "zh-hant-tw", "zh-Hant-TW"),
        (language, "sv-DE", "sv-DE"),
        (locale, "nb_no", "nb-NO"),
        (timezone, "Europe/Helsinki", "Europe/Helsinki"),
        (timezone, "UTC", "UTC"),
    ],
)
def test_known_ones_get_one_spelling(function, given, stored):
    assert function(given) == stored


@pytest.mark.parametrize(
    ("function", "given", "hint"),
    [
        (country, "EL", "did you mean GR?"),
        (country, "UK", "did you mean GB?"),
        (country, "EU", "such as FI"),
        (country, "Finland", "such as FI"),
        (currency, "XTS", "such as EUR"),
        (currency, "€", "such as EUR"),
        (language, "xx", "such as fi"),
        (language, "Suomi on kaunis", "such as fi"),
        (locale, "xx", "such as fi-FI"),
        (timezone, "../etc/passwd", "Europe/Helsinki"),
        (timezone, "Europe", "Europe/Helsinki"),
        (timezone, "localtime", "Europe/Helsinki"),
    ],
)
def test_unknown_ones_are_told_what_would_be_right(function, given, hint):
    with pytest.raises(Wrong, match=hint.replace("?", r"\?")):
        function(given)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("1.10", "1.10"),
        ("1.1000000", "1.100000"),
        ("0.00", "0.00"),
        ("-0", "0"),
        ("0e-99", "0.000000"),
        ("1e3", "1E+3"),
    ],
)
def test_digits_are_kept_as_far_as_they_fit(given, stored):
    assert str(number_within("amount", Decimal(given), 15, 6)) == stored


@pytest.mark.parametrize("given", ["1e15", "-1e15", "0.1234567", "1e999999", "1e-999999", "NaN", "-Infinity", "sNaN"])
def test_numbers_that_do_not_fit_are_refused(given):
    with pytest.raises(Wrong):
        number_within("amount", Decimal(given), 15, 6)
