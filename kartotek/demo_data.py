"""Demo data: an invented Nordic company with customers, cases, invoices and costs, dated relative to today.

The same seed, day and size give the same rows, ids included. Months are counted from the first one with invoices (0)
to the month of today (`THIS_MONTH`); the organisation itself was founded two years earlier (`FOUNDED`). What is dated
a certain day was entered during office hours of the day before, so that nothing lies in the future.
"""

import json
import math
import random
import unicodedata
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import chain, count, islice, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from db.models import AddressKind, ChangeKind, CostKind, SalesCategory, metadata
from resolvers.founding import INVOICE_STATUSES, ROLES, SALES_STATUSES
from resolvers.money import home_amount
from resolvers.upsert import Rows

Row = dict[str, Any]
Progress = Callable[[str, int, int], None]
Made = tuple[Row, uuid.UUID | None]
"""A row and the user who entered it, if not the administrator."""
Spent = tuple[date, uuid.UUID, uuid.UUID | None, Row]
"""A cost in the making: its day, its case, who entered it, and the columns that hold money."""

SEED = 20_260_101
THIS_MONTH = 36
FOUNDED = -24
FEWEST_CUSTOMERS = 10
CHUNK = 10_000
FIRST_CUSTOMER = 1001
FIRST_INVOICE = 100_001

ORGANIZATION = {
    "name": "Kartotek Demo Oy",
    "country": "FI",
    "currency": "EUR",
    "timezone": "Europe/Helsinki",
    "locale": "en",
}
# The random bits of the organisation's id are these: so it is found again however it is renamed, and its time stamp,
# which nobody can edit either, tells for which month the data was made.
MARK = 0xDE30_DE30_DE30_DE30

ADMINISTRATOR, MANAGER, SALES, VIEWER = "Administrator", "Manager", "Sales", "Viewer"
DELIVERY, FINLAND, SCANDINAVIA = "Delivery", "Sales Finland", "Sales Scandinavia"
HEAD_OFFICE, SALES_UNIT, ADMINISTRATION = "Head Office", "Sales", "Administration"
UNITS = {
    HEAD_OFFICE: None,
    SALES_UNIT: HEAD_OFFICE,
    DELIVERY: HEAD_OFFICE,
    ADMINISTRATION: HEAD_OFFICE,
    FINLAND: SALES_UNIT,
    SCANDINAVIA: SALES_UNIT,
}
ADMIN = "admin@kartotek.example"
KNOWN_USERS = {
    ADMIN: ("Aino Lind", ADMINISTRATOR, ADMINISTRATION),
    "manager@kartotek.example": ("Mats Holm", MANAGER, SALES_UNIT),
    "sales@kartotek.example": ("Sanna Koski", SALES, FINLAND),
    "viewer@kartotek.example": ("Vera Dahl", VIEWER, DELIVERY),
}
OTHER_USERS = {
    (ADMINISTRATOR, HEAD_OFFICE): 1,
    (MANAGER, HEAD_OFFICE): 1,
    (MANAGER, FINLAND): 1,
    (MANAGER, SCANDINAVIA): 1,
    (MANAGER, DELIVERY): 2,
    (SALES, FINLAND): 10,
    (SALES, SCANDINAVIA): 9,
    (SALES, DELIVERY): 1,
    (VIEWER, DELIVERY): 6,
    (VIEWER, ADMINISTRATION): 4,
}

LEAD, IN_PROGRESS, OFFER, NEGOTIATION, WON, LOST = "Lead", "In progress", "Offer sent", "Negotiation", "Won", "Lost"
FINER_STATUSES = {LEAD: 10, OFFER: 60, NEGOTIATION: 80}
PIPELINE = (LEAD, LEAD, IN_PROGRESS, IN_PROGRESS, OFFER, OFFER, NEGOTIATION)

DRAFT, SENT, PAID, CREDITED = "Draft", "Sent", "Paid", "Credited"
BY_STATUS = {status["name"]: status for status in INVOICE_STATUSES}

# Name of the industry: its code in NACE, and the word that such companies have in their names.
INDUSTRIES: dict[str, tuple[str, Mapping[str, str]]] = {
    "Accounting": ("69.20", {"FI": "Tilitoimisto", "SE": "Redovisning", "NO": "Regnskap", "DK": "Revision"}),
    "Agriculture": ("01.50", {"FI": "Maatila", "SE": "Lantbruk", "NO": "Gårdsdrift", "DK": "Landbrug"}),
    "Cleaning": ("81.21", {"FI": "Siivous", "SE": "Städ", "NO": "Renhold", "DK": "Rengøring"}),
    "Construction": ("41.20", {"FI": "Rakennus", "SE": "Bygg", "NO": "Bygg", "DK": "Byg"}),
    "Education": ("85.59", {"FI": "Koulutus", "SE": "Utbildning", "NO": "Opplæring", "DK": "Uddannelse"}),
    "Electrical installation": ("43.21", {"FI": "Sähkö", "SE": "El", "NO": "Elektro", "DK": "El"}),
    "Energy": ("35.11", {"FI": "Energia", "SE": "Energi", "NO": "Energi", "DK": "Energi"}),
    "Food and drink": ("10.89", {"FI": "Leipomo", "SE": "Bageri", "NO": "Bakeri", "DK": "Bageri"}),
    "Forestry": ("02.20", {"FI": "Metsä", "SE": "Skog", "NO": "Skog", "DK": "Skov"}),
    "Health care": ("86.21", {"FI": "Terveys", "SE": "Vård", "NO": "Helse", "DK": "Klinik"}),
    "Manufacturing": ("25.62", {"FI": "Konepaja", "SE": "Mekaniska", "NO": "Mekaniske", "DK": "Maskinfabrik"}),
    "Real estate": ("68.20", {"FI": "Kiinteistö", "SE": "Fastigheter", "NO": "Eiendom", "DK": "Ejendomme"}),
    "Retail": ("47.19", {"FI": "Kauppa", "SE": "Handel", "NO": "Handel", "DK": "Handel"}),
    "Software": ("62.01", {"FI": "Ohjelmisto", "SE": "Data", "NO": "Data", "DK": "Software"}),
    "Transport": ("49.41", {"FI": "Kuljetus", "SE": "Åkeri", "NO": "Transport", "DK": "Vognmand"}),
}
UNUSED_INDUSTRIES = {"Postal services": "53.10"}

