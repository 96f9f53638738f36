"""Filters as clients write them.

The fields of one object are ANDed. A missing value is not equal to anything and not in any list, so `neq`, `notIn` and
`not` keep it. A condition on a link holds only where the link leads to something that the viewer may see.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from db import models
from schema.enums import (
    ChangeKind,
    CompanyStatus,
    CostKind,
    CustomerGroup,
    ReportStatus,
    SalesCategory,
    Visibility,
)
from schema.scalars import CountryCode, CurrencyCode

OPERATORS = {
    "eq": "Exactly this.",
    "neq": "Anything but this; a missing value too.",
    "in_": "One of these.",
    "not_in": "None of these; a missing value too.",
    "gt": "Larger than this.",
    "gte": "This or larger.",
    "lt": "Smaller than this.",
    "lte": "This or smaller.",
    "contains": "Has this somewhere; case and accents do not matter.",
    "starts_with": "Begins with this; case and accents do not matter.",
    "is_null": "Whether there is no value at all.",
}
QUANTIFIERS = {
    "some": "At least one meets this; `{}` asks whether there is any.",
    "none": "Not one meets this; `{}` asks that there is none.",
}
LINKS = {
    "and_": "All of these hold.",
    "or_": "At least one of these holds.",
    "not_": "This does not hold.",
    "is_null": "Whether the link leads nowhere.",
    "id": "By id.",
    "industry": "By industry.",
    "owner": "By account owner, or whoever else it belongs to.",
    "customer": "By customer.",
    "contacts": "By contact persons.",
    "cases": "By cases.",
    "invoices": "By invoices.",
    "unit": "By the unit someone works in.",
    "sales_status": "By sales status.",
    "status": "By status.",
    "case": "By case.",
    "by": "By who did it.",
    "value": "By the amount of the value, in whatever currency.",
    "amount": "By the amount, in whatever currency.",
    "home_amount": "By the amount in the organisation's currency.",
    "currency": "By currency.",
    "registry_status": "By how the company stood in its register when last fetched.",
    "kpi": "By the KPI count that it is part of.",
    "entity_id": "By the id of what was changed.",
    "operation_id": "By the id of the mass update.",
    "health": "By health.",
}


def given(cls: type[Any], descriptions: Callable[[str], str], **options: Any) -> Any:
    """Make the class an input whose fields may be left out, each with its description."""
    for name, annotation in cls.__annotations__.items():
        extra: dict[str, Any] = {"default": strawberry.UNSET} if "None" in annotation else {}
        if name.endswith("_"):
            extra["name"] = name.removesuffix("_")
        setattr(cls, name, strawberry.field(description=descriptions(name), **extra))
    return strawberry.input(cls, description=inspect.getdoc(cls), **options)


def comparison(cls: type[Any]) -> Any:
    """Operators on a value."""
    return given(cls, OPERATORS.__getitem__)


def quantifier(cls: type[Any]) -> Any:
    """Questions about a list."""
    return given(cls, QUANTIFIERS.__getitem__)


def condition(model: Any) -> Callable[[type[Any]], Any]:
    """Conditions on an entity; what a column means is said by the model."""

    def describe(name: str) -> str:
        return LINKS.get(name) or model.model_fields[name].description

    return lambda cls: given(cls, describe)


@comparison
class StringFilter:
    """Compares a text; `contains` and `startsWith` ignore case and accents, the others are exact."""

    eq: str | None
    neq: str | None
    in_: list[str] | None
    not_in: list[str] | None
    contains: str | None
    starts_with: str | None
    is_null: bool | None


@comparison
class IDFilter:
    """Compares an id."""

    eq: strawberry.ID | None
    neq: strawberry.ID | None
    in_: list[strawberry.ID] | None
    not_in: list[strawberry.ID] | None


@comparison
class IntFilter:
    """Compares a whole number."""

    eq: int | None
    neq: int | None
    in_: list[int] | None
    not_in: list[int] | None
    gt: int | None
    gte: int | None
    lt: int | None
    lte: int | None
    is_null: bool | None


@comparison
class DecimalFilter:
    """Compares a decimal number."""

    eq: Decimal | None
    neq: Decimal | None
    gt: Decimal | None
    gte: Decimal | None
    lt: Decimal | None
    lte: Decimal | None
    is_null: bool | None


@comparison
class DateFilter:
    """Compares a date."""

    eq: date | None
    neq: date | None
    in_: list[date] | None
    not_in: list[date] | None
    gt: date | None
    gte: date | None
    lt: date | None
    lte: date | None
    is_null: bool | None


@comparison
class DateTimeFilter:
    """Compares a moment."""

    eq: datetime | None
    neq: datetime | None
    gt: datetime | None
    gte: datetime | None
    lt: datetime | None
    lte: datetime | None
    is_null: bool | None


@comparison
class BooleanFilter:
    """Compares a yes or no."""

    eq: bool


@comparison
class CountryCodeFilter:
    """Compares a country."""

    eq: CountryCode | None
    neq: CountryCode | None
    in_: list[CountryCode] | None
    not_in: list[CountryCode] | None
    is_null: bool | None


@comparison
class CurrencyCodeFilter:
    """Compares a currency."""

    eq: CurrencyCode | None
    neq: CurrencyCode | None
    in_: list[CurrencyCode] | None
    not_in: list[CurrencyCode] | None


@comparison
class SalesCategoryFilter:
    """Compares a sales category."""

    eq: SalesCategory | None
    neq: SalesCategory | None
    in_: list[SalesCategory] | None
    not_in: list[SalesCategory] | None


@comparison
class CostKindFilter:
    """Compares a kind of cost."""

    eq: CostKind | None
    neq: CostKind | None
    in_: list[CostKind] | None
    not_in: list[CostKind] | None


@comparison
class ChangeKindFilter:
    """Compares a kind of change."""

    eq: ChangeKind | None
    neq: ChangeKind | None
    in_: list[ChangeKind] | None
    not_in: list[ChangeKind] | None


@comparison
class CompanyStatusFilter:
    """Compares a company's status."""

    eq: CompanyStatus | None
    neq: CompanyStatus | None
    in_: list[CompanyStatus] | None
    not_in: list[CompanyStatus] | None
    is_null: bool | None


