"""Demo data: invented, repeatable, and such that every figure has something to say."""

import re
import uuid
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import phonenumbers
import pytest
import sqlalchemy as sa
from stdnum.dk import cvr
from stdnum.fi import alv, ytunnus
from stdnum.no import mva, orgnr
from stdnum.se import orgnr as swedish_orgnr
from stdnum.se import vat as swedish_vat

from db.connection import Database, Sessions
from db.models import AddressKind, SalesCategory, metadata
from kartotek.demo_data import KNOWN_USERS, SEED, Batch, Demo, DemoKeys, Generator, drop_demo, find_demo, load_demo
from kartotek.demo_data import uuid7_at as key_at
from resolvers.contact_details import email, phone, website
from resolvers.registration import business_id, vat_number
from tests.builders import a_customer, an_organization

TODAY = date(2026, 11, 23)
DAYS = [
    TODAY,
    date(2026, 3, 1),
    date(2026, 1, 1),
    date(2027, 1, 2),
    date(2025, 12, 31),
    date(2024, 2, 29),
    date(2028, 2, 29),
    date(2026, 8, 2),
]
LARGE = {"customers", "contacts", "cases", "invoices", "costs"}

Rows = dict[str, list[dict[str, Any]]]


def batches(today: date = TODAY, customers: int = 60, seed: int = SEED) -> list[Batch]:
    return list(Generator(today, customers, seed).batches())


def made(today: date = TODAY, customers: int = 60, seed: int = SEED) -> Rows:
    tables: Rows = defaultdict(list)
    for table, rows in batches(today, customers, seed):
        tables[table] += rows
    return tables


@pytest.fixture(scope="module")
def full() -> Rows:
    """The data as the command makes it by default."""
    return made(customers=2000)


def billed(rows: Rows, first: date, last: date) -> Decimal:
    """Billing of the days from the first to the last."""
    counted = (row for row in rows["invoices"] if row["status_sent"] and row["number"] and row["date"])
    return sum((row["home_amount"] for row in counted if first <= row["date"] <= last), Decimal(0))


def spent(rows: Rows, first: date, last: date) -> Decimal:
    """Costs of those days, but for internal cases."""
    internal = {row["id"] for row in rows["cases"] if row["is_internal"]}
    counted = (row for row in rows["costs"] if row["case_id"] not in internal)
    return sum((row["home_amount"] for row in counted if first <= row["date"] <= last), Decimal(0))


def groups(rows: Rows) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    """Active customers, and prospects in the pipeline."""
    category = {row["id"]: row["category"] for row in rows["sales_statuses"]}
    external = {row["id"] for row in rows["customers"] if not row["is_internal"]}
    open_cases = [row for row in rows["cases"] if row["is_open"] and not row["is_internal"]]
    active = {row["customer_id"] for row in open_cases}
    pending = {
        row["customer_id"] for row in open_cases if category[row["sales_status_id"]] == SalesCategory.IN_PROGRESS
    }
    won = {row["customer_id"] for row in rows["cases"] if category[row["sales_status_id"]] == SalesCategory.WON}
    paying = {row["customer_id"] for row in rows["invoices"] if row["status_sent"] and row["number"]}
    return active & external, (pending & external) - won - paying


def test_the_same_seed_gives_the_same_rows():
    assert batches() == batches()
    assert batches() != batches(seed=SEED + 1)


def test_there_is_as_much_as_was_promised(full):
    assert {table: len(full[table]) for table in LARGE} == {
        "customers": 2_000,
        "contacts": 6_000,
        "cases": 5_000,
        "invoices": 40_000,
        "costs": 15_000,
    }
    assert len(full["users"]) == 40
    assert len(full["units"]) == 6
    assert len([row for row in full["industries"] if row["is_active"]]) == 15
    assert {row["kind"] for row in full["addresses"]} == set(AddressKind)


@pytest.mark.parametrize("customers", [10, 11, 33])
def test_everything_scales_with_the_number_of_customers(customers):
    rows = made(customers=customers)
    assert [len(rows[table]) for table in ("customers", "contacts", "cases", "invoices", "costs")] == [
        customers,
        customers * 3,
        customers * 5 // 2,
        customers * 20,
        customers * 15 // 2,
    ]


def test_less_than_ten_customers_are_too_few():
    with pytest.raises(ValueError, match="at least 10 customers"):
        Generator(TODAY, 9, SEED)


