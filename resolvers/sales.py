"""Sales cases and their statuses: how they are written."""

from collections.abc import Sequence

from db import models
from db.models import SalesCategory
from resolvers.forms import Amount, Form, Link, fields
from resolvers.writer import Draft, Writer


async def _open_unless_lost(writer: Writer, drafts: Sequence[Draft]) -> None:
    """A new case is open, unless it is a lost one or the client says otherwise."""
    for draft in drafts:
        if draft.is_new and "is_open" not in draft.given:
            draft.values["is_open"] = draft.links["sales_status"]["category"] is not SalesCategory.LOST


SALES_STATUS = Form(
    entity="SalesStatus",
    model=models.SalesStatus,
    checks=models.SalesStatusFields,
    fields=fields("name", "category", "probability", "is_active"),
    key="name",
    unique=(("name",),),
)
CASE = Form(
    entity="Case",
    model=models.Case,
    checks=models.CaseFields,
    fields=(
        *fields("external_id"),
        Link(name="customer", entity="Customer"),
        *fields("name"),
        Link(name="sales_status", entity="SalesStatus"),
        Link(name="owner", entity="User"),
        Amount(name="value", amount="value_amount", currency="value_currency"),
        *fields("is_open", "is_internal", "expected_close", "closed_on"),
    ),
    needs_key=True,
    rules=(_open_unless_lost,),
)
