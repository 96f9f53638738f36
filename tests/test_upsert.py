"""Rows that other systems send in: matched, counted, refused one by one or all together."""

import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count as count_from
from itertools import islice

import pytest
import sqlalchemy as sa

from db import models
from db.models import Access, CostKind, ProblemCode, TokenScope, table_of
from kartotek.demo_data import finnish_business_id
from resolvers import ids
from resolvers.customer import delete_customer
from resolvers.deletion import delete_cases, delete_costs, delete_invoices
from resolvers.money import Money
from resolvers.references import Ref
from resolvers.upsert import (
    ErrorPolicy,
    Rows,
    upsert_cases,
    upsert_contacts,
    upsert_costs,
    upsert_customers,
    upsert_industries,
    upsert_invoices,
)
from tests.builders import (
    a_case,
    a_cost,
    a_customer,
    a_viewer,
    an_id,
    an_industry,
    an_invoice,
    an_organization,
    euros,
    ref,
    stored,
    trail_of,
)

C = ProblemCode
ROWS = ErrorPolicy.REJECT_ROWS


def where(result):
    return [(problem.code, problem.path) for problem in result.problems]


def counts(result):
    return result.created, result.updated, result.unchanged, result.rejected


async def count(session, model):
    return await session.scalar(sa.select(sa.func.count()).select_from(table_of(model)))


async def test_rows_are_matched_by_external_id(session):
    viewer = await an_organization(session)
    a, b, c, d = ({"name": name, "external_id": name} for name in "abcd")
    first = await upsert_customers(session, viewer, [a, b, c])
    assert counts(first) == (3, 0, 0, 0)
    rows: Rows = [a, {**b, "name": "B", "email": "b@b.fi"}, c, d]
    second = await upsert_customers(session, viewer, rows)
    assert counts(second) == (1, 1, 2, 0)
    assert second.ids[:3] == first.ids
    versions = [(await stored(session, models.Customer, key)).version for key in second.ids]
    assert versions == [1, 2, 1, 1]
    assert [change.field for change in await trail_of(session, second.ids[1])] == [None, "name", "email"]


async def test_rows_without_external_id_are_always_new(session):
    viewer = await an_organization(session)
    rows: Rows = [{"name": "Acme"}, {"name": "Acme"}]
    assert counts(await upsert_customers(session, viewer, rows)) == (2, 0, 0, 0)
    assert counts(await upsert_customers(session, viewer, rows)) == (2, 0, 0, 0)


async def test_deleted_rows_do_not_match(session):
    viewer = await an_organization(session)
    row = {"name": "Acme", "external_id": "x", "number": 5}
    first = await upsert_customers(session, viewer, [row])
    await delete_customer(session, viewer, an_id("Customer", first.ids[0]))
    second = await upsert_customers(session, viewer, [row])
    assert counts(second) == (1, 0, 0, 0)
    assert second.ids != first.ids


async def test_one_bad_row_stops_all(session):
    viewer = await an_organization(session)
    rows: Rows = [{"name": "a"}, {"name": ""}, {"name": "c", "country": "XX", "number": 0}]
    result = await upsert_customers(session, viewer, rows)
    assert counts(result) == (0, 0, 0, 2)
    assert result.must_roll_back
    assert list(result.ids) == [None] * 3
    assert where(result) == [
        (C.INVALID, ("input", "1", "name")),
        (C.INVALID, ("input", "2", "number")),
        (C.INVALID, ("input", "2", "country")),
    ]
    assert await count(session, models.Customer) == 0


async def test_one_bad_row_does_not_stop_the_others(session):
    viewer = await an_organization(session)
    rows: Rows = [{"name": "a"}, {"name": ""}, {"name": "c"}]
    result = await upsert_customers(session, viewer, rows, ROWS)
    assert counts(result) == (2, 0, 0, 1)
    assert not result.must_roll_back
    assert result.ids[1] is None
    numbers = [(await stored(session, models.Customer, result.ids[n])).number for n in (0, 2)]
    assert numbers == [1, 2]


async def test_a_dry_run_counts_and_leaves_nothing(session):
    viewer = await an_organization(session)
    await upsert_customers(session, viewer, [{"name": "a", "external_id": "a"}])
    await session.commit()
    rows: Rows = [{"name": "A", "external_id": "a"}, {"name": "b", "external_id": "b"}]
    result = await upsert_customers(session, viewer, rows, dry_run=True)
    assert counts(result) == (1, 1, 0, 0)
    assert result.must_roll_back
    assert result.ids[0] is not None
    assert result.ids[1] is None
    await session.rollback()
    assert await count(session, models.Customer) == 1


