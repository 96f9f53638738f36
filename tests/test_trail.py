"""The audit trail is the difference of the database before and after: nothing changes without a trace, none is made up.

Every mutation is tried, and every table and column of the database is looked at. One that is added later is either in
the trail, or stands here with the reason why it is not.
"""

import enum
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import sqlalchemy as sa

from db import models
from db.models import metadata, table_of
from db.models.base import now
from resolvers.ids import TAGS, decode, encode
from schema.api import schema
from schema.context import Context
from tests.a_register import MYLLY, Register, reached
from tests.builders import an_organization
from tests.oracle import camel

assert schema._schema.mutation_type
MUTATIONS = schema._schema.mutation_type.fields

UNTRACED_TABLES = {
    "alembic_version": "tells how the tables are",
    "changes": "the trail itself",
    "bulk_operations": "tells of changes that have a trace",
    "rejections": "tells of what was not changed",
    "idempotency_keys": "answers to be given again",
    "registry_links": "tells where traced values came from",
    "registry_cache": "keeps public facts for a while",
    "registry_gates": "tells when a registry may be called",
    "registry_slots": "tells how many calls are under way",
    "customer_search": "is made of customers and contacts, to find them by",
    "contact_search": "is made of contacts, to find them by",
    "kpi_sums": "is summed up from what has a trace",
    "customer_standings": "is counted from what has a trace",
}
UNTRACED_COLUMNS = {
    "organization_id": "never changes",
    "id": "never changes",
    "version": "counts the changes that have a trace",
    "created_at": "is when the trace was left",
    "updated_at": "is when the trace was left",
    "deleted_at": "is traced as the whole thing going or coming back",
    "organizations.last_customer_number": "is the greatest number of a customer that has a trace",
    "tokens.secret_hash": "is nobody's business",
    "tokens.last_used_at": "is kept to the minute, and is not a change to anything",
    "reports.owner_id": "is who made it, and stays",
    "reports.columns": "follows from the document",
    "reports.variables": "follows from the document",
    "reports.health_status": "follows from the document and the schema",
    "reports.health_problems": "follows from the document and the schema",
    "reports.checked_for": "tells which schema that is",
    "contacts.name": "is put together from what has a trace",
    "invoices.status_numbered": "is the status's",
    "invoices.status_sent": "is the status's",
    "invoices.customer_is_internal": "is the customer's",
}
AMOUNTS = {
    ("cases", "value_amount"): ("value", "value_currency"),
    ("invoices", "amount"): ("amount", "currency"),
    ("costs", "amount"): ("amount", "currency"),
    ("invoices", "home_amount"): ("homeAmount", None),
    ("costs", "home_amount"): ("homeAmount", None),
}
"""Columns that are told as an amount: under which name, and where its currency is, if not the organisation's."""
PARTS = {"addresses": ("customers", "customer_id", ("kind", "street", "post_code", "city", "region", "country"))}
"""Tables whose rows are a list of another row's."""
ENTITIES = {table_of(getattr(models, name)).name: name for name in TAGS}
CURRENCY = "EUR"

Rows = Mapping[Any, Mapping[str, Any]]
Snapshot = Mapping[str, Rows]


async def snapshot(database) -> Snapshot:
    """All rows of all tables that the catalogue has."""
    found: dict[str, Rows] = {}
    async with database.sessions() as session:
        names = await session.scalars(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        for name in sorted(names):
            if name in metadata.tables:
                rows = await session.execute(sa.select(metadata.tables[name]))
                keys = [column.name for column in metadata.tables[name].primary_key]
                found[name] = {tuple(row[key] for key in keys): dict(row) for row in rows.mappings()}
            else:
                rows = await session.execute(sa.text(f'SELECT to_jsonb(t) AS row FROM "{name}" t'))  # noqa: S608
                found[name] = {orjson.dumps(row): row for row in rows.scalars()}
    return found


# ---------------------------------------------------------------------- what the trail must say


def expected(before: Snapshot, after: Snapshot) -> list[tuple[Any, ...]]:
    """Kind, entity, key, field, old and new of all that differs."""
    found = []
    for table in sorted(after.keys() - UNTRACED_TABLES.keys() - PARTS.keys()):
        there, here = before[table], after[table]
        if table not in ENTITIES:
            assert there == here, f"{table} changed: trace it, or say in UNTRACED_TABLES or PARTS why not"
            continue
        for key in there.keys() | here.keys():
            found += _row(table, there.get(key), here.get(key), before, after)
    return sorted(found, key=repr)


def _row(table: str, old: Any, new: Any, before: Snapshot, after: Snapshot) -> list[tuple[Any, ...]]:
    was, told = (row and row.get("deleted_at") is None for row in (old, new))
    thing = (ENTITIES[table], (new or old)["id"])
    old_values, new_values = told_of(table, old, before), told_of(table, new, after)
    if told and not was:
        return [("CREATED" if old is None else "RESTORED", *thing, None, None, without_nothing(new_values))]
    if was and not told:
        return [("DELETED", *thing, None, without_nothing(old_values), None)]
    return [
        ("UPDATED", *thing, name, old_values[name], new_values[name])
        for name in new_values
        if was and old_values[name] != new_values[name]
    ]


def without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [])}


