"""The stored entities: which columns, expressions and links each has, declared once.

What is declared here can be read, filtered on and sorted by; what a client gets to see of it is the list of fields in
`schema/`. Every column of an entity's table is a field of the same name unless it is declared otherwise.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from db import models
from db.models import table_of
from resolvers import duplicates, groups, provenance, rights
from resolvers.ids import TAGS
from resolvers.rendering import text
from resolvers.rights import Predicate, Table
from resolvers.selection import Sort
from resolvers.viewer import Permissions

Expression = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Row:
    """A table in a statement, and what its viewer may do."""

    table: Table
    may: Permissions
    joins: list[tuple[Table, Predicate]] | None = None
    """Where links may be followed by joins: what is to be joined so far."""

    @property
    def c(self) -> Any:
        """The columns."""
        return self.table.c


@dataclass(frozen=True)
class Value:
    """One value, worked out of the row's columns (and of arguments, where the field takes some)."""

    of: Callable[..., Expression]
    json: Callable[["Row"], Expression] | None = None
    """How it is written to JSON, where that is not how it is compared."""
    takes: Mapping[str, sa.types.TypeEngine[Any]] = field(default_factory=dict)
    """Optional arguments by name."""
    folded: str | None = None
    """Which column beside the entity's words has it without accents and capitals, where there is one."""


@dataclass(frozen=True)
class Group:
    """An object made of the same row's values, such as an amount with its currency."""

    fields: Mapping[str, "Declared"]
    key: str | None = None
    """The field that stands for the whole when it is compared or sorted by; where it is null, all is."""


@dataclass(frozen=True)
class Elements:
    """A list of objects that is kept in a JSON column."""

    column: str


@dataclass(frozen=True)
class Parts:
    """Rows of a table that belong to this row and are nothing by themselves."""

    model: Any
    by: str
    fields: Mapping[str, Value]
    order: str | None = None
    """What the list is ordered by; without it, there is at most one part and no list."""


@dataclass(frozen=True)
class ToOne:
    """A link to one row, which may be missing or not for the viewer's eyes."""

    entity: str
    column: str
    target: str = "id"
    where: Callable[[Table], Predicate] | None = None
    """Which of several rows it leads to, where the target is no key."""


@dataclass(frozen=True)
class ToMany:
    """The rows of another entity that point here."""

    entity: str
    by: str
    sees: Callable[[Table, Permissions], Predicate] | None = None
    """Who sees which of them, where that is simpler to tell for whoever sees this row."""


@dataclass(frozen=True)
class FoundBy:
    """Where the words are that an entity is searched by, and which column has its key."""

    model: Any
    by: str


Declared = Value | Group | Elements | Parts | ToOne | ToMany


@dataclass(frozen=True)
class Entity:
    """A stored thing: its table, who sees which rows, and what is known of a row beyond its columns."""

    name: str
    model: Any
    sees: Callable[[Table, Permissions], Predicate] = rights.sees_all
    fields: Mapping[str, Declared] = field(default_factory=dict)
    groups: Mapping[str, Callable[..., Predicate]] = field(default_factory=dict)
    order: tuple[Sort, ...] = ()
    newest_first: bool = False
    found_by: FoundBy | None = None

    def field(self, name: str) -> Declared:
        """What `name` stands for: as declared, else the column of that name."""
        return self.fields.get(name) or column(name)

    def visible(self, row: Table, may: Permissions) -> Predicate:
        """The rows of the viewer's organisation that the viewer may see."""
        return sa.and_(rights.in_organization(row), self.sees(row, may))


def column(name: str) -> Value:
    """A column as it is."""
    return Value(lambda row: row.c[name])


def columns(*names: str) -> dict[str, Value]:
    """Several columns as they are."""
    return {name: column(name) for name in names}


def tagged(entity: str, name: str = "id") -> Value:
    """A key, written as the client's opaque id."""
    return Value(lambda row: row.c[name], lambda row: _tagged(text(TAGS[entity]), row.c[name]))


def _tagged(tag: Expression, key: Expression) -> Expression:
    return tag.concat(text("_")).concat(sa.func.replace(sa.cast(key, sa.Text), text("-"), text("")))


def money(amount: str, currency: Value) -> Group:
    """An amount with its currency; compared by the amount."""
    return Group({"amount": column(amount), "currency": currency}, key="amount")