async def test_the_same_key_twice_is_refused_the_second_time(session):
    viewer = await an_organization(session)
    rows: Rows = [{"name": "a", "external_id": "x"}, {"name": "b", "external_id": " x "}, {"name": "c", "number": 9}]
    result = await upsert_customers(session, viewer, [*rows, {"name": "d", "number": 9}], ROWS)
    assert where(result) == [(C.INVALID, ("input", "1", "externalId")), (C.DUPLICATE, ("input", "3", "number"))]
    assert counts(result) == (2, 0, 0, 2)
    names: Rows = [{"name": "Retail"}, {"name": " RETAIL"}, {"name": "Ääni"}, {"name": "ääni"}]
    result = await upsert_industries(session, viewer, names, ROWS)
    assert where(result) == [(C.INVALID, ("input", "1", "name")), (C.INVALID, ("input", "3", "name"))]


async def test_a_taken_number_rejects_the_row_and_names_the_holder(session):
    viewer = await an_organization(session)
    key = await a_customer(session, viewer, number=5)
    result = await upsert_customers(session, viewer, [{"name": "b", "number": 5}, {"name": "c"}], ROWS)
    assert [(p.code, p.path, p.entity) for p in result.problems] == [
        (C.DUPLICATE, ("input", "0", "number"), ("Customer", key))
    ]
    assert (await stored(session, models.Customer, result.ids[1])).number == 6


async def test_numbers_given_in_the_same_call_are_skipped(session):
    viewer = await an_organization(session)
    rows: Rows = [{"name": "a"}, {"name": "b", "number": 1}, {"name": "c", "number": 30}, {"name": "d"}]
    result = await upsert_customers(session, viewer, rows)
    numbers = [(await stored(session, models.Customer, key)).number for key in result.ids]
    assert numbers == [2, 1, 30, 31]


async def test_natural_keys_ignore_case_and_ids_rename(session):
    viewer = await an_organization(session)
    key = await an_industry(session, viewer, name="Retail")
    result = await upsert_industries(session, viewer, [{"name": "RETAIL", "code": "47"}])
    assert (counts(result), list(result.ids)) == ((0, 1, 0, 0), [key])
    row = {"id": ids.encode("Industry", key), "name": "Trade"}
    assert counts(await upsert_industries(session, viewer, [row])) == (0, 1, 0, 0)
    assert (await stored(session, models.Industry, key)).code == "47"
    other = await an_industry(session, viewer, name="Mining")
    result = await upsert_industries(session, viewer, [row | {"name": "mining"}])
    assert [(p.code, p.path, p.entity) for p in result.problems] == [
        (C.DUPLICATE, ("input", "0", "name"), ("Industry", other))
    ]
    result = await upsert_industries(session, viewer, [row, {"name": "TRADE"}])
    assert where(result) == [(C.INVALID, ("input", "1", "name"))]
    for wrong in ("nonsense", ids.encode("Customer", key), "ind_" + "0" * 32):
        result = await upsert_industries(session, viewer, [{"id": wrong, "name": "A"}])
        assert where(result) == [(C.NOT_FOUND, ("input", "0", "id"))]


async def test_too_many_rows_are_refused(session):
    viewer = await an_organization(session)
    result = await upsert_customers(session, viewer, [{"name": "a"}] * 10_001)
    assert where(result) == [(C.TOO_MANY, ("input",))]


async def test_a_longer_key_is_another_key(session):
    viewer = await an_organization(session)
    await a_customer(session, viewer, external_id="x" * 200)
    row = {"customer": Ref("external_id", "x" * 200 + "y"), "last_name": "A"}
    assert where(await upsert_contacts(session, viewer, [row])) == [(C.NOT_FOUND, ("input", "0", "customer"))]


async def test_at_most_a_thousand_problems_are_told(session):
    viewer = await an_organization(session)
    result = await upsert_customers(session, viewer, [{"name": ""}] * 1_500, ROWS)
    assert len(result.problems) == 1_000
    assert result.rejected == 1_500


