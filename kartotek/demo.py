"""The demo: an organisation of invented data, made anew in another month, and a token to look at it."""

import uuid
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from db.connection import Database
from db.models import Token, Visibility, table_of
from kartotek.demo_companies import list_entries
from kartotek.demo_data import drop_demo, find_demo, load_demo
from kartotek.progress import bars
from kartotek.stand_in import Entry
from resolvers.kpis import today
from resolvers.report import save_report
from resolvers.token import create_token
from resolvers.viewer import Viewer, find_first_administrator
from schema.api import schema
from schema.report_health import core_of, findings

TIMEZONE = "Europe/Helsinki"
NAMED = "demo"
REPORTS = (
    (
        "people-by-industry",
        "Customers of an industry, with their people",
        """query PeopleByIndustry($industry: String = "Software") {
  customers(filter: { industry: { name: { eq: $industry } } }, orderBy: [{ name: ASC }]) {
    nodes {
      number
      name
      owner { name }
      contacts(filter: { isActive: { eq: true } }) {
        nodes { firstName lastName title email phone }
      }
    }
  }
}
""",
    ),
    (
        "billing-by-customer",
        "What each customer was billed, and what is open",
        """query BillingByCustomer($from: Date) {
  customers(orderBy: [{ number: ASC }]) {
    nodes {
      number
      name
      industry { name }
      billing(from: $from) { amount currency }
      openCases: cases(filter: { isOpen: { eq: true } }) { totalCount }
    }
  }
}
""",
    ),
)
"""Name, title and document of the reports that the demo has to begin with."""


async def prepare_demo(database: Database, customers: int, console: Console) -> str:
    """See to it that demo data of this month are there; the secret of a new token for their administrator."""
    day, sessions = today(TIMEZONE), database.sessions
    async with sessions.begin() as session:
        demo = await find_demo(session)
        if demo is not None and demo.month != day.replace(day=1):
            console.print(f"The demo data are of {demo.month:%B %Y}: making new ones.")
            await drop_demo(session)
            demo = None
    organization_id = demo.organization_id if demo else await _load(database.engine, day, customers, console)
    async with sessions.begin() as session:
        viewer = await find_first_administrator(session, organization_id)
        assert viewer is not None
        if demo is None:
            await _save_reports(session, viewer)
        return await _new_token(session, viewer)


async def list_registered(database: Database) -> Sequence[Entry]:
    """What the demo's registers know: its own customers, and others to import."""
    async with database.sessions() as session:
        demo = await find_demo(session)
        return await list_entries(session, demo.organization_id) if demo else ()


async def _load(engine: AsyncEngine, day: date, customers: int, console: Console) -> uuid.UUID:
    with bars(console) as show:
        keys = await load_demo(engine, today=day, customers=customers, progress=show)
    return keys.organization_id


async def _save_reports(session: AsyncSession, viewer: Viewer) -> None:
    for name, title, document in REPORTS:
        found = findings(core_of(schema), document, viewer.locale)
        values = {"name": name, "title": title, "document": document, "visibility": Visibility.SHARED}
        saved = await save_report(session, viewer, values, found)
        assert not saved.problems


async def _new_token(session: AsyncSession, viewer: Viewer) -> str:
    """A token in place of the one of the last start, whose secret nobody knows any more."""
    tokens = table_of(Token)
    earlier = (tokens.c.organization_id == viewer.organization_id, tokens.c.name == NAMED)
    await session.execute(sa.delete(tokens).where(*earlier))
    made = await create_token(session, viewer, {"name": NAMED})
    assert made.secret is not None
    return made.secret