SERVICES = [
    "Annual support agreement",
    "Customer portal",
    "Data migration",
    "E-commerce renewal",
    "ERP integration",
    "Field service app",
    "Framework agreement",
    "Information security review",
    "Intranet renewal",
    "Invoicing automation",
    "Licence renewal",
    "Maintenance contract",
    "Managed hosting",
    "Process consulting",
    "Project management",
    "Reporting package",
    "Time tracking roll-out",
    "User training",
    "Warehouse system",
    "Web site renewal",
]
INTERNAL_WORK = [
    "Administration",
    "Intranet",
    "Marketing",
    "Office move",
    "Product development",
    "Quality system",
    "Recruitment",
    "Staff training",
]
TITLES = [
    "Managing Director",
    "Chief Financial Officer",
    "Chief Information Officer",
    "Sales Director",
    "Purchasing Manager",
    "Project Manager",
    "Office Manager",
    "Controller",
    "Production Manager",
    "Marketing Manager",
    "IT Specialist",
    "Assistant",
]
CONTACT_ROLES = ("Decision maker", "Billing", "Technical questions", "Purchasing", None, None)
NOTES = (
    "Prefers to be called in the morning.",
    "Wants invoices with a purchase order number.",
    "Met at the autumn fair; asked for references.",
    "Has a framework agreement, see the contract folder.",
    "New owner since last spring, contact persons may change.",
    "Pays on time, never before.\nReminders go to the accounting office.",
)


@dataclass(frozen=True, slots=True)
class Nation:
    """How companies, addresses and telephone numbers (a prefix, then seven digits) of a country look."""

    faker: str
    language: str
    currency: str
    rate: float
    forms: Sequence[str]
    mobile: str
    landline: str
    box: str


NATIONS = {
    "FI": Nation("fi_FI", "fi", "EUR", 1, ("Oy", "Oy", "Oy", "Oyj", "Ky"), "+35840", "+3589", "PL"),
    "SE": Nation("sv_SE", "sv", "SEK", 0.0885, ("AB", "AB", "HB"), "+4670", "+468", "Box"),
    "NO": Nation("no_NO", "nb", "NOK", 0.0862, ("AS", "AS", "ANS"), "+479", "+472", "Postboks"),
    "DK": Nation("da_DK", "da", "DKK", 0.1341, ("ApS", "A/S", "I/S"), "+452", "+453", "Postboks"),
}
NATIONS_BY_CURRENCY = {nation.currency: nation for nation in NATIONS.values()}
COUNTRIES = ("FI",) * 11 + ("SE",) * 4 + ("NO",) * 3 + ("DK",) * 2


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """Keys of the demo organisation and of its well-known users."""

    organization_id: uuid.UUID
    administrator_id: uuid.UUID
    manager_id: uuid.UUID
    sales_id: uuid.UUID
    viewer_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Demo:
    """Demo data that is there, and the first day of the month it was made for."""

    organization_id: uuid.UUID
    month: date


class Batch(NamedTuple):
    """Rows of one table, none of which refers to a later batch."""

    table: str
    rows: list[Row]


# Days and ids


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_day(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)


def uuid7_at(at: datetime, bits: int) -> uuid.UUID:
    """The UUIDv7 made at this moment (to the millisecond), with these 74 random bits."""
    milliseconds = int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
    low = bits & (1 << 62) - 1
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | low)


def _made_at(key: uuid.UUID) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=key.int >> 80)


def _month_made_for(organization_id: uuid.UUID) -> date:
    return _first_day(_months(_made_at(organization_id).date()) + THIS_MONTH - FOUNDED)


# Numbers with check digits. They begin with figures that the registers have not come to, or hardly use, so that no
# real company gets an invented history.


