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
from db.models import NO_DAY, NOBODY, Access, Figure, Share, table_of
from resolvers import rights
from resolvers.rendering import literal, text
from resolvers.selection import Member
from resolvers.statement import Plan, compiled, visible_rows
from resolvers.viewer import Permissions

SUMS = table_of(models.KpiSum)
CUSTOMERS = table_of(models.Customer)
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
    if level in (Access.OWN, Access.UNIT):
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
    to_date = sa.case((SUMS.c.month == _PREVIOUS, until))
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
    yield SUMS.c.owner_id == (_owners(level) if share is not Share.ALL else _NOBODY)
    yield SUMS.c.other_owner_id == (_owners(level) if share is Share.BOTH else _NOBODY)


_NOBODY = literal(f"'{NOBODY}'::uuid")


def _owners(level: Access) -> Any:
    """Whose things the level reaches: the viewer's or, with those of the viewer's units, any of an array."""
    if level is Access.OWN:
        return rights.VIEWER
    colleagues = sa.select(USERS.c.id).where(rights.in_organization(USERS), USERS.c.unit_id == sa.any_(rights.UNITS))
    everybody = sa.union_all(sa.select(rights.VIEWER), colleagues)
    return sa.any_(sa.func.array(everybody.scalar_subquery(), type_=ARRAY(sa.Uuid())))


def _customers(figure: Figure, may: Permissions) -> Columns:
    """How many customers there are; where not all of their cases may be seen, the cases themselves are looked at."""
    if _rank(may.read_cases) < _rank(may.read_customers):
        seen = visible_rows("Customer", CUSTOMERS, Member(figure.value), may)
        number: Any = sa.select(sa.func.count()).select_from(CUSTOMERS).where(seen)
    else:
        share = Share.ALL if may.read_customers in (Access.ALL, Access.NONE) else Share.CUSTOMER
        number = sa.select(sa.func.sum(SUMS.c.amount)).where(*_of(figure, share, may.read_customers))
    month = literal(f"'{NO_DAY}'::date")
    return sa.select(text(figure).label("figure"), month, number.scalar_subquery(), literal("NULL::numeric"))


def _rank(level: Access) -> int:
    return list(Access).index(level)