@comparison
class ReportStatusFilter:
    """Compares a report's health."""

    eq: ReportStatus | None
    neq: ReportStatus | None
    in_: list[ReportStatus] | None
    not_in: list[ReportStatus] | None


@comparison
class VisibilityFilter:
    """Compares who finds a report."""

    eq: Visibility | None
    neq: Visibility | None


@comparison
class CustomerGroupFilter:
    """The customers behind one of the two counts of the KPI strip."""

    eq: CustomerGroup


@condition(models.Customer)
class CustomerFilter:
    """Which customers: all that is given must hold."""

    and_: list[CustomerFilter] | None
    or_: list[CustomerFilter] | None
    not_: CustomerFilter | None
    id: IDFilter | None
    number: IntFilter | None
    name: StringFilter | None
    business_id: StringFilter | None
    vat_number: StringFilter | None
    country: CountryCodeFilter | None
    language: StringFilter | None
    email: StringFilter | None
    is_internal: BooleanFilter | None
    is_active: BooleanFilter | None
    marketing_allowed: BooleanFilter | None
    external_id: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    registry_status: CompanyStatusFilter | None
    kpi: CustomerGroupFilter | None
    industry: IndustryFilter | None
    owner: UserFilter | None
    contacts: ContactsFilter | None
    cases: CasesFilter | None
    invoices: InvoicesFilter | None


@condition(models.Contact)
class ContactFilter:
    """Which contacts: all that is given must hold."""

    and_: list[ContactFilter] | None
    or_: list[ContactFilter] | None
    not_: ContactFilter | None
    id: IDFilter | None
    first_name: StringFilter | None
    last_name: StringFilter | None
    title: StringFilter | None
    role: StringFilter | None
    email: StringFilter | None
    phone: StringFilter | None
    mobile: StringFilter | None
    language: StringFilter | None
    is_primary: BooleanFilter | None
    is_active: BooleanFilter | None
    marketing_allowed: BooleanFilter | None
    external_id: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    customer: CustomerFilter | None