async def test_importing_needs_the_right_and_a_token_for_writing(session):
    admin = await an_organization(session)
    viewer = await a_viewer(session, admin, read_customers=Access.ALL, edit_customers=Access.ALL)
    for who in (viewer, replace(admin, scope=TokenScope.READ)):
        assert where(await upsert_customers(session, who, [{"name": "a"}])) == [(C.FORBIDDEN, ())]
        assert where(await delete_cases(session, who, [])) == [(C.FORBIDDEN, ())]


async def test_imports_reach_what_the_viewer_does_not_see(session):
    admin = await an_organization(session)
    importer = await a_viewer(session, admin, import_data=True)
    await a_customer(session, admin, external_id="x")
    row = {"external_id": "c", "customer": Ref("external_id", "x"), "last_name": "Aalto"}
    assert counts(await upsert_contacts(session, importer, [row])) == (1, 0, 0, 0)
    result = await upsert_customers(session, importer, [{"name": "b", "number": 1}], ROWS)
    assert [(p.code, p.entity) for p in result.problems] == [(C.DUPLICATE, None)]


async def test_a_new_case_is_open_unless_lost(session):
    viewer = await an_organization(session)
    customer = await a_customer(session, viewer)

    async def is_open(**values):
        return (await stored(session, models.Case, await a_case(session, viewer, customer, **values))).is_open

    lost = Ref("name", "lost")
    assert [await is_open(), await is_open(sales_status=lost), await is_open(sales_status=lost, is_open=True)] == [
        True,
        False,
        True,
    ]


async def test_a_case_keeps_its_value_until_null_clears_it(session):
    viewer = await an_organization(session)
    customer = await a_customer(session, viewer)
    key = await a_case(session, viewer, customer, external_id="c", value=Money(Decimal("10.50"), "usd"))
    row = {
        "external_id": "c",
        "customer": ref("Customer", customer),
        "name": "A case",
        "sales_status": Ref("name", "Won"),
    }
    await upsert_cases(session, viewer, [row])
    assert (await stored(session, models.Case, key)).value_currency == "USD"
    await upsert_cases(session, viewer, [row | {"value": None}])
    assert (await stored(session, models.Case, key)).value_amount is None
    created, status, value = await trail_of(session, key)
    assert created.new["value"] == {"amount": "10.50", "currency": "USD"}
    assert (status.field, status.old_label, status.new_label) == ("salesStatus", "In progress", "Won")
    assert (value.old, value.new, value.old_label) == ({"amount": "10.50", "currency": "USD"}, None, "10.50 USD")


async def test_what_comes_from_other_systems_needs_its_key(session):
    viewer = await an_organization(session)
    customer = ref("Customer", await a_customer(session, viewer))
    row = {"customer": customer, "name": "A", "sales_status": Ref("name", "Won")}
    assert where(await upsert_cases(session, viewer, [row])) == [(C.INVALID, ("input", "0", "externalId"))]
    result = await upsert_cases(session, viewer, [{**row, "external_id": " "}])
    assert where(result) == [(C.INVALID, ("input", "0", "externalId"))]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"amount": euros("1e15")}, ("amount", "amount")),
        ({"amount": euros("NaN")}, ("amount", "amount")),
        ({"amount": euros("Infinity")}, ("amount", "amount")),
        ({"amount": euros("0.0000001")}, ("amount", "amount")),
        ({"amount": euros("1e-999999")}, ("amount", "amount")),
        ({"amount": Money(Decimal(1), "XXX")}, ("amount", "currency")),
        ({"amount": Money(Decimal(1), "USD")}, ("exchangeRate",)),
        ({"amount": Money(Decimal(1), "USD"), "exchange_rate": Decimal(0)}, ("exchangeRate",)),
        ({"amount": Money(Decimal(1), "USD"), "exchange_rate": Decimal("1e9")}, ("exchangeRate",)),
        ({"amount": Money(Decimal(1), "USD"), "exchange_rate": Decimal("1e-13")}, ("exchangeRate",)),
        ({"exchange_rate": Decimal(2)}, ("exchangeRate",)),
        ({"exchange_rate": None}, ("exchangeRate",)),
        ({"amount": None}, ("amount",)),
        ({"status": Ref("name", "Sent")}, ("number",)),
        ({"status": Ref("name", "Sent"), "number": "  "}, ("number",)),
        ({"date": "2024-02-30"}, ("date",)),
        ({"customer": Ref("external_id", "own")}, ("customer",)),
    ],
)
async def test_an_invoice_that_cannot_be(session, values, path):
    viewer = await an_organization(session)
    await a_customer(session, viewer, external_id="c")
    await a_customer(session, viewer, external_id="own", is_internal=True)
    draft = Ref("name", "Draft")
    row = {"external_id": "i", "customer": Ref("external_id", "c"), "status": draft, "amount": euros(1)}
    assert where(await upsert_invoices(session, viewer, [row | values])) == [(C.INVALID, ("input", "0", *path))]


