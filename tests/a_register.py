"""A register for tests, as a partner would add one: what it has can be changed while it is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from importlib.metadata import EntryPoint
from typing import Any

import httpx
import sqlalchemy as sa
from pydantic import TypeAdapter
from stdnum import lei
from stdnum.fi import ytunnus
from stdnum.util import clean

from db.connection import Database
from db.models import RegistryCache, table_of
from plugins.client import RegistryClient
from plugins.contract import (
    Address,
    AddressKind,
    Company,
    CompanyStatus,
    IndustryCode,
    Number,
    NumberKind,
    RegistryAdapter,
    RegistryInfo,
    hookimpl,
)
from plugins.discovery import discover
from resolvers.registries import Registries

KARTOTEK_CONTRACT = 1
POINTS = [EntryPoint("testers", "tests.a_register", "kartotek.registries")]
COMPANY = TypeAdapter(Company)

MYLLY = Company(
    country="FI",
    business_id="2900100-7",
    name="Myllyn Paras Oy",
    status=CompanyStatus.ACTIVE,
    vat_number="FI29001007",
    industry=IndustryCode(scheme="TOL2008", code="10.611", label="Myllytuotteiden valmistus"),
    addresses=(
        Address(kind=AddressKind.VISITING, street="Myllytie 1", post_code="05800", city="Hyvinkää"),
        Address(kind=AddressKind.POSTAL, street="PL 5", post_code="05801", city="Hyvinkää", country="FI"),
    ),
    phone="019 123 4567",
    email="info@mylly.example",
    website="www.mylly.example",
    registered_on=date(1928, 1, 1),
)
"""A company with all that a customer can have of it."""

SWISS = Company(country="CH", business_id="506700GE1G29325QX363", name="Uhrwerk AG", status=CompanyStatus.ACTIVE)
"""A company under a number that a customer of its country cannot have."""


class Testers(RegistryAdapter):
    """Finland's companies, one JSON record for each."""

    info = RegistryInfo(
        id="fi-testers",
        name="Testers",
        countries=("FI",),
        base_url="https://testers.example/v1",
        looks_up_by_vat=True,
        calls_per_second=1000,
        calls_at_once=10,
        searches_by_name=False,
    )

    def read_number(self, text: str) -> Number | None:
        """A Y-tunnus, or a VAT number made of one."""
        number = clean(text, " -").upper()
        if not ytunnus.is_valid(number.removeprefix("FI")):
            return None
        kind = NumberKind.VAT_NUMBER if number.startswith("FI") else NumberKind.BUSINESS_ID
        return Number(ytunnus.format(number.removeprefix("FI")), kind)

    async def lookup(self, client: RegistryClient, business_id: str) -> Company:
        """The record as the test has it."""
        return COMPANY.validate_python(await client.get_json(f"/{business_id}"))


class Identifiers(Testers):
    """Companies by their LEI."""

    info = RegistryInfo(
        id="ch-testers", name="LEI", countries=("CH",), base_url="https://lei.example", searches_by_name=False
    )

    def read_number(self, text: str) -> Number | None:
        """An LEI."""
        return Number(text) if lei.is_valid(text) else None


@hookimpl
def kartotek_registries(locale: str) -> list[RegistryAdapter]:
    """The registers of the tests."""
    return [Testers(), Identifiers()]


class Register:
    """What the register has at the moment, and how it answers."""

    def __init__(self) -> None:
        self.companies = {company.business_id: company for company in (MYLLY, SWISS)}
        self.status = 200
        self.calls = 0

    def change(self, company: Company = MYLLY, **values: Any) -> None:
        """From now on the company is different."""
        self.companies[company.business_id] = replace(company, **values)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        company = self.companies.get(request.url.path.rpartition("/")[2])
        if self.status != 200 or company is None:
            return httpx.Response(404 if self.status == 200 else self.status)
        return httpx.Response(200, content=COMPANY.dump_json(company))


async def forget_kept(database: Database) -> None:
    """As if the time had passed for which answers are kept."""
    cache = table_of(RegistryCache)
    async with database.sessions.begin() as session:
        earlier = {name: cache.c[name] - timedelta(days=2) for name in ("fetched_at", "expires_at")}
        await session.execute(sa.update(cache).values(**earlier))


@asynccontextmanager
async def reached(database: Database, register: Register) -> AsyncIterator[Registries]:
    """The registers of the tests, as a server reaches them."""
    opened = Registries(
        database.sessions, lambda locale: discover(locale, entry_points=POINTS), transport=httpx.MockTransport(register)
    )
    yield opened
    await opened.aclose()
