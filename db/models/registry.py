"""What came from national registers: the link of a customer to its record, and answers kept for a while."""

import enum
import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from db.models.base import JSON, TIMESTAMP, Organized, choice, in_organization, index, refers_to


class CompanyStatus(enum.StrEnum):
    """How a company stands in its register."""

    ACTIVE = "ACTIVE"
    RESTRUCTURING = "RESTRUCTURING"
    LIQUIDATION = "LIQUIDATION"
    BANKRUPT = "BANKRUPT"
    DISSOLVED = "DISSOLVED"
    NOT_YET_REGISTERED = "NOT_YET_REGISTERED"
    UNKNOWN = "UNKNOWN"


class RegistryField(enum.StrEnum):
    """A part of a customer that a register can fill."""

    NAME = "NAME"
    BUSINESS_ID = "BUSINESS_ID"
    VAT_NUMBER = "VAT_NUMBER"
    ADDRESSES = "ADDRESSES"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    WEBSITE = "WEBSITE"
    INDUSTRY = "INDUSTRY"
    MARKETING_ALLOWED = "MARKETING_ALLOWED"


class RegistryLinkFields(SQLModel):
    registry_id: str = Field(max_length=60, description="Which register, such as `fi-ytj`.")
    business_id: str = Field(max_length=40, description="Number of the company there.")
    status: CompanyStatus = Field(sa_type=choice(CompanyStatus), description="How the company stood when fetched.")
    fetched_at: datetime = Field(sa_type=TIMESTAMP, description="When the record was fetched.")


class RegistryLink(RegistryLinkFields, Organized, table=True):
    """Where a customer's data came from."""

    __tablename__ = "registry_links"
    __table_args__ = (
        in_organization(),
        refers_to("customers", "customer_id", ondelete="CASCADE"),
        index("registry_links", "registry_id", "business_id"),
        index("registry_links", "status", "customer_id"),
    )

    customer_id: uuid.UUID = Field(primary_key=True)
    taken_over: dict[str, Any] = Field(sa_type=JSON)
    """What the register had, by `RegistryField`: columns of the customer as JSON, addresses without what they lack."""


class RegistryGate(SQLModel, table=True):
    """When a register may be called next, by whichever server. Limits of outgoing calls belong to no organisation."""

    __tablename__ = "registry_gates"

    registry_id: str = Field(primary_key=True, max_length=60)
    next_at: datetime = Field(sa_type=TIMESTAMP)
    failures: int = 0
    closed_until: datetime | None = Field(default=None, sa_type=TIMESTAMP)


class RegistrySlot(SQLModel, table=True):
    """One of the calls to a register that may be under way at once; it frees itself where its server dies."""

    __tablename__ = "registry_slots"

    registry_id: str = Field(primary_key=True, max_length=60)
    slot: int = Field(primary_key=True)
    taken_until: datetime = Field(sa_type=TIMESTAMP)


class RegistryCache(SQLModel, table=True):
    """A register's answer, kept for a while. Public facts belong to no organisation.

    Without an answer it says that somebody is asking just now.
    """

    __tablename__ = "registry_cache"
    __table_args__ = (sa.Index("ix_registry_cache_expires_at", "expires_at"),)

    registry_id: str = Field(primary_key=True, max_length=60)
    request: str = Field(primary_key=True, max_length=500)
    answer: Any = Field(default=None, nullable=True, sa_type=JSON)
    fetched_at: datetime = Field(sa_type=TIMESTAMP)
    expires_at: datetime = Field(sa_type=TIMESTAMP)