def told_of(table: str, row: Mapping[str, Any] | None, everything: Snapshot) -> dict[str, Any]:
    """The row as clients see it."""
    if row is None:
        return {}
    currencies = {currency for (of, _), (_, currency) in AMOUNTS.items() if of == table}
    told: dict[str, Any] = {}
    for column, value in row.items():
        if column in UNTRACED_COLUMNS or f"{table}.{column}" in UNTRACED_COLUMNS or column in currencies:
            continue
        if (table, column) in AMOUNTS:
            name, currency = AMOUNTS[table, column]
            in_currency = {"currency": row[currency] if currency else CURRENCY}
            told[name] = None if value is None else {"amount": plain(value), **in_currency}
        else:
            name, shown = linked(table, column, value)
            told[name] = plain(shown)
    for part, (whole, by, columns) in PARTS.items():
        if whole == table:
            mine = [each for each in everything[part].values() if each[by] == row["id"]]
            told[part] = [
                {camel(name): plain(each[name]) for name in columns if each[name] is not None}
                for each in sorted(mine, key=lambda each: each["position"])
            ]
    return told


def linked(table: str, column: str, value: Any) -> tuple[str, Any]:
    """A column under the name that clients know, a key as an id."""
    for constraint in metadata.tables[table].foreign_key_constraints:
        for key in constraint.elements:
            if key.parent.name == column and key.column.name == "id":
                target = ENTITIES[key.column.table.name]
                return camel(column.removesuffix("_id")), value and encode(target, value)
    return camel(column), value


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, enum.Enum) else value


def traced(before: Snapshot, after: Snapshot) -> list[Any]:
    """The new rows of the trail."""
    assert not before["changes"].keys() - after["changes"].keys(), "the trail only grows"
    return [row for key, row in after["changes"].items() if key not in before["changes"]]


# ---------------------------------------------------------------------- every mutation


class Known:
    """What the steps have made, to be named by later ones."""

    def __init__(self, rows: Snapshot) -> None:
        self._rows = rows

    def __call__(self, entity: str, **columns: Any) -> str:
        """The id of the one row that is like this."""
        rows = self._rows[table_of(getattr(models, entity)).name].values()
        (row,) = [row for row in rows if all(row[name] == value for name, value in columns.items())]
        return encode(entity, row["id"])


LONG: Mapping[str, Any] = {
    "name": "Aalto Oy", "number": 7, "businessId": "0112038-9", "vatNumber": "FI01120389", "country": "FI",
    "language": "fi", "email": "a@example.com", "phone": "+358 9 1234567", "website": "https://example.com",
    "notes": "First", "isInternal": False, "isActive": True, "marketingAllowed": True, "externalId": "c1",
    "addresses": [{"kind": "POSTAL", "street": "Street 1", "city": "Espoo"}, {"kind": "VISITING", "country": "FI"}],
}  # fmt: skip
REPORT = {"name": "units", "title": "Units", "document": "{ units { name } }"}
SHARED = {"visibility": "SHARED", "description": None}
CASE = {"externalId": "k1", "name": "Roof", "customer": {"externalId": "c1"}, "salesStatus": {"name": "In progress"}}
INVOICE = {
    "externalId": "i1", "customer": {"externalId": "c1"}, "case": {"externalId": "k1"}, "status": {"name": "Draft"},
    "amount": {"amount": "100.00", "currency": "SEK"}, "exchangeRate": "0.0915",
}  # fmt: skip
COST = {
    "externalId": "o1", "case": {"externalId": "k1"}, "kind": "WORK", "date": "2024-01-31",
    "amount": {"amount": "10.5", "currency": "EUR"},
}  # fmt: skip
ROLE = {
    "name": "Helper", "readCustomers": "ALL", "editCustomers": "OWN", "readCases": "UNIT", "readInvoices": "NONE",
    "readCosts": "NONE", "importData": False, "administer": False,
}  # fmt: skip

