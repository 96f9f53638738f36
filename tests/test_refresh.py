"""Refreshing many customers: nobody is asked twice, what fails is told, and a register in trouble is left alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from stdnum.fi import ytunnus

from db.models import RegistryField
from kartotek.refresh import PATIENCE, Summary, list_due, refresh_many
from plugins.contract import CompanyStatus
from resolvers.reading import read
from resolvers.registry_refresh import Overwrite
from resolvers.selection import Field, Listing
from tests.a_register import MYLLY, forget_kept
from tests.builders import a_customer

DAY = timedelta(days=1)


def numbers(count: int) -> list[str]:
    """So many business ids with check digits that fit."""
    wholes = (f"{stem}{digit}" for stem in range(2900200, 2900999) for digit in range(10))
    return [ytunnus.format(whole) for whole in wholes if ytunnus.is_valid(whole)][:count]


@pytest.fixture
def run(database, viewer, registries):
    """Refreshes what is due, and tells how it went."""

    async def refreshed(overwrite: Overwrite = Overwrite.EMPTY_ONLY, **which: Any) -> Summary:
        due = await list_due(database, viewer, **{"older_than": DAY, **which})
        return await refresh_many(
            database, registries, viewer, due, overwrite=overwrite, progress=lambda part, done, total: None
        )

    return refreshed


async def customers(database, viewer, register, count: int) -> list[str]:
    """So many customers that were typed in and are in the register, too."""
    made = numbers(count)
    async with database.sessions.begin() as session:
        for number in made:
            await a_customer(session, viewer, name=f"Typed {number}", business_id=number)
            register.change(replace(MYLLY, business_id=number, vat_number=None))
    return made


async def everybody(database, viewer) -> list[Any]:
    fields = (Field("name", "name"), Field("phone", "phone"), Field("status", "registry_status"))
    return orjson.loads(await read(database.reads, viewer, Listing("Customer", fields)) or "")


async def test_customers_are_refreshed_once_a_day(run, database, viewer, register):
    await customers(database, viewer, register, 5)
    assert not (await run()).tallies
    (tally,) = (await run(unlinked=True)).tallies
    assert (tally.total, tally.changed, tally.failed, tally.left) == (5, 5, 0, 0)
    assert {each["phone"] for each in await everybody(database, viewer)} == {"+358191234567"}
    calls = register.calls
    assert not (await run(unlinked=True)).tallies
    assert register.calls == calls


async def test_a_run_that_was_broken_off_is_gone_on_with(run, database, viewer, register):
    made = await customers(database, viewer, register, 6)
    everywhere = dict(register.companies)
    del register.companies[made[3]]
    (tally,) = (await run(unlinked=True)).tallies
    assert (tally.changed, tally.failed, tally.left) == (5, 1, 0)
    register.companies = everywhere
    calls = register.calls
    await run(unlinked=True)
    assert register.calls - calls <= 1


async def test_how_a_company_stands_otherwise_is_told_with_its_customer(run, database, viewer, register):
    (number,) = await customers(database, viewer, register, 1)
    await run(unlinked=True)
    register.change(register.companies[number], status=CompanyStatus.BANKRUPT, name="Konkurssi Oy")
    summary = await run(older_than=timedelta(0), numbers=[1])
    assert summary.is_complete
    assert not summary.notes
    await forget_kept(database)
    summary = await run(older_than=timedelta(0), overwrite=Overwrite.ALL)
    assert summary.notes == [f"1 Typed {number}: active → bankrupt"]
    assert [(each["name"], each["status"]) for each in await everybody(database, viewer)] == [
        ("Konkurssi Oy", "BANKRUPT")
    ]


async def test_a_register_in_trouble_is_left_alone_and_nothing_is_lost(run, database, viewer, register):
    await customers(database, viewer, register, PATIENCE + 4)
    register.status = 500
    summary = await run(unlinked=True)
    (tally,) = summary.tallies
    assert (tally.failed, tally.left, summary.is_complete) == (PATIENCE, 4, False)
    assert "left alone" in summary.notes[-1]
    assert {each["status"] for each in await everybody(database, viewer)} == {None}


async def test_what_was_fetched_is_what_the_link_says(run, database, viewer, register):
    await customers(database, viewer, register, 1)
    await run(unlinked=True, overwrite=Overwrite.ALL)
    link = Field("link", "registry_link", fields=(Field("fields", "fields"),))
    (row,) = orjson.loads(await read(database.reads, viewer, Listing("Customer", (link,))) or "")
    assert set(row["link"]["fields"]) == set(RegistryField) - {"VAT_NUMBER", "MARKETING_ALLOWED"}