def _home_currency(row: Row) -> Expression:
    organizations = table_of(models.Organization).alias()
    return sa.select(organizations.c.currency).where(organizations.c.id == rights.ORGANIZATION).scalar_subquery()


HOME_CURRENCY = Value(_home_currency)


def _billing(row: Row, **period: Expression) -> Expression:
    invoices = Row(table_of(models.Invoice).alias(), row.may)
    bounds = {"from": operator.ge, "to": operator.le}
    within = [bounds[end](invoices.c.date, day) for end, day in period.items()]
    return (
        sa.select(sa.func.coalesce(sa.func.sum(invoices.c.home_amount), sa.literal_column("0")))
        .where(
            INVOICE.visible(invoices.table, row.may),
            invoices.c.customer_id == row.c.id,
            groups.counted_invoice(invoices),
            *within,
        )
        .correlate(row.table)
        .scalar_subquery()
    )


def _registry_status(row: Row) -> Expression:
    links = table_of(models.RegistryLink).alias()
    return (
        sa.select(links.c.status)
        .where(rights.in_organization(links), links.c.customer_id == row.c.id)
        .correlate(row.table)
        .scalar_subquery()
    )


def _changed_id(row: Row) -> Expression:
    kinds = ((row.c.entity_type == text(name), text(tag)) for name, tag in TAGS.items())
    return _tagged(sa.case(*kinds), row.c.entity_id)


def _is_applied(row: Table) -> Predicate:
    return row.c.status == text(models.BulkStatus.APPLIED)


def _nothing(row: Row) -> Expression:
    return sa.null()


