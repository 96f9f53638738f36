"""A register's record as values of a customer: what a customer can have of it, spelt as it is kept.

Registers have telephone numbers that nobody can dial and addresses that are none. Such a value is left out and keeps
nobody from having the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from db.models import RegistryField
from plugins.contract import Address, Company, CompanyHit
from resolvers.customer import BUSINESS_ID, CUSTOMER
from resolvers.forms import ADDRESSES, Field, National
from resolvers.provenance import ADDRESS
from resolvers.references import Row
from resolvers.validation import Wrong

LONGEST_NAME = 300


@dataclass(frozen=True)
class Record:
    """A whole record of a register, and when it was fetched."""

    registry_id: str
    company: Company
    fetched_at: datetime


Values = Mapping[str, Any]
"""Values of a customer by name of the form's field, as a client could have given them."""


def name_of(field: RegistryField) -> str:
    """The field of the form of customers."""
    return field.lower()


def read_record(company: Company) -> Values:
    """All that the record says of a customer but for the industry, by name of the form's field."""
    given = {
        "name": company.name[:LONGEST_NAME],
        "business_id": company.business_id,
        "vat_number": company.vat_number,
        "phone": company.phone,
        "email": company.email,
        "website": company.website,
    }
    read = {name: _read(_FIELDS[name], value, company.country) for name, value in given.items()}
    read["addresses"] = _read_addresses(company)
    read["marketing_allowed"] = False if company.marketing_blocked else None
    return {name: value for name, value in read.items() if value is not None}


def stored_number(company: CompanyHit) -> str | None:
    """The company's number as a customer of its country has it, if it can."""
    return _stored_number(company.business_id, company.country)


@lru_cache(maxsize=10_000)
def _stored_number(business_id: str, country: str) -> str | None:
    number: str | None = _read(BUSINESS_ID, business_id, country)
    return number


_FIELDS = {each.name: each for each in CUSTOMER.fields}


def _read(field: Field, value: Any, country: str) -> Any:
    if value is None:
        return None
    try:
        read = field.read(CUSTOMER.checks, value)[field.name]
        return field.spelt(CUSTOMER.checks, read, country) if read and isinstance(field, National) else read
    except Wrong:
        return None


def _read_addresses(company: Company) -> Sequence[Values] | None:
    lists = (_read(ADDRESSES, [_given(each, company.country)], company.country) for each in company.addresses)
    return [address for read in lists for address in read or ()] or None


def _given(address: Address, country: str) -> Values:
    parts = {name: getattr(address, name) for name in ADDRESS}
    return {**parts, "country": None if address.country == country else address.country}


def beside(values: Values, row: Row | None) -> Values:
    """The values, with addresses of other kinds that the row has besides: no register knows where to send invoices."""
    if row is None or "addresses" not in values:
        return values
    return {**values, "addresses": with_other_kinds(values["addresses"], row["addresses"])}


def with_other_kinds(first: Sequence[Values], others: Sequence[Values]) -> list[Values]:
    """Addresses, and those of others that are of a kind which is not among them."""
    kinds = {address["kind"] for address in first}
    return [*first, *(address for address in others if address["kind"] not in kinds)]