def test_business_ids_and_vat_numbers_have_valid_check_digits(full):
    business_ids = {"FI": ytunnus, "SE": swedish_orgnr, "NO": orgnr, "DK": cvr}
    vat_numbers = {"FI": alv, "SE": swedish_vat, "NO": mva, "DK": cvr}
    for row in full["customers"]:
        if row["business_id"]:
            business_ids[row["country"]].validate(row["business_id"])
        if row["vat_number"]:
            assert row["vat_number"].startswith(row["country"])
            vat_numbers[row["country"]].validate(row["vat_number"])
    countries = Counter(row["country"] for row in full["customers"] if row["vat_number"])
    assert min(countries[country] for country in business_ids) > 100
    finnish = [row["business_id"] for row in full["customers"] if row["country"] == "FI" and row["business_id"]]
    assert all(re.fullmatch(r"\d{7}-\d", number) for number in finnish)


def test_values_are_in_the_spelling_that_is_stored(full):
    countries = {row["id"]: row["country"] for row in full["customers"]}
    national = {"business_id": business_id, "vat_number": vat_number, "phone": phone, "mobile": phone}
    plain = {"email": email, "website": website}
    for row in full["customers"] + full["contacts"]:
        country = countries[row.get("customer_id", row["id"])]
        given = {name: value for name, value in row.items() if value is not None}
        stored = {name: spelt(given[name], country) for name, spelt in national.items() if name in given}
        stored |= {name: spelt(given[name]) for name, spelt in plain.items() if name in given}
        assert given | stored == given


def test_no_two_customers_share_a_number(full):
    given = [(row["country"], row["business_id"]) for row in full["customers"] if row["business_id"]]
    assert len(set(given)) == len(given)
    numbers = [row["number"] for row in full["customers"]]
    assert numbers == sorted(set(numbers))
    assert full["organizations"][0]["last_customer_number"] == numbers[-1]


def test_telephone_numbers_are_possible_in_their_country(full):
    for table, column in (("customers", "phone"), ("contacts", "phone"), ("contacts", "mobile")):
        numbers = [row[column] for row in full[table] if row[column]]
        parsed = [phonenumbers.parse(number) for number in numbers]
        assert all(phonenumbers.is_possible_number(number) for number in parsed)
        assert [phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164) for each in parsed] == numbers


def test_addresses_on_the_internet_are_reserved_ones(full):
    hosts = {row["email"].partition("@")[2] for row in full["customers"] + full["contacts"] if row["email"]}
    hosts |= {
        row["website"].removeprefix("https://").removeprefix("www.") for row in full["customers"] if row["website"]
    }
    hosts |= {row["email"].partition("@")[2] for row in full["users"]}
    assert len(hosts) > 1000
    assert all(re.fullmatch(r"[a-z0-9-]+\.example", host) for host in hosts)


def test_ids_are_uuids_of_version_7_that_sort_by_time(full):
    for table in LARGE:
        keys = [row["id"] for row in full[table]]
        assert {(key.version, key.variant) for key in keys} == {(7, uuid.RFC_4122)}
        assert len(set(keys)) == len(keys)
        by_key = sorted(full[table], key=lambda row: row["id"])
        assert all(before["created_at"] <= after["created_at"] for before, after in pairwise(by_key))


def test_an_id_is_made_as_the_standard_shows():
    """The example of RFC 9562, appendix A.6."""
    at = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert key_at(at, 0xCC3 << 62 | 0x18C4DC0C0C07398F) == uuid.UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


def test_home_amounts_are_rounded_half_away_from_zero(full):
    currencies = Counter(row["currency"] for row in full["invoices"])
    assert set(currencies) == {"EUR", "SEK", "NOK", "DKK"}
    for row in full["invoices"] + full["costs"]:
        exact = row["amount"] * row["exchange_rate"]
        assert row["home_amount"] == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert row["currency"] != "EUR" or row["exchange_rate"] == 1