ORGANIZATION = Entity("Organization", models.Organization, fields={"id": tagged("Organization")})
UNIT = Entity(
    "Unit",
    models.Unit,
    fields={"id": tagged("Unit"), "parent": ToOne("Unit", "parent_id")},
    order=(Sort(("name",)),),
)
ROLE = Entity(
    "Role",
    models.Role,
    fields={"id": tagged("Role"), "permissions": Group(columns(*Permissions.__slots__))},
    order=(Sort(("name",)),),
)
USER = Entity(
    "User",
    models.User,
    fields={"id": tagged("User"), "unit": ToOne("Unit", "unit_id"), "role": ToOne("Role", "role_id")},
)
TOKEN = Entity(
    "Token",
    models.Token,
    sees=rights.sees_token,
    fields={"id": tagged("Token"), "user": ToOne("User", "user_id")},
)
INDUSTRY = Entity("Industry", models.Industry, fields={"id": tagged("Industry")})
CUSTOMER = Entity(
    "Customer",
    models.Customer,
    sees=rights.sees_customer,
    fields={
        "id": tagged("Customer"),
        "name": Value(lambda row: row.c.name, folded="name"),
        "industry": ToOne("Industry", "industry_id"),
        "owner": ToOne("User", "owner_id"),
        "addresses": Parts(
            models.Address,
            by="customer_id",
            fields=columns(*provenance.ADDRESS),
            order="position",
        ),
        "contacts": ToMany("Contact", by="customer_id", sees=rights.is_there),
        "cases": ToMany("Case", by="customer_id"),
        "invoices": ToMany("Invoice", by="customer_id"),
        "billing": Group(
            {"amount": Value(_billing, takes={"from": sa.Date(), "to": sa.Date()}), "currency": HOME_CURRENCY}
        ),
        "registry_link": Parts(
            models.RegistryLink,
            by="customer_id",
            fields={
                **columns("registry_id", "business_id", "status", "fetched_at"),
                "fields": Value(provenance.unedited_fields),
            },
        ),
        "registry_status": Value(_registry_status),
        # What nobody looks after is nobody's own: not null, but no.
        "viewer_can_edit": Value(lambda row: rights.edits_customer(row.table, row.may).is_(sa.true())),
    },
    groups={
        "ACTIVE": groups.active_customer,
        "PROSPECT": groups.prospect,
        "POSSIBLE_DUPLICATE": duplicates.possible_duplicate,
    },
    found_by=FoundBy(models.CustomerSearch, "customer_id"),
)
CONTACT = Entity(
    "Contact",
    models.Contact,
    sees=rights.sees_contact,
    fields={
        "id": tagged("Contact"),
        "name": Value(lambda row: row.c.name, folded="name"),
        "customer": ToOne("Customer", "customer_id"),
    },
    found_by=FoundBy(models.ContactSearch, "contact_id"),
)
SALES_STATUS = Entity("SalesStatus", models.SalesStatus, fields={"id": tagged("SalesStatus")}, order=(Sort(("name",)),))
CASE = Entity(
    "Case",
    models.Case,
    sees=rights.sees_case,
    fields={
        "id": tagged("Case"),
        "customer": ToOne("Customer", "customer_id"),
        "owner": ToOne("User", "owner_id"),
        "sales_status": ToOne("SalesStatus", "sales_status_id"),
        "value": money("value_amount", column("value_currency")),
        "invoices": ToMany("Invoice", by="case_id"),
        "costs": ToMany("Cost", by="case_id"),
    },
)
INVOICE_STATUS = Entity(
    "InvoiceStatus", models.InvoiceStatus, fields={"id": tagged("InvoiceStatus")}, order=(Sort(("name",)),)
)
INVOICE = Entity(
    "Invoice",
    models.Invoice,
    sees=rights.sees_invoice,
    fields={
        "id": tagged("Invoice"),
        "customer": ToOne("Customer", "customer_id"),
        "case": ToOne("Case", "case_id"),
        "status": ToOne("InvoiceStatus", "status_id"),
        "amount": money("amount", column("currency")),
        "home_amount": money("home_amount", HOME_CURRENCY),
    },
    groups={"COUNTED": groups.counted_invoice},
)
COST = Entity(
    "Cost",
    models.Cost,
    sees=rights.sees_cost,
    fields={
        "id": tagged("Cost"),
        "case": ToOne("Case", "case_id"),
        "amount": money("amount", column("currency")),
        "home_amount": money("home_amount", HOME_CURRENCY),
    },
    groups={"COUNTED": groups.counted_cost},
)
CHANGE = Entity(
    "Change",
    models.Change,
    sees=rights.sees_change,
    fields={
        "id": tagged("Change"),
        "entity_id": Value(lambda row: row.c.entity_id, _changed_id),
        "old": Value(lambda row: rights.seen_value(row.table, row.may, "old")),
        "new": Value(lambda row: rights.seen_value(row.table, row.may, "new")),
        "old_label": Value(lambda row: rights.seen_label(row.table, row.may, "old")),
        "new_label": Value(lambda row: rights.seen_label(row.table, row.may, "new")),
        "by": ToOne("User", "by_id"),
        "operation": ToOne("BulkOperation", "operation_id"),
    },
    newest_first=True,
)
BULK_OPERATION = Entity(
    "BulkOperation",
    models.BulkOperation,
    sees=rights.sees_operation,
    fields={
        "id": tagged("BulkOperation"),
        "by": ToOne("User", "by_id"),
        "undoes": ToOne("BulkOperation", "undoes_id"),
        "undone_by": ToOne("BulkOperation", "id", target="undoes_id", where=_is_applied),
        "changes": ToMany("Change", by="operation_id"),
        "rejections": ToMany("Rejection", by="operation_id"),
    },
)
REJECTION = Entity(
    "Rejection",
    models.Rejection,
    fields={
        "customer_id": column("customer_ref"),
        "customer": ToOne("Customer", "customer_id"),
        "problem": Group(
            columns("code", "message", "path")
            | {"entity_id": column("entity_ref")}
            | {name: Value(_nothing) for name in ("line", "column", "retry_after")}
        ),
    },
)
REPORT = Entity(
    "Report",
    models.Report,
    sees=rights.sees_report,
    fields={
        "id": tagged("Report"),
        "is_own": Value(lambda row: row.c.owner_id == rights.VIEWER),
        "owner": ToOne("User", "owner_id"),
        "columns": Elements("columns"),
        "variables": Elements("variables"),
        "health": Group({"status": column("health_status"), "problems": Elements("health_problems")}, key="status"),
    },
)

ENTITIES: Mapping[str, Entity] = {
    entity.name: entity
    for entity in (
        ORGANIZATION,
        UNIT,
        ROLE,
        USER,
        TOKEN,
        INDUSTRY,
        CUSTOMER,
        CONTACT,
        SALES_STATUS,
        CASE,
        INVOICE_STATUS,
        INVOICE,
        COST,
        CHANGE,
        BULK_OPERATION,
        REJECTION,
        REPORT,
    )
}
