"""Scalars: they check the shape of a value and nothing else."""

import decimal
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NewType

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from resolvers.money import digits

CountryCode = NewType("CountryCode", str)
CurrencyCode = NewType("CurrencyCode", str)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"A text in quotes is needed here, not {value!r}.")
    return value


def _decimal(value: Any) -> decimal.Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise GraphQLError(f'A decimal number is needed here, such as "12.50", not {value!r}.')
    try:
        number = decimal.Decimal(str(value))
    except decimal.InvalidOperation:
        number = decimal.Decimal("NaN")
    if not number.is_finite():
        raise GraphQLError(f'A decimal number is needed here, such as "12.50", not {value!r}.')
    return number


def _decimal_literal(node: ValueNode, variables: Any = None) -> decimal.Decimal:
    if not isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
        raise GraphQLError('A decimal number is needed here, such as "12.50".')
    return _decimal(node.value)


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(_text(value))
    except ValueError:
        raise GraphQLError(f'A date is needed here, such as "2026-02-28", not {value!r}.') from None


def _datetime(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GraphQLError(f'A time with an offset is needed here, such as "2026-02-28T12:00:00Z", not {value!r}.')
    return moment


SCALARS: Mapping[object, ScalarDefinition] = {
    date: strawberry.scalar(
        name="Date",
        description="An ISO 8601 date without a time, such as `2026-02-28`; never shifted by a time zone.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
        serialize=date.isoformat,
        parse_value=_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as of RFC 3339, with an offset: `2026-02-28T12:00:00Z`.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=datetime.isoformat,
        parse_value=_datetime,
    ),
    decimal.Decimal: strawberry.scalar(
        name="Decimal",
        description='A decimal number as a text with its exact digits: `"12.50"`. Numbers are taken too.',
        serialize=digits,
        parse_value=_decimal,
        parse_literal=_decimal_literal,
    ),
    CountryCode: strawberry.scalar(
        name="CountryCode",
        description="A country as of ISO 3166-1 alpha-2, such as `FI`.",
        serialize=str,
        parse_value=_text,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="A currency as of ISO 4217, such as `EUR`.",
        serialize=str,
        parse_value=_text,
    ),
}

__all__ = ["JSON", "SCALARS", "CountryCode", "CurrencyCode"]
