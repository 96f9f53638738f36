"""The KPI strip: every figure is what its own list adds up to, for whoever asks and whatever day it is about.

That the lists are the right ones is shown by `test_reading.py`, against the definitions in plain Python.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.profiles  # noqa: F401
from resolvers.kpis import day_of
from schema.scalars import SCALARS
from tests.asking import Asking, oracles
from tests.worlds import WORLDS, inhabited, told

ODD_DAYS = [date(2024, 2, 29), date(2023, 3, 31), date(2024, 3, 30), date(2024, 1, 31), date(2023, 12, 31)]


@pytest.fixture(scope="module")
async def database(server, template):
    async with inhabited(server, template) as database:
        yield database


@st.composite
def strips(draw):
    """Somebody, and a day to look from."""
    world, oracle = draw(oracles(WORLDS))
    day = draw(st.sampled_from(ODD_DAYS) | st.builds(Asking(draw, oracle, world.foreign, world.today).a_day))
    return oracle.viewer, day


FIGURES = """
query Strip($asOf: Date!) {
  kpis(asOf: $asOf) {
    asOf timezone currency
    marginThisYear { from to label formula reason value { amount } billing { amount currency } totalCost { amount } }
    billingThisMonth {
      from to label formula changePercent
      value { amount } previous { amount } previousToDate { amount } change { amount }
    }
    activeCustomers { label formula value customers { totalCount } }
    prospectsInPipeline { label formula value customers { totalCount } }
  }
}
"""


async def rows_of(database, viewer, day, figure, rows, fields, arguments=""):
    """The rows behind a figure, page by page."""
    found, cursor = [], None
    while True:
        document = (
            f"query Rows($asOf: Date!, $after: String) {{ kpis(asOf: $asOf) {{ {figure} {{ "
            f"{rows}(first: 7, after: $after{arguments}) "
            f"{{ nodes {{ {fields} }} totalCount pageInfo {{ hasNextPage endCursor }} }} }} }} }}"
        )
        answer = await told(database, viewer, document, {"asOf": day.isoformat(), "after": cursor})
        page = answer["kpis"][figure][rows]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            assert len(found) == page["totalCount"]
            return found
        cursor = page["pageInfo"]["endCursor"]


def total(rows):
    return sum((Decimal(row["homeAmount"]["amount"]) for row in rows), Decimal(0))


def amount(money):
    return money and Decimal(money["amount"])


MONEY = "date homeAmount { amount }"


@given(strip=strips())
async def test_a_figure_is_the_sum_of_its_list(database, strip):
    viewer, day = strip
    strip = (await told(database, viewer, FIGURES, {"asOf": day.isoformat()}))["kpis"]
    margin, billing = strip["marginThisYear"], strip["billingThisMonth"]

    invoices = await rows_of(database, viewer, day, "marginThisYear", "invoices", MONEY)
    costs = await rows_of(database, viewer, day, "marginThisYear", "costs", MONEY)
    assert amount(margin["billing"]) == total(invoices)
    assert (margin["value"] is None) == (margin["totalCost"] is None) == bool(margin["reason"])
    if margin["value"]:
        assert amount(margin["totalCost"]) == total(costs)
        assert amount(margin["value"]) == total(invoices) - total(costs)
    assert all(margin["from"] <= row["date"] <= margin["to"] for row in (*invoices, *costs))

    this = await rows_of(database, viewer, day, "billingThisMonth", "invoices", MONEY)
    before = await rows_of(database, viewer, day, "billingThisMonth", "invoices", MONEY, ", month: PREVIOUS")
    to_date = [row for row in before if int(row["date"][-2:]) <= day.day]
    assert all(billing["from"] <= row["date"] <= billing["to"] for row in this)
    assert all(row["date"] < billing["from"] for row in before)
    assert amount(billing["value"]) == total(this)
    assert amount(billing["previous"]) == total(before)
    assert amount(billing["previousToDate"]) == total(to_date)
    assert amount(billing["change"]) == total(this) - total(before)
    assert (billing["changePercent"] is None) == (total(before) == 0)

    for figure in ("activeCustomers", "prospectsInPipeline"):
        customers = await rows_of(database, viewer, day, figure, "customers", "id isInternal")
        assert strip[figure]["value"] == strip[figure]["customers"]["totalCount"] == len(customers)
        assert len({row["id"] for row in customers}) == len(customers)
        assert not any(row["isInternal"] for row in customers)


@given(strip=strips())
async def test_the_filter_gives_the_customers_behind_a_count(database, strip):
    viewer, day = strip
    for figure, group in (("activeCustomers", "ACTIVE"), ("prospectsInPipeline", "PROSPECT")):
        document = f"{{ customers(first: 1000, filter: {{kpi: {{eq: {group}}}}}) {{ nodes {{ id }} }} }}"
        filtered = (await told(database, viewer, document))["customers"]["nodes"]
        assert filtered == await rows_of(database, viewer, day, figure, "customers", "id")


async def test_without_a_day_it_is_today_where_the_organisation_is(database):
    async def today(timezone):
        return str(await database.reads.fetchval("SELECT (now() AT TIME ZONE $1)::date", timezone))

    for world in WORLDS:
        organization = world.organization
        before = await today(organization["timezone"])
        strip = await told(database, world.administrator(), "{ kpis { asOf timezone currency } }")
        assert strip["kpis"]["asOf"] in (before, await today(organization["timezone"]))
        assert strip["kpis"]["timezone"] == organization["timezone"]
        assert strip["kpis"]["currency"] == organization["currency"]


ZONES = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata", "Europe/Helsinki", "America/St_Johns", "UTC"]
MIDNIGHTS = [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)]
MINUTES = st.integers(-15 * 60, 15 * 60)


@given(st.builds(lambda night, minutes: night + timedelta(minutes=minutes), st.sampled_from(MIDNIGHTS), MINUTES))
async def test_around_midnight_the_day_is_that_of_the_time_zone(database, moment):
    for zone in ZONES:
        day = await database.reads.fetchval("SELECT ($1::timestamptz AT TIME ZONE $2)::date", moment, zone)
        assert day_of(moment, zone) == day


@pytest.mark.parametrize(("number", "text"), [("2.00E+6", "2000000"), ("0E-7", "0.0000000"), ("-12.50", "-12.50")])
def test_an_amount_is_told_with_its_digits_and_no_exponent(number, text):
    # The driver hands out whole millions like that, and figures are not told by the database itself.
    serialize = SCALARS[Decimal].serialize
    assert serialize is not None
    assert serialize(Decimal(number)) == text
