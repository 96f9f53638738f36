"""Which values of a customer came from a register and were not edited since.

The link of a customer to its record keeps what was taken over, as JSON by field. Whether a value is still that one is
seen by comparing when it is asked, so that no way to write a customer has to keep the link in step, and an edit that is
undone is none.
"""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by, array

from db import models
from db.models import RegistryField, table_of
from resolvers.rendering import text
from resolvers.rights import Table, in_organization

if TYPE_CHECKING:
    from resolvers.entities import Row

Expression = sa.ColumnElement[Any]

ADDRESS = tuple(models.AddressFields.model_fields)
"""Columns of an address that say something."""


def column_of(field: RegistryField) -> str:
    """Where a customer keeps the field; addresses are rows of their own, and called so."""
    return "industry_id" if field is RegistryField.INDUSTRY else field.lower()


def kept(value: Any) -> Any:
    """The value of a customer's column, or its addresses, as a link keeps it; None where there is nothing."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [{name: part[name] for name in ADDRESS if part.get(name) is not None} for part in value] or None
    return str(value) if isinstance(value, uuid.UUID) else value


def unedited_fields(link: "Row") -> Expression:
    """Names of the fields of the link's customer that are as they were taken over, in the order of `RegistryField`."""
    customers = table_of(models.Customer).alias()
    same: array[Any] = array([_if_unedited(link, customers, field) for field in RegistryField])
    fields = sa.func.array_remove(same, sa.null(), type_=ARRAY(sa.Text))
    mine = in_organization(customers), customers.c.id == link.c.customer_id
    return sa.select(fields).where(*mine).correlate(link.table).scalar_subquery()


def _if_unedited(link: "Row", customers: Table, field: RegistryField) -> Expression:
    taken = link.c.taken_over.op("->", return_type=JSONB())(text(field))
    return sa.case((taken == _current(customers, field, taken), text(field)), else_=sa.null())


def _current(customers: Table, field: RegistryField, taken: Expression) -> Expression:
    if field is RegistryField.ADDRESSES:
        return _addresses(customers, taken)
    return sa.func.to_jsonb(customers.c[column_of(field)], type_=JSONB)


def _addresses(customers: Table, taken: Expression) -> Expression:
    """The customer's addresses of the kinds that were taken over: one of another kind is beside the point."""
    addresses = table_of(models.Address).alias()
    columns = [part for name in ADDRESS for part in (text(name), addresses.c[name])]
    written = sa.func.jsonb_strip_nulls(sa.func.jsonb_build_object(*columns))
    listed: Any = aggregate_order_by(written, addresses.c.position)
    of_kind = sa.func.jsonb_build_array(sa.func.jsonb_build_object(text("kind"), addresses.c.kind), type_=JSONB)
    theirs = in_organization(addresses), addresses.c.customer_id == customers.c.id, taken.contains(of_kind)
    gathered = sa.select(sa.func.jsonb_agg(listed, type_=JSONB)).where(*theirs)
    return gathered.correlate_except(addresses).scalar_subquery()