@pytest.mark.parametrize(
    ("home", "amount", "rate", "expected"),
    [
        ("EUR", "1.005", None, "1.01"),
        ("EUR", "-1.005", None, "-1.01"),
        ("JPY", "0.5", None, "1"),
        ("KWD", "1.0005", None, "1.001"),
        ("EUR", "100", "0.0835", "8.35"),
        ("EUR", "999999999999999.999999", "999999999.999999999999", "999999999999999999000000.00"),
    ],
)
async def test_home_amounts_are_rounded_half_away_from_zero(session, home, amount, rate, expected):
    viewer = await an_organization(session, currency=home)
    customer = await a_customer(session, viewer)
    foreign = {"exchange_rate": Decimal(rate)} if rate else {}
    money = Money(Decimal(amount), "SEK" if rate else home)
    row = await stored(session, models.Invoice, await an_invoice(session, viewer, customer, amount=money, **foreign))
    assert row.exchange_rate == Decimal(rate or 1)
    if rate and len(rate) > 10:
        assert abs(row.home_amount - row.amount * row.exchange_rate) < 1
    else:
        assert row.home_amount == Decimal(expected)


async def test_trailing_zeros_are_no_digits(session):
    viewer = await an_organization(session)
    key = await an_invoice(session, viewer, await a_customer(session, viewer), amount=euros("1.50000000"))
    assert str((await stored(session, models.Invoice, key)).amount) == "1.500000"


async def test_an_invoice_keeps_its_rate_while_the_currency_stays(session):
    viewer = await an_organization(session)
    customer = await a_customer(session, viewer)
    dollars = Money(Decimal(100), "USD")
    key = await an_invoice(session, viewer, customer, external_id="i", amount=dollars, exchange_rate=Decimal("0.9"))
    assert key == await an_invoice(session, viewer, customer, external_id="i", amount=Money(Decimal(200), "USD"))
    assert (await stored(session, models.Invoice, key)).home_amount == 180
    assert [change.field for change in await trail_of(session, key)] == [None, "amount", "homeAmount"]
    await an_invoice(session, viewer, customer, external_id="i", amount=euros(200))
    assert (await stored(session, models.Invoice, key)).exchange_rate == 1
    row = {"external_id": "i", "customer": ref("Customer", customer), "status": Ref("name", "Draft"), "amount": dollars}
    assert where(await upsert_invoices(session, viewer, [row])) == [(C.INVALID, ("input", "0", "exchangeRate"))]


async def test_invoices_carry_the_flags_of_their_status(session):
    viewer = await an_organization(session)
    customer = await a_customer(session, viewer)
    key = await an_invoice(session, viewer, customer, external_id="i")
    await an_invoice(session, viewer, customer, external_id="i", status=Ref("name", "sent"), number="1001")
    row = await stored(session, models.Invoice, key)
    assert (row.status_numbered, row.status_sent, row.version) == (True, True, 2)
    assert [change.field for change in await trail_of(session, key)] == [None, "status", "number"]
    assert (await trail_of(session, key))[-1].entity_label == "1001"


async def test_costs_are_labelled_by_what_they_are(session):
    viewer = await an_organization(session)
    case = await a_case(session, viewer, await a_customer(session, viewer))
    key = await a_cost(session, viewer, case, kind=CostKind.TRAVEL, date=date(2024, 2, 29), amount=euros("12.30"))
    (change,) = await trail_of(session, key)
    assert change.entity_label == "Travel, 2024-02-29, 12.30 EUR"
    assert change.new["homeAmount"] == {"amount": "12.30", "currency": "EUR"}
    assert change.new["exchangeRate"] == "1"
    row = {"external_id": "c", "case": ref("Case", case), "kind": "BRIBE", "date": None, "amount": euros(1)}
    result = await upsert_costs(session, viewer, [row])
    assert where(result) == [(C.INVALID, ("input", "0", "kind")), (C.INVALID, ("input", "0", "date"))]


