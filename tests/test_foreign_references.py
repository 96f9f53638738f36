"""Nothing of one organisation can be referred to or changed from another."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from db import models
from db.models import ProblemCode, table_of
from resolvers import ids
from resolvers.administration import (
    upsert_invoice_statuses,
    upsert_roles,
    upsert_sales_statuses,
    upsert_units,
    upsert_users,
)
from resolvers.contact import create_contact, delete_contact, update_contact
from resolvers.customer import create_customer, delete_customer, restore_customer, update_customer
from resolvers.deletion import delete_cases, delete_costs, delete_invoices
from resolvers.references import Ref
from resolvers.token import create_token, revoke_token
from resolvers.upsert import (
    upsert_cases,
    upsert_contacts,
    upsert_costs,
    upsert_customers,
    upsert_industries,
    upsert_invoices,
)
from resolvers.viewer import Viewer
from tests.builders import (
    a_case,
    a_contact,
    a_cost,
    a_customer,
    a_unit,
    an_industry,
    an_invoice,
    an_invoice_status,
    an_organization,
    euros,
    ref,
)

NOT_FOUND = ProblemCode.NOT_FOUND
RIGHTS = ("read_customers", "edit_customers", "read_cases", "read_invoices", "read_costs")


@dataclass
class Other:
    """An organisation with one of everything, by type; only it has these names and keys."""

    viewer: Viewer
    keys: dict[str, UUID]


async def another(session):
    viewer = await an_organization(session, admin_email="foreign@example.com")
    customer = await a_customer(session, viewer, external_id="foreign", number=777)
    case = await a_case(session, viewer, customer, external_id="foreign")
    keys = {
        "Customer": customer,
        "Case": case,
        "Contact": await a_contact(session, viewer, customer, external_id="foreign"),
        "Invoice": await an_invoice(session, viewer, customer, external_id="foreign"),
        "Cost": await a_cost(session, viewer, case, external_id="foreign"),
        "Industry": await an_industry(session, viewer, name="Foreign"),
        "Unit": await a_unit(session, viewer, name="Foreign"),
        "User": viewer.user_id,
        "InvoiceStatus": await an_invoice_status(session, viewer, name="Foreign"),
        "Token": (await create_token(session, viewer, {"name": "x"})).key,
        "SalesStatus": await one(session, models.SalesStatus, viewer),
        "Role": await one(session, models.Role, viewer),
    }
    return Other(viewer, keys)


async def one(session, model, viewer):
    table = table_of(model)
    return await session.scalar(sa.select(table.c.id).where(table.c.organization_id == viewer.organization_id).limit(1))


async def everything_of(session, viewer):
    """All rows of an organisation, as text."""
    found = {}
    for table in models.metadata.sorted_tables:
        column = table.c.get("organization_id")
        if column is not None:
            rows = await session.execute(sa.select(table).where(column == viewer.organization_id))
            found[table.name] = sorted(map(repr, rows))
    return found


CUSTOMER = ("Customer", (("external_id", "foreign"), ("number", 777)))
USER = ("User", (("email", "foreign@example.com"),))
UNIT = ("Unit", (("name", "Foreign"),))
INDUSTRY = ("Industry", (("name", "Foreign"),))
CASE = ("Case", (("external_id", "foreign"),))
STATUS = ("InvoiceStatus", (("name", "Foreign"),))
SALES = ("SalesStatus", ())
ROLE = ("Role", ())


def refs(other, target):
    entity, keys = target
    return [ref(entity, other.keys[entity]), *(Ref(by, value) for by, value in keys)]


@pytest.mark.parametrize(
    ("function", "name", "target"),
    [
        (upsert_customers, "industry", INDUSTRY),
        (upsert_customers, "owner", USER),
        (upsert_contacts, "customer", CUSTOMER),
        (upsert_cases, "customer", CUSTOMER),
        (upsert_cases, "sales_status", SALES),
        (upsert_cases, "owner", USER),
        (upsert_invoices, "customer", CUSTOMER),
        (upsert_invoices, "case", CASE),
        (upsert_invoices, "status", STATUS),
        (upsert_costs, "case", CASE),
        (upsert_units, "parent", UNIT),
        (upsert_users, "unit", UNIT),
        (upsert_users, "role", ROLE),
    ],
)
async def test_no_row_can_point_into_another_organisation(session, function, name, target):
    viewer = await an_organization(session)
    other = await another(session)
    customer = await a_customer(session, viewer, external_id="own")
    rows: dict[Any, dict[str, Any]] = {
        upsert_customers: {"name": "A"},
        upsert_contacts: {"last_name": "A"},
        upsert_cases: {
            "external_id": "1",
            "name": "A",
            "customer": ref("Customer", customer),
            "sales_status": Ref("name", "Won"),
        },
        upsert_invoices: {
            "external_id": "1",
            "customer": ref("Customer", customer),
            "status": Ref("name", "Draft"),
            "amount": euros(1),
        },
        upsert_costs: {"external_id": "1", "kind": "WORK", "date": "2024-01-01", "amount": euros(1)},
        upsert_units: {"name": "A"},
        upsert_users: {"email": "a@example.com", "name": "A", "role": "Sales"},
    }
    own = rows[function]
    before = await everything_of(session, viewer)
    for foreign in refs(other, target):
        result = await function(session, viewer, [{**own, name: foreign}])
        assert [(p.code, p.path) for p in result.problems] == [
            (NOT_FOUND, ("input", "0", "salesStatus" if name == "sales_status" else name))
        ]
    assert await everything_of(session, viewer) == before


async def test_single_mutations_do_not_reach_across(session):
    viewer = await an_organization(session)
    other = await another(session)
    own = await a_customer(session, viewer)
    before = await everything_of(session, other.viewer)
    cus, con, tok = (ids.encode(entity, other.keys[entity]) for entity in ("Customer", "Contact", "Token"))
    mine = ids.encode("Customer", own)
    calls: list[tuple[Any, tuple[str, ...]]] = [
        (update_customer(session, viewer, cus, {"name": "Mine"}), ("id",)),
        (delete_customer(session, viewer, cus), ("id",)),
        (restore_customer(session, viewer, cus), ("id",)),
        (update_contact(session, viewer, con, {"last_name": "Mine"}), ("id",)),
        (delete_contact(session, viewer, con), ("id",)),
        (revoke_token(session, viewer, tok), ("id",)),
        *((create_customer(session, viewer, {"name": "A", "owner": r}), ("input", "owner")) for r in refs(other, USER)),
        *(
            (update_customer(session, viewer, mine, {"industry": r}), ("set", "industry"))
            for r in refs(other, INDUSTRY)
        ),
        *(
            (create_contact(session, viewer, {"last_name": "A", "customer": r}), ("input", "customer"))
            for r in refs(other, CUSTOMER)
        ),
        *((create_token(session, viewer, {"name": "A", "user": r}), ("input", "user")) for r in refs(other, USER)),
        *((delete_cases(session, viewer, [r]), ("cases", "0")) for r in refs(other, CASE)),
        *((delete_invoices(session, viewer, [r]), ("invoices", "0")) for r in refs(other, ("Invoice", CASE[1]))),
        *((delete_costs(session, viewer, [r]), ("costs", "0")) for r in refs(other, ("Cost", CASE[1]))),
    ]
    for call, path in calls:
        outcome = await call
        assert [(p.code, p.path) for p in outcome.problems] == [(NOT_FOUND, path)]
    assert await everything_of(session, other.viewer) == before


async def test_ids_of_another_organisation_match_nothing(session):
    viewer = await an_organization(session)
    other = await another(session)
    before = await everything_of(session, other.viewer)
    rights = {**dict.fromkeys(RIGHTS, models.Access.NONE), "import_data": False, "administer": False}
    for function, entity, values in (
        (upsert_industries, "Industry", {"name": "Mine"}),
        (upsert_units, "Unit", {"name": "Mine"}),
        (upsert_roles, "Role", {"name": "Mine", **rights}),
        (upsert_users, "User", {"name": "Mine", "email": "m@example.com", "role": "Sales"}),
        (upsert_sales_statuses, "SalesStatus", {"name": "Mine", "category": "WON", "probability": 1}),
        (upsert_invoice_statuses, "InvoiceStatus", {"name": "Mine", "numbered": True, "sent": True, "paid": True}),
    ):
        row = {**values, "id": ids.encode(entity, other.keys[entity])}
        result = await function(session, viewer, [row])
        assert [(p.code, p.path) for p in result.problems] == [(NOT_FOUND, ("input", "0", "id"))]
    assert await everything_of(session, other.viewer) == before


async def test_the_same_keys_in_two_organisations_are_two_things(session):
    viewer = await an_organization(session)
    other = await another(session)
    before = await everything_of(session, other.viewer)
    rows = [{"name": "Own", "external_id": "foreign", "number": 777}]
    assert (await upsert_customers(session, viewer, rows)).created == 1
    assert (await upsert_industries(session, viewer, [{"name": "Foreign"}])).created == 1
    row = {"email": "foreign@example.com", "name": "A", "role": "Sales"}
    assert (await upsert_users(session, viewer, [row])).created == 1
    assert await everything_of(session, other.viewer) == before
