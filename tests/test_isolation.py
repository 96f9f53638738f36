"""Nothing of one organisation can be referred to or changed from another: every mutation, every place for a reference.

Nor can what a viewer may not see or change within one's own.

The places are found by walking the schema, so that a mutation or an input added later is tried without anyone
remembering. Reading is walked in `test_reading_isolation.py`.
"""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
)
from sqlalchemy.ext.asyncio import AsyncSession

from db.connection import Sessions, connected
from db.models import Access, metadata
from resolvers import ids
from resolvers.administration import upsert_invoice_statuses, upsert_roles, upsert_sales_statuses
from resolvers.bulk_update import Named, bulk_update_customers
from resolvers.references import Ref
from resolvers.report import save_report
from resolvers.token import create_token
from resolvers.viewer import Viewer
from schema.api import schema
from schema.context import Context
from schema.report_health import core_of, findings
from tests.a_register import MYLLY, Register, Testers, reached
from tests.builders import (
    NOTHING,
    a_case,
    a_contact,
    a_cost,
    a_customer,
    a_unit,
    a_viewer,
    an_industry,
    an_invoice,
    an_organization,
    ref,
)
from tests.conftest import cloned

assert schema._schema.mutation_type
MUTATIONS = schema._schema.mutation_type.fields
REFERENCES = {name for name in schema._schema.type_map if name.endswith("Ref")}
fresh = itertools.count(70_000)

VALUES: Mapping[str, Any] = {
    "country": "FI",
    "currency": "EUR",
    "language": "fi",
    "locale": "fi",
    "timezone": "Europe/Helsinki",
    "role": "Viewer",
    "email": "someone@example.com",
    "website": "https://example.com",
    "expiresAt": "2199-01-01T00:00:00Z",
    "exchangeRate": "1",
    "amount": "5.00",
    "probability": 50,
    "isInternal": False,
    "take": "name",
    "businessId": MYLLY.business_id,
    "registryId": Testers.info.id,
    "expectedVersion": 1,
    "document": "{ units { name } }",
}


NOTED = ("bulk_operations", "rejections", "idempotency_keys")
"""What is kept of a call that was refused: that it was made."""


async def a_world(sessions: Sessions, name: str) -> tuple[Viewer, dict[str, dict[str, Any]]]:
    """An organisation with one thing of each kind, and every way to name them."""
    async with sessions.begin() as session:
        viewer = await an_organization(session, name=f"{name} Oy", admin_email=f"{name}@example.com")
        return viewer, await things_of(session, viewer, viewer, name)


async def things_of(session: AsyncSession, viewer: Viewer, owner: Viewer, name: str) -> dict[str, dict[str, Any]]:
    """One thing of each kind that an administrator makes for an owner, and every way to name them."""
    industry = await an_industry(session, viewer, name=f"{name} industry")
    unit = await a_unit(session, viewer, name=f"{name} unit")
    number = next(fresh)
    owned = {"number": number, "owner": ref("User", owner.user_id)}
    customer = await a_customer(session, viewer, external_id=f"{name} customer", **owned)
    contact = await a_contact(session, viewer, customer, external_id=f"{name} contact")
    await named_statuses(session, viewer, name)
    status = {"sales_status": Ref("name", f"{name} sales")}
    case = await a_case(session, viewer, customer, external_id=f"{name} case", **status)
    invoice_status = {"status": Ref("name", f"{name} invoicing")}
    invoice = await an_invoice(session, viewer, customer, external_id=f"{name} invoice", **invoice_status)
    cost = await a_cost(session, viewer, case, external_id=f"{name} cost")
    await create_token(session, owner, {"name": f"{name} token"})
    found = findings(core_of(schema), VALUES["document"], owner.locale)
    report = await save_report(
        session, owner, {"name": f"{name}-report", "title": name, "document": VALUES["document"]}, found
    )
    rows = await keys_of(session, viewer)
    values: Mapping[str, Any] = {"is_active": True}
    update = await bulk_update_customers(session, owner, Named([ids.encode("Customer", customer)]), values)
    named: dict[str, dict[str, Any]] = {
        "Customer": {"id": customer, "externalId": f"{name} customer", "number": number},
        "Contact": {"id": contact},
        "Case": {"id": case, "externalId": f"{name} case"},
        "Invoice": {"id": invoice, "externalId": f"{name} invoice"},
        "Cost": {"id": cost, "externalId": f"{name} cost"},
        "Industry": {"id": industry, "name": f"{name} industry"},
        "Unit": {"id": unit, "name": f"{name} unit"},
        "User": {"id": viewer.user_id, "email": f"{name}@example.com"},
        "SalesStatus": {"id": rows["sales_statuses"], "name": f"{name} sales"},
        "InvoiceStatus": {"id": rows["invoice_statuses"], "name": f"{name} invoicing"},
        "Role": {"id": rows["roles"]},
        "Token": {"id": rows["tokens"]},
        "BulkOperation": {"id": update.operation_id},
        "Report": {"id": report.key},
    }
    for entity, ways in named.items():
        ways["id"] = ids.encode(entity, ways["id"])
    return named