Step = tuple[str, Callable[[Known], Mapping[str, Any]]]
STEPS: list[Step] = [
    ("updateOrganization", lambda known: {"set": {"name": "Renamed Oy", "timezone": "Europe/Oslo"}}),
    ("upsertUnits", lambda known: {"input": [{"name": "House"}, {"name": "Team", "parent": {"name": "House"}}]}),
    ("upsertUnits", lambda known: {"input": [{"name": "Team", "parent": None}, {"name": "House"}]}),
    ("upsertRoles", lambda known: {"input": [ROLE]}),
    ("upsertRoles", lambda known: {"input": [{**ROLE, "readCosts": "ALL", "importData": True}]}),
    ("upsertUsers", lambda known: {"input": [{"email": "b@example.com", "name": "B", "role": "Helper"}]}),
    (
        "upsertUsers",
        lambda known: {
            "input": [
                {"email": "b@example.com", "name": "Bo", "role": "Sales", "unit": {"name": "Team"}, "isActive": False}
            ]
        },
    ),
    ("upsertIndustries", lambda known: {"input": [{"name": "Retail", "code": "47"}, {"name": "Other"}]}),
    ("upsertIndustries", lambda known: {"input": [{"name": "Retail", "code": None, "isActive": False}]}),
    ("upsertSalesStatuses", lambda known: {"input": [{"name": "Maybe", "category": "LOST", "probability": 3}]}),
    ("upsertSalesStatuses", lambda known: {"input": [{"name": "Maybe", "category": "WON", "probability": 4}]}),
    (
        "upsertInvoiceStatuses",
        lambda known: {"input": [{"name": "Odd", "numbered": False, "sent": True, "paid": False}]},
    ),
    (
        "upsertInvoiceStatuses",
        lambda known: {"input": [{"name": "Draft", "numbered": False, "sent": True, "paid": True}]},
    ),
    ("createCustomer", lambda known: {"input": {**LONG, "industry": {"name": "Retail"}}}),
    ("createCustomer", lambda known: {"input": {"name": "Berg AB", "externalId": "c2"}}),
    (
        "updateCustomer",
        lambda known: {
            "id": known("Customer", external_id="c1"),
            "set": {"name": "Aalto Ab", "industry": {"name": "Other"}, "owner": {"email": "b@example.com"}},
        },
    ),
    (
        "updateCustomer",
        lambda known: {
            "id": known("Customer", external_id="c1"),
            "set": {"industry": None, "notes": None, "addresses": LONG["addresses"][1:], "number": 70},
        },
    ),
    ("updateCustomer", lambda known: {"id": known("Customer", external_id="c1"), "set": {"name": "Aalto Ab"}}),
    (
        "upsertCustomers",
        lambda known: {
            "input": [
                {"name": "Berg & Co", "externalId": "c2", "email": "b@example.com", "isActive": False},
                {"name": "Third", "externalId": "c3", "addresses": LONG["addresses"]},
                {"name": "", "externalId": "c4"},
            ],
            "errorPolicy": "REJECT_ROWS",
        },
    ),
    ("upsertCustomers", lambda known: {"input": [{"name": "Fourth", "externalId": "c4"}], "dryRun": True}),
    (
        "createContact",
        lambda known: {"input": {"customer": {"externalId": "c2"}, "lastName": "Lind", "firstName": "Aino"}},
    ),
    (
        "updateContact",
        lambda known: {
            "id": known("Contact", last_name="Lind"),
            "set": {"customer": {"externalId": "c3"}, "firstName": None, "isPrimary": True},
        },
    ),
    (
        "upsertContacts",
        lambda known: {
            "input": [
                {"customer": {"externalId": "c3"}, "lastName": "Holm", "externalId": "p1", "isPrimary": True},
                {"customer": {"externalId": "c3"}, "lastName": "Dahl", "externalId": "p2", "mobile": "+358401234567"},
            ]
        },
    ),
    ("deleteContact", lambda known: {"id": known("Contact", last_name="Dahl")}),
    ("deleteCustomer", lambda known: {"id": known("Customer", external_id="c3")}),
    ("restoreCustomer", lambda known: {"id": known("Customer", external_id="c3")}),
    (
        "upsertCases",
        lambda known: {
            "input": [
                {**CASE, "value": {"amount": "5.50", "currency": "SEK"}, "expectedClose": "2024-05-01"},
                {**CASE, "externalId": "k2"},
            ]
        },
    ),
    (
        "upsertCases",
        lambda known: {
            "input": [
                {
                    **CASE,
                    "salesStatus": {"name": "Won"},
                    "isOpen": False,
                    "closedOn": "2024-06-01",
                    "customer": {"externalId": "c2"},
                    "value": {"amount": "6", "currency": "EUR"},
                    "owner": {"email": "admin@example.com"},
                }
            ]
        },
    ),
    ("upsertInvoices", lambda known: {"input": [INVOICE, {**INVOICE, "externalId": "i2"}]}),
    (
        "upsertInvoices",
        lambda known: {
            "input": [{**INVOICE, "number": "12", "date": "2024-02-29", "amount": {"amount": "7", "currency": "SEK"}}]
        },
    ),
    ("upsertCosts", lambda known: {"input": [COST, {**COST, "externalId": "o2", "kind": "TRAVEL"}]}),
    ("upsertCosts", lambda known: {"input": [{**COST, "date": "2024-03-01", "case": {"externalId": "k2"}}]}),
    ("deleteCosts", lambda known: {"costs": [{"externalId": "o1"}, {"externalId": "o2"}]}),
    ("deleteInvoices", lambda known: {"invoices": [{"externalId": "i1"}, {"externalId": "i2"}]}),
    ("deleteCases", lambda known: {"cases": [{"externalId": "k2"}]}),
    (
        "bulkUpdateCustomers",
        lambda known: {
            "target": {"matching": {"search": "berg", "expectedCount": 1}},
            "set": {"industry": {"name": "Other"}, "owner": None, "language": "sv", "isActive": True},
        },
    ),
    ("undoBulkOperation", lambda known: {"id": known("BulkOperation", undoes_id=None)}),
    (
        "bulkUpdateCustomers",
        lambda known: {
            "target": {"ids": [known("Customer", external_id="c1"), known("Customer", external_id="c2")]},
            "set": {"marketingAllowed": False},
            "dryRun": True,
        },
    ),
    (
        "mergeCustomers",
        lambda known: {
            "into": known("Customer", external_id="c2"),
            "from": known("Customer", external_id="c1"),
            "take": ["number", "vatNumber", "externalId", "addresses", "industry", "notes"],
        },
    ),
    ("undoBulkOperation", lambda known: {"id": known("BulkOperation", matched=2)}),
    ("undoBulkOperation", lambda known: {"id": known("BulkOperation", matched=2, status="APPLIED")}),
    ("importCustomer", lambda known: {"country": "FI", "businessId": MYLLY.business_id, "overrides": {"phone": None}}),
    ("refreshCustomer", lambda known: {"id": known("Customer", business_id=MYLLY.business_id)}),
    ("createToken", lambda known: {"input": {"name": "ci", "scope": "READ", "expiresAt": "2199-01-01T00:00:00Z"}}),
    ("revokeToken", lambda known: {"id": known("Token", name="ci")}),
    ("saveReport", lambda known: {"input": {**REPORT, "document": "{ units { name } }"}}),
    ("saveReport", lambda known: {"input": {**REPORT, "document": "{ units { id name } }", "description": "All"}}),
    ("saveReport", lambda known: {"input": {**REPORT, "name": "all", **SHARED}, "id": known("Report", name="units")}),
    ("deleteReport", lambda known: {"id": known("Report", name="all")}),
]
"""One after the other; each is done by an administrator and none is refused, but for the row without a name."""


