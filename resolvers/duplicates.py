"""Which customers may be one and the same company: the same VAT number, or a like name and something else in common."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db import models
from db.models import table_of
from resolvers import rights
from resolvers.legal_forms import without_legal_forms
from resolvers.rendering import literal, text
from resolvers.rights import Predicate, Table, in_organization

if TYPE_CHECKING:
    from resolvers.entities import Row

LIKE = literal("0.5")
"""What share of their trigrams (groups of three letters) two names have in common at least, legal forms aside."""

_COMMON = ("name", "domain", "towns")

Expression = sa.ColumnElement[Any]


def possible_duplicate(row: "Row", subject_id: Expression) -> Predicate:
    """Another customer than the subject (which the viewer must see, too) that may be the same company.

    They have the same VAT number; or like names and the same e-mail domain or a town in common.
    """
    subject = _subject(row, subject_id)
    return sa.and_(row.c.id != subject_id, row.c.id.in_(sa.union(_of_vat_number(subject), _of_like_name(subject))))


def _subject(row: "Row", subject_id: Expression) -> Table:
    """Whose duplicates are looked for, worked out once."""
    customers, names = table_of(models.Customer).alias(), table_of(models.CustomerSearch).alias()
    found = (
        sa.select(
            customers.c.id,
            customers.c.vat_number,
            _domain(customers).label("domain"),
            _towns(customers).label("towns"),
            without_legal_forms(names.c.name).label("name"),
        )
        .join(names, sa.and_(in_organization(names), names.c.customer_id == customers.c.id))
        .where(in_organization(customers), customers.c.id == subject_id, rights.sees_customer(customers, row.may))
    )
    return _as_it_is(found, "subject")


def _of_vat_number(subject: Table) -> sa.Select[Any]:
    others = table_of(models.Customer).alias()
    return sa.select(others.c.id).where(in_organization(others), others.c.vat_number == subject.c.vat_number)


def _of_like_name(subject: Table) -> sa.Select[Any]:
    """The index first finds names that have something like all of the subject's; what is costly is asked of few."""
    names = table_of(models.CustomerSearch).alias()
    near = _as_it_is(
        sa.select(names.c.customer_id, names.c.name, *(subject.c[name].label(f"its_{name}") for name in _COMMON)).where(
            in_organization(names), names.c.name.op("%>", is_comparison=True)(subject.c.name)
        ),
        "near",
    )
    likeness = sa.func.similarity(without_legal_forms(near.c.name), near.c.its_name, type_=sa.REAL)
    others = table_of(models.Customer).alias()
    in_town = _is_in_one_of(near.c.its_towns, others).correlate(near, others)
    in_common = (
        sa.select(others.c.id)
        .where(in_organization(others), others.c.id == near.c.customer_id)
        .where(sa.or_(_domain(others) == near.c.its_domain, in_town))
        .offset(literal("0"))
        .correlate(near)
    )
    return sa.select(near.c.customer_id).where(likeness >= LIKE, in_common.exists())


def _as_it_is(rows: sa.Select[Any], name: str) -> Table:
    """OFFSET keeps PostgreSQL from taking it apart and asking all at once."""
    return rows.offset(literal("0")).subquery(name)


def _domain(customer: Table) -> Expression:
    """Of the e-mail address; null where there is none."""
    return sa.func.lower(sa.func.split_part(customer.c.email, text("@"), literal("2")), type_=sa.Text)


def _towns(customer: Table) -> Expression:
    """Of all addresses, folded."""
    addresses = table_of(models.Address).alias()
    mine = (in_organization(addresses), addresses.c.customer_id == customer.c.id)
    return sa.func.array(sa.select(_town(addresses)).where(*mine).scalar_subquery(), type_=ARRAY(sa.Text))


def _is_in_one_of(towns: Expression, customer: Table) -> sa.Exists:
    addresses = table_of(models.Address).alias()
    theirs = (in_organization(addresses), addresses.c.customer_id == customer.c.id)
    return sa.exists().where(*theirs, _town(addresses) == sa.any_(towns))


def _town(address: Table) -> Expression:
    return sa.func.kartotek_fold(address.c.city, type_=sa.Text)
