"""Sort keys as clients write them: each object names exactly one, and a list of them is the order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from db import models
from schema.enums import SortDirection
from schema.filters import LINKS, given


def sort_key(model: Any) -> Callable[[type[Any]], Any]:
    """A choice of sort keys; what a column means is said by the model."""

    def describe(name: str) -> str:
        return LINKS.get(name) or f"By: {_first_sentence(model.model_fields[name].description)}"

    return lambda cls: given(cls, describe, one_of=True)


def _first_sentence(text: str) -> str:
    sentence, _, _ = text.partition(". ")
    return sentence.removesuffix(".") + "."


@sort_key(models.Customer)
class CustomerOrder:
    """What customers are ordered by: one key."""

    number: SortDirection | None
    name: SortDirection | None
    business_id: SortDirection | None
    country: SortDirection | None
    email: SortDirection | None
    is_active: SortDirection | None
    created_at: SortDirection | None
    updated_at: SortDirection | None
    industry: IndustryOrder | None
    owner: UserOrder | None


@sort_key(models.Contact)
class ContactOrder:
    """What contacts are ordered by: one key."""

    first_name: SortDirection | None
    last_name: SortDirection | None
    email: SortDirection | None
    is_primary: SortDirection | None
    created_at: SortDirection | None
    updated_at: SortDirection | None
    customer: CustomerOrder | None


@sort_key(models.Industry)
class IndustryOrder:
    """What industries are ordered by: one key."""

    name: SortDirection | None
    code: SortDirection | None


@sort_key(models.User)
class UserOrder:
    """What users are ordered by: one key."""

    name: SortDirection | None
    email: SortDirection | None


@sort_key(models.Case)
class CaseOrder:
    """What cases are ordered by: one key."""

    name: SortDirection | None
    is_open: SortDirection | None
    value: SortDirection | None
    expected_close: SortDirection | None
    closed_on: SortDirection | None
    created_at: SortDirection | None
    updated_at: SortDirection | None
    customer: CustomerOrder | None
    owner: UserOrder | None


@sort_key(models.Invoice)
class InvoiceOrder:
    """What invoices are ordered by: one key."""

    number: SortDirection | None
    date: SortDirection | None
    home_amount: SortDirection | None
    created_at: SortDirection | None
    updated_at: SortDirection | None
    customer: CustomerOrder | None


@sort_key(models.Cost)
class CostOrder:
    """What costs are ordered by: one key."""

    date: SortDirection | None
    home_amount: SortDirection | None
    created_at: SortDirection | None
    updated_at: SortDirection | None


@sort_key(models.Report)
class ReportOrder:
    """What reports are ordered by: one key."""

    name: SortDirection | None
    title: SortDirection | None
    updated_at: SortDirection | None
