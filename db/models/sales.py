"""Sales cases and the statuses they go through."""

import enum
import uuid
from datetime import date
from decimal import Decimal

from sqlmodel import Field, SQLModel

from db.models.base import MONEY, Entity, Versioned, check, choice, in_organization, index, refers_to

DIGITS = "abs({0}) < 1e15 AND scale({0}) <= 6"


class SalesCategory(enum.StrEnum):
    """How a case stands, whatever the status is called."""

    IN_PROGRESS = "IN_PROGRESS"
    WON = "WON"
    LOST = "LOST"


class SalesStatusFields(SQLModel):
    name: str = Field(min_length=1, max_length=100, description="Name of the status.")
    category: SalesCategory = Field(sa_type=choice(SalesCategory), description="In progress, won or lost.")
    probability: int = Field(ge=0, le=100, description="How likely a case of this status is won, in per cent.")
    is_active: bool = Field(default=True, description="Whether it is offered for new cases.")


class SalesStatus(SalesStatusFields, Entity, table=True):
    """A step of the organisation's own sales process."""

    __tablename__ = "sales_statuses"
    __table_args__ = (
        in_organization(),
        check("probability", "probability BETWEEN 0 AND 100"),
        index("sales_statuses", "lower(name)", suffix="name_key", unique=True),
    )


class CaseFields(SQLModel):
    name: str = Field(min_length=1, max_length=300, description="What is being sold or done.")
    is_open: bool = Field(default=True, description="Whether work goes on; independent of the sales category.")
    is_internal: bool = Field(default=False, description="The organisation's own work: never billed, in no figure.")
    expected_close: date | None = Field(default=None, description="When a decision is expected.")
    closed_on: date | None = Field(default=None, description="When it was closed.")
    external_id: str | None = Field(default=None, max_length=200, description="Its key in the system it came from.")


class Case(CaseFields, Versioned, table=True):
    """A sales case; once won it goes on as a project."""

    __tablename__ = "cases"
    __table_args__ = (
        in_organization(),
        refers_to("customers", "customer_id"),
        refers_to("users", "owner_id"),
        refers_to("sales_statuses", "sales_status_id"),
        check("value_currency", "(value_amount IS NULL) = (value_currency IS NULL)"),
        check("value_digits", DIGITS.format("value_amount")),
        check("currency", "value_currency ~ '^[A-Z]{3}$'"),
        check("version", "version > 0"),
        index("cases", "external_id", suffix="external_id_key", unique=True),
        index("cases", "customer_id", "id"),
        index("cases", "owner_id", "id"),
        index("cases", "sales_status_id", "id"),
        index("cases", "lower(name)", "id"),
        index("cases", "is_open", "id"),
        index("cases", "value_amount", "id"),
        index("cases", "expected_close", "id"),
        index("cases", "closed_on", "id"),
        index("cases", "created_at", "id"),
        index("cases", "updated_at", "id"),
    )

    customer_id: uuid.UUID
    owner_id: uuid.UUID | None = Field(default=None)
    sales_status_id: uuid.UUID
    value_amount: Decimal | None = Field(default=None, sa_type=MONEY)
    value_currency: str | None = Field(default=None, max_length=3)
