"""The link of a customer to its record in a register: which one, how the company stands, what was taken over."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.models import RegistryField, RegistryLink, table_of
from resolvers.provenance import column_of, kept
from resolvers.registry_record import Record, Values, name_of
from resolvers.writer import Draft, Writer

LINKS = table_of(RegistryLink)


def taken_over(draft: Draft, values: Values) -> Mapping[RegistryField, Any]:
    """What a customer, as it is to be, has of these values of its record."""
    fields = (field for field in RegistryField if name_of(field) in values)
    return {field: _taken_over(draft, field, values) for field in fields}


def _taken_over(draft: Draft, field: RegistryField, values: Values) -> Any:
    if field is RegistryField.ADDRESSES:
        return [address for address in draft.value("addresses") if address in values["addresses"]]
    return draft.value(column_of(field))


async def keep_link(writer: Writer, draft: Draft, record: Record, taken: Mapping[RegistryField, Any]) -> None:
    """Link a stored customer to its record, from which these values of it were taken over.

    What was taken over before stays noted, as long as it is the same record.
    """
    values = {
        "organization_id": writer.viewer.organization_id,
        "customer_id": draft.key,
        "registry_id": record.registry_id,
        "business_id": record.company.business_id,
        "status": record.company.status.value,
        "fetched_at": record.fetched_at,
        "taken_over": {field: kept(value) for field, value in taken.items()},
    }
    given = insert(LINKS).values(values)
    keys = ("organization_id", "customer_id")
    named = ("registry_id", "business_id")
    is_same = sa.and_(*(LINKS.c[name] == given.excluded[name] for name in named))
    earlier = sa.case((is_same, LINKS.c.taken_over), else_=sa.text("'{}'::jsonb"))
    replaced: dict[str, sa.ColumnElement[Any]] = {
        name: given.excluded[name] for name in values if name not in (*keys, "taken_over")
    }
    replaced["taken_over"] = earlier.concat(given.excluded.taken_over)
    await writer.session.execute(given.on_conflict_do_update(index_elements=keys, set_=replaced))
