"""The companies that the demo's registers know: its own Finnish and Norwegian customers, and others to import.

What a register says of a company depends on its number alone, so that it says the same after a new start. Of some
customers it knows more than we do, some have moved, and some are bankrupt or gone.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import product
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Address, AddressKind, Customer, Industry, table_of
from kartotek.demo_data import BUSINESS_IDS, INDUSTRIES, slug
from kartotek.stand_in import Entry
from plugins.contract import CompanyStatus

STATUSES = {
    CompanyStatus.ACTIVE: 88,
    CompanyStatus.BANKRUPT: 4,
    CompanyStatus.LIQUIDATION: 3,
    CompanyStatus.DISSOLVED: 3,
    CompanyStatus.RESTRUCTURING: 2,
}
FIRST_WORDS = {
    "FI": "Aamu Halla Hanki Kaisla Karhu Koivu Kuura Lumi Meri Niitty Petäjä Ranta Revontuli Saari Suvi Tammi Utu",
    "NO": "Bjørk Brisling Fjell Fjord Foss Granli Havn Lyng Måne Nordlys Rype Snø Sol Stein Strand Tind Vidde Ås",
}
PLACES = {
    "FI": (("00100", "Helsinki"), ("20100", "Turku"), ("33100", "Tampere"), ("65100", "Vaasa"), ("90100", "Oulu")),
    "NO": (("0150", "Oslo"), ("4006", "Stavanger"), ("5003", "Bergen"), ("7011", "Trondheim"), ("9008", "Tromsø")),
}
STREETS = {
    "FI": ("Asematie", "Kauppakatu", "Rantatie", "Satamakatu", "Tehtaankatu"),
    "NO": ("Brygga", "Havnegata", "Kirkegata", "Storgata", "Torget"),
}


async def list_entries(session: AsyncSession, organization_id: uuid.UUID) -> Sequence[Entry]:
    """All companies of both registers; those of the organisation's customers first."""
    own = [_customer_entry(row._mapping) for row in await session.execute(_customers(organization_id))]
    return [*own, *_others({entry.business_id for entry in own})]


def _customers(organization_id: uuid.UUID) -> sa.Select[Any]:
    customers, addresses, industries = table_of(Customer), table_of(Address), table_of(Industry)
    is_visiting = sa.and_(addresses.c.customer_id == customers.c.id, addresses.c.kind == AddressKind.VISITING)
    joined = customers.outerjoin(addresses, is_visiting).outerjoin(
        industries, industries.c.id == customers.c.industry_id
    )
    wanted = (
        *(customers.c[name] for name in ("country", "business_id", "name", "phone", "email", "website")),
        *(addresses.c[name] for name in ("street", "post_code", "city")),
        industries.c.code,
        industries.c.name.label("industry"),
    )
    here = (customers.c.organization_id == organization_id, customers.c.deleted_at.is_(None))
    in_registers = (customers.c.country.in_(FIRST_WORDS), customers.c.business_id.is_not(None))
    return (
        sa.select(*wanted)
        .select_from(joined)
        .where(*here, *in_registers)
        .ext(postgresql.distinct_on(customers.c.id))
        .order_by(customers.c.id)
    )


def _customer_entry(row: Any) -> Entry:
    chance = random.Random(row["business_id"])  # noqa: S311 (to say the same again)
    known = {"street": row["street"], "post_code": row["post_code"], "city": row["city"]}
    has_moved = not row["street"] or chance.random() < 0.15
    return Entry(
        country=row["country"],
        business_id=row["business_id"],
        name=row["name"],
        industry=(row["code"], row["industry"]) if row["code"] else None,
        phone=row["phone"] if chance.random() < 0.7 else None,
        email=row["email"] if chance.random() < 0.7 else None,
        website=row["website"],
        **_facts(chance, row["country"]) | ({} if has_moved else known),
    )


def _others(taken: set[str]) -> Iterator[Entry]:
    """Companies that are nobody's customers."""
    for country, words in FIRST_WORDS.items():
        trades = INDUSTRIES.items()
        for serial, (word, (industry, (code, names))) in enumerate(product(words.split(), trades)):
            business_id = BUSINESS_IDS[country](500_000 + serial * 3)
            if business_id and business_id not in taken:
                name = f"{word} {names[country]}"
                yield from _other(country, business_id, name, (code, industry), serial)


def _other(country: str, business_id: str, name: str, industry: tuple[str, str], serial: int) -> Iterator[Entry]:
    chance = random.Random(business_id)  # noqa: S311 (to say the same again)
    is_person, is_withdrawn = country == "NO" and serial % 13 == 5, country == "NO" and serial == 17
    full_name = name if is_person else f"{name} {'Oy' if country == 'FI' else 'AS'}"
    facts = _facts(chance, country) | {"industry": industry}
    if country == "FI" and serial % 29 == 7:
        facts["status"] = CompanyStatus.NOT_YET_REGISTERED
    company = Entry(
        country=country,
        business_id=business_id,
        name=full_name,
        website=f"https://www.{slug(name)}.example" if chance.random() < 0.6 else None,
        email=f"post@{slug(name)}.example" if country == "NO" and chance.random() < 0.5 else None,
        is_person=is_person,
        is_withdrawn=is_withdrawn,
        **facts,
    )
    yield company
    part_id = BUSINESS_IDS[country](800_000 + serial * 3)
    if country == "NO" and part_id and serial % 7 == 3:
        facts = _facts(chance, country) | {"industry": industry, "status": CompanyStatus.ACTIVE}
        part = f"{full_name} avd {facts['city']}"
        yield Entry(country=country, business_id=part_id, name=part, part_of=business_id, **facts)


def _facts(chance: random.Random, country: str) -> dict[str, Any]:
    """What a register has of any company."""
    post_code, city = chance.choice(PLACES[country])
    return {
        "status": chance.choices([*STATUSES], weights=[*STATUSES.values()])[0],
        "since": date(chance.randint(1985, 2020), chance.randint(1, 12), chance.randint(1, 28)),
        "street": f"{chance.choice(STREETS[country])} {chance.randint(1, 90)}",
        "box": str(chance.randint(10, 900)) if chance.random() < 0.3 else None,
        "post_code": post_code,
        "city": city,
        "is_vat_registered": chance.random() < 0.95,
    }
