"""Amounts with their currency, and what they are in the organisation's."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from babel.numbers import get_currency_precision

# 15 digits and 6 decimals times 9 digits and 12 decimals, with room to spare: nothing is lost before it is rounded.
EXACT = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as a client gives it."""

    amount: Decimal
    currency: str


def home_amount(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The amount at this rate in the organisation's `currency`, rounded to its minor unit, half away from zero."""
    return in_minor_units(EXACT.multiply(amount, rate), currency)


def in_minor_units(amount: Decimal, currency: str) -> Decimal:
    """The amount rounded to the currency's minor unit, half away from zero, with all of its decimals."""
    minor_unit = Decimal(1).scaleb(-get_currency_precision(currency))
    return amount.quantize(minor_unit, rounding=ROUND_HALF_UP, context=EXACT)


def digits(number: Decimal) -> str:
    """The exact digits, never with an exponent."""
    return format(number, "f")
