"""Customers that come from national registers: importing, refreshing and comparing them."""

from typing import Any

import strawberry

from db import models
from resolvers.problems import Refused
from resolvers.registry_diff import compare_customer
from resolvers.registry_import import OnDuplicate as OnDuplicateValues
from resolvers.registry_import import import_customer
from resolvers.registry_linked import record_of
from resolvers.registry_refresh import Overwrite as OverwriteValues
from resolvers.registry_refresh import find_refreshable, refresh_customer
from resolvers.registry_search import find_company
from resolvers.writer import find_refusal
from resolvers.writing import Outcome, refused
from schema.context import Info
from schema.customer import Customer
from schema.enums import CompanyStatus, RegistryField, described
from schema.inputs import CustomerSet, plain
from schema.payloads import CustomerPayload, Written, written
from schema.problems import Problem
from schema.reading import in_time
from schema.registries import Number, RegistryId, TheCountry
from schema.stored import argument, field_with, told
from schema.writing import write

OnDuplicate = described(
    OnDuplicateValues,
    REJECT="It stays as it is, and is named in a `DUPLICATE` problem.",
    UPDATE="It takes over what the register has; what the register does not have stays.",
)
Overwrite = described(
    OverwriteValues,
    EMPTY_ONLY="Only what the customer has nothing of, addresses by their kind, and a ban on marketing that is new.",
    ALL="Whatever the register has; what it does not have stays.",
)


# ---------------------------------------------------------------- from a register


@strawberry.type(description="What became of importing a company.")
class ImportCustomerPayload(Written):
    """What became of importing a company."""

    customer: Customer | None = written(
        "The customer as it is now; null where nothing was done. `registryLink.status` says how the company stands: "
        "one that is bankrupt or dissolved is imported like any other."
    )
    created: bool = told("Whether the customer is new.")


async def _import_customer(
    root: Any, info: Info, country: str, business_id: str, registry_id: str | None, **options: Any
) -> ImportCustomerPayload:
    context = info.context
    if refusal := find_refusal(context.viewer):
        return ImportCustomerPayload.of(refused(refusal), created=False)
    found = await find_company(context.registries, context.viewer, country, business_id, registry_id=registry_id)
    try:
        record = record_of(found)
    except Refused as why_not:
        return ImportCustomerPayload.of(refused(*why_not.problems), created=False)
    options["overrides"] = plain(options["overrides"]) if options["overrides"] else {}
    made = await write(info, import_customer, record, **options)
    return ImportCustomerPayload.of(made, created=made.created)


IMPORT_CUSTOMER = field_with(
    {
        "country": TheCountry,
        "business_id": Number,
        "registry_id": RegistryId,
        "overrides": argument(CustomerSet | None, "Values that win over the register's."),
        "on_duplicate": argument(OnDuplicate, "What is done where the company is a customer already."),
        "allow_natural_person": argument(
            bool, "Whether a person in business is imported, too, whose data are protected."
        ),
    },
    "Make a customer of a company in a national register: name, numbers, addresses, telephone, e-mail, web site, and "
    "the industry, by its NACE code among the organisation's own, added there if none fits. Values that cannot be "
    "right are left out. A ban on marketing in the register makes `marketingAllowed` false.",
    _import_customer,
    defaults={"on_duplicate": OnDuplicateValues.REJECT, "allow_natural_person": False},
    required=("country", "business_id"),
)


# ---------------------------------------------------------------- refreshing


async def _refresh_customer(root: Any, info: Info, id: str, **options: Any) -> CustomerPayload:
    context = info.context
    if refusal := find_refusal(context.viewer):
        return CustomerPayload.of(refused(refusal))
    try:
        with in_time():
            record = await find_refreshable(context.database.reads, context.registries, context.viewer, id)
    except Refused as why_not:
        return CustomerPayload.of(refused(*why_not.problems))
    given = {name: value for name, value in options.items() if value is not None}
    outcome: Outcome = await write(info, refresh_customer, id, record, **given)
    return CustomerPayload.of(outcome)


REFRESH_CUSTOMER = field_with(
    {
        "id": argument(strawberry.ID, "Which customer."),
        "fields": argument(list[RegistryField] | None, "Which fields; all of them unless said."),
        "overwrite": argument(Overwrite, "Which of the customer's values are replaced."),
    },
    "Take over what a customer's national register says now, and how the company stands.",
    _refresh_customer,
    defaults={"overwrite": OverwriteValues.EMPTY_ONLY},
    required=("id",),
)


# ---------------------------------------------------------------- comparing


@strawberry.type(description="A field of a customer, and what its register has instead.")
class RegistryFieldDiff:
    """A field of a customer, and what its register has instead."""

    field: RegistryField = told("Which field.")
    current: str | None = told("What the customer has, as people read it.")
    registry: str | None = told("What the register has; null where it had something and has nothing any more.")


@strawberry.type(description="What differs between a customer and its record in a national register.")
class RegistryDiff:
    """What differs between a customer and its record in a national register."""

    fields: list[RegistryFieldDiff] = told(
        "The fields that differ. What the register does not have is no difference, unless it came from there once and "
        "was not edited since."
    )
    status: CompanyStatus | None = told("How the company stands now.")
    problems: list[Problem] = told("Why it cannot be told.")


async def _registry_diff(root: Any, info: Info, customer_id: str) -> RegistryDiff:
    context = info.context
    with in_time():
        diff = await compare_customer(context.database, context.registries, context.viewer, customer_id)
    return RegistryDiff(
        fields=[
            RegistryFieldDiff(field=each.field, current=each.current, registry=each.registry) for each in diff.fields
        ],
        status=models.CompanyStatus(diff.status) if diff.status else None,
        problems=[Problem.of(problem) for problem in diff.problems],
    )


REGISTRY_DIFF = field_with(
    {"customer_id": argument(strawberry.ID, "Which customer.")},
    "What differs between a customer and what its national register says now; nothing is changed.",
    _registry_diff,
    required=("customer_id",),
)
