"""The statement that the figures of the KPI strip are read by, from the sums that `db.models.kpis` tells of.

It answers with rows of (figure, month, amount, to_date): sums of months between `first_month` and `last_month`, and the
part of `previous_month` up to its day `to_day`; a number of customers as of now has no month.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db import models
from db.models import NO_DAY, NOBODY, Access, Figure, SalesCategory, Share, table_of
from resolvers import rights
from resolvers.rendering import literal, text
from resolvers.statement import Plan, compiled
from resolvers.viewer import Permissions

SUMS = table_of(models.KpiSum)
STANDINGS = table_of(models.CustomerStanding)
CASES = table_of(models.Case)
STATUSES = table_of(models.SalesStatus)
USERS = table_of(models.User)

Columns = sa.Select[tuple[Any, ...]]

_FIRST, _LAST, _PREVIOUS = (sa.bindparam(f"{name}_month", type_=sa.Date()) for name in ("first", "last", "previous"))
_TO_DAY = sa.bindparam("to_day", type_=sa.SmallInteger())


def may_see_margin(may: Permissions) -> bool:
    """Whether all that the margin is made of may be seen: all invoices and all costs."""
    return may.read_invoices is may.read_costs is Access.ALL


@lru_cache(maxsize=500)
def months_plan(may: Permissions) -> Plan:
    """Billing of each month, and its cost where the margin may be seen."""
    return compiled(sa.union_all(*_months(may)))


@lru_cache(maxsize=500)
def strip_plan(may: Permissions) -> Plan:
    """The same, and how many active customers and prospects there are."""
    numbers = (_customers(figure, may) for figure in (Figure.ACTIVE, Figure.PROSPECT))
    return compiled(sa.union_all(*_months(may), *numbers))


def _months(may: Permissions) -> Iterator[Columns]:
    yield _sums(Figure.BILLING, may.read_invoices)
    if may_see_margin(may):
        yield _sums(Figure.COST, Access.ALL)


def _sums(figure: Figure, level: Access) -> Columns:
    """Sums of each month of what the level reaches; each invoice once, though it may be one's own in two ways."""
    parts = [_part(figure, 1, share, level) for share in _SHARES[level]]
    if level is Access.UNIT:  # nobody is two owners
        parts.append(_part(figure, -1, Share.BOTH, level))
    found = sa.union_all(*parts).subquery()
    sums = (sa.func.sum(found.c[name]).label(name) for name in ("amount", "to_date"))
    return sa.select(text(figure).label("figure"), found.c.month, *sums).group_by(found.c.month)


_SHARES = {
    Access.ALL: (Share.ALL,),
    Access.UNIT: (Share.CUSTOMER, Share.CASE),
    Access.OWN: (Share.CUSTOMER, Share.CASE),
    Access.NONE: (Share.ALL,),
}


def _part(figure: Figure, sign: int, share: Share, level: Access) -> Columns:
    days = sa.func.unnest(SUMS.c.days, SUMS.c.amounts).table_valued("day", "amount", name="daily").render_derived()
    until = sa.select(sa.func.sum(days.c.amount)).where(days.c.day <= _TO_DAY).scalar_subquery()
    to_date = sa.case((SUMS.c.month == sa.func.kartotek_day(_PREVIOUS), until))
    signed = literal(str(sign))
    return sa.select(SUMS.c.month, (signed * SUMS.c.amount).label("amount"), (signed * to_date).label("to_date")).where(
        *_of(figure, share, level), SUMS.c.month.between(_FIRST, _LAST)
    )


def _of(figure: Figure, share: Share, level: Access) -> Iterator[rights.Predicate]:
    yield rights.in_organization(SUMS)
    yield SUMS.c.figure == text(figure)
    yield SUMS.c.share == text(share)
    if level is Access.NONE:
        yield sa.false()
    yield SUMS.c.owner_id == (_NOBODY if share is Share.ALL else _any_of(level))
    # Both of a pair by the index would be each owner with each other one.
    yield SUMS.c.other_owner_id.in_(_owners(level)) if share is Share.BOTH else SUMS.c.other_owner_id == _NOBODY


_NOBODY = literal(f"'{NOBODY}'::uuid")


def _owners(level: Access) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Whose things the level reaches: the viewer's and, of UNIT, those of the people of the viewer's units."""
    viewer = sa.select(rights.VIEWER)
    if level is Access.OWN:
        return viewer
    colleagues = sa.select(USERS.c.id).where(rights.in_organization(USERS), USERS.c.unit_id == sa.any_(rights.UNITS))
    return sa.union_all(viewer, colleagues)


def _any_of(level: Access) -> Any:
    """The same, as an index takes it."""
    return sa.any_(sa.func.array(_owners(level).scalar_subquery(), type_=ARRAY(sa.Uuid())))


def _customers(figure: Figure, may: Permissions) -> Columns:
    """How many customers there are.

    Where not all of their cases may be seen: those whose owner is within the level of cases, since all their cases are,
    and others by the cases that are.
    """
    if _rank(may.read_cases) >= _rank(may.read_customers):
        number = _number(figure, may.read_customers)
    elif may.read_cases is Access.NONE:
        number = literal("0")
    else:
        number = sa.func.coalesce(_number(figure, may.read_cases), literal("0")) + _by_cases(figure, may)
    month = literal(f"'{NO_DAY}'::date")
    return sa.select(text(figure).label("figure"), month, number, literal("NULL::numeric"))


def _number(figure: Figure, level: Access) -> Any:
    share = Share.ALL if level in (Access.ALL, Access.NONE) else Share.CUSTOMER
    return sa.select(sa.func.sum(SUMS.c.amount)).where(*_of(figure, share, level)).scalar_subquery()


def _by_cases(figure: Figure, may: Permissions) -> Any:
    """How many customers there are whose owner is beyond the level of cases, with an open case that is within it."""
    is_so = STANDINGS.c.is_active if figure is Figure.ACTIVE else STANDINGS.c.is_prospect
    beyond = sa.or_(STANDINGS.c.owner_id.is_(None), STANDINGS.c.owner_id.not_in(_owners(may.read_cases)))
    of_case = (rights.in_organization(STANDINGS), STANDINGS.c.customer_id == CASES.c.customer_id)
    standing = sa.select(literal("1")).where(*of_case, is_so, beyond).correlate(CASES)
    if may.read_customers is not Access.ALL:
        standing = standing.where(STANDINGS.c.owner_id.in_(_owners(may.read_customers)))
    # Looked up for each case by itself: these are few, and customers many.
    each = standing.offset(literal("0")).lateral()
    found = sa.select(sa.func.count(CASES.c.customer_id.distinct())).select_from(CASES).join(each, sa.true())
    if figure is Figure.PROSPECT:
        of_status = sa.and_(rights.in_organization(STATUSES), STATUSES.c.id == CASES.c.sales_status_id)
        found = found.join(STATUSES, of_status).where(STATUSES.c.category == text(SalesCategory.IN_PROGRESS))
    is_seen = CASES.c.owner_id == _any_of(may.read_cases)
    found = found.where(rights.in_organization(CASES), is_seen, CASES.c.is_open, ~CASES.c.is_internal)
    return found.scalar_subquery()


def _rank(level: Access) -> int:
    return list(Access).index(level)
