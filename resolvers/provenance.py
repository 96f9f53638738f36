"""Which values of a customer came from a register and were not edited since.

The link of a customer to its record keeps what was taken over, as JSON by field. Whether a value is still that one is
seen by comparing when it is asked, so that no way to write a customer has to keep the link in step, and an edit that is
undone is none.
"""

from collections.abc import Mapping
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

COLUMNS: Mapping[RegistryField, str] = {
    RegistryField.NAME: "name",
    RegistryField.BUSINESS_ID: "business_id",
    RegistryField.VAT_NUMBER: "vat_number",
    RegistryField.PHONE: "phone",
    RegistryField.EMAIL: "email",
    RegistryField.WEBSITE: "website",
    RegistryField.INDUSTRY: "industry_id",
    RegistryField.MARKETING_ALLOWED: "marketing_allowed",
}
"""Where a customer keeps each field but its addresses."""

ADDRESS = ("kind", "street", "post_code", "city", "region", "country")


def taken_over(values: Mapping[RegistryField, Any]) -> dict[str, Any]:
    """Columns of a customer, by field, as a link keeps them; addresses are mappings of their columns."""
    return {field: _kept(value) for field, value in values.items()}


def _kept(value: Any) -> Any:
    if isinstance(value, list):
        return [{name: part[name] for name in ADDRESS if part.get(name) is not None} for part in value]
    return value if isinstance(value, bool | str) else str(value)


def unedited_fields(link: "Row") -> Expression:
    """Names of the fields of the link's customer that are as they were taken over, in the order of `RegistryField`."""
    customers = table_of(models.Customer).alias()
    taken = link.c.taken_over.op("->", return_type=JSONB())
    same = [
        sa.case((taken(text(field)) == _current(customers, field), text(field)), else_=sa.null())
        for field in RegistryField
    ]
    fields = sa.func.array_remove(array(same, type_=sa.Text), sa.null(), type_=ARRAY(sa.Text))
    mine = in_organization(customers), customers.c.id == link.c.customer_id
    return sa.select(fields).where(*mine).correlate(link.table).scalar_subquery()


def _current(customers: Table, field: RegistryField) -> Expression:
    if field is RegistryField.ADDRESSES:
        return _addresses(customers)
    return sa.func.to_jsonb(customers.c[COLUMNS[field]], type_=JSONB)


def _addresses(customers: Table) -> Expression:
    addresses = table_of(models.Address).alias()
    columns = [part for name in ADDRESS for part in (text(name), addresses.c[name])]
    written = sa.func.jsonb_strip_nulls(sa.func.jsonb_build_object(*columns))
    listed: Any = aggregate_order_by(written, addresses.c.position)
    theirs = in_organization(addresses), addresses.c.customer_id == customers.c.id
    return sa.select(sa.func.jsonb_agg(listed, type_=JSONB)).where(*theirs).correlate(customers).scalar_subquery()