async def test_a_row_that_refers_to_a_rejected_row_is_rejected_alone(session):
    viewer = await an_organization(session)
    customers: Rows = [{"name": "", "external_id": "a"}, {"name": "B", "external_id": "b"}]
    await upsert_customers(session, viewer, customers, ROWS)
    contacts: Rows = [{"customer": Ref("external_id", key), "last_name": "X"} for key in "ab"]
    result = await upsert_contacts(session, viewer, contacts, ROWS)
    assert where(result) == [(C.NOT_FOUND, ("input", "0", "customer"))]
    assert counts(result) == (1, 0, 0, 1)


async def test_deleting_is_all_or_nothing(session):
    viewer = await an_organization(session)
    customer = await a_customer(session, viewer)
    free, billed, worked = [await a_case(session, viewer, customer, external_id=key) for key in "abc"]
    invoice = await an_invoice(session, viewer, customer, case=Ref("external_id", "b"), external_id="i")
    cost = await a_cost(session, viewer, worked)
    result = await delete_cases(session, viewer, [Ref("external_id", "a"), Ref("external_id", "z")])
    assert where(result) == [(C.NOT_FOUND, ("cases", "1"))]
    result = await delete_cases(session, viewer, [ref("Case", key) for key in (free, billed, worked)])
    assert where(result) == [(C.CONFLICT, ("cases", "1")), (C.CONFLICT, ("cases", "2"))]
    assert await count(session, models.Case) == 3
    assert (await delete_invoices(session, viewer, [Ref("external_id", "i")])).keys == [invoice]
    assert (await delete_costs(session, viewer, [ref("Cost", cost)])).keys == [cost]
    keys = (await delete_cases(session, viewer, [ref("Case", worked), ref("Case", free), ref("Case", billed)])).keys
    assert keys == [worked, free, billed]
    assert await count(session, models.Case) == 0
    last = (await trail_of(session, cost))[-1]
    assert (last.kind, last.old["kind"], last.new) == ("DELETED", "WORK", None)


async def test_ten_thousand_rows_at_once(session, capsys):
    viewer = await an_organization(session)
    await upsert_industries(session, viewer, [{"name": f"Industry {n}"} for n in range(20)])
    rows: Rows = [
        {
            "name": f"Customer {n}",
            "external_id": f"c{n}",
            "business_id": business_id,
            "vat_number": business_id,
            "email": f"info@customer{n}.example",
            "phone": f"09 {n:07}",
            "website": f"www.customer{n}.example",
            "industry": Ref("name", f"industry {n % 20}"),
            "owner": Ref("email", "admin@example.com"),
            "addresses": [{"kind": "POSTAL", "city": "Oulu"}],
        }
        for n, business_id in enumerate(islice(filter(None, map(finnish_business_id, count_from(0))), 10_000))
    ]
    contacts: Rows = [
        {
            "customer": Ref("external_id", f"c{n}"),
            "last_name": "V",
            "external_id": f"p{n}",
            "email": f"v{n}@customer.example",
            "mobile": f"040 {n:07}",
        }
        for n in range(10_000)
    ]
    invoices = [
        {
            "external_id": f"i{n}",
            "customer": Ref("external_id", f"c{n}"),
            "status": Ref("name", "Sent"),
            "number": str(n),
            "amount": euros(n),
        }
        for n in range(10_000)
    ]
    for what, function, given, expected in (
        ("customers created", upsert_customers, rows, (10_000, 0, 0, 0)),
        ("customers unchanged", upsert_customers, rows, (0, 0, 10_000, 0)),
        ("customers updated", upsert_customers, [{**row, "language": "sv"} for row in rows], (0, 10_000, 0, 0)),
        ("contacts created", upsert_contacts, contacts, (10_000, 0, 0, 0)),
        ("invoices created", upsert_invoices, invoices, (10_000, 0, 0, 0)),
    ):
        began = time.perf_counter()
        result = await function(session, viewer, given)
        with capsys.disabled():
            print(f"\n10,000 {what}: {time.perf_counter() - began:.1f} s", end="")  # noqa: T201
        assert counts(result) == expected
