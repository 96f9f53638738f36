"""Customers, their contact persons and their industries, as a client sees them."""

from datetime import date
from typing import Annotated

import strawberry
from strawberry import auto

from db import models
from schema.enums import RegistryField
from schema.filters import CaseFilter, ContactFilter, InvoiceFilter
from schema.orders import CaseOrder, ContactOrder, InvoiceOrder
from schema.organization import User
from schema.sales import Case, Invoice
from schema.scalars import CountryCode
from schema.stored import Connection, Money, Node, listed, stored, told, worked_out


@stored(models.Industry)
class Industry(Node):
    """A line of business, from the organisation's own list."""

    name: auto
    code: auto
    is_active: auto


@stored(models.Address)
class Address:
    """One of a company's addresses."""

    kind: auto
    street: auto
    post_code: auto
    city: auto
    region: auto
    country: CountryCode | None


@stored(models.RegistryLink)
class RegistryLink:
    """Where a customer's data came from."""

    registry_id: auto
    business_id: auto
    status: auto
    fetched_at: auto
    fields: list[RegistryField] = told("Values that came from there and were not edited since.")


FROM = Annotated[date | None, strawberry.argument(name="from", description="First day that counts.")]
TO = Annotated[date | None, strawberry.argument(description="Last day that counts.")]


@stored(models.Customer)
class Customer(Node):
    """A company (or person) in the registry."""

    number: auto
    name: auto
    business_id: auto
    vat_number: auto
    country: CountryCode
    language: auto
    email: auto
    phone: auto
    website: auto
    notes: auto
    industry: Industry | None = told("The line of business.")
    owner: User | None = told("The account owner: who looks after the customer.")
    is_internal: auto
    is_active: auto
    marketing_allowed: auto
    addresses: list[Address] = told("Its addresses, in the order they were given.")
    contacts: "Connection[Contact]" = listed("The people to talk to.", ContactFilter, ContactOrder)
    cases: Connection[Case] = listed("Its sales cases and projects.", CaseFilter, CaseOrder)
    invoices: Connection[Invoice] = listed("Its invoices and credit notes.", InvoiceFilter, InvoiceOrder)
    billing: Money = worked_out(
        "Counted invoices (sent, numbered, dated) that the viewer may see, in the organisation's currency.",
        from_=FROM,
        to=TO,
    )
    registry_link: RegistryLink | None = told("Where its data came from; null for one typed in by hand.")
    viewer_can_edit: bool = told("Whether the viewer may change it.")
    external_id: auto
    version: auto
    created_at: auto
    updated_at: auto


@stored(models.Contact)
class Contact(Node):
    """A contact person at a customer; seen by whoever sees the customer."""

    customer: Customer = told("Where the person works.")
    first_name: auto
    last_name: auto
    name: auto
    title: auto
    role: auto
    email: auto
    phone: auto
    mobile: auto
    language: auto
    is_primary: auto
    is_active: auto
    marketing_allowed: auto
    external_id: auto
    version: auto
    created_at: auto
    updated_at: auto
