"""The audit trail tells exactly what the tables say: nothing changes without a trace, and no trace is made up."""

import sqlalchemy as sa

from db import models
from db.models import table_of
from resolvers import ids
from resolvers.contact import update_contact
from resolvers.customer import delete_customer, update_customer
from resolvers.references import Ref
from resolvers.upsert import Rows, upsert_cases, upsert_customers, upsert_invoices
from tests.builders import a_case, a_contact, a_customer, an_industry, an_invoice, an_organization, euros, ref

WATCHED = {
    "Customer": models.Customer,
    "Contact": models.Contact,
    "Case": models.Case,
    "Invoice": models.Invoice,
}
COLUMNS = {
    "Customer": {
        "number": "number",
        "name": "name",
        "country": "country",
        "email": "email",
        "isActive": "is_active",
        "industry": "industry_id",
        "externalId": "external_id",
    },
    "Contact": {
        "firstName": "first_name",
        "lastName": "last_name",
        "customer": "customer_id",
        "isPrimary": "is_primary",
    },
    "Case": {"name": "name", "salesStatus": "sales_status_id", "isOpen": "is_open", "closedOn": "closed_on"},
    "Invoice": {
        "number": "number",
        "date": "date",
        "status": "status_id",
        "amount": "amount",
        "homeAmount": "home_amount",
    },
}


async def snapshot(session):
    """Each undeleted thing with its columns, plainly."""
    found = {}
    for entity, model in WATCHED.items():
        for row in await session.execute(sa.select(table_of(model))):
            if getattr(row, "deleted_at", None) is None:
                found[entity, row.id] = {name: getattr(row, column) for name, column in COLUMNS[entity].items()}
    return found


async def trail(session):
    changes = table_of(models.Change)
    rows = await session.execute(sa.select(changes).where(changes.c.entity_type.in_(list(WATCHED))))
    return {row.id: row for row in rows}


def plain(value):
    """What a client sees of a column, without the code under test."""
    if value is None or isinstance(value, bool | int):
        return value
    return value.hex if hasattr(value, "hex") else str(value)


def told(value):
    """The trail's value, brought to the same form: a key without its tag, an amount without its currency."""
    if isinstance(value, dict):
        return value["amount"]
    return value[4:] if isinstance(value, str) and ids.decode(value) else value


async def test_the_trail_is_the_difference_of_the_tables(session):
    viewer = await an_organization(session)
    retail = await an_industry(session, viewer, name="Retail")
    first = await a_customer(session, viewer, external_id="1", industry=ref("Industry", retail))
    second = await a_customer(session, viewer, external_id="2")
    contact = await a_contact(session, viewer, second)
    await a_case(session, viewer, first, external_id="c")
    await an_invoice(session, viewer, first, external_id="i")
    before, trail_before = await snapshot(session), await trail(session)

    rows: Rows = [
        {"name": "New", "external_id": "3"},
        {"name": "First", "external_id": "1", "industry": None, "email": "a@b.fi"},
    ]
    await upsert_customers(session, viewer, rows)
    await update_contact(session, viewer, ids.encode("Contact", contact), {"first_name": "Aino", "is_primary": True})
    await update_contact(session, viewer, ids.encode("Contact", contact), {"customer": ref("Customer", first)})
    await update_customer(session, viewer, ids.encode("Customer", first), {"number": 99, "is_active": False})
    closing = {
        "external_id": "c",
        "customer": ref("Customer", first),
        "name": "A case",
        "sales_status": Ref("name", "Lost"),
        "is_open": False,
        "closed_on": "2024-05-01",
    }
    await upsert_cases(session, viewer, [closing])
    billing = {
        "external_id": "i",
        "customer": ref("Customer", first),
        "status": Ref("name", "Paid"),
        "number": "7",
        "amount": euros("5.5"),
    }
    await upsert_invoices(session, viewer, [billing])
    await delete_customer(session, viewer, ids.encode("Customer", second))
    after, trail_after = await snapshot(session), await trail(session)

    new = [row for key, row in trail_after.items() if key not in trail_before]
    assert {(r.entity_type, r.entity_id) for r in new if r.kind == "CREATED"} == after.keys() - before.keys()
    assert {(r.entity_type, r.entity_id) for r in new if r.kind == "DELETED"} == before.keys() - after.keys()
    for row in new:
        if row.kind == "CREATED":
            values = after[row.entity_type, row.entity_id]
            assert {name: plain(value) for name, value in values.items() if value is not None} == {
                name: told(value) for name, value in row.new.items() if name in values
            }
    differences = {
        (*thing, name, plain(before[thing][name]), plain(after[thing][name]))
        for thing in before.keys() & after.keys()
        for name in before[thing]
        if before[thing][name] != after[thing][name]
    }
    updates = {(r.entity_type, r.entity_id, r.field, told(r.old), told(r.new)) for r in new if r.kind == "UPDATED"}
    assert updates == differences
