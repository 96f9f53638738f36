"""What tests begin with, made by the same functions that clients reach; each asserts that nothing was refused."""

import uuid
from decimal import Decimal
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.connection import reads_of
from db.models import Access, table_of
from resolvers import ids
from resolvers.administration import upsert_invoice_statuses, upsert_roles, upsert_units, upsert_users
from resolvers.contact import create_contact
from resolvers.customer import create_customer
from resolvers.founding import init_organization
from resolvers.money import Money
from resolvers.references import Ref
from resolvers.upsert import UpsertResult, upsert_cases, upsert_costs, upsert_industries, upsert_invoices
from resolvers.viewer import Permissions, Viewer, find_viewer_by_email, find_viewer_by_token

numbers = count(1)

NOTHING = dict.fromkeys(("read_customers", "edit_customers", "read_cases", "read_invoices", "read_costs"), Access.NONE)


def an_id(entity: str, key: uuid.UUID | None) -> str:
    """The id of a thing that was made."""
    assert key
    return ids.encode(entity, key)


def ref(entity: str, key: uuid.UUID | None) -> Ref:
    """A reference by id."""
    return Ref("id", an_id(entity, key))


def euros(amount: str | int) -> Money:
    return Money(Decimal(amount), "EUR")


async def an_organization(session: AsyncSession, **values: Any) -> Viewer:
    """An organisation; its administrator."""
    defaults = {
        "name": f"Testi {next(numbers)} Oy",
        "country": "FI",
        "currency": "EUR",
        "timezone": "Europe/Helsinki",
        "locale": "fi",
        "admin_email": "admin@example.com",
    }
    founded = await init_organization(session, **{**defaults, **values})
    assert not founded.problems
    assert founded.organization_id
    viewer = await find_viewer_by_email(
        session, founded.organization_id, values.get("admin_email", "admin@example.com")
    )
    assert viewer
    return viewer


async def a_viewer(
    session: AsyncSession, administrator: Viewer, *, unit: Ref | None = None, email: str | None = None, **rights: Any
) -> Viewer:
    """A user with a role of exactly these rights."""
    name = f"Role {next(numbers)}"
    may = {**NOTHING, "import_data": False, "administer": False, **rights}
    the_only(await upsert_roles(session, administrator, [{"name": name, **may}]))
    email = email or f"user{next(numbers)}@example.com"
    user = {"email": email, "name": email.partition("@")[0], "role": Ref("name", name), "unit": unit}
    the_only(await upsert_users(session, administrator, [user]))
    viewer = await find_viewer_by_email(session, administrator.organization_id, email)
    assert viewer
    assert viewer.permissions == Permissions(**may)
    return viewer


async def the_viewer(session: AsyncSession, secret: str | None) -> Viewer:
    """Whoever the token stands for."""
    viewer = await find_viewer_by_token(await reads_of(session), secret or "")
    assert viewer
    return viewer


async def a_unit(session: AsyncSession, administrator: Viewer, **values: Any) -> uuid.UUID:
    return the_only(await upsert_units(session, administrator, [{"name": f"Unit {next(numbers)}", **values}]))


async def an_industry(session: AsyncSession, viewer: Viewer, **values: Any) -> uuid.UUID:
    return the_only(await upsert_industries(session, viewer, [{"name": f"Industry {next(numbers)}", **values}]))


async def a_customer(session: AsyncSession, viewer: Viewer, **values: Any) -> uuid.UUID:
    outcome = await create_customer(session, viewer, {"name": f"Customer {next(numbers)}", **values})
    assert not outcome.problems
    assert outcome.key
    return outcome.key


async def a_contact(session: AsyncSession, viewer: Viewer, customer: uuid.UUID, **values: Any) -> uuid.UUID:
    given = {"customer": ref("Customer", customer), "last_name": f"Virtanen {next(numbers)}", **values}
    outcome = await create_contact(session, viewer, given)
    assert not outcome.problems
    assert outcome.key
    return outcome.key


async def a_case(session: AsyncSession, viewer: Viewer, customer: uuid.UUID, **values: Any) -> uuid.UUID:
    given = {
        "external_id": f"case-{next(numbers)}",
        "customer": ref("Customer", customer),
        "name": "A case",
        "sales_status": Ref("name", "In progress"),
        **values,
    }
    return the_only(await upsert_cases(session, viewer, [given]))


async def an_invoice(session: AsyncSession, viewer: Viewer, customer: uuid.UUID, **values: Any) -> uuid.UUID:
    given = {
        "external_id": f"invoice-{next(numbers)}",
        "customer": ref("Customer", customer),
        "status": Ref("name", "Draft"),
        "amount": euros("100.00"),
        **values,
    }
    return the_only(await upsert_invoices(session, viewer, [given]))


async def a_cost(session: AsyncSession, viewer: Viewer, case: uuid.UUID, **values: Any) -> uuid.UUID:
    given = {
        "external_id": f"cost-{next(numbers)}",
        "case": ref("Case", case),
        "kind": models.CostKind.WORK,
        "date": "2024-01-31",
        "amount": euros("10.00"),
        **values,
    }
    return the_only(await upsert_costs(session, viewer, [given]))


async def an_invoice_status(session: AsyncSession, administrator: Viewer, **values: Any) -> uuid.UUID:
    given = {"name": f"Status {next(numbers)}", "numbered": False, "sent": False, "paid": False, **values}
    return the_only(await upsert_invoice_statuses(session, administrator, [given]))


def the_only(result: UpsertResult) -> uuid.UUID:
    """The key of the one row that was sent."""
    assert not result.problems
    (key,) = result.ids
    assert key
    return key


async def stored(session: AsyncSession, model: Any, key: uuid.UUID | None) -> Any:
    """The row as it is in the database."""
    table = table_of(model)
    return (await session.execute(sa.select(table).where(table.c.id == key))).one()


async def trail_of(session: AsyncSession, key: uuid.UUID | None) -> list[Any]:
    """The rows of the audit trail of one thing, oldest first."""
    changes = table_of(models.Change)
    return list(await session.execute(sa.select(changes).where(changes.c.entity_id == key).order_by(changes.c.id)))
