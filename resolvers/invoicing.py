"""Invoices, their statuses, and costs: how they are written."""

from collections.abc import Sequence
from decimal import Decimal

import sqlalchemy as sa

from db import models
from db.models import table_of
from resolvers.forms import Amount, Field, Form, HomeAmount, Link, Rate, fields, plain_label
from resolvers.money import digits, home_amount
from resolvers.references import Row, values_of
from resolvers.rendering import text
from resolvers.rights import Table, in_organization
from resolvers.writer import Draft, Writer

INVOICES = table_of(models.Invoice)


async def _all_numbered(writer: Writer, drafts: Sequence[Draft]) -> None:
    """A status cannot become numbered while an invoice of it lacks a number."""
    turned = {draft.key: draft for draft in drafts if not draft.is_new and _becomes_numbered(draft)}
    if not turned:
        return
    lacking = (
        sa.select(INVOICES.c.status_id, sa.func.count())
        .where(in_organization(INVOICES), values_of(INVOICES.c.status_id, "keys"), INVOICES.c.number.is_(None))
        .group_by(INVOICES.c.status_id)
    )
    for key, count in await writer.session.execute(lacking, {**writer.viewer.binds, "keys": list(turned)}):
        turned[key].conflict(f"Invoices of this status without a number: {count}; give them one first.", "numbered")


def _becomes_numbered(draft: Draft) -> bool:
    return "numbered" in draft.changed and draft.values["numbered"]


async def _status_flags(writer: Writer, drafts: Sequence[Draft]) -> None:
    """An invoice carries the flags of its status along; a numbered one has a number."""
    for draft in drafts:
        if status := draft.links.get("status"):
            draft.values |= {"status_numbered": status["numbered"], "status_sent": status["sent"]}
        if draft.value("status_numbered") and draft.value("number") is None:
            draft.invalid("An invoice of this status needs a number.", "number")


async def _no_internal_customer(writer: Writer, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        if draft.links.get("customer", {}).get("is_internal"):
            draft.invalid("This customer is internal: it cannot be invoiced.", "customer")


async def _home_amounts(writer: Writer, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        if not draft.changed.isdisjoint({"amount", "currency", "exchange_rate"}):
            _set_rate(draft, writer.viewer.currency)
        if draft.is_fine and not draft.changed.isdisjoint({"amount", "exchange_rate"}):
            amount, rate = draft.value("amount"), draft.value("exchange_rate")
            draft.values["home_amount"] = home_amount(amount, rate, writer.viewer.currency)


def _set_rate(draft: Draft, home: str) -> None:
    """1 in the organisation's own currency; in another, what the client says or has said."""
    currency, given = draft.value("currency"), draft.given.get("exchange_rate")
    if currency == home:
        if given not in (None, 1):
            draft.invalid(f"Exchange rate must be 1 for an amount in {home}; leave it out.", "exchangeRate")
        draft.values["exchange_rate"] = Decimal(1)
    elif given is None and "currency" in draft.changed:
        draft.invalid(f"Exchange rate is needed: what one {currency} is in {home}.", "exchangeRate")


def _invoice_label(row: Row) -> str:
    return str(row["number"] or row["external_id"] or "no number")


def _stored_invoice_label(row: Table) -> sa.ColumnElement[str]:
    return sa.func.coalesce(sa.func.nullif(row.c.number, text("")), row.c.external_id, text("no number"))


def _cost_label(row: Row) -> str:
    return f"{plain_label(row['kind'])}, {row['date']}, {digits(row['amount'])} {row['currency']}"


INVOICE_STATUS = Form(
    entity="InvoiceStatus",
    model=models.InvoiceStatus,
    checks=models.InvoiceStatusFields,
    fields=fields("name", "numbered", "sent", "paid", "is_active"),
    key="name",
    unique=(("name",),),
    rules=(_all_numbered,),
)

_AMOUNTS: tuple[Field, ...] = (
    Amount(name="amount", amount="amount", currency="currency"),
    Rate(name="exchange_rate", is_automatic=True),
    HomeAmount(name="home_amount", is_automatic=True),
)
INVOICE = Form(
    entity="Invoice",
    model=models.Invoice,
    checks=models.InvoiceFields,
    fields=(
        *fields("external_id"),
        Link(name="customer", entity="Customer"),
        Link(name="case", entity="Case"),
        Link(name="status", entity="InvoiceStatus"),
        *fields("number", "date"),
        *_AMOUNTS,
    ),
    label=_invoice_label,
    stored_label=_stored_invoice_label,
    needs_key=True,
    derived=("status_numbered", "status_sent"),
    rules=(_status_flags, _no_internal_customer, _home_amounts),
)
COST = Form(
    entity="Cost",
    model=models.Cost,
    checks=models.CostFields,
    fields=(
        *fields("external_id"),
        Link(name="case", entity="Case"),
        *fields("kind", "date"),
        *_AMOUNTS,
    ),
    label=_cost_label,
    needs_key=True,
    rules=(_home_amounts,),
)
