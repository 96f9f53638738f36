"""The sums behind the figures stay in step with their rows, whatever is written, by whom and how it ends."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

import tests.profiles  # noqa: F401
from db import models
from db.connection import Database, connected, reads_of
from db.migration import migrate
from db.models import table_of
from resolvers.doctor import examine, repair
from resolvers.kpis import Period, month_before, month_before_to_date, month_of, read_history, read_strip, year_of
from resolvers.references import Ref
from tests.builders import a_case, a_cost, a_customer, an_id, an_invoice, an_organization, euros, ref
from tests.conftest import cloned, on_server, url_of
from tests.in_step import is_in_step, out_of_step
from tests.oracle import Oracle, total
from tests.processes import running
from tests.rows import LEVELS, RIGHTS, Maker, Row, a_world, insert, permissions, put
from tests.test_commands import ACME, ask, kartotek
from tests.test_embedded import processes
from tests.waiting import until, waiting
from tests.worlds import FIRST

LOST_RACES = {"40P01", "23503"}
"""Two wait for each other, or what a row refers to has become another one."""

SPENT = ("amount", "currency", "exchange_rate", "home_amount")
CHANGING = {
    "Customer": ("owner_id", "is_internal", "deleted_at"),
    "SalesStatus": ("category",),
    "Case": ("customer_id", "owner_id", "sales_status_id", "is_open", "is_internal"),
    "InvoiceStatus": ("numbered", "sent"),
    "Invoice": ("customer_id", "case_id", "status_id", "status_numbered", "status_sent", "number", "date", *SPENT),
    "Cost": ("case_id", "date", *SPENT),
}
"""The columns that figures depend on."""


class Clerk:
    """Writes at random, into the database and into plain rows; what the database refuses is in neither."""

    def __init__(self, session: AsyncSession, maker: Maker, seed: int) -> None:
        self.session = session
        self.maker = maker
        self.random = maker.random = Random(seed)
        self.rows = maker.rows

    async def step(self) -> None:
        """One statement about one row or many."""
        entity = self.random.choice(tuple(CHANGING))
        write = self.random.choice((self.change, self.change, self.add, self.delete, self.gather))
        try:
            async with self.session.begin_nested():
                await write(entity, table_of(getattr(models, entity)))
        except sa.exc.IntegrityError:
            pass

    async def change(self, entity: str, table: sa.Table) -> None:
        rows = self.some(entity)
        columns = self.random.sample(CHANGING[entity], self.random.randint(1, len(CHANGING[entity])))
        if entity in ("Invoice", "Cost"):
            columns = list(CHANGING[entity])  # they depend on each other
        fresh = self.fresh(entity)
        values = {name: fresh[name] for name in columns}
        await self.session.execute(sa.update(table).where(table.c.id.in_([row["id"] for row in rows])).values(values))
        for row in rows:
            row.update(values)
            if entity == "InvoiceStatus":
                self.flag_invoices(row)

    def flag_invoices(self, status: Row) -> None:
        for invoice in self.rows["Invoice"]:
            if invoice["status_id"] == status["id"]:
                invoice.update(status_numbered=status["numbered"], status_sent=status["sent"])

    async def add(self, entity: str, table: sa.Table) -> None:
        rows = [self.fresh(entity) for _ in range(self.random.choice((1, 2, 30)))]
        await self.session.execute(sa.insert(table).values(rows))
        self.rows[entity] += rows

    async def delete(self, entity: str, table: sa.Table) -> None:
        if entity in ("Case", "Invoice", "Cost"):
            used = {row["case_id"] for kind in ("Invoice", "Cost") for row in self.rows[kind]}
            keys = {row["id"] for row in self.some(entity)} - used
            await self.session.execute(sa.delete(table).where(table.c.id.in_(keys)))
            self.rows[entity][:] = [row for row in self.rows[entity] if row["id"] not in keys]

    async def gather(self, *_: object) -> None:
        await self.session.execute(sa.text("SELECT kartotek_gather(:key)"), {"key": self.maker.organization_id})

    def some(self, entity: str) -> list[Row]:
        rows = self.rows[entity]
        return self.random.sample(rows, min(len(rows), self.random.choice((1, 1, 3, 10))))

    def fresh(self, entity: str) -> Row:
        """Another row of the kind."""
        one = self.random.choice
        if entity == "SalesStatus":
            return {**one(self.rows[entity]), "category": one(tuple(models.SalesCategory))}
        if entity == "InvoiceStatus":
            return {**one(self.rows[entity]), "numbered": one((True, False)), "sent": one((True, False))}
        known = list(self.rows[entity])
        row: Row = getattr(self.maker, entity.lower())() or self.rows[entity][-1]
        self.rows[entity][:] = known
        return {**row, "id": uuid.UUID(int=self.random.getrandbits(128))}


@st.composite
def histories(draw):
    """An organisation, what is written in it by the seed of each step, who looks at it and from which day."""
    world = draw(st.builds(a_world, st.integers(0, 2**32), st.integers(3, 12)))
    steps = draw(st.lists(st.integers(0, 2**32), max_size=8))
    levels = draw(st.just(("ALL",) * len(RIGHTS)) | st.tuples(*[st.sampled_from(LEVELS)] * len(RIGHTS)))
    viewer = world.viewer(draw(st.sampled_from(world.rows["User"])), permissions(levels, administer=False))
    near = st.integers(-800, 800).map(lambda days: world.today + timedelta(days))
    turns = [date(2024, 1, 1), date(2023, 12, 31), date(2024, 2, 29), date(2024, 3, 1)]
    return world, steps, viewer, draw(st.just(world.today) | st.sampled_from(turns) | near)


@pytest.fixture(scope="module")
async def empty(server, template):
    async for url in cloned(server, template):
        async with connected(url) as database:
            yield database


@given(history=histories())
async def test_figures_are_those_of_the_rows_after_any_writes(empty: Database, history):
    world, steps, viewer, day = history
    maker = Maker(Random(0), 0, world.organization["currency"], world.today)
    maker.organization_id, maker.rows = world.organization["id"], world.rows
    async with empty.sessions() as session:
        await put(session, world.rows, world.foreign)
        assert await out_of_step(session) == {}
        for seed in steps:
            await Clerk(session, maker, seed).step()
            assert await out_of_step(session) == {}
        reads = await reads_of(session)
        strip = await read_strip(reads, viewer, day)
        months = await read_history(reads, viewer, day, 3)
        await session.rollback()
    oracle = Oracle(world.rows, viewer)

    def billing(period: Period) -> Decimal:
        return total(oracle.counted_invoices(period.first, period.last))

    year, month, before = year_of(day), month_of(day), month_before(day)
    assert strip.margin_this_year.billing == billing(year)
    told = viewer.permissions.read_invoices == viewer.permissions.read_costs == "ALL"
    assert strip.margin_this_year.total_cost == (total(oracle.counted_costs(year.first, year.last)) if told else None)
    assert strip.billing_this_month.value == billing(month)
    assert strip.billing_this_month.previous == billing(before)
    assert strip.billing_this_month.previous_to_date == billing(month_before_to_date(day))
    assert [each.billing for each in months] == [billing(month_before(before.first)), billing(before), billing(month)]
    customers = oracle.seen("Customer")
    assert strip.active_customers == len([row for row in customers if oracle.is_active(row)])
    assert strip.prospects_in_pipeline == len([row for row in customers if oracle.is_prospect(row)])


# ---------------------------------------------------------------------- at the same time

STATEMENTS = (
    "UPDATE customers SET owner_id = :user WHERE id = :customer",
    "UPDATE customers SET owner_id = :user",
    "UPDATE customers SET deleted_at = CASE WHEN deleted_at IS NULL THEN now() END WHERE id = :customer",
    "UPDATE cases SET owner_id = :user, customer_id = :customer WHERE id = :case",
    "UPDATE cases SET sales_status_id = :status, is_internal = NOT is_internal WHERE id = :case",
    "UPDATE cases SET customer_id = :customer WHERE id = :case",
    "UPDATE sales_statuses SET category = :category WHERE id = :status",
    "UPDATE invoice_statuses SET sent = NOT sent WHERE NOT numbered AND id = :kind",
    """
    INSERT INTO cases SELECT (copy).* FROM (
        SELECT jsonb_populate_record(cases, jsonb_build_object('id', gen_random_uuid(), 'external_id', NULL)) AS copy
        FROM cases WHERE id = :case
    ) AS copied
    """,
    """
    INSERT INTO invoices SELECT (copy).* FROM (
        SELECT jsonb_populate_record(invoices, jsonb_build_object('id', gen_random_uuid(), 'external_id', NULL)) AS copy
        FROM invoices WHERE id = :invoice
    ) AS copied
    """,
    "UPDATE invoices SET customer_id = :customer, case_id = :case WHERE id = :invoice",
    "UPDATE invoices SET amount = 2 * amount, home_amount = 2 * home_amount WHERE case_id = :case",
    "DELETE FROM invoices WHERE id = :invoice",
    "UPDATE costs SET case_id = :case WHERE date > '2024-01-01'",
)
ROWS = {
    "user": "SELECT id FROM users",
    "customer": "SELECT id FROM customers WHERE NOT is_internal",
    "case": "SELECT id FROM cases",
    "status": "SELECT id FROM sales_statuses",
    "invoice": "SELECT id FROM invoices",
    "kind": "SELECT id FROM invoice_statuses",
    "category": "SELECT unnest(ARRAY['IN_PROGRESS', 'WON', 'LOST'])",
}


async def write_for_a_while(database: Database, random: Random) -> None:
    """Thirty transactions of one writer, each tried again where others were faster, as mutations are."""
    async with database.sessions() as session:
        keys = {name: (await session.scalars(sa.text(query))).all() for name, query in ROWS.items()}
    done = 0
    while done < 30:
        statements = random.sample(STATEMENTS, 2)
        values = {name: random.choice(some) for name, some in keys.items()}
        try:
            async with database.sessions.begin() as session:
                for statement in statements:
                    await session.execute(sa.text(statement), used_in(statement, values))
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in LOST_RACES:
                raise
        else:
            done += 1


def used_in(statement: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in statement}


@pytest.fixture
async def busy(database: Database) -> Database:
    await insert(database.engine, a_world(FIRST).rows)
    return database


async def test_writers_at_the_same_time_leave_everything_in_step(busy: Database):
    await asyncio.gather(*(write_for_a_while(busy, Random(seed)) for seed in range(8)))
    assert await is_in_step(busy)


async def test_repairing_loses_nothing_of_what_is_written_meanwhile(busy: Database):
    writers = asyncio.gather(*(write_for_a_while(busy, Random(seed)) for seed in range(6)))
    repairs = 0
    while not writers.done():
        async with busy.sessions.begin() as session:
            await session.execute(sa.text(SPOILED["a sum too many"]))
        assert await repair(busy.sessions, a_world(FIRST).organization["id"])
        repairs += 1
        await asyncio.sleep(0.01)
    await writers
    assert repairs
    assert await is_in_step(busy)


async def test_what_is_added_is_gathered_into_few_rows(busy: Database):
    async with busy.sessions() as session:
        key = await session.scalar(sa.text(ROWS["invoice"]))
        for day in range(1000):
            values = {"day": date(2024, 1, 1) + timedelta(day % 300), "key": key}
            await session.execute(sa.text("UPDATE invoices SET date = :day WHERE id = :key"), values)
        # Each statement has added rows, and one in fifty has gathered them.
        assert await session.scalar(sa.text("SELECT count(*) FROM kpi_sums WHERE is_fresh")) < 1000
        assert await out_of_step(session) == {}


# ---------------------------------------------------------------------- one row, then many

MANY = 20_000
FILL = (
    """
    INSERT INTO customers (organization_id, id, number, name, country, is_internal, is_active, marketing_allowed,
                           version, created_at, updated_at)
    SELECT :key, gen_random_uuid(), number, 'Customer ' || number, 'FI', false, true, true, 1, now(), now()
    FROM generate_series(10, 20009) AS number
    """,
    """
    INSERT INTO cases (organization_id, id, customer_id, sales_status_id, name, is_open, is_internal, version,
                       created_at, updated_at)
    SELECT :key, c.id, c.id, s.id, 'Case', true, false, 1, now(), now()
    FROM customers c JOIN sales_statuses s ON s.organization_id = c.organization_id AND s.name = 'In progress'
    """,
    """
    INSERT INTO invoices (organization_id, id, customer_id, customer_is_internal, case_id, status_id, status_numbered,
                          status_sent, number, date, amount, currency, exchange_rate, home_amount, version, created_at,
                          updated_at)
    SELECT :key, c.id, c.id, false, c.id, s.id, s.numbered, s.sent, '1', '2024-03-31', 1, 'EUR', 1, 1, 1, now(), now()
    FROM customers c JOIN invoice_statuses s ON s.organization_id = c.organization_id AND s.name = 'Sent'
    """,
    """
    INSERT INTO costs (organization_id, id, case_id, kind, date, amount, currency, exchange_rate, home_amount, version,
                       created_at, updated_at)
    SELECT :key, id, id, 'WORK', '2024-03-31', 1, 'EUR', 1, 1, 1, now(), now() FROM cases
    """,
)
TURNED = (
    "UPDATE customers SET owner_id = :user, version = version + 1 WHERE id = ANY(:keys)",
    "UPDATE customers SET deleted_at = now(), version = version + 1 WHERE id = ANY(:keys)",
    "UPDATE cases SET owner_id = :user, is_internal = true WHERE id = ANY(:keys)",
    "UPDATE invoices SET amount = 2, home_amount = 2 WHERE id = ANY(:keys)",
    "UPDATE costs SET amount = 2, home_amount = 2 WHERE id = ANY(:keys)",
    "DELETE FROM costs WHERE id = ANY(:keys)",
    "DELETE FROM invoices WHERE id = ANY(:keys)",
)


async def test_many_rows_after_one_take_no_longer_than_they_may(database_url, viewer):
    """What is planned for a statement about one row, when little is known of the tables, is not hopeless for many."""
    async with connected(database_url, statement_timeout=20) as hasty, hasty.sessions.begin() as session:
        for statement in FILL:
            await session.execute(sa.text(statement), {"key": viewer.organization_id})
        keys = (await session.scalars(sa.text("SELECT id FROM customers"))).all()
        assert len(keys) == MANY
        for statement in TURNED:
            for some in (keys[:1], keys):
                values = {"user": viewer.user_id, "keys": some}
                await session.execute(sa.text(statement), used_in(statement, values))
        assert await out_of_step(session) == {}


# ---------------------------------------------------------------------- at the ends of time


@pytest.mark.parametrize("day", [date(1, 2, 1), date(9999, 12, 31)])
async def test_the_first_and_the_last_day_have_figures(database, viewer, day):
    async with database.sessions.begin() as session:
        key = await a_customer(session, viewer)
        case = await a_case(session, viewer, key)
        for amount in ("100.10", "-0.05"):
            await an_invoice(
                session, viewer, key, status=Ref("name", "Sent"), number="1", date=day, amount=euros(amount)
            )
        await a_cost(session, viewer, case, date=day, amount=euros("10.01"))
        before = (day.replace(day=1) - timedelta(days=1)).replace(day=1)
        await an_invoice(session, viewer, key, status=Ref("name", "Sent"), number="2", date=before, amount=euros(5))
    strip = await read_strip(database.reads, viewer, day)
    assert strip.billing_this_month.value == Decimal("100.05")
    assert strip.billing_this_month.previous_to_date == Decimal("5.00")
    assert strip.margin_this_year.value == Decimal("95.04")


# ---------------------------------------------------------------------- out of step, and back

SPOILED = {
    "a sum": "UPDATE kpi_sums SET amount = amount + 1 WHERE figure = 'BILLING' AND share = 'ALL'",
    "a day": "UPDATE kpi_sums SET days[1] = days[1] + 1 WHERE figure = 'COST'",
    "a sum that is missing": "DELETE FROM kpi_sums WHERE figure = 'ACTIVE'",
    "a sum too many": "INSERT INTO kpi_sums (organization_id, figure, share, owner_id, other_owner_id, month, amount, "
    "days, amounts) SELECT organization_id, 'COST', share, owner_id, other_owner_id, '1999-01-01', 1, '{1}', '{1}' "
    "FROM kpi_sums WHERE share = 'ALL' LIMIT 1",
    "a standing": "UPDATE customer_standings SET won_cases = won_cases + 1",
    "a standing that is missing": "DELETE FROM customer_standings WHERE open_cases > 0",
}


@pytest.mark.parametrize("spoiling", SPOILED.values(), ids=SPOILED)
async def test_what_a_hand_in_the_database_has_spoiled_is_found_and_repaired(busy: Database, spoiling):
    organization = a_world(FIRST).organization["id"]
    async with busy.sessions.begin() as session:
        await session.execute(sa.text(spoiling))
        found = await examine(session, organization)
    assert found
    assert await repair(busy.sessions, organization) == found
    assert await is_in_step(busy)


async def test_the_doctor_tells_what_differs_and_repairs_when_told_to(database, database_url, viewer):
    async with database.sessions.begin() as session:
        await an_organization(session, name="Other [Oy]")
        key = await a_customer(session, viewer, owner=ref("User", viewer.user_id))
        await an_invoice(session, viewer, key, status=Ref("name", "Sent"), number="1", date="2024-02-29")
        await session.execute(sa.text("UPDATE kpi_sums SET amount = 7 WHERE share = 'CUSTOMER'"))
        await session.execute(sa.text("UPDATE customer_standings SET won_cases = 3"))
    owner, customer = an_id("User", viewer.user_id), an_id("Customer", key)
    differences = [
        f"  BILLING 2024-02, customers of {owner}: 7 should be 100.00",
        f"  {customer}: won_cases 3 should be 0",
    ]
    examined = kartotek("doctor", url=database_url)
    assert examined.returncode == 3
    first, second, *rest = examined.stdout.splitlines()
    assert (first, second[-15:], rest) == (
        "Other [Oy]: 0 differences",
        ": 2 differences",
        [*differences, "Put them right with --repair."],
    )
    repaired = kartotek("doctor", "--repair", url=database_url)
    assert (repaired.returncode, repaired.stdout.splitlines()[2:]) == (0, differences)
    healthy = kartotek("doctor", "--organization", "other [oy]", url=database_url)
    assert (healthy.returncode, healthy.stdout) == (0, "Other [Oy]: 0 differences\n")


async def test_what_is_written_while_sums_are_first_made_is_in_them(server: str):
    name = f"test_{uuid.uuid4().hex}"
    await on_server(server, f"CREATE DATABASE {name}")
    try:
        await migrate(url_of(server, name), "0008")
        async with connected(url_of(server, name)) as database:
            # Reports have got columns since then.
            rows = {entity: rows for entity, rows in a_world(FIRST).rows.items() if entity != "Report"}
            await insert(database.engine, rows)
            async with database.sessions() as session:
                await session.execute(sa.text("UPDATE invoices SET amount = 2 * amount, home_amount = 2 * home_amount"))
                migrating = asyncio.create_task(migrate(url_of(server, name)))
                await until(lambda: waiting(database))
                await session.commit()
            await migrating
            assert await is_in_step(database)
    finally:
        await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


async def test_what_sums_cannot_follow_is_refused(busy: Database):
    for statement in ("TRUNCATE costs", "TRUNCATE invoices"):
        async with busy.sessions() as session:
            with pytest.raises(sa.exc.DBAPIError, match="use DELETE"):
                await session.execute(sa.text(statement))
    async with busy.sessions() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        with pytest.raises(sa.exc.DBAPIError, match="READ COMMITTED only"):
            await session.execute(sa.text("UPDATE customers SET owner_id = NULL"))


# ---------------------------------------------------------------------- killed in the middle


CUSTOMERS = """mutation($rows: [CustomerInput!]!) { upsertCustomers(input: $rows) { problems { message } } }"""
INVOICES = """mutation($rows: [InvoiceInput!]!) { upsertInvoices(input: $rows) { created problems { message } } }"""
BILLED = """{ invoices { totalCount } kpis(asOf: "2024-03-31") { billingThisMonth { value { amount } } } }"""


def invoices(number: int) -> list[dict[str, Any]]:
    return [
        {
            "externalId": str(place),
            "customer": {"externalId": str(place % 100)},
            "status": {"name": "Sent"},
            "number": str(place),
            "date": f"2024-03-{place % 31 + 1:02}",
            "amount": {"amount": "1.10", "currency": "EUR"},
        }
        for place in range(number)
    ]


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.5, 3.0])
def test_a_database_killed_in_the_middle_of_a_write_comes_back_in_step(data_dir: Path, seconds: float):
    """Of five thousand invoices there is none, or all with their sums."""
    token = kartotek("init", *ACME, "--admin", "anna@acme.example", "--data-dir", data_dir).stdout.split()[1]
    with ThreadPoolExecutor() as threads, running("serve", "--port", 0, "--data-dir", data_dir) as (_, (_, url)):
        customers = [{"externalId": str(place), "name": f"Customer {place}"} for place in range(100)]
        assert ask(url, token, CUSTOMERS, rows=customers)["upsertCustomers"]["problems"] == []
        assert ask(url, token, INVOICES, rows=invoices(10))["upsertInvoices"]["created"] == 10
        threads.submit(ask, url, token, INVOICES, rows=invoices(5000))
        time.sleep(seconds)
        for process in processes(data_dir):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    examined = kartotek("doctor", "--data-dir", data_dir)
    assert (examined.returncode, examined.stdout) == (0, "Acme Oy: 0 differences\n")
    with running("serve", "--port", 0, "--data-dir", data_dir) as (_, (_, url)):
        answer = ask(url, token, BILLED)
    count = answer["invoices"]["totalCount"]
    assert count in (10, 5000)
    assert Decimal(answer["kpis"]["billingThisMonth"]["value"]["amount"]) == count * Decimal("1.10")
