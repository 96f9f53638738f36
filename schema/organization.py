"""The organisation, its people and what they may do, as a client sees them."""

import strawberry
from strawberry import auto

from db import models
from schema.enums import Access
from schema.scalars import CountryCode, CurrencyCode
from schema.stored import Node, stored, told


@stored(models.Organization)
class Organization(Node):
    """The company that keeps the registry. Everything belongs to one; nothing crosses."""

    name: auto
    country: CountryCode
    currency: CurrencyCode
    timezone: auto
    locale: auto


@strawberry.type(description="How far each right of a role reaches.")
class Permissions:
    """How far each right of a role reaches."""

    read_customers: Access = told("Which customers, with their contacts, may be read.")
    edit_customers: Access = told("Which customers, with their contacts, may be changed.")
    read_cases: Access = told("Which cases may be read.")
    read_invoices: Access = told("Which invoices may be read.")
    read_costs: Access = told("Which costs may be read.")
    import_data: bool = told("Whether upserts, and the deletes beside them, may be used; they reach everything.")
    administer: bool = told("Whether users, roles, units, statuses and the organisation may be changed.")


@stored(models.Role)
class Role(Node):
    """What the users of a role may see and do."""

    name: auto
    permissions: Permissions = told("The rights of the role.")


@stored(models.Unit)
class Unit(Node):
    """A team or department; units form a tree."""

    name: auto
    parent: "Unit | None" = told("The unit above it.")


@stored(models.User)
class User(Node):
    """A person who works with the registry."""

    name: auto
    email: auto
    unit: Unit | None = told("Where the person works.")
    role: Role = told("What the person may do.")
    is_active: auto


@stored(models.Token)
class Token(Node):
    """A key for programs; the secret itself is shown once, when it is made."""

    name: auto
    user: User = told("Who acts through it.")
    scope: auto
    created_at: auto
    expires_at: auto
    last_used_at: auto
