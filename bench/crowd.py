"""Customers by the hundred thousand, invented in seconds: names of few common and many rare words, as names are."""

import random
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.models import Contact, Customer, Industry, Role, Unit, User
from db.models.base import new_id, now, table_of
from kartotek.demo_data import COUNTRIES, INDUSTRIES, NATIONS

SEED = 20_260_102
CHUNK = 10_000
ROLES = table_of(Role)
# fmt: off
SYLLABLES = (
    "ka", "to", "ri", "ven", "lu", "mo", "sa", "ti", "ha", "ne", "pa", "el", "jo", "ru", "si", "vi", "ma", "kor", "le",
    "ar",
)
FIRST_NAMES = (
    "Aino", "Björn", "Elin", "Eero", "Gunnar", "Håkan", "Ilmari", "Jenni", "Kåre", "Lena", "Matti", "Nils", "Outi",
    "Pekka", "Søren", "Tuula", "Åsa",
)
# fmt: on

Row = dict[str, Any]


class Crowd:
    """Inventor of an organisation's customers; the same ones each time, but for their ids."""

    def __init__(self, organization_id: uuid.UUID, *, units: int = 10, sellers: int = 100, contacts: int = 1) -> None:
        self._contacts = contacts
        self._number_of_sellers = sellers
        self._random = random.Random(SEED)
        self._organization_id = organization_id
        self._moment = now()
        self._industries = [
            self._row(name=name, code=code, is_active=True) for name, (code, _) in sorted(INDUSTRIES.items())
        ]
        self._units = [self._row(name=f"Unit {number}") for number in range(units)]
        self._sellers: list[Row] = []

    async def write(self, connection: AsyncConnection, customers: int) -> None:
        """Write so many customers, each with contacts and a seller; the last industry stays without any."""
        role = sa.select(ROLES.c.id).where(ROLES.c.organization_id == self._organization_id, ~ROLES.c.administer)
        role_id = (await connection.scalars(role.order_by(ROLES.c.id))).first()
        self._sellers = [self._seller(number, role_id) for number in range(self._number_of_sellers)]
        for model, rows in ((Industry, self._industries), (Unit, self._units), (User, self._sellers)):
            await _copy(connection, model, rows)
        for start in range(0, customers, CHUNK):
            rows = [self._customer(number) for number in range(start + 1, min(start + CHUNK, customers) + 1)]
            await _copy(connection, Customer, rows)
            await _copy(connection, Contact, [self._contact(row["id"]) for row in rows for _ in range(self._contacts)])

    def _row(self, **values: Any) -> Row:
        return {"organization_id": self._organization_id, "id": new_id(), **values}

    def _versioned(self, **values: Any) -> Row:
        return self._row(version=1, created_at=self._moment, updated_at=self._moment, **values)

    def _seller(self, number: int, role_id: uuid.UUID | None) -> Row:
        return self._row(
            name=f"Seller {number}",
            email=f"seller{number}@suuri.example",
            is_active=True,
            unit_id=self._units[number % len(self._units)]["id"],
            role_id=role_id,
        )

    def _customer(self, number: int) -> Row:
        country = self._random.choice(COUNTRIES)
        industry = self._random.choice(self._industries[:-1])
        own = self._word()
        trade = INDUSTRIES[industry["name"]][1][country]
        business_id = f"{1_000_000 + number}-{self._random.randrange(10)}"
        return self._versioned(
            number=number,
            name=f"{own} {trade} {self._random.choice(NATIONS[country].forms)}",
            business_id=business_id,
            vat_number=country + business_id.replace("-", ""),
            country=country,
            email=f"info@{own.lower()}.example",
            is_internal=False,
            is_active=True,
            marketing_allowed=True,
            industry_id=industry["id"],
            owner_id=self._sellers[number % len(self._sellers)]["id"],
        )

    def _contact(self, customer_id: uuid.UUID) -> Row:
        first, last = self._random.choice(FIRST_NAMES), f"{self._word()}nen"
        return self._versioned(
            customer_id=customer_id,
            first_name=first,
            last_name=last,
            email=f"{last.lower()}@people.example",
            is_primary=True,
            is_active=True,
            marketing_allowed=True,
        )

    def _word(self) -> str:
        return "".join(self._random.choices(SYLLABLES, k=4)).capitalize()


async def _copy(connection: AsyncConnection, model: Any, rows: Sequence[Row]) -> None:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    records = [tuple(row.values()) for row in rows]
    await driver.copy_records_to_table(table_of(model).name, columns=list(rows[0]), records=records)