def test_invoices_have_the_flags_of_their_status(full):
    statuses = {row["id"]: row for row in full["invoice_statuses"]}
    for row in full["invoices"]:
        status = statuses[row["status_id"]]
        assert (row["status_numbered"], row["status_sent"]) == (status["numbered"], status["sent"])
        assert (row["number"] is None) == (status["name"] == "Draft")
    numbers = [int(row["number"]) for row in full["invoices"] if row["number"]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    counts = Counter(statuses[row["status_id"]]["name"] for row in full["invoices"])
    assert min(counts.values()) > 50
    assert sum(row["amount"] < 0 for row in full["invoices"]) == 1000


def test_only_won_cases_of_the_customer_are_invoiced(full):
    won = {row["id"] for row in full["sales_statuses"] if row["category"] == SalesCategory.WON}
    cases = {row["id"]: row for row in full["cases"]}
    for row in full["invoices"]:
        case = cases[row["case_id"]]
        assert case["customer_id"] == row["customer_id"]
        assert case["sales_status_id"] in won
        assert not case["is_internal"]


def test_the_internal_customer_has_costs_but_is_never_invoiced(full):
    (internal,) = [row for row in full["customers"] if row["is_internal"]]
    cases = {row["id"] for row in full["cases"] if row["customer_id"] == internal["id"]}
    assert len(cases) >= 20
    assert all(row["is_internal"] for row in full["cases"] if row["id"] in cases)
    assert sum(row["case_id"] in cases for row in full["costs"]) >= 100
    assert internal["id"] not in {row["customer_id"] for row in full["invoices"]}


def test_customers_are_not_all_alike(full):
    customers = full["customers"]
    for column in ("owner_id", "industry_id", "business_id", "vat_number", "email", "website", "phone"):
        assert 0 < sum(row[column] is None for row in customers) < len(customers) / 2
    assert 50 < sum(not row["is_active"] for row in customers) < 400
    assert 50 < sum(row["notes"] is not None for row in customers) < 400
    category = {row["id"]: row["category"] for row in full["sales_statuses"]}
    kinds = Counter((category[row["sales_status_id"]], row["is_open"]) for row in full["cases"])
    assert len(kinds) == 6
    assert min(kinds.values()) > 50


def test_billing_grows(full):
    year = timedelta(days=364)
    years = [billed(full, TODAY - year * (back + 1) + timedelta(days=1), TODAY - year * back) for back in (2, 1, 0)]
    assert years[0] < years[1] < years[2]


@pytest.mark.parametrize("customers", [10, 60])
@pytest.mark.parametrize("today", DAYS, ids=str)
def test_each_figure_has_something_to_say(today, customers):
    rows = made(today, customers)
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    previous = month - timedelta(days=1)
    assert billed(rows, month, today) > 0
    assert billed(rows, previous.replace(day=1), previous) > 0
    assert 0 < spent(rows, year, today) < billed(rows, year, today)
    active, prospects = groups(rows)
    assert 0 < len(prospects) < len(active) < customers


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_nothing_lies_in_the_future(today):
    rows = made(today)
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    assert max(row["at"] for row in rows["changes"]) < midnight
    for table in LARGE:
        assert max(row["updated_at"] for row in rows[table]) < midnight
    assert max(row["date"] for row in rows["invoices"] + rows["costs"] if row["date"]) == today
    assert max(row["closed_on"] for row in rows["cases"] if row["closed_on"]) < today
    assert all(row["is_open"] == (row["closed_on"] is None) for row in rows["cases"])


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_nothing_comes_before_what_it_belongs_to(today):
    rows = made(today)
    since = {row["id"]: row["created_at"] for table in LARGE for row in rows[table]}
    for row in rows["contacts"] + rows["cases"] + rows["invoices"]:
        assert row["created_at"] > since[row["customer_id"]]
    for row in rows["invoices"] + rows["costs"]:
        assert row["created_at"] > since[row["case_id"]]
    for row in rows["cases"]:
        assert row["closed_on"] is None or row["closed_on"] >= row["created_at"].date()


@pytest.mark.parametrize("seed", range(8))
def test_every_seed_will_do_for_the_smallest_size(seed):
    rows = made(date(2026, 1, 1), 10, seed)
    assert 0 < spent(rows, date(2026, 1, 1), date(2026, 1, 1)) < billed(rows, date(2026, 1, 1), date(2026, 1, 1))
    assert all(groups(rows))


def test_everything_made_is_in_the_trail(full):
    trail = {row["entity_id"]: row for row in full["changes"] if row["kind"] == "CREATED"}
    tracked = [table for table in full if table not in {"changes", "addresses"}]
    assert len(trail) == sum(len(full[table]) for table in tracked)
    users = {row["id"] for row in full["users"]}
    for table in tracked:
        for row in full[table]:
            change = trail[row["id"]]
            assert change["at"] == row.get("created_at", full["organizations"][0]["created_at"])
            assert change["by_id"] in users
            assert 0 < len(change["entity_label"]) <= 300


def test_each_row_has_the_columns_of_its_table(full):
    for table, rows in full.items():
        needed = {column.name for column in metadata.tables[table].columns if not column.computed}
        if table == "changes":
            needed.discard("operation_id")
        assert {frozenset(row) for row in rows} == {frozenset(needed)}


async def counts_of(sessions: Sessions, key: uuid.UUID) -> dict[str, int]:
    """How many rows of an organisation each table has."""
    tables = [table for table in metadata.sorted_tables if "organization_id" in table.c]
    async with sessions() as session:
        return {
            table.name: await session.scalar(
                sa.select(sa.func.count()).select_from(table).where(table.c.organization_id == key)
            )
            or 0
            for table in tables
        }


async def find(sessions: Sessions) -> Demo | None:
    async with sessions() as session:
        return await find_demo(session)


async def test_what_is_made_is_what_is_loaded(database: Database, sessions: Sessions):
    told: list[tuple[str, int, int]] = []
    keys = await load_demo(database.engine, today=TODAY, customers=60, progress=lambda *step: told.append(step))
    expected = {table: len(rows) for table, rows in made().items() if table != "organizations"}
    customers, contacts = expected["customers"], expected["contacts"]
    derived = {"customer_search": customers, "contact_search": contacts, "customer_standings": customers}
    loaded = {table: number for table, number in (await counts_of(sessions, keys.organization_id)).items() if number}
    assert loaded.pop("kpi_sums") > 0
    assert loaded == expected | derived
    assert told == [
        (table, expected[table], expected[table]) for table in ("customers", "contacts", "cases", "invoices", "costs")
    ]


async def test_the_well_known_users_are_there(database: Database, sessions: Sessions):
    keys = await load_demo(database.engine, today=TODAY, customers=10)
    async with sessions() as session:
        found = await session.execute(
            sa.text(
                "SELECT u.id, u.email, r.name FROM users u JOIN roles r ON r.id = u.role_id"
                " WHERE u.email = ANY(:emails) ORDER BY u.id"
            ),
            {"emails": list(KNOWN_USERS)},
        )
        assert [tuple(row) for row in found] == [
            (keys.administrator_id, "admin@kartotek.example", "Administrator"),
            (keys.manager_id, "manager@kartotek.example", "Manager"),
            (keys.sales_id, "sales@kartotek.example", "Sales"),
            (keys.viewer_id, "viewer@kartotek.example", "Viewer"),
        ]


async def test_a_failure_leaves_nothing_behind(database: Database, sessions: Sessions):
    def give_up(table: str, done: int, total: int) -> None:
        if table == "invoices":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await load_demo(database.engine, today=TODAY, customers=10, progress=give_up)
    assert await find(sessions) is None
    async with sessions() as session:
        assert await session.scalar(sa.text("SELECT count(*) FROM customers")) == 0


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 1, 31), date(2024, 2, 29)], ids=str)
async def test_the_month_it_was_made_for_is_known_afterwards(database: Database, sessions: Sessions, today):
    assert await find(sessions) is None
    keys = await load_demo(database.engine, today=today, customers=10)
    async with sessions.begin() as session:
        await session.execute(sa.text("UPDATE organizations SET name = 'Other', timezone = 'Asia/Tokyo'"))
        await session.execute(sa.text("DELETE FROM invoices"))
    assert await find(sessions) == Demo(keys.organization_id, today.replace(day=1))


async def test_dropping_leaves_other_organizations_alone(database: Database, sessions: Sessions):
    async with sessions.begin() as session:
        other = await an_organization(session)
        await a_customer(session, other)
    before = await counts_of(sessions, other.organization_id)
    keys = await load_demo(database.engine, today=TODAY, customers=10)

    async with sessions.begin() as session:
        assert await drop_demo(session)

    assert not any((await counts_of(sessions, keys.organization_id)).values())
    assert await counts_of(sessions, other.organization_id) == before
    async with sessions.begin() as session:
        assert await session.scalar(sa.text("SELECT count(*) FROM organizations")) == 1
        assert not await drop_demo(session)


async def test_dropped_data_can_be_made_anew(database: Database, sessions: Sessions):
    await load_demo(database.engine, today=TODAY, customers=10)
    async with sessions.begin() as session:
        await drop_demo(session)
    keys = await load_demo(database.engine, today=date(2026, 12, 1), customers=10)
    assert isinstance(keys, DemoKeys)
    assert await find(sessions) == Demo(keys.organization_id, date(2026, 12, 1))
