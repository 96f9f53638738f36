"""The demo's registers speak as the real ones do: the adapters read from them just what they have."""

import re
from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from kartotek.demo_companies import list_entries
from kartotek.stand_in import Entry, stand_ins
from plugins.client import RegistryClient
from plugins.contract import AddressKind, Company, CompanyStatus, Gone, NotFound, RegistryAdapter, RejectedInput
from plugins.finland import Ytj
from plugins.norway import Enhetsregisteret
from resolvers.legal_forms import core_words
from tests.builders import a_customer

ADAPTERS: dict[str, RegistryAdapter] = {"FI": Ytj("en"), "NO": Enhetsregisteret()}


@pytest.fixture
async def entries(session, viewer):
    """Those of an organisation with a customer in each of the countries, and one in neither."""
    await a_customer(session, viewer, name="Kivi & Kumppanit Oy", country="FI", business_id="2900100-7")
    await a_customer(session, viewer, name="Fjordlys AS", country="NO", business_id="310100102")
    await a_customer(session, viewer, name="Skog AB", country="SE", business_id="5560000001")
    return await list_entries(session, viewer.organization_id)


@pytest.fixture
async def ask(entries):
    """The client of each country's register."""
    with stand_ins(entries) as values:
        clients = {code: RegistryClient(values[f"{code}_BASE_URL"], may_be_local=True) for code in ADAPTERS}
        yield clients
        for client in clients.values():
            await client.aclose()


def of_each_kind(entries: list[Entry]) -> Iterator[Entry]:
    """One for each way in which they differ in more than words."""
    kinds = {
        (each.country, each.status, each.is_person, each.part_of is None, each.is_vat_registered, bool(each.box)): each
        for each in entries
        if not each.is_withdrawn
    }
    yield from kinds.values()


async def test_an_adapter_reads_what_the_register_has(ask, entries):
    checked = set()
    for entry in of_each_kind(entries):
        company = await ADAPTERS[entry.country].lookup(ask[entry.country], entry.business_id)
        check(company, entry)
        checked.add((entry.country, entry.status))
    everywhere = set(CompanyStatus) - {CompanyStatus.UNKNOWN, CompanyStatus.NOT_YET_REGISTERED}
    assert {status for country, status in checked if country == "NO"} == everywhere
    assert {status for country, status in checked if country == "FI"} == everywhere | {CompanyStatus.NOT_YET_REGISTERED}


def check(company: Company, entry: Entry) -> None:
    assert (company.business_id, company.status) == (entry.business_id, entry.status)
    assert company.name.casefold() == entry.name.casefold()
    if entry.country == "NO" and entry.status is CompanyStatus.DISSOLVED:
        return  # all that this register has of it
    assert company.is_natural_person == entry.is_person
    assert company.part_of == entry.part_of
    assert company.registered_on == entry.since
    assert bool(company.vat_number) == is_in_vat_register(entry)
    assert company.industry
    assert entry.industry
    assert re.sub(r"\D", "", company.industry.code).startswith(re.sub(r"\D", "", entry.industry[0]))
    streets = {address.kind: address.street for address in company.addresses}
    assert streets[AddressKind.VISITING] == entry.street
    if entry.box and entry.part_of is None:
        assert entry.box in (streets[AddressKind.POSTAL] or "")


def is_in_vat_register(entry: Entry) -> bool:
    return entry.is_vat_registered and entry.part_of is None and entry.status is not CompanyStatus.DISSOLVED


async def test_our_customers_are_among_them_and_others_are_not_ours(entries):
    ours, *others = [entry for entry in entries if entry.country == "FI"]
    assert (ours.name, ours.business_id) == ("Kivi & Kumppanit Oy", "2900100-7")
    assert len(others) > 100
    assert len({(entry.country, entry.business_id) for entry in entries}) == len(entries)
    assert "Skog AB" not in {entry.name for entry in entries}


async def test_they_say_the_same_after_a_new_start(session, viewer, entries):
    assert await list_entries(session, viewer.organization_id) == entries


@pytest.mark.parametrize(("country", "word"), [("FI", "kaisla"), ("NO", "fjord")])
async def test_one_word_finds_those_that_have_it(ask, entries, country, word):
    found = await ADAPTERS[country].search(ask[country], word, 100)
    has_it = {each.business_id for each in entries if each.country == country and word in core_words(each.name)}
    assert {hit.business_id for hit in found.hits} >= has_it
    assert (len(has_it) > 5, found.has_more) == (True, False)


@pytest.mark.parametrize("country", ADAPTERS)
async def test_what_is_not_there_is_not_found(ask, country):
    adapter, client = ADAPTERS[country], ask[country]
    assert not (await adapter.search(client, "zzzzz", 10)).hits
    with pytest.raises(NotFound):
        await adapter.lookup(client, {"FI": "0112038-9", "NO": "923609016"}[country])


async def test_one_is_withdrawn_for_legal_reasons(ask, entries):
    (withdrawn,) = [entry for entry in entries if entry.is_withdrawn]
    with pytest.raises(Gone):
        await ADAPTERS["NO"].lookup(ask["NO"], withdrawn.business_id)


async def test_a_question_without_anything_in_it_is_refused(ask):
    with pytest.raises(RejectedInput):
        await ask["FI"].get_json("/companies")


def test_they_are_gone_when_nobody_needs_them_any_more():
    with stand_ins([Entry(country="FI", business_id="2900100-7", name="Kivi Oy", since=date(2001, 2, 3))]) as values:
        address = f"{values['FI_BASE_URL']}/companies?name=kivi"
        assert httpx.get(address).json()["totalResults"] == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
