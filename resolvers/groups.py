"""The named groups of rows that the figures are made of (DESIGN section 6); a figure and its list use the same one."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from db import models
from db.models import table_of
from resolvers import rights
from resolvers.rights import Predicate

if TYPE_CHECKING:
    from resolvers.entities import Row


def counted_invoice(row: "Row") -> Predicate:
    """A counted invoice but for its period: its status has the sent flag, and it has a number and a date."""
    return sa.and_(row.c.status_sent, row.c.number.is_not(None), row.c.date.is_not(None))


def counted_cost(row: "Row") -> Predicate:
    """Every cost but those on internal cases."""
    cases = table_of(models.Case).alias()
    return ~sa.exists().where(rights.in_organization(cases), cases.c.id == row.c.case_id, cases.c.is_internal)


def active_customer(row: "Row") -> Predicate:
    """Not internal, with at least one open case that is not internal."""
    return sa.and_(~row.c.is_internal, _open_case(row))


def prospect(row: "Row") -> Predicate:
    """Not internal, an open case in progress that is not internal, nothing won, and no billing ever.

    The last two tests ignore what the viewer may see of cases and invoices, so that a hidden one cannot turn a
    paying customer into a prospect.
    """
    return sa.and_(
        ~row.c.is_internal,
        _open_case(row, models.SalesCategory.IN_PROGRESS),
        ~_any_won_case(row),
        ~_any_billing(row),
    )


def _open_case(row: "Row", category: models.SalesCategory | None = None) -> Predicate:
    cases = table_of(models.Case).alias()
    conditions = [
        rights.in_organization(cases),
        rights.sees_case(cases, row.may),
        cases.c.customer_id == row.c.id,
        cases.c.is_open,
        ~cases.c.is_internal,
    ]
    return sa.exists().where(*conditions, *([_of_category(cases, category)] if category else []))


def _any_won_case(row: "Row") -> Predicate:
    cases = table_of(models.Case).alias()
    won = _of_category(cases, models.SalesCategory.WON)
    return sa.exists().where(rights.in_organization(cases), cases.c.customer_id == row.c.id, won)


def _of_category(cases: sa.FromClause, category: models.SalesCategory) -> Predicate:
    statuses = table_of(models.SalesStatus).alias()
    of_category = sa.select(statuses.c.id).where(
        rights.in_organization(statuses), statuses.c.category == sa.literal_column(f"'{category}'")
    )
    return cases.c.sales_status_id.in_(of_category)


def _any_billing(row: "Row") -> Predicate:
    invoices = table_of(models.Invoice).alias()
    return sa.exists().where(
        rights.in_organization(invoices),
        invoices.c.customer_id == row.c.id,
        invoices.c.status_sent,
        invoices.c.number.is_not(None),
    )
