"""A new organisation, with what it needs to begin."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Access, SalesCategory
from db.models.base import new_id
from resolvers.forms import Form
from resolvers.invoicing import INVOICE_STATUS
from resolvers.organization import ORGANIZATION, ROLE, USER
from resolvers.problems import Problem, Refused
from resolvers.references import Ref
from resolvers.sales import SALES_STATUS
from resolvers.upsert import Rows, upsert
from resolvers.viewer import Permissions, Viewer
from resolvers.writer import Draft, Writer
from resolvers.writing import prepare, store

EVERY_RIGHT = Permissions(Access.ALL, Access.ALL, Access.ALL, Access.ALL, Access.ALL, import_data=True, administer=True)
ROLES = {
    "Administrator": EVERY_RIGHT,
    "Manager": Permissions(
        Access.UNIT, Access.UNIT, Access.UNIT, Access.UNIT, Access.UNIT, import_data=False, administer=False
    ),
    "Sales": Permissions(
        Access.UNIT, Access.OWN, Access.OWN, Access.OWN, Access.OWN, import_data=False, administer=False
    ),
    "Viewer": Permissions(
        Access.ALL, Access.NONE, Access.ALL, Access.ALL, Access.NONE, import_data=False, administer=False
    ),
}
SALES_STATUSES: Rows = (
    {"name": "In progress", "category": SalesCategory.IN_PROGRESS, "probability": 50},
    {"name": "Won", "category": SalesCategory.WON, "probability": 100},
    {"name": "Lost", "category": SalesCategory.LOST, "probability": 0},
)
INVOICE_STATUSES: Rows = (
    {"name": "Draft", "numbered": False, "sent": False, "paid": False},
    {"name": "Sent", "numbered": True, "sent": True, "paid": False},
    {"name": "Paid", "numbered": True, "sent": True, "paid": True},
    {"name": "Credited", "numbered": True, "sent": True, "paid": True},
)


@dataclass(frozen=True, slots=True)
class Founded:
    """The keys of an organisation and its first administrator; or the problems for which there is none."""

    organization_id: uuid.UUID | None
    administrator_id: uuid.UUID | None
    problems: Sequence[Problem] = ()


async def init_organization(
    session: AsyncSession,
    *,
    name: str,
    country: str,
    currency: str,
    timezone: str,
    locale: str,
    admin_email: str,
    admin_name: str | None = None,
) -> Founded:
    """An organisation without customers: roles, statuses and one administrator. Paths are names of the arguments.

    Its audit trail begins with all of them, made by nobody, since nobody was there yet.
    """
    founder = Viewer(new_id(), new_id(), country, currency, timezone, locale, (), EVERY_RIGHT)
    writer = Writer(session, founder, EVERY_RIGHT, by=None)
    values = {"name": name, "country": country, "currency": currency, "timezone": timezone, "locale": locale}
    administrator = {
        "email": admin_email,
        "name": admin_name or admin_email.partition("@")[0],
        "role": Ref("name", "Administrator"),
    }
    try:
        # The administrator can be looked at only once there are roles; the savepoint takes them back if need be.
        async with session.begin_nested():
            organization_id = await _write(writer, ORGANIZATION, values, {}, founder.organization_id)
            await _write_lists(writer)
            administrator_id = await _write(writer, USER, administrator, {"email": "admin_email", "name": "admin_name"})
    except Refused as refusal:
        return Founded(None, None, refusal.problems)
    return Founded(organization_id, administrator_id)


async def _write(
    writer: Writer, form: Form, values: Mapping[str, Any], arguments: Mapping[str, str], key: uuid.UUID | None = None
) -> uuid.UUID | None:
    draft = Draft((), values, key=key)
    await prepare(writer, form, [draft])
    if not draft.is_fine:
        raise Refused(*(_renamed(problem, arguments) for problem in draft.problems))
    await store(writer, form, [draft])
    return draft.key


def _renamed(problem: Problem, arguments: Mapping[str, str]) -> Problem:
    return replace(problem, path=tuple(arguments.get(part, part) for part in problem.path))


async def _write_lists(writer: Writer) -> None:
    roles = [{"name": name, **asdict(permissions)} for name, permissions in ROLES.items()]
    for form, rows in ((ROLE, roles), (SALES_STATUS, SALES_STATUSES), (INVOICE_STATUS, INVOICE_STATUSES)):
        await upsert(writer, form, rows)