@pytest.fixture(scope="module")
async def worlds(server: str, template: str) -> AsyncIterator[Any]:
    """Two organisations. One database serves all tests, since none of them may change anything."""
    async for url in cloned(server, template):
        async with connected(url) as database:
            yield database, (await a_world(database.sessions, "own"), await a_world(database.sessions, "other"))


async def named_statuses(session: Any, viewer: Viewer, name: str) -> None:
    await upsert_sales_statuses(
        session, viewer, [{"name": f"{name} sales", "category": "IN_PROGRESS", "probability": 10}]
    )
    await upsert_invoice_statuses(
        session, viewer, [{"name": f"{name} invoicing", "numbered": False, "sent": False, "paid": False}]
    )
    nothing = dict.fromkeys(("read_customers", "edit_customers", "read_cases", "read_invoices", "read_costs"), "NONE")
    await upsert_roles(
        session, viewer, [{"name": f"{name} role", **nothing, "import_data": False, "administer": False}]
    )


async def keys_of(session: Any, viewer: Viewer) -> dict[str, Any]:
    """The newest row of each table of the organisation."""
    found = {}
    for name in ("sales_statuses", "invoice_statuses", "roles", "tokens"):
        table = metadata.tables[name]
        newest = sa.select(table.c.id).where(table.c.organization_id == viewer.organization_id)
        found[name] = await session.scalar(newest.order_by(table.c.id.desc()).limit(1))
    return found


async def everything_of(sessions: Sessions, viewer: Viewer) -> dict[str, list[Any]]:
    """All rows of an organisation."""
    found = {}
    async with sessions() as session:
        for table in metadata.sorted_tables:
            if table.name in NOTED:
                continue
            key = table.c.id if table.name == "organizations" else table.c.get("organization_id")
            if key is not None:
                rows = await session.execute(sa.select(table).where(key == viewer.organization_id))
                found[table.name] = sorted(map(repr, rows))
    return found


Place = tuple[str, ...]


def places(type_: GraphQLInputType, entity: str, path: Place) -> Iterator[tuple[Place, str, str]]:
    """Where below this argument something that exists is named: the path, what, and by which key.

    Not in conditions on one's own customers: what is another's meets none of them, and nothing is wrong with that.
    """
    named: Any = get_named_type(type_)
    if isinstance(type_, GraphQLNonNull):
        yield from places(type_.of_type, entity, path)
    elif isinstance(type_, GraphQLList):
        yield from places(type_.of_type, entity, (*path, "0"))
    elif named.name in REFERENCES:
        for way in named.fields:
            yield path, named.name.removesuffix("Ref"), way
    elif named.name == "ID":
        yield path, entity, "id"
    elif isinstance(named, GraphQLInputObjectType):
        below = entity_of(named)
        for name, field in named.fields.items():
            if not (name == "excludeIds" or get_named_type(field.type).name.endswith("Filter")):
                yield from places(field.type, below, (*path, name))


def all_places() -> list[tuple[str, Place, str, str]]:
    found = []
    for name, field in MUTATIONS.items():
        for argument, definition in field.args.items():
            found += [(name, *place) for place in places(definition.type, written_by(name), (argument,))]
    return found


def entity_of(named: GraphQLInputObjectType) -> str:
    """What the ids in an input are about."""
    return named.name.removesuffix("Input").removesuffix("Set").removesuffix("Target")


def written_by(mutation: str) -> str:
    """What the mutations with ids are about: `deleteContact` a contact, `mergeCustomers` customers."""
    one = mutation.removesuffix("s")
    return next(
        (known for known in ("Customer", "Contact", "Token", "BulkOperation", "Report") if one.endswith(known)), ""
    )


def value_for(type_: GraphQLInputType, path: Place, foreign: Place, way: str, own: Any, other: Any, entity: str) -> Any:
    """A value that is right and names what is one's own, but for the one place that names what is another's."""
    if isinstance(type_, GraphQLNonNull):
        return value_for(type_.of_type, path, foreign, way, own, other, entity)
    if isinstance(type_, GraphQLList):
        return [value_for(type_.of_type, (*path, "0"), foreign, way, own, other, entity)]
    named = get_named_type(type_)
    source, key = (other, way) if path == foreign else (own, "id")
    if named.name in REFERENCES:
        return {key: source[named.name.removesuffix("Ref")][key]}
    if named.name == "ID":
        return source[entity]["id"]
    if isinstance(named, GraphQLInputObjectType):
        below = entity_of(named)
        names = [name for name in named.fields if wanted(name, path, foreign)]
        return {
            name: value_for(named.fields[name].type, (*path, name), foreign, way, own, other, below)
            for name in (names[:1] if named.name == "CustomerTarget" else names)
        }
    return plain_value(named, next(step for step in reversed(path) if step != "0"))


