"""The root fields that read."""

from datetime import date
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError

from resolvers.ids import decode, find_key
from resolvers.paging import storable
from resolvers.selection import All, AnyOf, Compare, Member, Operand, Sort, by_key
from schema.context import Info
from schema.customer import Contact, Customer, Industry
from schema.filters import (
    CaseFilter,
    ChangeFilter,
    ContactFilter,
    CostFilter,
    CustomerFilter,
    IndustryFilter,
    InvoiceFilter,
    ReportFilter,
    UserFilter,
)
from schema.kpis import Kpis
from schema.orders import (
    CaseOrder,
    ContactOrder,
    CostOrder,
    CustomerOrder,
    IndustryOrder,
    InvoiceOrder,
    ReportOrder,
    UserOrder,
)
from schema.organization import Organization, Permissions, Role, Token, Unit, User
from schema.reading import answer, list_field, page_field, read_list, read_one, selected
from schema.registries import (
    CHECK_VAT_NUMBER,
    REGISTRIES,
    REGISTRY_COMPANY,
    REGISTRY_SEARCH,
    Registry,
    RegistryCompanyResult,
    RegistrySearch,
    VatCheck,
)
from schema.registry_import import REGISTRY_DIFF, RegistryDiff
from schema.report import Report
from schema.report_builder import (
    COMPOSE_REPORT,
    REPORT_FIELDS,
    REPORT_ROWS,
    ComposedReport,
    ReportField,
    ReportRows,
)
from schema.sales import Case, Cost, Invoice, InvoiceStatus, SalesStatus
from schema.selection import one_query, some_query
from schema.stored import Connection, Node, field_with, told
from schema.trail import BulkOperation, Change

MOST_IDS = 1000
MOST_DUPLICATES = 20

Id = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
Ids = Annotated[list[strawberry.ID], strawberry.argument(description=f"Ids of any types, at most {MOST_IDS:,}.")]
AsOf = Annotated[
    date | None,
    strawberry.argument(description="The day to look from; by default today in the organisation's time zone."),
]


def by_id(description: str) -> Any:
    """A root field that answers one stored thing by its id; null where it is unknown or not for the viewer's eyes."""

    async def resolve(root: Any, info: Info, id: strawberry.ID) -> Any:
        key = find_key(selected(info).type.name, id)
        return key and await read_one(info, by_key(key))

    return field_with({"id": Id}, description, resolve, required=("id",))


async def _node(root: Any, info: Info, id: strawberry.ID) -> Any:
    found = decode(id)
    if found is None:
        return None
    entity, key = found
    return await answer(info, one_query(selected(info), by_key(key), entity=entity))


async def _nodes(root: Any, info: Info, ids: list[strawberry.ID]) -> Any:
    if len(ids) > MOST_IDS:
        raise GraphQLError(f"nodes: {len(ids):,} ids are more than {MOST_IDS:,}; ask in several turns.")
    return await answer(info, some_query(selected(info), ids))


async def _report(root: Any, info: Info, id: strawberry.ID | None, name: str | None) -> Any:
    if (id is None) == (name is None):
        raise GraphQLError("report: Give either an id or a name.")
    if id is not None:
        key = find_key("Report", id)
        return key and await read_one(info, by_key(key))
    if not storable(name):
        return None
    own = Compare("owner_id", "eq", Operand(info.context.viewer.user_id))
    shared = Compare("visibility", "eq", Operand("SHARED"))
    named = All((Compare("name", "eq", Operand(name)), AnyOf((own, shared))))
    return await read_one(info, named, order=(Sort(("is_own",), descending=True),))


async def _possible_duplicates(root: Any, info: Info, customer_id: strawberry.ID) -> Any:
    key = find_key("Customer", customer_id)
    return await read_list(info, Member("POSSIBLE_DUPLICATE", (Operand(key),)), MOST_DUPLICATES) if key else []


async def _user(root: Any, info: Info) -> Any:
    return await read_one(info, by_key(info.context.viewer.user_id))


async def _organization(root: Any, info: Info) -> Any:
    return await read_one(info, by_key(info.context.viewer.organization_id))


