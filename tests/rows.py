"""Random registries as plain rows, and how they get into a database.

A `World` is one organisation under test beside another one whose rows share its ids wherever they can: keys are unique
only together with their organisation, so whatever forgets the organisation finds a row too many.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from db import models
from db.models import metadata
from resolvers.ids import encode
from resolvers.viewer import Permissions, Viewer

Row = dict[str, Any]
Rows = dict[str, list[Row]]

TEXTS = (
    "Åbo Akademi", "åbo akademi", "ÅBO", "Abo", "Öljy Oy", "öljy", "oljy", "Zürich", "zurich", "ZÜRICH", "Ærø", "Øst",
    "ost", "Straße", "Strasse", "100%", "100_", "a\\b", "O'Neill", 'Quote "x"', "tab\there", "line\nbreak", "émile",
    "Émile", "emile", "e\u0301mile", "日本", "😀", " leading", "trailing ", "Ωmega", "Жук", "жук", "zz", "ZZ", "Z", "z",
)  # fmt: skip
"""Much the same in other letters, so that ties, accents, quotes and wild cards all occur."""

MOMENTS = tuple(
    datetime(2024, 2, 29, 23, 59, 59, micros, UTC) + timedelta(days=days)
    for days, micros in ((0, 0), (0, 1), (0, 500_000), (1, 123_456), (400, 120_000), (-8000, 0))
)
AMOUNTS = ("0", "0.00", "-0.005", "0.005", "2.675", "1000", "12.50", "-12.5", "999999.999999", "123456789012.34", "0.5")
RATES = ("1", "0.0915", "11.25", "0.5", "1.000000000001", "0.333333")
MINOR_UNITS = {"EUR": 2, "SEK": 2, "JPY": 0, "TND": 3}
COUNTRIES = ("FI", "SE", "NO", "DK")
LINKS = {"Contact": ("customer",), "Case": ("customer",), "Invoice": ("customer", "case"), "Cost": ("case",)}
"""Links to what not everybody sees, by the entity that has them."""
LEVELS = ("NONE", "OWN", "UNIT", "ALL")
RIGHTS = ("read_customers", "edit_customers", "read_cases", "read_invoices", "read_costs")


def home_amount(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
    """Amount × rate, rounded to the minor unit, half away from zero."""
    exact = Context(prec=60)
    unit = Decimal(1).scaleb(-MINOR_UNITS[currency])
    rounded = exact.multiply(amount, rate).quantize(unit, rounding=ROUND_HALF_UP, context=exact)
    return rounded or abs(rounded)  # nothing has no sign


class Maker:
    """Makes the rows of one organisation; everything is decided by `random`."""

    def __init__(self, random: Random, shared: int, currency: str, today: date) -> None:
        self.random = random
        self.shared = shared
        self.currency = currency
        self.today = today
        self.organization_id = uuid.UUID(int=random.getrandbits(128))
        self.rows: Rows = {}

    # ------------------------------------------------------------------ values

    def key(self, entity: str) -> uuid.UUID:
        """A new key; every other one is the same in both organisations of a world."""
        place = len(self.rows.get(entity, ()))
        seed = f"{self.shared} {entity} {place}" if place % 2 else self.random.getrandbits(128)
        return uuid.UUID(int=Random(seed).getrandbits(128))

    def maybe(self, value: Any, missing: float = 0.4) -> Any:
        return None if self.random.random() < missing else value

    def one(self, values: Sequence[Any]) -> Any:
        return self.random.choice(values)

    def flag(self) -> bool:
        return self.random.random() < 0.5

    def text(self, largest: int = 300) -> str:
        return (self.one(TEXTS) if self.flag() else f"{self.one(TEXTS)} {self.one(TEXTS)}")[:largest]

    def unlike(self, entity: str) -> str:
        """A name that no other of its kind has, in whatever case."""
        return f"{self.one(TEXTS)} {len(self.rows.get(entity, ()))}"

    def day(self) -> date:
        """A day in this year or the one before, most often near the end of a month or today."""
        near = self.one([self.today, self.today.replace(day=1), self.today.replace(day=1) - timedelta(days=1)])
        return near + timedelta(days=self.one([0, 0, 0, 1, -1, -27, -31, -60, 30, -365, -366, 400]))

    def moment(self) -> datetime:
        return self.one(MOMENTS)

    def of(self, entity: str, **conditions: Any) -> Row:
        """One of the rows made before that are like this."""
        return self.one(
            [row for row in self.rows[entity] if all(row[name] == value for name, value in conditions.items())]
        )

    def add(self, entity: str, **values: Any) -> Row:
        row = {"organization_id": self.organization_id, "id": self.key(entity), **values}
        self.rows.setdefault(entity, []).append(row)
        return row

    def versioned(self) -> Row:
        return {"version": self.random.randint(1, 3), "created_at": self.moment(), "updated_at": self.moment()}

    def spent(self) -> Row:
        """An amount in some currency, and what it is at home."""
        amount, foreign = Decimal(self.one(AMOUNTS)), self.flag()
        rate = Decimal(self.one(RATES)) if foreign else Decimal(1)
        return {
            "amount": amount,
            "currency": self.one(("SEK", "JPY")) if foreign else self.currency,
            "exchange_rate": rate,
            "home_amount": home_amount(amount, rate, self.currency),
        }

    # ------------------------------------------------------------------ entities

    def make(self, size: int) -> Rows:
        """The whole organisation; `size` is about the number of customers."""
        self.organization()
        for count, make in (
            (6, self.unit), (4, self.role), (8, self.user), (5, self.industry), (5, self.sales_status),
            (5, self.invoice_status), (size, self.customer), (size, self.address), (size, self.registry_link),
            (2 * size, self.contact), (size, self.case), (2 * size, self.invoice), (size, self.cost),
            (6, self.token), (6, self.report), (6, self.bulk_operation), (size, self.rejection),
            (2 * size, self.change),
        ):  # fmt: skip
            for _ in range(count):
                make()
        return self.rows

    def organization(self) -> None:
        self.rows["Organization"] = [
            {
                "id": self.organization_id,
                "name": f"{self.text(100)} {self.organization_id}",
                "country": self.one(COUNTRIES),
                "currency": self.currency,
                "timezone": self.one(("Europe/Helsinki", "UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago")),
                "locale": "fi-FI",
                "last_customer_number": 0,
                "created_at": self.moment(),
            }
        ]

    def unit(self) -> None:
        above = self.maybe(self.of("Unit")["id"], 0.3) if "Unit" in self.rows else None
        self.add("Unit", name=self.unlike("Unit"), parent_id=above)

    def role(self) -> None:
        levels = {right: self.one(LEVELS) for right in RIGHTS}
        self.add("Role", name=self.unlike("Role"), **levels, import_data=self.flag(), administer=self.flag())

    def user(self) -> None:
        self.add(
            "User",
            name=self.text(),
            email=f"{self.one(('anna', 'bo', 'åke'))}{len(self.rows.get('User', ()))}@example.org",
            is_active=self.flag(),
            unit_id=self.maybe(self.of("Unit")["id"], 0.2),
            role_id=self.of("Role")["id"],
        )

    def industry(self) -> None:
        self.add("Industry", name=self.unlike("Industry"), code=self.maybe(self.text(20)), is_active=self.flag())

    def sales_status(self) -> None:
        categories = ("IN_PROGRESS", "WON", "LOST", "IN_PROGRESS", "IN_PROGRESS")
        self.add(
            "SalesStatus",
            name=self.unlike("SalesStatus"),
            category=categories[len(self.rows.get("SalesStatus", ()))],
            probability=self.random.randint(0, 100),
            is_active=self.flag(),
        )

    def invoice_status(self) -> None:
        place = len(self.rows.get("InvoiceStatus", ()))
        self.add(
            "InvoiceStatus",
            name=self.unlike("InvoiceStatus"),
            numbered=place in (1, 2),
            sent=place in (1, 3),
            paid=self.flag(),
            is_active=self.flag(),
        )

    def customer(self) -> None:
        place = len(self.rows.get("Customer", ()))
        self.add(
            "Customer",
            number=place + 1,
            name=self.text(),
            business_id=self.maybe(f"{self.one(('aa', 'AA', 'Åb'))}-{place}"),
            vat_number=self.maybe(self.text(40)),
            country=self.one(COUNTRIES),
            language=self.maybe(self.one(("fi", "sv", "en"))),
            email=self.maybe(self.one(("Info@example.org", "info@example.org", "x@example.org"))),
            phone=self.maybe(self.text(40)),
            website=self.maybe(self.text()),
            notes=self.maybe(self.one((*TEXTS, ""))),
            is_internal=place > 0 and self.random.random() < 0.15,
            is_active=self.flag(),
            marketing_allowed=self.flag(),
            external_id=self.maybe(f"ext {place}"),
            industry_id=self.maybe(self.of("Industry")["id"], 0.3),
            owner_id=self.maybe(self.of("User")["id"], 0.2),
            deleted_at=self.maybe(self.moment(), 0.85),
            **self.versioned(),
        )

    def address(self) -> None:
        customer = self.of("Customer")["id"]
        taken = [row["position"] for row in self.rows.get("Address", ()) if row["customer_id"] == customer]
        self.add(
            "Address",
            customer_id=customer,
            position=min(taken, default=10) - 1,  # so that they lie there in another order than they were given
            kind=self.one(("VISITING", "POSTAL", "BILLING")),
            street=self.maybe(self.text()),
            post_code=self.maybe("00100"),
            city=self.maybe(self.text(100)),
            region=self.maybe(self.text(100)),
            country=self.maybe(self.one(COUNTRIES)),
        )

    def registry_link(self) -> None:
        customer = self.of("Customer")
        links = self.rows.setdefault("RegistryLink", [])
        if all(row["customer_id"] != customer["id"] for row in links):
            links.append(
                {
                    "organization_id": self.organization_id,
                    "customer_id": customer["id"],
                    "registry_id": self.one(("fi-ytj", "no-brreg")),
                    "business_id": self.text(40),
                    "status": self.one(tuple(models.CompanyStatus)).value,
                    "fetched_at": self.moment(),
                    "taken_over": self.taken_over(customer),
                }
            )

    def taken_over(self, customer: Row) -> Row:
        """What a register had: now and then what the customer has."""
        parts = ("kind", "street", "post_code", "city", "region", "country")
        mine = sorted(
            (address for address in self.rows["Address"] if address["customer_id"] == customer["id"]),
            key=lambda address: address["position"],
        )
        there = {
            "NAME": customer["name"],
            "EMAIL": customer["email"],
            "INDUSTRY": customer["industry_id"] and str(customer["industry_id"]),
            "MARKETING_ALLOWED": customer["marketing_allowed"],
            "ADDRESSES": [{part: each[part] for part in parts if each[part] is not None} for each in mine],
        }
        same = {field: value for field, value in there.items() if value not in (None, []) and self.flag()}
        return {"NAME": self.text(), "PHONE": "+358 9 2", "ADDRESSES": [{"kind": "POSTAL"}], **same}

    def contact(self) -> None:
        self.add(
            "Contact",
            customer_id=self.of("Customer")["id"],
            first_name=self.maybe(self.text(100)),
            last_name=self.text(100),
            title=self.maybe(self.text(100)),
            role=self.maybe(self.text(100)),
            email=self.maybe(self.one(("Info@example.org", "info@example.org", "x@example.org"))),
            phone=self.maybe("+358 9 1"),
            mobile=self.maybe("+358 40 1"),
            language=self.maybe("fi"),
            is_primary=self.flag(),
            is_active=self.flag(),
            marketing_allowed=self.flag(),
            external_id=self.maybe(f"ext {len(self.rows.get('Contact', ()))}"),
            deleted_at=self.maybe(self.moment(), 0.85),
            **self.versioned(),
        )

    def case(self) -> None:
        value = self.maybe(Decimal(self.one(AMOUNTS)))
        self.add(
            "Case",
            customer_id=self.of("Customer")["id"],
            owner_id=self.maybe(self.of("User")["id"]),
            sales_status_id=self.of("SalesStatus")["id"],
            name=self.text(),
            is_open=self.flag(),
            is_internal=self.random.random() < 0.2,
            value_amount=value,
            value_currency=None if value is None else self.one(("EUR", "SEK")),
            expected_close=self.maybe(self.day()),
            closed_on=self.maybe(self.day()),
            external_id=self.maybe(f"ext {len(self.rows.get('Case', ()))}"),
            **self.versioned(),
        )

    def invoice(self) -> None:
        status = self.of("InvoiceStatus")
        self.add(
            "Invoice",
            customer_id=self.of("Customer", is_internal=False)["id"],
            customer_is_internal=False,
            case_id=self.maybe(self.of("Case")["id"]),
            status_id=status["id"],
            status_numbered=status["numbered"],
            status_sent=status["sent"],
            number=self.maybe(self.text(50), 0 if status["numbered"] else 0.5),
            date=self.maybe(self.day(), 0.1),
            external_id=self.maybe(f"ext {len(self.rows.get('Invoice', ()))}"),
            **self.spent(),
            **self.versioned(),
        )

    def cost(self) -> None:
        self.add(
            "Cost",
            case_id=self.of("Case")["id"],
            kind=self.one(("WORK", "TRAVEL", "PRODUCT", "OTHER")),
            date=self.day(),
            external_id=self.maybe(f"ext {len(self.rows.get('Cost', ()))}"),
            **self.spent(),
            **self.versioned(),
        )

    def token(self) -> None:
        self.add(
            "Token",
            name=self.text(100),
            user_id=self.of("User")["id"],
            scope=self.one(("READ", "FULL")),
            secret_hash=self.random.randbytes(32),
            created_at=self.moment(),
            expires_at=self.maybe(self.moment()),
            last_used_at=self.maybe(self.moment()),
        )

    def report(self) -> None:
        place = len(self.rows.get("Report", ()))
        problem = {"code": "REPORT_INVALID", "message": self.text(), "path": ["document"], "line": 1, "column": 2}
        self.add(
            "Report",
            name=f"r{place // 2}",  # two of each name, of which one at most is shared
            title=self.text(200),
            description=self.maybe(self.text()),
            document="{ customers { nodes { name } } }",
            columns=[
                {"path": f"p{number}", "label": self.text(), "type": "String!"}
                for number in range(self.random.randint(0, 3))
            ],
            variables=[
                {"name": "v", "type": "Int!", "required": True, "default": self.one((None, 1, [2], {"a": "b"}))}
            ],
            visibility="SHARED" if place % 2 else "PRIVATE",
            owner_id=self.rows["User"][place % 3 if place % 2 else 3 + place % 5]["id"],
            health_status=self.one(("VALID", "DEPRECATED", "BROKEN")),
            health_problems=[{**problem, "entity_id": None, "retry_after": None}] if self.flag() else [],
            **self.versioned(),
        )

    def bulk_operation(self) -> None:
        undoable = [
            row["id"]
            for row in self.rows.get("BulkOperation", ())
            if all(other["undoes_id"] != row["id"] for other in self.rows["BulkOperation"])
        ]
        counts = {
            name: self.random.randint(0, 9) for name in ("matched", "changed", "unchanged", "rejected", "skipped")
        }
        self.add(
            "BulkOperation",
            status=self.one(("PREVIEW", "APPLIED", "REJECTED", "UNDONE")),
            **counts,
            at=self.moment(),
            by_id=self.of("User")["id"],
            undoes_id=self.maybe(self.one(undoable)) if undoable else None,
        )

    def rejection(self) -> None:
        known = self.maybe(self.of("Customer")["id"])
        self.add(
            "Rejection",
            operation_id=self.of("BulkOperation")["id"],
            customer_ref=f"cus_{known.hex}" if known else self.text(),
            customer_id=known,
            code=self.one(("INVALID", "FORBIDDEN")),
            message=self.text(),
            path=["target", "ids", str(self.random.randint(0, 9))],
            entity_ref=self.maybe(self.text()),
        )

    def edited(self) -> Row:
        """What changed: some value."""
        return {
            "field": self.maybe(self.one(("name", "vatNumber", "Name"))),
            "old": self.one((None, "x", 1, 1.5, True, [1, {"a": None}], {"amount": "12.50"})),
            "new": self.one((None, "å", 2, False)),
            "old_label": self.maybe(self.text()),
            "new_label": self.maybe(self.text()),
        }

    def moved(self, kind: str) -> Row:
        """What changed: a link, by itself or with all the rest of a thing that came."""
        link = self.one(LINKS[kind])
        subjects = [self.maybe(self.of(link.capitalize()), 0.1) for _ in range(2)]
        old, new = (row and encode(link.capitalize(), row["id"]) for row in subjects)
        old_label, new_label = (row and row["name"] for row in subjects)
        if self.flag():
            return {"field": link, "old": old, "new": new, "old_label": old_label, "new_label": new_label}
        labels = {"old_label": None, "new_label": self.text()}
        return {"field": None, "old": None, "new": {link: new, "number": 7}, **labels}

    def change(self) -> None:
        """Something that happened to a thing that is there or, now and then, is not any more."""
        kind = self.one(
            ("Customer", "Contact", "Case", "Invoice", "Cost", "Token", "Report", "User", "Unit", "Industry", "Role")
        )
        subject = self.of(kind)["id"] if self.random.random() < 0.8 else uuid.UUID(int=self.random.getrandbits(128))
        self.add(
            "Change",
            kind=self.one(("CREATED", "UPDATED", "DELETED", "RESTORED", "EXPORTED")),
            entity_type=kind,
            entity_id=subject,
            entity_label=self.text(),
            **(self.moved(kind) if kind in LINKS and self.flag() else self.edited()),
            at=self.moment(),
            by_id=self.maybe(self.of("User")["id"], 0.2),
            operation_id=self.maybe(self.of("BulkOperation")["id"]),
        )


@dataclass(frozen=True)
class World:
    """The rows of an organisation, and those of another one that must never show."""

    seed: int
    rows: Rows = field(repr=False)
    foreign: Rows = field(repr=False)
    today: date

    @property
    def organization(self) -> Row:
        return self.rows["Organization"][0]

    def viewer(self, user: Row, permissions: Permissions) -> Viewer:
        """This user with other permissions than those of the role."""
        return Viewer(
            user_id=user["id"],
            organization_id=self.organization["id"],
            country=self.organization["country"],
            currency=self.organization["currency"],
            timezone=self.organization["timezone"],
            locale=self.organization["locale"],
            units=tuple(units_below(self.rows["Unit"], user["unit_id"])),
            permissions=permissions,
        )

    def administrator(self) -> Viewer:
        """Somebody who may see and do everything."""
        return self.viewer(self.rows["User"][0], EVERYTHING)


EVERYTHING = Permissions(**dict.fromkeys(RIGHTS, models.Access.ALL), import_data=True, administer=True)


def permissions(levels: Sequence[str], *, administer: bool) -> Permissions:
    """Permissions with these levels, in the order of `RIGHTS`."""
    given = dict(zip(RIGHTS, map(models.Access, levels), strict=True))
    return Permissions(**given, import_data=False, administer=administer)


def units_below(units: Sequence[Row], top: uuid.UUID | None) -> list[uuid.UUID]:
    """The unit and those below it."""
    if top is None:
        return []
    children = [unit["id"] for unit in units if unit["parent_id"] == top]
    return [top, *(found for child in children for found in units_below(units, child))]


def a_world(seed: int, size: int = 20, today: date = date(2024, 3, 31)) -> World:
    """A world that is the same for the same seed."""
    random = Random(seed)
    mine, theirs = random.choice([("EUR", "SEK"), ("JPY", "EUR"), ("TND", "EUR")])
    shared = random.getrandbits(64)
    rows, foreign = (Maker(random, shared, currency, today).make(size) for currency in (mine, theirs))
    return World(seed, rows, foreign, today)


async def insert(engine: AsyncEngine, *all_rows: Rows) -> None:
    """Put the rows into the database, the referred to before the referring."""
    async with engine.begin() as connection:
        await put(connection, *all_rows)
        # Without knowing how little there is, PostgreSQL plans some nested filters for many seconds of work.
        await connection.execute(sa.text("ANALYZE"))


async def put(connection: AsyncConnection | AsyncSession, *all_rows: Rows) -> None:
    """The same, within a transaction."""
    tables = {getattr(models, entity).__table__: entity for entity in ENTITIES}
    for table in metadata.sorted_tables:
        rows = [row for given in all_rows for row in given.get(tables.get(table, ""), ())]
        if rows:
            await connection.execute(sa.insert(table), rows)


ENTITIES = (
    "Organization", "Unit", "Role", "User", "Token", "Industry", "Customer", "Address", "RegistryLink", "Contact",
    "SalesStatus", "Case", "InvoiceStatus", "Invoice", "Cost", "Report", "BulkOperation", "Rejection", "Change",
)  # fmt: skip