def _dot(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def finnish_business_id(serial: int) -> str | None:
    """The Y-tunnus of this serial number (below a million), or None where its check digit is not used."""
    digits = f"9{serial:06d}"
    rest = _dot(digits, (7, 9, 10, 5, 8, 4, 2)) % 11
    return None if rest == 1 else f"{digits}-{-rest % 11}"


def swedish_business_id(serial: int) -> str | None:
    """The organisationsnummer of this serial number; there always is one."""
    digits = f"558{serial:06d}"
    doubled = (int(digit) * (2 - position % 2) for position, digit in enumerate(digits))
    return f"{digits}{-sum(number // 10 + number % 10 for number in doubled) % 10}"


def norwegian_business_id(serial: int) -> str | None:
    """The organisasjonsnummer of this serial number, or None where its check digit is not used."""
    digits = f"80{serial:06d}"
    check = -_dot(digits, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return None if check == 10 else f"{digits}{check}"


def danish_business_id(serial: int) -> str | None:
    """The CVR number of this serial number, or None where its check digit is not used."""
    digits = f"9{serial:06d}"
    check = -_dot(digits, (2, 7, 6, 5, 4, 3, 2)) % 11
    return None if check == 10 else f"{digits}{check}"


BUSINESS_IDS = {
    "FI": finnish_business_id,
    "SE": swedish_business_id,
    "NO": norwegian_business_id,
    "DK": danish_business_id,
}


def vat_number(country: str, business_id: str) -> str:
    """The VAT number that a company of this business id has, with its country's prefix."""
    suffix = {"SE": "01", "NO": "MVA"}.get(country, "")
    return country + business_id.replace("-", "") + suffix


# Words


@dataclass(frozen=True, slots=True)
class Words:
    """Names to put together, gathered once: Faker is slow."""

    first_names: Sequence[str]
    last_names: Sequence[str]
    streets: Sequence[str]
    places: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, locale: str, seed: int) -> "Words":
        """Words of one of Faker's locales."""
        from faker import Faker  # only the extra `demo` brings it

        faker = Faker(locale)
        faker.seed_instance(seed)
        return cls(
            first_names=[faker.first_name() for _ in range(200)],
            last_names=[faker.last_name() for _ in range(400)],
            streets=[faker.street_name() for _ in range(200)],
            places=[(faker.postcode(), faker.city()) for _ in range(80)],
        )


def slug(text: str) -> str:
    """The text as part of a domain or of an address."""
    decomposed = unicodedata.normalize("NFKD", text.lower().translate({ord("ø"): "o", ord("æ"): "ae"}))
    plain = decomposed.encode("ascii", "ignore").decode()
    return "-".join("".join(letter if letter.isalnum() else " " for letter in plain).split())


# What is planned before rows are made of it


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of customer: its share, the months it may have come in, and how its cases go."""

    share: float
    came: tuple[int, int]
    first_case: str | None
    more_cases: tuple[str, ...]
    weight: float
    """How many more cases it has, beside the other kinds."""
    is_active: bool = True


# How a case goes. Sales category and open or closed are independent: a lost case may still be open (lingering), one
# in progress may be closed (shelved).
SOLD, ENDED, PENDING, REFUSED, LINGERING, SHELVED = "sold", "ended", "pending", "refused", "lingering", "shelved"
CLOSED = {ENDED, REFUSED, SHELVED}

ANY_CASE = (*[SOLD] * 12, *[PENDING] * 4, *[REFUSED] * 3, LINGERING, SHELVED)
CLIENT = Kind(0.62, (FOUNDED, 30), SOLD, ANY_CASE, weight=3)
PROSPECT = Kind(0.20, (20, THIS_MONTH), PENDING, (PENDING, PENDING, REFUSED, LINGERING), weight=1)
UNSOLD = Kind(0.07, (FOUNDED, 33), REFUSED, (REFUSED, LINGERING, SHELVED), weight=0.5)
FORMER = Kind(0.08, (FOUNDED, 5), ENDED, (ENDED, REFUSED), weight=1, is_active=False)
NEW = Kind(0.03, (33, THIS_MONTH), None, (), weight=0)
HOUSE = Kind(0, (FOUNDED, FOUNDED), None, (), weight=0)


@dataclass(slots=True)
class Account:
    """A customer, with what its contacts and cases take after it."""

    row: Row
    kind: Kind
    came: int
    domain: str

    @property
    def nation(self) -> Nation:
        """The customer's country."""
        return NATIONS[self.row["country"]]


@dataclass(slots=True)
class Deal:
    """A case that was sold: who pays, in which months it is billed, and the logarithm of a usual amount."""

    case_id: uuid.UUID
    customer_id: uuid.UUID
    by: uuid.UUID | None
    currency: str
    months: range
    size: float


@dataclass(slots=True)
class Bill:
    """An invoice in the making: its day, cents in the organisation's currency, and how it stands."""

    day: date
    deal: Deal
    cents: int
    status: str


# January is slow, July is holiday, the autumn is busy.
SEASON = (0.85, 0.95, 1.1, 1, 1.05, 1.1, 0.55, 0.85, 1.1, 1.15, 1.2, 1.1)
MONTHLY_GROWTH = 1.012


def _weight(day: date, month: int) -> float:
    """How much is invoiced on a day, beside others: month ends are busy, week-ends are not."""
    busy = 0.05 if day.weekday() > 4 else 2.5 if day.day > 25 else 1
    return busy * SEASON[day.month - 1] * MONTHLY_GROWTH**month


def _label(entity: str, row: Row) -> str:
    """What people call a row in the audit trail."""
    match entity:
        case "Contact":
            return " ".join(filter(None, (row["first_name"], row["last_name"])))
        case "Invoice":
            return row["number"] or "no number"
        case "Cost":
            return f"{row['kind'].capitalize()}, {row['date']}, {row['amount']} {row['currency']}"
        case _:
            return str(row["name"])


class Generator:
    """Makes the rows of all tables, once; every method draws on the same random numbers, so that order matters."""

    def __init__(self, today: date, customers: int, seed: int) -> None:
        if customers < FEWEST_CUSTOMERS:
            raise ValueError(f"Demo data needs at least {FEWEST_CUSTOMERS} customers, not {customers}.")
        self.today = today
        self.size = customers
        self.random = random.Random(seed)  # noqa: S311 (repeatable is what it is to be)
        self.first_month = _months(today) - THIS_MONTH
        self.founded = datetime.combine(self._day(FOUNDED, 1), time(), UTC)
        self.organization_id = uuid7_at(self.founded, MARK)
        self.words = {country: Words.of(nation.faker, seed) for country, nation in NATIONS.items()}
        self.ids: dict[tuple[str, str], uuid.UUID] = {}
        self.sellers: dict[str, list[uuid.UUID]] = {FINLAND: [], SCANDINAVIA: []}
        self.taken: set[str] = set()
        self.deals: list[Deal] = []
        self.internal_cases: list[Row] = []

    @property
    def keys(self) -> DemoKeys:
        """The keys that callers want; known once the first batches have been made."""
        return DemoKeys(self.organization_id, *(self.ids["users", email] for email in KNOWN_USERS))

    @property
    def totals(self) -> dict[str, int]:
        """How many rows the tables get that take a while."""
        return {
            "customers": self.size,
            "contacts": self.size * 3,
            "cases": self.size * 5 // 2,
            "invoices": self.size * 20,
            "costs": self.size * 15 // 2,
        }

    def batches(self) -> Iterator[Batch]:
        """All rows, in an order in which they can be written: no row refers to a later batch."""
        yield from self._basics()
        accounts = self._accounts()
        moves = [self._moved(account) for account in accounts if account.row["phone"] and self._chance(0.08)]
        yield from self._tracked("Customer", "customers", ((each.row, each.row["owner_id"]) for each in accounts))
        yield Batch("changes", moves)
        yield Batch("addresses", [row for account in accounts for row in self._addresses(account)])
        yield from self._tracked("Contact", "contacts", self._contacts(accounts))
        yield from self._tracked("Case", "cases", self._cases(accounts))
        bills = self._bills()
        yield from self._tracked("Invoice", "invoices", self._invoices(bills))
        yield from self._tracked("Cost", "costs", self._costs(bills))

    # Days, chance and the trail

    def _day(self, month: int, day: int) -> date:
        return _first_day(self.first_month + month).replace(day=day)

    def _entered(self, day: date) -> datetime:
        """A moment in the office hours (in UTC) of the day before."""
        hours = timedelta(milliseconds=self.random.randrange(6 * 3_600_000, 14 * 3_600_000))
        return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1) + hours

    def _some_time(self, month: int) -> datetime:
        last = 27 if month < THIS_MONTH else self.today.day
        return self._entered(self._day(month, self.random.randint(min(2, last), last)))

    def _days_after(self, moment: datetime, least: int, most: int) -> date:
        return moment.date() + timedelta(days=self.random.randint(least, most))

    def _not_in_future(self, day: date) -> date:
        return min(day, self.today - timedelta(days=1))

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _key(self, at: datetime) -> Row:
        return {"organization_id": self.organization_id, "id": uuid7_at(at, self.random.getrandbits(74))}

    def _stamped(self, at: datetime) -> Row:
        return {**self._key(at), "version": 1, "created_at": at, "updated_at": at}

    def _change(self, entity: str, row: Row, at: datetime, by: uuid.UUID | None, **values: Any) -> Row:
        label = _label(entity, row)
        change = {
            **self._key(at),
            "kind": ChangeKind.CREATED,
            "entity_type": entity,
            "entity_id": row["id"],
            "entity_label": label,
            "field": None,
            "old": None,
            "new": None,
            "old_label": None,
            "new_label": label,
            "at": at,
            "by_id": by or self.ids["users", ADMIN],
        }
        return change | values

    def _tracked(self, entity: str, table: str, made: Iterable[Made]) -> Iterator[Batch]:
        """The rows in chunks, each followed by the changes that say who made them."""
        remaining = iter(made)
        while chunk := list(islice(remaining, CHUNK)):
            yield Batch(table, [row for row, _ in chunk])
            yield Batch("changes", [self._change(entity, row, row["created_at"], by) for row, by in chunk])

    # The organisation, its people and its lists

    def _basics(self) -> Iterator[Batch]:
        made = {
            ("Organization", "organizations"): [self._organization()],
            ("Unit", "units"): self._units(),
            ("Role", "roles"): self._roles(),
            ("User", "users"): self._users(),
            ("SalesStatus", "sales_statuses"): self._statuses("sales_statuses", self._sales_statuses()),
            ("InvoiceStatus", "invoice_statuses"): self._statuses("invoice_statuses", INVOICE_STATUSES),
            ("Industry", "industries"): self._industries(),
        }
        yield from (Batch(table, rows) for (_, table), rows in made.items())
        entered = [(entity, row) for (entity, _), rows in made.items() for row in rows]
        yield Batch("changes", [self._change(entity, row, self.founded, None) for entity, row in entered])

    def _organization(self) -> Row:
        last_number = FIRST_CUSTOMER + self.size - 1
        stored = {"last_customer_number": last_number, "created_at": self.founded}
        return {"id": self.organization_id, **ORGANIZATION, **stored}

    def _listed(self, table: str, name: str) -> Row:
        """The key of a row of a list; the next one sorts behind it."""
        key = self._key(self.founded + timedelta(milliseconds=len(self.ids)))
        self.ids[table, name] = key["id"]
        return key

    def _units(self) -> list[Row]:
        return [
            {**self._listed("units", name), "name": name, "parent_id": self.ids["units", parent] if parent else None}
            for name, parent in UNITS.items()
        ]

    def _roles(self) -> list[Row]:
        return [{**self._listed("roles", name), "name": name, **asdict(rights)} for name, rights in ROLES.items()]

    def _users(self) -> list[Row]:
        known = [self._user(email, *facts) for email, facts in KNOWN_USERS.items()]
        others = [self._colleague(*place) for place, number in OTHER_USERS.items() for _ in range(number)]
        return known + others

    def _user(self, email: str, name: str, role: str, unit: str, is_active: bool = True) -> Row:
        key = self._listed("users", email)
        if role in {MANAGER, SALES} and unit in self.sellers:
            self.sellers[unit].append(key["id"])
        links = {"unit_id": self.ids["units", unit], "role_id": self.ids["roles", role]}
        return {**key, "name": name, "email": email, "is_active": is_active, **links}

    def _colleague(self, role: str, unit: str) -> Row:
        words = self.words["FI" if self._chance(0.6) else "SE"]
        first, last = self.random.choice(words.first_names), self.random.choice(words.last_names)
        email = self._untaken(slug(first) + "." + slug(last)) + "@kartotek.example"
        return self._user(email, f"{first} {last}", role, unit, is_active=self._chance(0.93))

    def _untaken(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        numbered = (f"{name}{number}" for number in count(2))
        free = next(candidate for candidate in chain((name,), numbered) if candidate not in self.taken)
        self.taken.add(free)
        return free

    def _statuses(self, table: str, statuses: Rows) -> list[Row]:
        return [{**self._listed(table, status["name"]), **status, "is_active": True} for status in statuses]

    def _sales_statuses(self) -> Rows:
        finer = (
            {"name": name, "category": SalesCategory.IN_PROGRESS, "probability": probability}
            for name, probability in FINER_STATUSES.items()
        )
        return (*SALES_STATUSES, *finer)

    def _industries(self) -> list[Row]:
        codes = {name: code for name, (code, _) in INDUSTRIES.items()} | UNUSED_INDUSTRIES
        return [
            self._listed("industries", name) | {"name": name, "code": code, "is_active": name in INDUSTRIES}
            for name, code in codes.items()
        ]

    # Customers

    def _accounts(self) -> list[Account]:
        """The customers in the order they came, the internal one first."""
        coming = [(self._came(kind, is_first=place == 0), kind) for place, kind in enumerate(self._kinds())]
        timed = sorted(((self._some_time(came), came, kind) for came, kind in coming), key=lambda each: each[0])
        numbers = count(FIRST_CUSTOMER + 1)
        return [self._house(), *(self._account(next(numbers), at, came, kind) for at, came, kind in timed)]

    def _kinds(self) -> list[Kind]:
        """A kind for each customer but the internal one; the first is a client."""
        number = self.size - 1
        others = [[kind] * max(1, round(number * kind.share)) for kind in (PROSPECT, UNSOLD, FORMER, NEW)]
        few = [kind for kinds in others for kind in kinds]
        return [CLIENT] * (number - len(few)) + few

    def _came(self, kind: Kind, *, is_first: bool) -> int:
        return FOUNDED if is_first else self.random.randint(*kind.came)

    def _house(self) -> Account:
        at = self.founded + timedelta(minutes=1)
        house = self._customer(FIRST_CUSTOMER, at, "FI", "Kartotek Demo Oy", self.ids["industries", "Software"])
        house |= {"is_internal": True, "owner_id": self.ids["users", ADMIN], "website": "https://kartotek.example"}
        house |= {"email": "info@kartotek.example", "notes": "Our own company: internal cases go here."}
        return Account(house, HOUSE, FOUNDED, "kartotek.example")

    def _account(self, number: int, at: datetime, came: int, kind: Kind) -> Account:
        country, industry = self.random.choice(COUNTRIES), self.random.choice(tuple(INDUSTRIES))
        name = self._company_name(country, INDUSTRIES[industry][1][country])
        domain = self._untaken(slug(name.rpartition(" ")[0])) + ".example"
        industry_id = None if self._chance(0.06) else self.ids["industries", industry]
        row = self._customer(number, at, country, name, industry_id)
        row["is_active"] = kind.is_active
        row["owner_id"] = None if self._chance(0.05) else self._seller(country)
        row["external_id"] = f"oldcrm-{number + 3210}" if came < FOUNDED + 12 else None
        if self._chance(0.8):
            row["email"] = f"info@{domain}"
        if self._chance(0.7):
            row["website"] = f"https://www.{domain}"
        if self._chance(0.06):
            row["notes"] = self.random.choice(NOTES)
        return Account(row, kind, came, domain)

    def _customer(self, number: int, at: datetime, country: str, name: str, industry_id: uuid.UUID | None) -> Row:
        nation = NATIONS[country]
        business_id = None if self._chance(0.04) else self._business_id(country)
        return {
            **self._stamped(at),
            "number": number,
            "name": name,
            "business_id": business_id,
            "vat_number": vat_number(country, business_id) if business_id and self._chance(0.93) else None,
            "country": country,
            "language": "sv" if country == "FI" and self._chance(0.08) else nation.language,
            "email": None,
            "phone": self._phone(nation.landline) if self._chance(0.85) else None,
            "website": None,
            "notes": None,
            "is_internal": False,
            "is_active": True,
            "marketing_allowed": self._chance(0.88),
            "external_id": None,
            "industry_id": industry_id,
            "owner_id": None,
            "deleted_at": None,
        }

    def _company_name(self, country: str, trade: str) -> str:
        last_names, form = self.words[country].last_names, self.random.choice(NATIONS[country].forms)
        name, other = self.random.choice(last_names), self.random.choice(last_names)
        town = self.random.choice(self.words[country].places)[1]
        in_order = f"{trade} {name}" if country == "FI" else f"{name} {trade}"
        patterns = (in_order, in_order, in_order, f"{name} & {other}", f"{town} {trade}", f"{name} Group")
        return f"{self.random.choice(patterns)} {form}"

    def _business_id(self, country: str) -> str:
        while True:
            business_id = BUSINESS_IDS[country](self.random.randrange(1_000_000))
            if business_id and business_id not in self.taken:
                self.taken.add(business_id)
                return business_id

    def _phone(self, prefix: str) -> str:
        return f"{prefix}{self.random.randrange(2_000_000, 9_000_000)}"

    def _seller(self, country: str) -> uuid.UUID:
        """Whoever looks after a customer there; the first of them (in Finland the well-known user) has the most."""
        sellers = self.sellers[FINLAND if country == "FI" else SCANDINAVIA]
        return sellers[0] if self._chance(0.1) else self.random.choice(sellers)

    def _moved(self, account: Account) -> Row:
        """The customer's telephone number has changed: what the trail says of it."""
        row, old = account.row, self._phone(account.nation.landline)
        at = max(row["created_at"] + timedelta(hours=1), self._some_time(self.random.randint(account.came, THIS_MONTH)))
        row |= {"version": 2, "updated_at": at}
        values = {"kind": ChangeKind.UPDATED, "field": "phone", "old": json.dumps(old), "new": json.dumps(row["phone"])}
        return self._change("Customer", row, at, row["owner_id"], **values, old_label=old, new_label=row["phone"])

    def _addresses(self, account: Account) -> Iterator[Row]:
        words, post = self.words[account.row["country"]], self.random.choice
        street = f"{post(words.streets)} {self.random.randint(1, 120)}"
        box = f"{account.nation.box} {self.random.randint(2, 999)}"
        given = [(AddressKind.VISITING, street)] if self._chance(0.92) else []
        given += [(AddressKind.POSTAL, box)] if self._chance(0.4) else []
        given += [(AddressKind.BILLING, box if self._chance(0.5) else street)] if self._chance(0.2) else []
        post_code, city = post(words.places)
        for position, (kind, line) in enumerate(given):
            yield {
                **self._key(account.row["created_at"]),
                "kind": kind,
                "street": line,
                "post_code": post_code,
                "city": city,
                "region": None,
                "country": None,
                "customer_id": account.row["id"],
                "position": position,
            }

    # Contacts

    def _contacts(self, accounts: Sequence[Account]) -> Iterator[Made]:
        known = [account for account in accounts[1:] if self._chance(0.96)]
        picked = Counter(chain(range(len(known)), self._picks(len(known), self.totals["contacts"] - len(known))))
        for place, account in enumerate(known):
            for number in range(picked[place]):
                yield self._contact(account, is_primary=number == 0), account.row["owner_id"]

    def _picks(self, choices: int, number: int) -> list[int]:
        return self.random.choices(range(choices), k=number)

    def _contact(self, account: Account, *, is_primary: bool) -> Row:
        is_desk = not is_primary and self._chance(0.05)
        person = self._desk(account) if is_desk else self._person(account)
        at = max(
            account.row["created_at"] + timedelta(minutes=5),
            self._some_time(self.random.randint(account.came, THIS_MONTH)),
        )
        return {
            **self._stamped(account.row["created_at"] + timedelta(minutes=5) if is_primary else at),
            **person,
            "phone": self._phone(account.nation.landline) if self._chance(0.3) else None,
            "language": account.row["language"] if self._chance(0.9) else "en",
            "is_primary": is_primary,
            "is_active": is_primary or self._chance(0.95),
            "marketing_allowed": self._chance(0.85),
            "external_id": None,
            "customer_id": account.row["id"],
            "deleted_at": None,
        }

    def _desk(self, account: Account) -> Row:
        """An address for the whole office rather than a person's."""
        desk = self.random.choice(("Invoicing", "Reception", "Purchasing"))
        email = f"{desk.lower()}@{account.domain}"
        return {"first_name": None, "last_name": desk, "title": None, "role": None, "email": email, "mobile": None}

    def _person(self, account: Account) -> Row:
        words = self.words[account.row["country"]]
        first, last = self.random.choice(words.first_names), self.random.choice(words.last_names)
        return {
            "first_name": first,
            "last_name": last,
            "title": self.random.choice(TITLES) if self._chance(0.9) else None,
            "role": self.random.choice(CONTACT_ROLES),
            "email": f"{slug(first)}.{slug(last)}@{account.domain}" if self._chance(0.93) else None,
            "mobile": self._phone(account.nation.mobile) if self._chance(0.8) else None,
        }

    # Cases

    def _cases(self, accounts: Sequence[Account]) -> list[Made]:
        house, *others = accounts
        # Clients come first, so that the first case of all is the one that is billed all the time.
        buyers = sorted((each for each in others if each.kind.first_case), key=lambda each: each.kind is not CLIENT)
        internal = max(3, self.totals["cases"] // 125)
        more = self.totals["cases"] - internal - len(buyers)
        made = [self._case(account, account.kind.first_case or PENDING) for account in buyers]
        again = self.random.choices(buyers, [account.kind.weight for account in buyers], k=more)
        made += [self._case(account, self.random.choice(account.kind.more_cases)) for account in again]
        clients = [account for account in buyers if account.kind is CLIENT]
        places = [house if number % 4 != 3 else self.random.choice(clients) for number in range(internal)]
        made += [self._internal_case(place) for place in places]
        return sorted(made, key=lambda each: each[0]["created_at"])

    def _case(self, account: Account, course: str) -> Made:
        if course in {SOLD, ENDED}:
            row = self._sold_case(account, course)
        elif course in {PENDING, SHELVED}:
            row = self._pending_case(account, course)
        else:
            row = self._lost_case(account, course)
        return row, row["owner_id"]

    def _sold_case(self, account: Account, course: str) -> Row:
        months = self._months_of(account, course)
        row = self._case_row(account, self._after(account, self._some_time(months.start - 1)), WON)
        row["expected_close"] = self._days_after(row["created_at"], 5, 60)
        over = months.stop <= THIS_MONTH and (course in CLOSED or self._chance(0.85))
        if over:
            self._close(row, self._day(months.stop, self.random.randint(2, 27)))
        size = self.random.gauss(5.5, 0.6)
        deal = Deal(row["id"], account.row["id"], row["owner_id"], row["value_currency"], months, size)
        self.deals.append(deal)
        return row

    def _months_of(self, account: Account, course: str) -> range:
        """The months a case is billed in; the first one of all lasts all the time, so that none goes without."""
        earliest = max(0, account.came + 1)
        if course == ENDED:
            first = self.random.randint(earliest, earliest + 8)
            return range(first, first + self.random.randint(2, 14))
        if not self.deals:
            return range(THIS_MONTH + 1)
        first = earliest + int((THIS_MONTH - earliest) * self.random.random() ** 1.5)
        return range(first, min(first + self.random.randint(2, 26), THIS_MONTH) + 1)

    def _pending_case(self, account: Account, course: str) -> Row:
        created = self._after(account, self._some_time(self.random.randint(max(account.came, 27), THIS_MONTH)))
        row = self._case_row(account, created, self.random.choice(PIPELINE))
        row["expected_close"] = self.today + timedelta(days=self.random.randint(-25, 150))
        if course in CLOSED:
            self._close(row, self._days_after(created, 10, 120))
        return row

    def _lost_case(self, account: Account, course: str) -> Row:
        created = self._after(account, self._some_time(self.random.randint(account.came, THIS_MONTH)))
        row = self._case_row(account, created, LOST)
        row["expected_close"] = self._days_after(created, 20, 120)
        if course in CLOSED:
            self._close(row, self._days_after(created, 10, 150))
        return row

    def _after(self, account: Account, moment: datetime) -> datetime:
        """The moment, or shortly after the customer came if that was later."""
        came: datetime = account.row["created_at"]
        return max(moment, came + timedelta(minutes=self.random.randint(10, 300)))

    def _close(self, row: Row, day: date) -> None:
        row |= {"is_open": False, "closed_on": self._not_in_future(day)}

    def _internal_case(self, account: Account) -> Made:
        row = self._case_row(account, self._after(account, self._some_time(self.random.randint(account.came, 33))), WON)
        row |= {"name": f"{self.random.choice(INTERNAL_WORK)} {row['created_at'].year}", "is_internal": True}
        row |= {
            "sales_status_id": self.ids["sales_statuses", IN_PROGRESS],
            "value_amount": None,
            "value_currency": None,
        }
        if self._chance(0.3):
            self._close(row, self._days_after(row["created_at"], 60, 300))
        self.internal_cases.append(row)
        return row, row["owner_id"]

    def _case_row(self, account: Account, created: datetime, status: str) -> Row:
        currency = account.nation.currency if self._chance(0.5) else "EUR"
        value = round(math.exp(self.random.gauss(8.8, 0.9)) / NATIONS_BY_CURRENCY[currency].rate, -2)
        is_known = status != LEAD or self._chance(0.6)
        return {
            **self._stamped(created),
            "name": f"{self.random.choice(SERVICES)} {created.year}",
            "is_open": True,
            "is_internal": False,
            "expected_close": None,
            "closed_on": None,
            "external_id": None,
            "customer_id": account.row["id"],
            "owner_id": self._case_owner(account.row),
            "sales_status_id": self.ids["sales_statuses", status],
            "value_amount": Decimal(int(value)) if is_known else None,
            "value_currency": currency if is_known else None,
        }

    def _case_owner(self, customer: Row) -> uuid.UUID | None:
        owner: uuid.UUID | None = customer["owner_id"]
        return owner if self._chance(0.8) else self._seller(customer["country"])

    # Invoices

    def _bills(self) -> list[Bill]:
        """Invoices and credit notes of all the time, by day."""
        credited = self.totals["invoices"] // 40
        bills = [self._bill(day) for day in self._invoice_days(self.totals["invoices"] - credited)]
        settled = [bill for bill in bills if bill.status == PAID and self._age(bill.day) > 40]
        notes = [self._credit_note(bill) for bill in self.random.sample(settled, credited)]
        return sorted(bills + notes, key=lambda bill: bill.day)

    def _invoice_days(self, number: int) -> list[date]:
        """Some of them today, whatever day it is."""
        days = [self._day(0, 1) + timedelta(days=passed) for passed in range((self.today - self._day(0, 1)).days + 1)]
        weights = [_weight(day, _months(day) - self.first_month) for day in days]
        on_today = max(5, number // 2500)
        return self.random.choices(days, weights, k=number - on_today) + [self.today] * on_today

    @cached_property
    def _billed_in(self) -> list[list[Deal]]:
        """The deals that are billed in each month."""
        billed: list[list[Deal]] = [[] for _ in range(THIS_MONTH + 1)]
        for deal in self.deals:
            for month in deal.months:
                billed[month].append(deal)
        return billed

    def _bill(self, day: date) -> Bill:
        deal = self.random.choice(self._billed_in[_months(day) - self.first_month])
        cents = 1000 + int(100 * math.exp(self.random.gauss(deal.size, 0.5)))
        return Bill(day, deal, cents, self._status(self._age(day)))

    def _age(self, day: date) -> int:
        return (self.today - day).days

    def _status(self, age: int) -> str:
        """Drafts are recent (but not of today), and most invoices are paid after some weeks."""
        if 0 < age < 45 and self._chance(0.08):
            return DRAFT
        return PAID if self._chance(0.1 if age < 14 else 0.55 if age < 45 else 0.98) else SENT

    def _credit_note(self, bill: Bill) -> Bill:
        """A note for all or a part of the invoice; it comes within the month."""
        day = bill.day + timedelta(days=self.random.randint(3, 30))
        if self._chance(0.3):
            return Bill(day, bill.deal, -int(bill.cents * self.random.uniform(0.1, 0.5)), CREDITED)
        bill.status = CREDITED
        return Bill(day, bill.deal, -bill.cents, CREDITED)

    def _invoices(self, bills: Sequence[Bill]) -> Iterator[Made]:
        numbers = count(FIRST_INVOICE)
        for bill in bills:
            is_draft = bill.status == DRAFT
            status = BY_STATUS[bill.status]
            yield (
                {
                    **self._stamped(self._entered(bill.day)),
                    "number": None if is_draft else str(next(numbers)),
                    "date": None if is_draft and self._chance(0.5) else bill.day,
                    "external_id": None,
                    "customer_id": bill.deal.customer_id,
                    "customer_is_internal": False,
                    "case_id": bill.deal.case_id,
                    "status_id": self.ids["invoice_statuses", bill.status],
                    "status_numbered": status["numbered"],
                    "status_sent": status["sent"],
                    **self._money(bill.cents, bill.deal.currency, bill.day),
                },
                bill.deal.by,
            )

    def _money(self, cents: int, currency: str, day: date) -> Row:
        """So many cents of the organisation's currency, in another one at the rate of the month."""
        rate = self._rates[currency][_months(day) - self.first_month]
        amount = Decimal(round(cents / float(rate))).scaleb(-2)
        home = home_amount(amount, rate, ORGANIZATION["currency"])
        return {"amount": amount, "currency": currency, "exchange_rate": rate, "home_amount": home}

    @cached_property
    def _rates(self) -> dict[str, list[Decimal]]:
        """What a unit of each currency was in the organisation's, by month."""
        return {currency: self._rates_of(nation.rate) for currency, nation in NATIONS_BY_CURRENCY.items()}

    def _rates_of(self, usual: float) -> list[Decimal]:
        if usual == 1:
            return [Decimal(1)] * (THIS_MONTH + 1)
        drift = (1 + 0.02 * math.sin(month / 5) + self.random.uniform(-0.008, 0.008) for month in range(THIS_MONTH + 1))
        return [Decimal(f"{usual * factor:.6f}") for factor in drift]

    # Costs

    def _costs(self, bills: Sequence[Bill]) -> Iterator[Made]:
        internal = max(len(self.internal_cases), self.totals["costs"] // 25)
        billed = self._billed_costs([bill for bill in bills if bill.status != DRAFT], self.totals["costs"] - internal)
        costs = [*billed, *(self._internal_cost() for _ in range(internal))]
        for day, case_id, by, money in sorted(costs, key=lambda cost: cost[0]):
            kind = self.random.choices(tuple(CostKind), (60, 12, 20, 8))[0]
            yield (
                {
                    **self._stamped(self._entered(day)),
                    "kind": kind,
                    "date": day,
                    "external_id": None,
                    "case_id": case_id,
                    **money,
                },
                by,
            )

    def _billed_costs(self, bills: Sequence[Bill], number: int) -> Iterator[Spent]:
        """One cost for each two or three invoices in a row, below their sum: so every period has a positive margin."""
        for start, stop in pairwise(place * len(bills) // number for place in range(number + 1)):
            group = bills[start:stop]
            deal = max(group, key=lambda bill: bill.cents).deal
            cents = int(max(1000, sum(bill.cents for bill in group)) * self.random.uniform(0.45, 0.85))
            currency = deal.currency if self._chance(0.4) else "EUR"
            yield group[0].day, deal.case_id, deal.by, self._money(cents, currency, group[0].day)

    def _internal_cost(self) -> Spent:
        case = self.random.choice(self.internal_cases)
        first = max(case["created_at"].date() + timedelta(days=2), self._day(0, 1))
        day = first + timedelta(days=self.random.randint(0, (self.today - first).days))
        cents = int(100 * math.exp(self.random.gauss(5.5, 0.8)))
        return day, case["id"], case["owner_id"], self._money(cents, "EUR", day)


# The database


async def load_demo(
    engine: AsyncEngine, *, today: date, customers: int = 2000, seed: int = SEED, progress: Progress | None = None
) -> DemoKeys:
    """Write the demo data in one transaction; `progress` hears of table, rows written and rows in all.

    Demo data of the same month, or another organisation of that name, makes it fail: drop it first.
    """
    generator = Generator(today, customers, seed)
    written: Counter[str] = Counter()
    async with engine.begin() as connection:
        copy = await _copier(connection)
        for table, rows in generator.batches():
            await copy(table, rows)
            written[table] += len(rows)
            if progress and table in generator.totals:
                progress(table, written[table], generator.totals[table])
        # Without figures about its new rows PostgreSQL plans badly until its own housekeeping comes by.
        for table in written:
            await connection.execute(sa.text(f"ANALYZE {table}"))
    return generator.keys


async def _copier(connection: AsyncConnection) -> Callable[[str, list[Row]], Awaitable[None]]:
    """A function that writes rows through COPY, within the connection's transaction."""
    # The adapter begins a transaction with its first statement; a COPY past it would stand by itself.
    await connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None or not driver.is_in_transaction():
        raise RuntimeError("The driver's connection has no transaction.")

    async def copy(table: str, rows: list[Row]) -> None:
        if rows:
            columns = tuple(rows[0])
            await driver.copy_records_to_table(table, columns=columns, records=map(itemgetter(*columns), rows))

    return copy


async def find_demo(session: AsyncSession) -> Demo | None:
    """The demo data that is there; told by the id of its organisation, which nobody can edit."""
    key_column = metadata.tables["organizations"].c.id
    keys = await session.scalars(sa.select(key_column).order_by(key_column.desc()))
    marked = (key for key in keys if key == uuid7_at(_made_at(key), MARK))
    key = next(marked, None)
    return Demo(key, _month_made_for(key)) if key else None


async def drop_demo(session: AsyncSession) -> bool:
    """Delete everything of the demo organisation, and of no other; False where there is none."""
    demo = await find_demo(session)
    if demo is None:
        return False
    await session.execute(sa.text("SET LOCAL statement_timeout = 0"))
    for table in reversed(metadata.sorted_tables):
        key = table.c.id if table.name == "organizations" else table.c.get("organization_id")
        if key is not None:
            await session.execute(sa.delete(table).where(key == demo.organization_id))
    return True