@strawberry.type(description="Who asks, and what they may do.")
class Viewer:
    """Who asks, and what they may do."""

    user: User = field_with({}, "The user behind the request.", _user)
    organization: Organization = field_with({}, "The organisation that everything belongs to.", _organization)
    permissions: Permissions = told("How far the viewer's rights reach.")


@strawberry.type(description="Everything that can be read.")
class Query:
    """Everything that can be read."""

    node: Node | None = field_with({"id": Id}, "Anything that has an id.", _node, required=("id",))
    nodes: list[Node | None] = field_with(
        {"ids": Ids}, "Several things by their ids, in that order; null for those not found.", _nodes, required=("ids",)
    )
    customer: Customer | None = by_id("A customer.")
    contact: Contact | None = by_id("A contact person.")
    customers: Connection[Customer] = page_field(
        "The customers. `search` looks at their names, numbers, business ids, VAT numbers and e-mail addresses, and at "
        "the names of their contacts.",
        CustomerFilter,
        CustomerOrder,
        search=True,
    )
    contacts: Connection[Contact] = page_field(
        "The contact persons of all customers. `search` looks at their names, e-mail addresses and telephone numbers.",
        ContactFilter,
        ContactOrder,
        search=True,
    )
    industries: Connection[Industry] = page_field("The organisation's industries.", IndustryFilter, IndustryOrder)
    users: Connection[User] = page_field("The people who work with the registry.", UserFilter, UserOrder)
    cases: Connection[Case] = page_field("The sales cases and projects.", CaseFilter, CaseOrder)
    invoices: Connection[Invoice] = page_field("The invoices and credit notes.", InvoiceFilter, InvoiceOrder)
    costs: Connection[Cost] = page_field("The costs.", CostFilter, CostOrder)
    units: list[Unit] = list_field("The units, by name.")
    roles: list[Role] = list_field("The roles, by name.")
    sales_statuses: list[SalesStatus] = list_field("The steps of the sales process, by name.")
    invoice_statuses: list[InvoiceStatus] = list_field("The steps of invoicing, by name.")
    tokens: list[Token] = list_field("One's own tokens; everybody's for an administrator.")
    changes: Connection[Change] = page_field("The audit trail, newest first.", ChangeFilter)
    bulk_operation: BulkOperation | None = by_id("A mass update.")
    possible_duplicates: list[Customer] = field_with(
        {
            "customer_id": Annotated[
                strawberry.ID, strawberry.argument(description="The customer that may be there twice.")
            ]
        },
        "Other customers that may be the same company, the oldest first, 20 at most: with the same VAT number; or "
        "with a like name (half of the names' groups of three letters in common, legal forms aside) and the same "
        "e-mail domain or a town in common. Empty where the customer is unknown.",
        _possible_duplicates,
        required=("customer_id",),
    )
    reports: Connection[Report] = page_field("One's own reports and the shared ones.", ReportFilter, ReportOrder)
    report: Report | None = field_with(
        {
            "id": Annotated[strawberry.ID | None, strawberry.argument(description="Its id, or else:")],
            "name": Annotated[
                str | None, strawberry.argument(description="its name: one's own first, then a shared one.")
            ],
        },
        "A report, by id or by name.",
        _report,
    )

    report_fields: list[ReportField] = REPORT_FIELDS
    compose_report: ComposedReport = COMPOSE_REPORT
    report_rows: ReportRows = REPORT_ROWS

    registries: list[Registry] = REGISTRIES
    registry_search: RegistrySearch = REGISTRY_SEARCH
    registry_company: RegistryCompanyResult = REGISTRY_COMPANY
    registry_diff: RegistryDiff = REGISTRY_DIFF
    check_vat_number: VatCheck = CHECK_VAT_NUMBER

    @strawberry.field(description="Who asks, and what they may do.")
    def viewer(self, info: Info) -> Viewer:
        """Who asks."""
        may = info.context.viewer.permissions
        return Viewer(permissions=Permissions(**{name: getattr(may, name) for name in may.__slots__}))

    @strawberry.field(description="The figures a company watches.")
    async def kpis(self, info: Info, as_of: AsOf = None) -> Kpis:
        """The KPI strip."""
        return await Kpis.read(info, as_of)
