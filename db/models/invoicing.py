"""Invoices, the statuses they go through, and what the work cost."""

import datetime
import enum
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from db.models.base import MONEY, Entity, Versioned, check, choice, in_organization, index, refers_to
from db.models.sales import DIGITS

# The home amount is worked out when a row is written, since only the organisation knows its currency's
# minor unit (at most a whole unit, so half of one is the furthest that rounding can go).
HOME_AMOUNT = "abs(home_amount - amount * exchange_rate) <= 0.5"


class InvoiceStatusFields(SQLModel):
    name: str = Field(min_length=1, max_length=100, description="Name of the status.")
    numbered: bool = Field(description="An invoice of this status has a number.")
    sent: bool = Field(description="An invoice of this status has been sent: it counts as billing.")
    paid: bool = Field(description="An invoice of this status has been paid.")
    is_active: bool = Field(default=True, description="Whether it is offered for new invoices.")


class InvoiceStatus(InvoiceStatusFields, Entity, table=True):
    """A step of the organisation's own invoicing; its flags count, its name does not."""

    __tablename__ = "invoice_statuses"
    __table_args__ = (
        in_organization(),
        # Invoices carry the two flags along (ON UPDATE CASCADE), so that a check and an index can use them.
        sa.UniqueConstraint("organization_id", "id", "numbered", "sent"),
        index("invoice_statuses", "lower(name)", suffix="name_key", unique=True),
    )


class InvoiceFields(SQLModel):
    number: str | None = Field(default=None, min_length=1, max_length=50, description="Number of the invoice.")
    date: datetime.date | None = Field(default=None, description="Date of the invoice.")
    exchange_rate: Decimal = Field(
        gt=0, sa_type=MONEY, description="What one unit of the invoice's currency is in the organisation's."
    )
    external_id: str | None = Field(default=None, max_length=200, description="Its key in the system it came from.")


class Invoice(InvoiceFields, Versioned, table=True):
    """An invoice or, where the amount is negative, a credit note."""

    __tablename__ = "invoices"
    __table_args__ = (
        in_organization(),
        refers_to("customers", "customer_id"),
        refers_to("cases", "case_id"),
        refers_to("invoice_statuses", "status_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "status_id", "status_numbered", "status_sent"],
            [f"invoice_statuses.{column}" for column in ("organization_id", "id", "numbered", "sent")],
            name="fk_invoices_status_flags",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id", "customer_is_internal"],
            [f"customers.{column}" for column in ("organization_id", "id", "is_internal")],
            name="fk_invoices_customer_is_not_internal",
        ),
        check("customer_is_not_internal", "NOT customer_is_internal"),
        check("numbered", "number IS NOT NULL OR NOT status_numbered"),
        check("number", "number <> ''"),
        check("exchange_rate", "exchange_rate > 0 AND exchange_rate < 1e9 AND scale(exchange_rate) <= 12"),
        check("amount_digits", DIGITS.format("amount")),
        check("currency", "currency ~ '^[A-Z]{3}$'"),
        check("home_amount", HOME_AMOUNT),
        check("version", "version > 0"),
        index("invoices", "external_id", suffix="external_id_key", unique=True),
        index("invoices", "customer_id", "id"),
        index("invoices", "case_id", "id"),
        index("invoices", "status_id", "id"),
        index("invoices", "lower(number)", "id"),
        index("invoices", "date", "id"),
        index("invoices", "home_amount", "id"),
        index("invoices", "created_at", "id"),
        index("invoices", "updated_at", "id"),
    )

    customer_id: uuid.UUID
    customer_is_internal: bool = Field(default=False)
    case_id: uuid.UUID | None = Field(default=None)
    status_id: uuid.UUID
    status_numbered: bool
    status_sent: bool
    amount: Decimal = Field(sa_type=MONEY)
    currency: str = Field(max_length=3)
    home_amount: Decimal = Field(sa_type=MONEY)


class CostKind(enum.StrEnum):
    """What the money was spent on."""

    WORK = "WORK"
    TRAVEL = "TRAVEL"
    PRODUCT = "PRODUCT"
    OTHER = "OTHER"


class CostFields(SQLModel):
    kind: CostKind = Field(sa_type=choice(CostKind), description="What the money was spent on.")
    date: datetime.date = Field(description="Day the cost arose.")
    exchange_rate: Decimal = Field(
        gt=0, sa_type=MONEY, description="What one unit of the cost's currency is in the organisation's."
    )
    external_id: str | None = Field(default=None, max_length=200, description="Its key in the system it came from.")


class Cost(CostFields, Versioned, table=True):
    """What was spent on a case."""

    __tablename__ = "costs"
    __table_args__ = (
        in_organization(),
        refers_to("cases", "case_id"),
        check("exchange_rate", "exchange_rate > 0 AND exchange_rate < 1e9 AND scale(exchange_rate) <= 12"),
        check("amount_digits", DIGITS.format("amount")),
        check("currency", "currency ~ '^[A-Z]{3}$'"),
        check("home_amount", HOME_AMOUNT),
        check("version", "version > 0"),
        index("costs", "external_id", suffix="external_id_key", unique=True),
        index("costs", "case_id", "id"),
        index("costs", "date", "id"),
        index("costs", "home_amount", "id"),
        index("costs", "created_at", "id"),
        index("costs", "updated_at", "id"),
    )

    case_id: uuid.UUID
    amount: Decimal = Field(sa_type=MONEY)
    currency: str = Field(max_length=3)
    home_amount: Decimal = Field(sa_type=MONEY)
