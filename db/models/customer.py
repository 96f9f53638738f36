"""Customers, their addresses, their industries and the people to talk to."""

import enum
import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from db.models.base import (
    TIMESTAMP,
    Entity,
    Versioned,
    check,
    choice,
    in_organization,
    index,
    refers_to,
    unique_while_alive,
)

COUNTRY = "country ~ '^[A-Z]{2}$'"
PHONE = (
    "Taken as it is dialled in the customer's country, or with `+` or `00` and the calling code; kept in E.164: "
    "`040 123 4567` becomes `+358401234567`, an extension follows as `;ext=12`."
)
FULL_NAME = "CASE WHEN first_name IS NULL THEN last_name::text ELSE first_name || ' ' || last_name END"


class IndustryFields(SQLModel):
    name: str = Field(min_length=1, max_length=200, description="Name of the industry.")
    code: str | None = Field(default=None, max_length=20, description="Its code in a classification such as NACE.")
    is_active: bool = Field(default=True, description="Whether it is offered for new customers.")


class Industry(IndustryFields, Entity, table=True):
    """A line of business, from the organisation's own list."""

    __tablename__ = "industries"
    __table_args__ = (
        in_organization(),
        index("industries", "lower(name)", suffix="name_key", unique=True),
        index("industries", "lower(name)", "id"),
        index("industries", "lower(code)", "id"),
    )


class CustomerFields(SQLModel):
    number: int = Field(gt=0, le=2_147_483_647, description="The organisation's own running customer number.")
    name: str = Field(min_length=1, max_length=300, description="Name of the company or person.")
    business_id: str | None = Field(
        default=None,
        max_length=40,
        description=(
            "Number in the national register of the customer's country. Taken in any common spelling, kept as the "
            "register has it: `FI01120389` becomes `0112038-9`. No two customers of a country share one. Where the "
            "country changes alone, it is read anew for the other country."
        ),
    )
    vat_number: str | None = Field(
        default=None,
        max_length=40,
        description=(
            "VAT number. Taken in any common spelling, of another country too if it has that country's prefix; kept "
            "with its prefix and without separators: `FI01120389`."
        ),
    )
    country: str = Field(max_length=2, description="Country of the customer.")
    language: str | None = Field(default=None, max_length=35, description="Language to write in, as a BCP 47 tag.")
    email: str | None = Field(
        default=None,
        max_length=254,
        description="The company's own e-mail address. Its domain is kept in lower case.",
    )
    phone: str | None = Field(default=None, max_length=40, description=f"The company's own telephone number. {PHONE}")
    website: str | None = Field(
        default=None,
        max_length=500,
        description="Address of its web site, `http` or `https`. Without a scheme `https://` is put in front.",
    )
    notes: str | None = Field(default=None, max_length=20_000, description="Free text for colleagues.")
    is_internal: bool = Field(
        default=False, description="The organisation itself or a part of it: never billed, in no figure."
    )
    is_active: bool = Field(default=True, description="Whether business goes on; plays no part in the KPIs.")
    marketing_allowed: bool = Field(default=True, description="Whether marketing may be sent.")
    external_id: str | None = Field(default=None, max_length=200, description="Its key in the system it came from.")


class Customer(CustomerFields, Versioned, table=True):
    """A company (or person) in the registry."""

    __tablename__ = "customers"
    __table_args__ = (
        in_organization(),
        refers_to("industries", "industry_id"),
        refers_to("users", "owner_id"),
        # Invoices refer to (id, is_internal), so that an internal customer cannot have one.
        sa.UniqueConstraint("organization_id", "id", "is_internal"),
        check("number", "number > 0"),
        check("country", COUNTRY),
        check("business_id", "business_id <> ''"),
        check("version", "version > 0"),
        unique_while_alive("customers", "number"),
        unique_while_alive("customers", "country", "business_id"),
        unique_while_alive("customers", "external_id"),
        index("customers", "number", "id"),
        index("customers", "lower(name)", "id"),
        index("customers", "lower(email)", "id"),
        index("customers", "lower(business_id)", "id"),
        index("customers", "lower(country)", "id"),
        index("customers", "vat_number", "id"),
        index("customers", "is_active", "id"),
        index("customers", "industry_id", "id"),
        index("customers", "owner_id", "id"),
        index("customers", "created_at", "id"),
        index("customers", "updated_at", "id"),
    )

    industry_id: uuid.UUID | None = Field(default=None)
    owner_id: uuid.UUID | None = Field(default=None)
    deleted_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)


class AddressKind(enum.StrEnum):
    """What an address is used for."""

    VISITING = "VISITING"
    POSTAL = "POSTAL"
    BILLING = "BILLING"


class AddressFields(SQLModel):
    kind: AddressKind = Field(sa_type=choice(AddressKind), description="What the address is used for.")
    street: str | None = Field(default=None, max_length=300, description="Street and number, or a box.")
    post_code: str | None = Field(default=None, max_length=20, description="Postal code.")
    city: str | None = Field(default=None, max_length=100, description="Town of the post office.")
    region: str | None = Field(default=None, max_length=100, description="County, state or province.")
    country: str | None = Field(default=None, max_length=2, description="Country, where it is not the customer's.")


class Address(AddressFields, Entity, table=True):
    """One of a customer's addresses, in the order they were given."""

    __tablename__ = "addresses"
    __table_args__ = (
        in_organization(),
        refers_to("customers", "customer_id", ondelete="CASCADE"),
        check("country", COUNTRY),
        index("addresses", "customer_id", "position", suffix="customer_id_position_key", unique=True),
    )

    customer_id: uuid.UUID
    position: int


class ContactFields(SQLModel):
    first_name: str | None = Field(default=None, max_length=100, description="Given name.")
    last_name: str = Field(min_length=1, max_length=100, description="Family name.")
    title: str | None = Field(default=None, max_length=100, description="Title on the business card.")
    role: str | None = Field(default=None, max_length=100, description="What the person decides or is asked about.")
    email: str | None = Field(
        default=None, max_length=254, description="E-mail address. Its domain is kept in lower case."
    )
    phone: str | None = Field(default=None, max_length=40, description=f"Telephone number. {PHONE}")
    mobile: str | None = Field(default=None, max_length=40, description=f"Mobile number. {PHONE}")
    language: str | None = Field(default=None, max_length=35, description="Language to write in, as a BCP 47 tag.")
    is_primary: bool = Field(default=False, description="Whether this is the person to turn to first.")
    is_active: bool = Field(default=True, description="Whether the person is still there.")
    marketing_allowed: bool = Field(default=True, description="Whether marketing may be sent.")
    external_id: str | None = Field(default=None, max_length=200, description="Its key in the system it came from.")


class Contact(ContactFields, Versioned, table=True):
    """A contact person at a customer; seen by whoever sees the customer."""

    __tablename__ = "contacts"
    __table_args__ = (
        in_organization(),
        refers_to("customers", "customer_id"),
        check("version", "version > 0"),
        unique_while_alive("contacts", "external_id"),
        index("contacts", "customer_id", "id"),
        index("contacts", "lower(last_name)", "id"),
        index("contacts", "lower(first_name)", "id"),
        index("contacts", "lower(email)", "id"),
        index("contacts", "is_primary", "id"),
        index("contacts", "created_at", "id"),
        index("contacts", "updated_at", "id"),
    )

    customer_id: uuid.UUID
    name: str = Field(
        description="First and last name together.",
        sa_type=sa.Text(),
        sa_column_args=[sa.Computed(FULL_NAME, persisted=True)],
    )
    deleted_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
