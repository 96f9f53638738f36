"""What clients send: an absent field is left alone, null clears, a list replaces the whole list."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from db import models
from resolvers.money import Money
from resolvers.references import Ref
from schema.enums import Access, AddressKind, CostKind, SalesCategory, TokenScope, Visibility
from schema.filters import given
from schema.scalars import CountryCode, CurrencyCode

DESCRIPTIONS: Mapping[str, str] = {
    "id": "Its id.",
    "external_id": "Its key in the system it came from.",
    "number": "Its number.",
    "email": "The e-mail address.",
    "name": "Its name; case does not matter.",
}
MEANINGS: Mapping[str, str] = {
    "id": "Which one to change; without it the natural key tells: the name, or a user's e-mail address.",
    "amount": "The amount, with its exact digits.",
    "currency": "Its currency.",
    "industry": "The line of business.",
    "owner": "Who looks after it.",
    "addresses": "All its addresses.",
    "customer": "The customer it belongs to.",
    "case": "The case it belongs to.",
    "sales_status": "How far it has come.",
    "status": "How far it has come.",
    "value": "What it is worth, net of VAT.",
    "exchange_rate": "What one unit of the amount's currency is in the organisation's; needed where the two differ.",
    "unit": "Where the person works.",
    "parent": "The unit above it.",
    "role": "Name of the person's role.",
    "user": "Whose token; without it, one's own.",
    "read_customers": "Which customers, with their contacts, may be read.",
    "edit_customers": "Which customers, with their contacts, may be changed.",
    "read_cases": "Which cases may be read.",
    "read_invoices": "Which invoices may be read.",
    "read_costs": "Which costs may be read.",
    "import_data": "Whether upserts, and the deletes beside them, may be used.",
    "administer": "Whether users, roles, units, statuses and the organisation may be changed.",
}


def reference(cls: type[Any]) -> Any:
    """A choice of ways to name something that exists."""
    return given(cls, DESCRIPTIONS.__getitem__, one_of=True)


def values(model: Any) -> Callable[[type[Any]], Any]:
    """Values of an entity; what a column means is said by the model."""

    def describe(name: str) -> str:
        own = model and model.model_fields.get(name)
        return (own and name != "role" and own.description) or MEANINGS.get(name) or own.description

    def declare(cls: type[Any]) -> Any:
        for name in cls.__annotations__:
            setattr(cls, name, strawberry.field(description=describe(name)))
        return strawberry.input(cls, description=inspect.getdoc(cls))

    return declare


def plain(value: Any) -> Any:
    """An input as a plain value: a mapping without what is absent; references and amounts are of their own kind."""
    if isinstance(value, strawberry.Some):
        return plain(value.value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, MoneyInput):
        return Money(value.amount, value.currency)
    if not dataclasses.is_dataclass(value):
        return value
    present = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    definition: Any = type(value)
    if definition.__strawberry_definition__.is_one_of:
        named: Any
        (named,) = ((name, key) for name, key in present.items() if key is not strawberry.UNSET)
        return Ref(*named)
    return {name: plain(item) for name, item in present.items() if item is not None}


@reference
class CustomerRef:
    """Names a customer that exists: by exactly one of these."""

    id: strawberry.ID | None
    external_id: str | None
    number: int | None


@reference
class UserRef:
    """Names a user that exists: by exactly one of these."""

    id: strawberry.ID | None
    email: str | None


@reference
class UnitRef:
    """Names a unit that exists: by exactly one of these."""

    id: strawberry.ID | None
    name: str | None


@reference
class IndustryRef:
    """Names an industry that exists: by exactly one of these."""

    id: strawberry.ID | None
    name: str | None


@reference
class CaseRef:
    """Names a case that exists: by exactly one of these."""

    id: strawberry.ID | None
    external_id: str | None


@reference
class InvoiceRef:
    """Names an invoice that exists: by exactly one of these."""

    id: strawberry.ID | None
    external_id: str | None


@reference
class CostRef:
    """Names a cost that exists: by exactly one of these."""

    id: strawberry.ID | None
    external_id: str | None


@reference
class SalesStatusRef:
    """Names a sales status that exists: by exactly one of these."""

    id: strawberry.ID | None
    name: str | None


@reference
class InvoiceStatusRef:
    """Names an invoice status that exists: by exactly one of these."""

    id: strawberry.ID | None
    name: str | None


@values(None)
class MoneyInput:
    """An amount in a currency."""

    amount: Decimal
    currency: CurrencyCode


@values(models.Address)
class AddressInput:
    """An address to be written."""

    kind: AddressKind
    street: strawberry.Maybe[str | None]
    post_code: strawberry.Maybe[str | None]
    city: strawberry.Maybe[str | None]
    region: strawberry.Maybe[str | None]
    country: strawberry.Maybe[CountryCode | None]


@values(models.Customer)
class CustomerInput:
    """A customer to be written."""

    name: str
    number: strawberry.Maybe[int | None]
    business_id: strawberry.Maybe[str | None]
    vat_number: strawberry.Maybe[str | None]
    country: strawberry.Maybe[CountryCode | None]
    language: strawberry.Maybe[str | None]
    email: strawberry.Maybe[str | None]
    phone: strawberry.Maybe[str | None]
    website: strawberry.Maybe[str | None]
    notes: strawberry.Maybe[str | None]
    industry: strawberry.Maybe[IndustryRef | None]
    owner: strawberry.Maybe[UserRef | None]
    is_internal: strawberry.Maybe[bool | None]
    is_active: strawberry.Maybe[bool | None]
    marketing_allowed: strawberry.Maybe[bool | None]
    addresses: strawberry.Maybe[list[AddressInput] | None]
    external_id: strawberry.Maybe[str | None]


@values(models.Customer)
class CustomerSet:
    """What to change of a customer: what is left out stays, null clears, a list replaces the whole list."""

    name: strawberry.Maybe[str | None]
    number: strawberry.Maybe[int | None]
    business_id: strawberry.Maybe[str | None]
    vat_number: strawberry.Maybe[str | None]
    country: strawberry.Maybe[CountryCode | None]
    language: strawberry.Maybe[str | None]
    email: strawberry.Maybe[str | None]
    phone: strawberry.Maybe[str | None]
    website: strawberry.Maybe[str | None]
    notes: strawberry.Maybe[str | None]
    industry: strawberry.Maybe[IndustryRef | None]
    owner: strawberry.Maybe[UserRef | None]
    is_internal: strawberry.Maybe[bool | None]
    is_active: strawberry.Maybe[bool | None]
    marketing_allowed: strawberry.Maybe[bool | None]
    addresses: strawberry.Maybe[list[AddressInput] | None]
    external_id: strawberry.Maybe[str | None]


@values(models.Contact)
class ContactInput:
    """A contact to be written."""

    customer: CustomerRef
    first_name: strawberry.Maybe[str | None]
    last_name: str
    title: strawberry.Maybe[str | None]
    role: strawberry.Maybe[str | None]
    email: strawberry.Maybe[str | None]
    phone: strawberry.Maybe[str | None]
    mobile: strawberry.Maybe[str | None]
    language: strawberry.Maybe[str | None]
    is_primary: strawberry.Maybe[bool | None]
    is_active: strawberry.Maybe[bool | None]
    marketing_allowed: strawberry.Maybe[bool | None]
    external_id: strawberry.Maybe[str | None]


@values(models.Contact)
class ContactSet:
    """What to change of a contact: what is left out stays, null clears, a list replaces the whole list."""

    customer: strawberry.Maybe[CustomerRef | None]
    first_name: strawberry.Maybe[str | None]
    last_name: strawberry.Maybe[str | None]
    title: strawberry.Maybe[str | None]
    role: strawberry.Maybe[str | None]
    email: strawberry.Maybe[str | None]
    phone: strawberry.Maybe[str | None]
    mobile: strawberry.Maybe[str | None]
    language: strawberry.Maybe[str | None]
    is_primary: strawberry.Maybe[bool | None]
    is_active: strawberry.Maybe[bool | None]
    marketing_allowed: strawberry.Maybe[bool | None]
    external_id: strawberry.Maybe[str | None]


@values(models.Case)
class CaseInput:
    """A case to be written."""

    external_id: str
    customer: CustomerRef
    name: str
    sales_status: SalesStatusRef
    owner: strawberry.Maybe[UserRef | None]
    value: strawberry.Maybe[MoneyInput | None]
    is_open: strawberry.Maybe[bool | None]
    is_internal: strawberry.Maybe[bool | None]
    expected_close: strawberry.Maybe[date | None]
    closed_on: strawberry.Maybe[date | None]


@values(models.Invoice)
class InvoiceInput:
    """An invoice to be written."""

    external_id: str
    customer: CustomerRef
    case: strawberry.Maybe[CaseRef | None]
    status: InvoiceStatusRef
    number: strawberry.Maybe[str | None]
    date: strawberry.Maybe[date | None]
    amount: MoneyInput
    exchange_rate: strawberry.Maybe[Decimal | None]


@values(models.Cost)
class CostInput:
    """A cost to be written."""

    external_id: str
    case: CaseRef
    kind: CostKind
    date: date
    amount: MoneyInput
    exchange_rate: strawberry.Maybe[Decimal | None]


@values(models.Industry)
class IndustryInput:
    """An industry to be written."""

    id: strawberry.Maybe[strawberry.ID | None]
    name: str
    code: strawberry.Maybe[str | None]
    is_active: strawberry.Maybe[bool | None]


@values(models.Organization)
class OrganizationSet:
    """What to change of an organization: what is left out stays, null clears, a list replaces the whole list."""

    name: strawberry.Maybe[str | None]
    country: strawberry.Maybe[CountryCode | None]
    timezone: strawberry.Maybe[str | None]
    locale: strawberry.Maybe[str | None]


@values(models.Unit)
class UnitInput:
    """A unit to be written."""

    id: strawberry.Maybe[strawberry.ID | None]
    name: str
    parent: strawberry.Maybe[UnitRef | None]


@values(models.Role)
class RoleInput:
    """A role to be written."""

    id: strawberry.Maybe[strawberry.ID | None]
    name: str
    read_customers: Access
    edit_customers: Access
    read_cases: Access
    read_invoices: Access
    read_costs: Access
    import_data: bool
    administer: bool


@values(models.User)
class UserInput:
    """A user to be written."""

    id: strawberry.Maybe[strawberry.ID | None]
    email: str
    name: str
    unit: strawberry.Maybe[UnitRef | None]
    role: str
    is_active: strawberry.Maybe[bool | None]


@values(models.SalesStatus)
class SalesStatusInput:
    """A sales status to be written."""

    id: strawberry.Maybe[strawberry.ID | None]
    name: str
    category: SalesCategory
    probability: int
    is_active: strawberry.Maybe[bool | None]


@values(models.InvoiceStatus)
class InvoiceStatusInput:
    """An invoice status to be written."""

    id: strawberry.Maybe[strawberry.ID | None]
    name: str
    numbered: bool
    sent: bool
    paid: bool
    is_active: strawberry.Maybe[bool | None]


@values(models.Token)
class TokenInput:
    """A token to be written."""

    name: str
    user: strawberry.Maybe[UserRef | None]
    scope: strawberry.Maybe[TokenScope | None]
    expires_at: strawberry.Maybe[datetime | None]


@values(models.Report)
class ReportInput:
    """A report to be saved."""

    name: str
    title: str
    description: strawberry.Maybe[str | None]
    document: str
    visibility: strawberry.Maybe[Visibility | None]