def wanted(name: str, path: Place, foreign: Place) -> bool:
    """All fields but the id of what is written, unless that is the place in question."""
    return name != "id" or (*path, name) == foreign


def plain_value(named: Any, name: str) -> Any:
    if isinstance(named, GraphQLEnumType):
        return "REJECT_ALL" if "REJECT_ALL" in named.values else next(iter(named.values))
    if name in VALUES:
        return VALUES[name]
    texts = {"Boolean": False, "Int": next(fresh), "Date": "2024-01-31", "Decimal": "1"}
    return texts.get(named.name, f"new {next(fresh)}")


def document_for(mutation: str) -> str:
    field = MUTATIONS[mutation]
    variables = ", ".join(f"${name}: {argument.type}" for name, argument in field.args.items())
    arguments = ", ".join(f"{name}: ${name}" for name in field.args)
    return f"mutation({variables}) {{ answer: {mutation}({arguments}) {{ problems {{ code path }} }} }}"


@pytest.mark.parametrize(("mutation", "path", "entity", "way"), all_places())
async def test_what_is_another_organisations_is_not_found(worlds, mutation: str, path: Place, entity: str, way: str):
    database, ((viewer, own), (stranger, other)) = worlds
    sessions = database.sessions
    before = [await everything_of(sessions, whose) for whose in (viewer, stranger)]
    variables = {
        name: value_for(argument.type, (name,), path, way, own, other, written_by(mutation))
        for name, argument in MUTATIONS[mutation].args.items()
    }
    async with reached(database, Register()) as registries:
        context = Context(database, viewer, registries)
        result = await schema.execute(document_for(mutation), variable_values=variables, context_value=context)
    assert result.errors is None
    assert result.data
    assert {"code": "NOT_FOUND", "path": list(path)} in result.data["answer"]["problems"]
    assert [await everything_of(sessions, whose) for whose in (viewer, stranger)] == before


def test_the_walk_finds_every_kind_of_reference():
    assert {entity for _, _, entity, _ in all_places()} >= {name.removesuffix("Ref") for name in REFERENCES}
    assert {mutation for mutation, *_ in all_places()} == set(MUTATIONS) - {"updateOrganization"}


# ---------------------------------------------------------------------- within an organisation

OWNED = ("Customer", "Contact", "BulkOperation", "Token", "Report")
"""What some may see or change and others may not."""


@pytest.fixture(scope="module", params=["seen", "hidden"])
async def colleagues(server: str, template: str, request: Any) -> AsyncIterator[Any]:
    """Somebody who may change only what is his own, and what is somebody else's: seen by him, or not even that."""
    read = Access.ALL if request.param == "seen" else Access.OWN
    rights: Any = {**dict.fromkeys(NOTHING, read), "edit_customers": Access.OWN}
    async for url in cloned(server, template):
        async with connected(url) as database:
            async with database.sessions.begin() as session:
                administrator = await an_organization(session)
                clerk = await a_viewer(session, administrator, email="own@example.com", **rights)
                things = [
                    await things_of(session, administrator, owner, name)
                    for owner, name in ((clerk, "own"), (administrator, "other"))
                ]
            yield request.param, database, clerk, *things


@pytest.mark.parametrize(("mutation", "path", "entity", "way"), [place for place in all_places() if place[2] in OWNED])
async def test_what_is_somebody_elses_is_not_found_or_may_not_be_changed(
    colleagues, mutation: str, path: Place, entity: str, way: str
):
    kind, database, clerk, own, other = colleagues
    before = await everything_of(database.sessions, clerk)
    variables = {
        name: value_for(argument.type, (name,), path, way, own, other, written_by(mutation))
        for name, argument in MUTATIONS[mutation].args.items()
    }
    async with reached(database, Register()) as registries:
        context = Context(database, clerk, registries)
        result = await schema.execute(document_for(mutation), variable_values=variables, context_value=context)
    assert result.errors is None
    assert result.data
    is_seen = kind == "seen" and entity in ("Customer", "Contact")
    expected = {"code": "FORBIDDEN" if is_seen else "NOT_FOUND", "path": list(path)}
    problems = result.data["answer"]["problems"]
    if mutation.startswith("upsert"):  # which takes the right to import data, and reaches everything
        assert problems == [{"code": "FORBIDDEN", "path": []}]
    else:
        assert expected in problems
    assert await everything_of(database.sessions, clerk) == before