@condition(models.Industry)
class IndustryFilter:
    """Which industries: all that is given must hold."""

    and_: list[IndustryFilter] | None
    or_: list[IndustryFilter] | None
    not_: IndustryFilter | None
    is_null: bool | None
    id: IDFilter | None
    name: StringFilter | None
    code: StringFilter | None
    is_active: BooleanFilter | None


@condition(models.User)
class UserFilter:
    """Which users: all that is given must hold."""

    and_: list[UserFilter] | None
    or_: list[UserFilter] | None
    not_: UserFilter | None
    is_null: bool | None
    id: IDFilter | None
    name: StringFilter | None
    email: StringFilter | None
    is_active: BooleanFilter | None
    unit: UnitFilter | None


@condition(models.Unit)
class UnitFilter:
    """Which units: all that is given must hold."""

    is_null: bool | None
    id: IDFilter | None
    name: StringFilter | None


@condition(models.SalesStatus)
class SalesStatusFilter:
    """Which sales statuses: all that is given must hold."""

    id: IDFilter | None
    name: StringFilter | None
    category: SalesCategoryFilter | None
    is_active: BooleanFilter | None


@condition(models.InvoiceStatus)
class InvoiceStatusFilter:
    """Which invoice statuses: all that is given must hold."""

    id: IDFilter | None
    name: StringFilter | None
    sent: BooleanFilter | None
    paid: BooleanFilter | None
    numbered: BooleanFilter | None


@condition(models.Case)
class CaseFilter:
    """Which cases: all that is given must hold."""

    and_: list[CaseFilter] | None
    or_: list[CaseFilter] | None
    not_: CaseFilter | None
    is_null: bool | None
    id: IDFilter | None
    name: StringFilter | None
    is_open: BooleanFilter | None
    is_internal: BooleanFilter | None
    expected_close: DateFilter | None
    closed_on: DateFilter | None
    value: DecimalFilter | None
    external_id: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    sales_status: SalesStatusFilter | None
    owner: UserFilter | None
    customer: CustomerFilter | None
    invoices: InvoicesFilter | None


@condition(models.Invoice)
class InvoiceFilter:
    """Which invoices: all that is given must hold."""

    and_: list[InvoiceFilter] | None
    or_: list[InvoiceFilter] | None
    not_: InvoiceFilter | None
    id: IDFilter | None
    number: StringFilter | None
    date: DateFilter | None
    amount: DecimalFilter | None
    home_amount: DecimalFilter | None
    currency: CurrencyCodeFilter | None
    external_id: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    status: InvoiceStatusFilter | None
    customer: CustomerFilter | None
    case: CaseFilter | None


@condition(models.Cost)
class CostFilter:
    """Which costs: all that is given must hold."""

    and_: list[CostFilter] | None
    or_: list[CostFilter] | None
    not_: CostFilter | None
    id: IDFilter | None
    kind: CostKindFilter | None
    date: DateFilter | None
    amount: DecimalFilter | None
    home_amount: DecimalFilter | None
    external_id: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    case: CaseFilter | None


@quantifier
class ContactsFilter:
    """Asks about a customer's contacts, of those that the viewer may see."""

    some: ContactFilter | None
    none: ContactFilter | None


@quantifier
class CasesFilter:
    """Asks about a customer's cases, of those that the viewer may see."""

    some: CaseFilter | None
    none: CaseFilter | None


@quantifier
class InvoicesFilter:
    """Asks about the invoices of a customer or case, of those that the viewer may see."""

    some: InvoiceFilter | None
    none: InvoiceFilter | None


@condition(models.Change)
class ChangeFilter:
    """Which changes: all that is given must hold."""

    kind: ChangeKindFilter | None
    entity_type: StringFilter | None
    entity_id: IDFilter | None
    field: StringFilter | None
    at: DateTimeFilter | None
    by: UserFilter | None
    operation_id: IDFilter | None


@condition(models.Report)
class ReportFilter:
    """Which reports: all that is given must hold."""

    name: StringFilter | None
    title: StringFilter | None
    visibility: VisibilityFilter | None
    owner: UserFilter | None
    health: ReportStatusFilter | None
