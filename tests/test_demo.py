"""The demo is there when it is wanted, and of this month."""

import io
from datetime import date

import pytest
import sqlalchemy as sa
from rich.console import Console

from db.connection import Database, connected
from db.models import Organization, Report, Token, table_of
from kartotek.demo import TIMEZONE, prepare_demo
from kartotek.demo_data import find_demo, load_demo
from resolvers.kpis import today


@pytest.fixture
async def connected_database(database_url: str):
    async with connected(database_url) as database:
        yield database


async def prepared(database: Database) -> tuple[str, str]:
    said = io.StringIO()
    secret = await prepare_demo(database, 20, Console(file=said))
    return secret, said.getvalue()


async def count(database: Database, model: type) -> int:
    async with database.sessions() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(table_of(model))) or 0


async def test_demo_data_of_another_month_are_made_anew_after_saying_so(connected_database: Database):
    await load_demo(connected_database.engine, today=date(2020, 2, 29), customers=20)
    _, said = await prepared(connected_database)
    assert "February 2020" in said
    async with connected_database.sessions() as session:
        found = await find_demo(session)
    assert found is not None
    assert found.month == today(TIMEZONE).replace(day=1)
    assert await count(connected_database, Organization) == 1


async def test_a_second_start_keeps_the_data_and_replaces_the_token(connected_database: Database):
    first, _ = await prepared(connected_database)
    second, said = await prepared(connected_database)
    assert said.strip() == ""
    assert first != second
    assert await count(connected_database, Token) == 1


async def test_there_are_reports_to_begin_with(connected_database: Database):
    await prepared(connected_database)
    async with connected_database.sessions() as session:
        found = (await session.execute(sa.select(table_of(Report)))).mappings().all()
    assert {row["name"] for row in found} == {"people-by-industry", "billing-by-customer"}
    assert {(row["visibility"], row["health_status"]) for row in found} == {("SHARED", "VALID")}
    assert await count(connected_database, Report) == 2
    await prepared(connected_database)
    assert await count(connected_database, Report) == 2
