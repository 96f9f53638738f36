"""Sales cases, invoices and costs, as a client sees them."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from db import models
from schema.filters import CostFilter, InvoiceFilter
from schema.orders import CostOrder, InvoiceOrder
from schema.organization import User
from schema.stored import Connection, Money, Node, listed, stored, told

if TYPE_CHECKING:
    from schema.customer import Customer

OfCustomer = Annotated["Customer", strawberry.lazy("schema.customer")]


@stored(models.SalesStatus)
class SalesStatus(Node):
    """A step of the organisation's own sales process."""

    name: auto
    category: auto
    probability: auto
    is_active: auto


@stored(models.Case)
class Case(Node):
    """A sales case; once won it goes on as a project."""

    customer: OfCustomer | None = told("Whose case it is; null where the viewer may not see the customer.")
    owner: User | None = told("Who works on it.")
    name: auto
    sales_status: SalesStatus = told("How far it has come.")
    is_open: auto
    is_internal: auto
    value: Money | None = told("What it is worth, net of VAT.")
    expected_close: auto
    closed_on: auto
    invoices: "Connection[Invoice]" = listed("What was invoiced for it.", InvoiceFilter, InvoiceOrder)
    costs: "Connection[Cost]" = listed("What was spent on it.", CostFilter, CostOrder)
    external_id: auto
    version: auto
    created_at: auto
    updated_at: auto


@stored(models.InvoiceStatus)
class InvoiceStatus(Node):
    """A step of the organisation's own invoicing; its flags count, its name does not."""

    name: auto
    numbered: auto
    sent: auto
    paid: auto
    is_active: auto


@stored(models.Invoice)
class Invoice(Node):
    """An invoice or, where the amount is negative, a credit note."""

    customer: OfCustomer | None = told("Who pays; null where the viewer may not see the customer.")
    case: Case | None = told("What it is for; null where there is none, or the viewer may not see it.")
    status: InvoiceStatus = told("How far it has come.")
    number: auto
    date: auto
    amount: Money = told("Amount net of VAT; negative for a credit note.")
    exchange_rate: auto
    home_amount: Money = told(
        "Amount × exchange rate in the organisation's currency, rounded to its minor unit, half away from zero."
    )
    external_id: auto
    version: auto
    created_at: auto
    updated_at: auto


@stored(models.Cost)
class Cost(Node):
    """What was spent on a case."""

    case: Case | None = told("What it was spent on; null where the viewer may not see the case.")
    kind: auto
    date: auto
    amount: Money = told("Amount net of VAT.")
    exchange_rate: auto
    home_amount: Money = told(
        "Amount × exchange rate in the organisation's currency, rounded to its minor unit, half away from zero."
    )
    external_id: auto
    version: auto
    created_at: auto
    updated_at: auto
