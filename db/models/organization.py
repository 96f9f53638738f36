"""The organisation, its people and what they may do."""

import enum
import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from db.models.base import TIMESTAMP, Entity, check, choice, in_organization, index, new_id, now, refers_to


class OrganizationFields(SQLModel):
    name: str = Field(min_length=1, max_length=200, description="What the organisation calls itself.")
    country: str = Field(max_length=2, description="Where it is: the default country of its customers.")
    currency: str = Field(max_length=3, description="The currency of its figures; it stays as it was set.")
    timezone: str = Field(max_length=64, description="IANA time zone in which its days, months and years begin.")
    locale: str = Field(max_length=35, description="Language of labels and registries, as a BCP 47 tag.")


class Organization(OrganizationFields, table=True):
    """The tenant. Every row belongs to one; nothing crosses."""

    __tablename__ = "organizations"
    __table_args__ = (
        sa.Index("ix_organizations_name_key", sa.text("lower(name)"), unique=True),
        check("country", "country ~ '^[A-Z]{2}$'"),
        check("currency", "currency ~ '^[A-Z]{3}$'"),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    last_customer_number: int = Field(default=0)
    created_at: datetime = Field(default_factory=now, sa_type=TIMESTAMP)


class UnitFields(SQLModel):
    name: str = Field(min_length=1, max_length=200, description="Name of the unit.")


class Unit(UnitFields, Entity, table=True):
    """A team or department; units form a tree."""

    __tablename__ = "units"
    __table_args__ = (
        in_organization(),
        refers_to("units", "parent_id"),
        check("own_parent", "parent_id <> id"),
        index("units", "lower(name)", suffix="name_key", unique=True),
        index("units", "parent_id"),
    )

    parent_id: uuid.UUID | None = Field(default=None)


class Access(enum.StrEnum):
    """How far a right reaches."""

    NONE = "NONE"
    OWN = "OWN"
    UNIT = "UNIT"
    ALL = "ALL"


class RoleFields(SQLModel):
    name: str = Field(min_length=1, max_length=100, description="Name of the role.")


class Role(RoleFields, Entity, table=True):
    """What the users of a role may see and do."""

    __tablename__ = "roles"
    __table_args__ = (in_organization(), index("roles", "lower(name)", suffix="name_key", unique=True))

    read_customers: Access = Field(sa_type=choice(Access, "read_customers"))
    edit_customers: Access = Field(sa_type=choice(Access, "edit_customers"))
    read_cases: Access = Field(sa_type=choice(Access, "read_cases"))
    read_invoices: Access = Field(sa_type=choice(Access, "read_invoices"))
    read_costs: Access = Field(sa_type=choice(Access, "read_costs"))
    import_data: bool
    administer: bool


class UserFields(SQLModel):
    name: str = Field(min_length=1, max_length=200, description="The person's name.")
    email: str = Field(min_length=3, max_length=254, description="Address the person signs in with, in lower case.")
    is_active: bool = Field(default=True, description="Whether the person may sign in.")


class User(UserFields, Entity, table=True):
    """A person who works with the registry."""

    __tablename__ = "users"
    __table_args__ = (
        in_organization(),
        refers_to("units", "unit_id"),
        refers_to("roles", "role_id"),
        check("email_case", "email = lower(email)"),
        index("users", "email", suffix="email_key", unique=True),
        index("users", "lower(name)", "id"),
        index("users", "lower(email)", "id"),
        index("users", "unit_id", "id"),
        index("users", "role_id"),
    )

    unit_id: uuid.UUID | None = Field(default=None)
    role_id: uuid.UUID


class TokenScope(enum.StrEnum):
    """What a token may be used for."""

    READ = "READ"
    FULL = "FULL"


class TokenFields(SQLModel):
    name: str = Field(min_length=1, max_length=100, description="What the token is for, in its maker's words.")
    scope: TokenScope = Field(default=TokenScope.FULL, sa_type=choice(TokenScope), description="What it may do.")
    created_at: datetime = Field(default_factory=now, sa_type=TIMESTAMP, description="When it was made.")
    expires_at: datetime | None = Field(default=None, sa_type=TIMESTAMP, description="When it stops working.")
    last_used_at: datetime | None = Field(
        default=None, sa_type=TIMESTAMP, description="When it was last used, to the nearest minute or so."
    )


class Token(TokenFields, Entity, table=True):
    """A key for programs: 256 random bits of which only a hash is kept."""

    __tablename__ = "tokens"
    __table_args__ = (
        in_organization(),
        refers_to("users", "user_id"),
        index("tokens", "secret_hash", suffix="secret_hash_key", unique=True),
        index("tokens", "user_id", "id"),
    )

    user_id: uuid.UUID
    secret_hash: bytes
