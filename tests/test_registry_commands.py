"""The commands about national registers, and a server whose register is a stand-in on this machine."""

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from resolvers.token import create_token
from tests.builders import a_customer
from tests.finnish_register import Ytj, finnish_register
from tests.processes import KARTOTEK, environment, serving


@pytest.fixture
def stand_in() -> Iterator[dict[str, str]]:
    """The settings that lead to it."""
    with finnish_register() as base:
        yield {"KARTOTEK_REGISTRY_FI_BASE_URL": base, "KARTOTEK_REGISTRY_STAND_INS": "1"}


def kartotek(*words: object, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [str(KARTOTEK), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**settings), check=False, timeout=60)


def test_all_registers_are_listed_with_what_they_want():
    listed = kartotek("plugins", KARTOTEK_REGISTRY_GB_KEY="hush", KARTOTEK_REGISTRY_DISABLED="dk, gleif")
    assert listed.returncode == 0, listed.stderr
    cells = [[cell.strip() for cell in line.split("│")] for line in listed.stdout.splitlines() if "│" in line]
    states = {line[1]: line[4] for line in cells}
    assert (states["fi-ytj"], states["gb-companies-house"], states["nl-kvk"]) == ("ready", "ready", "needs key")
    assert (states["dk"], states["gleif"]) == ("disabled", "disabled")
    assert "hush" not in listed.stdout


async def test_a_company_is_looked_up_by_a_word_or_a_number(database_url, viewer, stand_in):
    for text in ("nordsken", "FI29001007"):
        found = kartotek("lookup", text, KARTOTEK_DATABASE_URL=database_url, **stand_in)
        assert found.returncode == 0, found.stderr
        first = next(line for line in found.stdout.splitlines() if line.startswith("│"))
        assert [cell.strip() for cell in first.split("│")[1:5]] == ["2900100-7", "Nordsken Oy", "FI29001007", "active"]
        assert "PRH" in found.stderr


async def test_an_address_of_this_machine_is_refused_unless_stand_ins_are_allowed(database_url, viewer, stand_in):
    settings = {"KARTOTEK_REGISTRY_FI_BASE_URL": stand_in["KARTOTEK_REGISTRY_FI_BASE_URL"]}
    called = len(Ytj.called)
    found = kartotek("lookup", "nordsken", KARTOTEK_DATABASE_URL=database_url, **settings)
    assert found.returncode == 1
    assert "could not be reached" in found.stderr
    assert found.stdout == ""
    assert len(Ytj.called) == called


async def test_what_cannot_be_looked_up_says_why(database_url, viewer):
    for words, reason in ((("--country", "GB"), "Companies House needs its key"), (("--country", "SE"), "client_id")):
        found = kartotek("lookup", "acme", *words, KARTOTEK_DATABASE_URL=database_url)
        assert found.returncode == 1
        assert reason in found.stderr


async def test_a_server_asks_the_stand_in_too(database_url, sessions, viewer, stand_in):
    async with sessions.begin() as session:
        token = (await create_token(session, viewer, {"name": "test"})).secret
    query = '{ registrySearch(text: "nordsken") { hits { company { name } } } }'
    async with serving(database_url, **stand_in) as (_, address), httpx.AsyncClient() as client:
        answer = await client.post(address, json={"query": query}, headers={"Authorization": f"Bearer {token}"})
        hits = answer.json()["data"]["registrySearch"]["hits"]
        ready = await client.get(address.replace("/graphql", "/readyz"))
    assert hits[0] == {"company": {"name": "Nordsken Oy"}}
    assert ready.json() == {"status": "ok"}


async def test_customers_are_refreshed_from_the_command_line(database_url, sessions, viewer, stand_in):
    async with sessions.begin() as session:
        await a_customer(session, viewer, name="Nordsken", business_id="2900100-7")
        await a_customer(session, viewer, name="Nobody")
    settings = {"KARTOTEK_DATABASE_URL": database_url, **stand_in}
    assert "their numbers, or --all" in kartotek("refresh", **settings).stderr
    assert "There is no customer 99" in kartotek("refresh", 1, 99, **settings).stderr
    done = kartotek("refresh", "--all", "--unlinked", "--overwrite", **settings)
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if "by number" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["by number", "1", "1", "0", "0", "0"]
    again = kartotek("refresh", "--all", "--unlinked", **settings)
    assert "by number" not in again.stdout
    one = kartotek("refresh", 1, 2, **settings)
    assert one.returncode == 3
    assert "2 Nobody: This customer has no business id or VAT number" in one.stdout
