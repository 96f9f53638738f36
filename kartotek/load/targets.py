"""What a row can become: the entities that can be loaded, with their fields.

Fields are those of the forms in `resolvers/`, under the names that clients know.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Change, table_of
from kartotek.load.slots import Slot, slot_of
from resolvers import administration, upsert
from resolvers.contact import CONTACT
from resolvers.customer import CUSTOMER, INDUSTRY
from resolvers.forms import Field, Form, HomeAmount
from resolvers.invoicing import COST, INVOICE, INVOICE_STATUS
from resolvers.organization import UNIT, USER
from resolvers.sales import CASE, SALES_STATUS
from resolvers.upsert import ErrorPolicy, UpsertResult
from resolvers.validation import camel
from resolvers.viewer import Viewer

Upsert = Callable[[AsyncSession, Viewer, Sequence[Mapping[str, Any]]], Awaitable[UpsertResult]]
Right = Literal["import_data", "administer"]


@dataclass(frozen=True, slots=True)
class Filling:
    """A field and what it is filled with."""

    name: str
    """As the functions that write know it."""
    slot: Slot
    is_needed: bool
    can_be_cleared: bool
    """Whether an empty cell empties the field; otherwise it leaves the field as it is."""


@dataclass(frozen=True)
class Target:
    """An entity that rows can become."""

    name: str
    plural: str
    form: Form
    upsert: Upsert
    right: Right

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The fields that can be filled in, by the names that clients know."""
        return {camel(each.name): each for each in self.form.fields if not isinstance(each, HomeAmount)}

    @property
    def tables(self) -> Sequence[sa.Table]:
        """The tables that loading writes to."""
        return [self.form.table, table_of(Change), *(table_of(parts.model) for parts in self.form.parts)]

    def filling(self, name: str, said: Any) -> Filling:
        """What a mapping says of the field that clients know by this name; Misfit where it does not fit."""
        field = self.fields[name]
        slot = slot_of(self.form.checks, field, said)
        return Filling(field.name, slot, self.is_needed(field), not self.form.requires(field))

    @property
    def key(self) -> str:
        """The field by which a row is found again."""
        return self.form.key

    def is_needed(self, field: Field) -> bool:
        """Whether every row must have a value for it."""
        if field.name == self.key:
            return True
        if not self.form.requires(field) or field.default or field.is_automatic:
            return False
        return self.form.table.c[field.columns[0]].default is None

    def reason(self, field: Field) -> str:
        """Why every row must have a value for it."""
        if field.name == self.key:
            return f"{self.noun} is found again by it, so that loading twice makes no second one"
        return f"{self.noun} is nothing without it"

    @property
    def noun(self) -> str:
        """What a person calls one of them, with its article."""
        noun = self.form.noun
        return f"an {noun}" if noun[0] in "aei" else f"a {noun}"

    def identity(self, values: Mapping[str, Any]) -> str:
        """What two rows must not share; names and e-mail addresses are the same in capitals."""
        key: str = values[self.key]
        return key if self.key == "external_id" else key.lower()


def _target(name: str, plural: str, form: Form, function: Callable[..., Awaitable[UpsertResult]]) -> Target:
    return Target(name, plural, form, partial(function, error_policy=ErrorPolicy.REJECT_ROWS), "import_data")


def _looked_after(name: str, plural: str, form: Form, function: Upsert) -> Target:
    return Target(name, plural, form, function, "administer")


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        _target("industry", "industries", INDUSTRY, upsert.upsert_industries),
        _target("customer", "customers", CUSTOMER, upsert.upsert_customers),
        _target("contact", "contacts", CONTACT, upsert.upsert_contacts),
        _target("case", "cases", CASE, upsert.upsert_cases),
        _target("invoice", "invoices", INVOICE, upsert.upsert_invoices),
        _target("cost", "costs", COST, upsert.upsert_costs),
        _looked_after("unit", "units", UNIT, administration.upsert_units),
        _looked_after("user", "users", USER, administration.upsert_users),
        _looked_after("salesStatus", "sales statuses", SALES_STATUS, administration.upsert_sales_statuses),
        _looked_after("invoiceStatus", "invoice statuses", INVOICE_STATUS, administration.upsert_invoice_statuses),
    )
}
"""By the name that a mapping has for it. Roles are not among them: rights are nothing to be had from another system."""
