"""The root fields that write."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import strawberry

from resolvers import administration, contact, customer, deletion, merge, report, token, upsert
from resolvers.undo import UndoConflict as UndoConflictValues
from resolvers.upsert import ErrorPolicy as ErrorPolicyValues
from resolvers.upsert import UpsertResult
from schema import bulk_update, inputs
from schema.bulk_update import BulkUpdatePayload, CustomerBulkSet, CustomerTarget, UndoConflict
from schema.context import Info
from schema.enums import described
from schema.inputs import plain
from schema.payloads import (
    ContactPayload,
    CustomerPayload,
    DeleteManyPayload,
    DeletePayload,
    MergePayload,
    OrganizationPayload,
    ReportPayload,
    TokenPayload,
    UpsertPayload,
)
from schema.registry_import import IMPORT_CUSTOMER, REFRESH_CUSTOMER, ImportCustomerPayload
from schema.report_health import core_of, findings, registers_of
from schema.stored import argument, field_with
from schema.writing import write

ErrorPolicy = described(
    ErrorPolicyValues,
    REJECT_ALL="One rejected row is enough for nothing to change.",
    REJECT_ROWS="The others change all the same.",
)


ID = argument(strawberry.ID, "Which one.")
EXPECTED_VERSION = argument(int | None, "The version that was read; another one there now is `STALE`.")
POLICY = argument(ErrorPolicy, "What a rejected row means for the others.")
DRY_RUN = argument(bool, "Whether to tell what would happen, and change nothing.")


def _create(input: Any, function: Callable[..., Awaitable[Any]], payload: Any, description: str) -> Any:
    async def resolve(root: Any, info: Info, input: Any) -> Any:
        return payload.of(await write(info, function, plain(input)))

    return field_with({"input": argument(input, "Its values.")}, description, resolve, required=("input",))


def _update(set: Any, function: Callable[..., Awaitable[Any]], payload: Any, description: str) -> Any:
    async def resolve(root: Any, info: Info, id: str, set: Any, expected_version: int | None) -> Any:
        return payload.of(await write(info, function, id, plain(set), expected_version))

    arguments = {"id": ID, "set": argument(set, "What to change."), "expected_version": EXPECTED_VERSION}
    return field_with(arguments, description, resolve, required=("id", "set"))


def _delete(entity: str, function: Callable[..., Awaitable[Any]], description: str) -> Any:
    async def resolve(root: Any, info: Info, id: str) -> Any:
        return DeletePayload.of(await write(info, function, id), entity)

    return field_with({"id": ID}, description, resolve, required=("id",))


def _delete_many(name: str, entity: str, reference: Any, function: Callable[..., Awaitable[Any]]) -> Any:
    async def resolve(root: Any, info: Info, **given: Any) -> Any:
        return DeleteManyPayload.of(await write(info, function, plain(given[name])), entity)

    conflict = "; `CONFLICT` where invoices or costs hang on one" if entity == "Case" else ""
    arguments = {name: argument(list[reference], "Which ones.")}
    return field_with(arguments, f"Delete {name} for good, all or none{conflict}.", resolve, required=(name,))


def _upsert(entity: str, input: Any, function: Callable[..., Awaitable[UpsertResult]], description: str) -> Any:
    async def resolve(root: Any, info: Info, input: Any, error_policy: ErrorPolicyValues, dry_run: bool) -> Any:
        return UpsertPayload.of(await write(info, function, plain(input), error_policy, dry_run), entity)

    rows = argument(list[input], "The rows, at most 10,000.")
    defaults: Mapping[str, Any] = {"error_policy": ErrorPolicyValues.REJECT_ALL, "dry_run": False}
    arguments = {"input": rows, "error_policy": POLICY, "dry_run": DRY_RUN}
    return field_with(arguments, description, resolve, defaults=dict(defaults), required=("input",))


def _administer(entity: str, input: Any, function: Callable[..., Awaitable[UpsertResult]], description: str) -> Any:
    async def resolve(root: Any, info: Info, input: Any) -> Any:
        return UpsertPayload.of(await write(info, function, plain(input)), entity)

    rows = argument(list[input], "The rows.")
    return field_with({"input": rows}, description, resolve, required=("input",))


async def _create_token(root: Any, info: Info, input: Any) -> Any:
    made = await write(info, token.create_token, plain(input))
    return TokenPayload.of(made, secret=made.secret)


async def _restore_customer(root: Any, info: Info, id: str) -> Any:
    return CustomerPayload.of(await write(info, customer.restore_customer, id))


async def _merge_customers(root: Any, info: Info, **given: Any) -> Any:
    made = await write(info, merge.merge_customers, given["into"], given["from_"], given["take"] or ())
    return MergePayload.of(made, operation_key=made.operation_id)


async def _update_organization(root: Any, info: Info, set: Any) -> Any:
    return OrganizationPayload.of(await write(info, administration.update_organization, plain(set)))


async def _save_report(root: Any, info: Info, input: Any, id: str | None, expected_version: int | None) -> Any:
    values, viewer = plain(input), info.context.viewer
    registers = registers_of(info.context.registries)
    found = findings(core_of(info.schema), values["document"], viewer.locale, registers)
    saved = await write(info, report.save_report, values, found, id_text=id, expected_version=expected_version)
    return ReportPayload.of(saved)


@strawberry.type(description="Everything that can be written; each field is one transaction.")
class Mutation:
    """Everything that can be written."""

    create_customer: CustomerPayload = _create(
        inputs.CustomerInput, customer.create_customer, CustomerPayload, "Add a customer."
    )
    update_customer: CustomerPayload = _update(
        inputs.CustomerSet, customer.update_customer, CustomerPayload, "Change a customer."
    )
    delete_customer: DeletePayload = _delete(
        "Customer",
        customer.delete_customer,
        "Delete a customer with its contacts; `CONFLICT` where it has cases or invoices (make it inactive then).",
    )
    restore_customer: CustomerPayload = field_with(
        {"id": ID},
        "Bring a deleted customer back, with the contacts that went with it.",
        _restore_customer,
        required=("id",),
    )
    merge_customers: MergePayload = field_with(
        {
            "into": argument(strawberry.ID, "The one that stays."),
            "from_": Annotated[strawberry.ID, strawberry.argument(name="from", description="The one that goes.")],
            "take": argument(list[str] | None, "Fields that it takes over from the one that goes, by name."),
        },
        "Make one customer of two: contacts, cases and invoices of the one move to the other, and the one is deleted. "
        "It is an operation, and `undoBulkOperation` takes it back.",
        _merge_customers,
        required=("into", "from_"),
    )
    create_contact: ContactPayload = _create(
        inputs.ContactInput, contact.create_contact, ContactPayload, "Add a contact person."
    )
    update_contact: ContactPayload = _update(
        inputs.ContactSet, contact.update_contact, ContactPayload, "Change a contact person."
    )
    delete_contact: DeletePayload = _delete("Contact", contact.delete_contact, "Delete a contact person.")

    bulk_update_customers: BulkUpdatePayload = field_with(
        {
            "target": argument(CustomerTarget, "Which customers."),
            "set": argument(CustomerBulkSet, "What to set."),
            "error_policy": POLICY,
            "dry_run": DRY_RUN,
            "idempotency_key": argument(
                str | None, "The same key with the same input gives the first answer again, for 24 hours at least."
            ),
        },
        "Change many customers at once, as one operation that can be undone.",
        bulk_update.bulk_update_customers,
        defaults={"error_policy": ErrorPolicyValues.REJECT_ALL, "dry_run": False},
        required=("target", "set"),
    )
    undo_bulk_operation: BulkUpdatePayload = field_with(
        {"id": ID, "on_conflict": argument(UndoConflict, "What rows that were changed since mean for the others.")},
        "Take an operation back: what it changed is as it was before, later changes of other fields stay.",
        bulk_update.undo_bulk_operation,
        defaults={"on_conflict": UndoConflictValues.SKIP},
        required=("id",),
    )

    import_customer: ImportCustomerPayload = IMPORT_CUSTOMER
    refresh_customer: CustomerPayload = REFRESH_CUSTOMER

    save_report: ReportPayload = field_with(
        {
            "input": argument(inputs.ReportInput, "What to save."),
            "id": argument(strawberry.ID | None, "Which one to save over; else one’s own of that name."),
            "expected_version": EXPECTED_VERSION,
        },
        "Save a query under a name. Its document is one query operation with one list to make a table of; what keeps "
        "it from being a report is a problem with its line and column. Earlier versions stay in the audit trail.",
        _save_report,
        required=("input",),
    )
    delete_report: DeletePayload = _delete(
        "Report", report.delete_report, "Delete a report for good: one's own or, as an administrator, anybody's."
    )

    upsert_customers: UpsertPayload = _upsert(
        "Customer", inputs.CustomerInput, upsert.upsert_customers, "Create or update customers, by `externalId`."
    )
    upsert_contacts: UpsertPayload = _upsert(
        "Contact", inputs.ContactInput, upsert.upsert_contacts, "Create or update contact persons, by `externalId`."
    )
    upsert_cases: UpsertPayload = _upsert(
        "Case", inputs.CaseInput, upsert.upsert_cases, "Create or update cases, by `externalId`."
    )
    upsert_invoices: UpsertPayload = _upsert(
        "Invoice", inputs.InvoiceInput, upsert.upsert_invoices, "Create or update invoices, by `externalId`."
    )
    upsert_costs: UpsertPayload = _upsert(
        "Cost", inputs.CostInput, upsert.upsert_costs, "Create or update costs, by `externalId`."
    )
    upsert_industries: UpsertPayload = _upsert(
        "Industry", inputs.IndustryInput, upsert.upsert_industries, "Create or update industries, by id or name."
    )
    delete_cases: DeleteManyPayload = _delete_many("cases", "Case", inputs.CaseRef, deletion.delete_cases)
    delete_invoices: DeleteManyPayload = _delete_many(
        "invoices", "Invoice", inputs.InvoiceRef, deletion.delete_invoices
    )
    delete_costs: DeleteManyPayload = _delete_many("costs", "Cost", inputs.CostRef, deletion.delete_costs)

    update_organization: OrganizationPayload = field_with(
        {"set": argument(inputs.OrganizationSet, "What to change.")},
        "Change the organisation; its currency stays.",
        _update_organization,
        required=("set",),
    )
    upsert_units: UpsertPayload = _administer(
        "Unit", inputs.UnitInput, administration.upsert_units, "Create or update units, by id or name."
    )
    upsert_roles: UpsertPayload = _administer(
        "Role",
        inputs.RoleInput,
        administration.upsert_roles,
        "Create or update roles, by id or name; nobody hands out rights above their own.",
    )
    upsert_users: UpsertPayload = _administer(
        "User",
        inputs.UserInput,
        administration.upsert_users,
        "Create or update users, by id or e-mail address; nobody hands out rights above their own.",
    )
    upsert_sales_statuses: UpsertPayload = _administer(
        "SalesStatus",
        inputs.SalesStatusInput,
        administration.upsert_sales_statuses,
        "Create or update sales statuses, by id or name.",
    )
    upsert_invoice_statuses: UpsertPayload = _administer(
        "InvoiceStatus",
        inputs.InvoiceStatusInput,
        administration.upsert_invoice_statuses,
        "Create or update invoice statuses, by id or name.",
    )
    create_token: TokenPayload = field_with(
        {"input": argument(inputs.TokenInput, "Its values.")},
        "Make a token for oneself or, as an administrator, for a user with no more rights.",
        _create_token,
        required=("input",),
    )
    revoke_token: DeletePayload = _delete("Token", token.revoke_token, "Make a token useless, at once and for good.")