def test_every_mutation_is_a_step():
    missing = MUTATIONS.keys() - {name for name, _ in STEPS}
    assert not missing, f"add to STEPS what {', '.join(sorted(missing))} may do"


async def test_the_trail_is_the_difference_of_the_database(database):
    async with database.sessions.begin() as session:
        viewer = await an_organization(session, currency=CURRENCY)
    async with reached(database, Register()) as registries:
        context = Context(database, viewer, registries)
        before = await snapshot(database)
        for mutation, variables_of in STEPS:
            started = now()
            variables = variables_of(Known(before))
            result = await schema.execute(
                written(mutation, variables), variable_values=dict(variables), context_value=context
            )
            assert not result.errors
            assert result.data
            after = await snapshot(database)
            new = traced(before, after)
            said = [
                (row["kind"], row["entity_type"], row["entity_id"], row["field"], row["old"], row["new"]) for row in new
            ]
            assert sorted(said, key=repr) == expected(before, after), mutation
            is_idle = variables.get("dryRun") or variables.get("set") == {"name": "Aalto Ab"}
            assert bool(said) != bool(is_idle), (mutation, result.data)
            for row in new:
                assert (row["organization_id"], row["by_id"]) == (viewer.organization_id, viewer.user_id)
                assert started <= row["at"] <= now()
                assert row["operation_id"] in {None, *(key[1] for key in after["bulk_operations"])}
            told_labels(new, after)
            before = after


def told_labels(new, after):
    """People read names where programs read ids."""
    names = {
        encode(entity, row["id"]): row["name"]
        for table, entity in ENTITIES.items()
        for row in after[table].values()
        if "name" in row
    }
    for row in new:
        if row["kind"] == "UPDATED":
            for side in ("old", "new"):
                value = row[side]
                assert (row[f"{side}_label"] is None) == (value in (None, []))
                if isinstance(value, str) and decode(value):
                    assert row[f"{side}_label"] == names[value]


def written(name: str, variables: Mapping[str, Any]) -> str:
    arguments = MUTATIONS[name].args
    declared = ", ".join(f"${each}: {arguments[each].type}" for each in variables)
    given = ", ".join(f"{each}: ${each}" for each in variables)
    return f"mutation ({declared}) {{ answer: {name}({given}) {{ problems {{ code message path }} }} }}"
