"""Writes kpis.md and sparkline.svg beside it: the template, with formulas and answers as the API tells them."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from bench.ground import fresh_server
from db.connection import Database, connected
from db.migration import migrate
from kartotek.demo_data import load_demo
from resolvers.founding import init_organization
from resolvers.viewer import Viewer, find_first_administrator
from schema.api import schema
from schema.context import Context
from schema.wording import LANGUAGES

HERE = Path(__file__).parent
DAY = date(2026, 3, 20)
DEMO_DAY = date(2026, 11, 20)
DEMO_CUSTOMERS = 300
COMPANY = {
    "name": "Example Oy",
    "country": "FI",
    "currency": "EUR",
    "timezone": "Europe/Helsinki",
    "locale": "en",
    "admin_email": "anna@example.com",
}
CUSTOMERS = ["Kaisla Oy", "Nordvik Frakt AS", "Saimaan Puu Oy", "Kivikoski Oy"]
CASES = {  # name: customer, status, open, internal
    "Web shop": ("Kaisla Oy", "Won", True, False),
    "Web shop, phase 2": ("Kaisla Oy", "In progress", True, False),
    "Route planner": ("Nordvik Frakt AS", "In progress", True, False),
    "Staff training": ("Saimaan Puu Oy", "In progress", True, True),
    "Timber register": ("Kivikoski Oy", "Lost", True, False),
}
INVOICES = [  # number, date, amount, currency, rate, status
    ("1000", "2025-12-31", "900.00", "EUR", None, "Paid"),
    ("1001", "2026-01-15", "1000.00", "EUR", None, "Paid"),
    ("1002", "2026-02-10", "2000.00", "EUR", None, "Sent"),
    ("1003", "2026-02-28", "500.00", "EUR", None, "Sent"),
    ("1004", "2026-03-05", "1800.00", "EUR", None, "Sent"),
    ("1005", "2026-03-12", "1000.00", "SEK", "0.08855", "Sent"),
    ("1006", "2026-03-15", "-100.00", "EUR", None, "Sent"),
    (None, "2026-03-18", "700.00", "EUR", None, "Draft"),
]
COSTS = [  # case, date, amount
    ("Web shop", "2026-02-01", "300.00"),
    ("Web shop", "2026-03-02", "120.50"),
    ("Staff training", "2026-03-03", "80.00"),
    ("Web shop", "2025-11-30", "50.00"),
]
WRITE = """
mutation($customers: [CustomerInput!]!, $cases: [CaseInput!]!, $invoices: [InvoiceInput!]!, $costs: [CostInput!]!) {
  upsertCustomers(input: $customers) { problems { message } }
  upsertCases(input: $cases) { problems { message } }
  upsertInvoices(input: $invoices) { problems { message } }
  upsertCosts(input: $costs) { problems { message } }
}
"""
STRIP = """
query($day: Date!) {
  kpis(asOf: $day) {
    asOf
    marginThisYear { label value { amount currency } reason }
    billingThisMonth { label value { amount } previous { amount } previousToDate { amount } changePercent }
    activeCustomers { label value }
    prospectsInPipeline { label value }
  }
}
"""
FIGURES = """
query($day: Date!) {
  kpis(asOf: $day) {
    margin: marginThisYear {
      label formula value { amount } billing { amount } totalCost { amount }
      invoices { nodes { externalId homeAmount { amount } } } costs { nodes { externalId homeAmount { amount } } }
    }
    billing: billingThisMonth {
      label formula value { amount } previous { amount } previousToDate { amount } change { amount } changePercent
      invoices { nodes { externalId homeAmount { amount } } }
      before: invoices(month: PREVIOUS) { nodes { externalId homeAmount { amount } } }
    }
    active: activeCustomers { label formula value customers(orderBy: [{name: ASC}]) { nodes { name } } }
    prospects: prospectsInPipeline { label formula value customers(orderBy: [{name: ASC}]) { nodes { name } } }
  }
  invoices { nodes { externalId homeAmount { amount } } }
}
"""
HISTORY = "query($day: Date!) { kpis(asOf: $day) { history { from billing { amount } margin { amount } } } }"


@dataclass(frozen=True)
class Pages:
    """What is written."""

    page: str
    picture: str


def made() -> Pages:
    """Both, from a database that is gone afterwards."""
    with fresh_server() as url:
        return asyncio.run(_made(url))


async def _made(url: str) -> Pages:
    await migrate(url)
    async with connected(url) as database:
        async with database.sessions.begin() as session:
            viewer = await _founded(session)
        await _ask(database, viewer, WRITE, **_rows())
        answers = _answers(
            await _ask(database, viewer, STRIP, day=DAY),
            await _ask(database, viewer, FIGURES, day=DAY),
            [(await _ask(database, viewer, FIGURES, language, day=DAY))["kpis"] for language in LANGUAGES],
        )
        keys = await load_demo(database.engine, today=DEMO_DAY, customers=DEMO_CUSTOMERS)
        async with database.sessions() as session:
            demo = await find_first_administrator(session, keys.organization_id)
        assert demo
        history = (await _ask(database, demo, HISTORY, day=DEMO_DAY))["kpis"]["history"]
    template = (HERE / "kpis.template.md").read_text()
    return Pages(re.sub(r"{{ (\w+) }}", lambda found: answers[found[1]], template), sparkline(history))


async def _founded(session: AsyncSession) -> Viewer:
    founded = await init_organization(session, **COMPANY)
    assert founded.organization_id, founded.problems
    viewer = await find_first_administrator(session, founded.organization_id)
    assert viewer
    return viewer


def _rows() -> dict[str, Any]:
    return {
        "customers": [{"externalId": name, "name": name} for name in CUSTOMERS],
        "cases": [
            {
                "externalId": name,
                "name": name,
                "customer": {"externalId": customer},
                "salesStatus": {"name": status},
                "isOpen": is_open,
                "isInternal": is_internal,
            }
            for name, (customer, status, is_open, is_internal) in CASES.items()
        ],
        "invoices": [
            {
                "externalId": str(place),
                "number": number,
                "date": day,
                "amount": {"amount": amount, "currency": currency},
                **({"exchangeRate": rate} if rate else {}),
                "status": {"name": status},
                "customer": {"externalId": "Kaisla Oy"},
                "case": {"externalId": "Web shop"},
            }
            for place, (number, day, amount, currency, rate, status) in enumerate(INVOICES)
        ],
        "costs": [
            {
                "externalId": str(place),
                "case": {"externalId": case},
                "kind": "WORK",
                "date": day,
                "amount": {"amount": amount, "currency": "EUR"},
            }
            for place, (case, day, amount) in enumerate(COSTS)
        ],
    }


async def _ask(database: Database, viewer: Viewer, document: str, language: str = "en", **variables: Any) -> Any:
    values = json.loads(orjson.dumps(variables))
    context = Context(database, viewer, accepted_languages=language)
    result = await schema.execute(document, variable_values=values, context_value=context)
    assert not result.errors, result.errors
    data = json.loads(orjson.dumps(result.data))
    for payload in data.values() if document is WRITE else ():
        assert payload["problems"] == [], payload
    return data


# ---------------------------------------------------------------------- the page


def _answers(strip: Any, figures: Any, spoken: Sequence[Any]) -> Mapping[str, str]:
    """What stands for each name in the template."""
    kpis = figures["kpis"]
    words = {f"{name}_{part}": kpis[name][part] for name in kpis for part in ("label", "formula")}
    return {
        **words,
        "day": str(DAY),
        "demo_day": str(DEMO_DAY),
        "strip": _json({"data": strip}),
        "invoices": "\n".join(_invoice_lines(kpis, figures["invoices"]["nodes"])),
        "costs": "\n".join(_cost_lines(kpis)),
        "customers": "\n".join(_customer_lines(kpis)),
        "margin_example": _margin(kpis["margin"]),
        "billing_example": _billing(kpis["billing"]),
        "active_example": _count(kpis["active"]),
        "prospects_example": _count(kpis["prospects"]),
        "languages": "\n".join(
            f"| {language} | {figure['label']} | {figure['formula']} |"
            for language, each in zip(LANGUAGES, spoken, strict=True)
            for figure in each.values()
        ),
    }


def _json(value: Any) -> str:
    """With the figures on a line each."""
    lines = (f"  {json.dumps(name)}: {json.dumps(part)}" for name, part in value["data"]["kpis"].items())
    return '{ "data": { "kpis": {\n' + ",\n".join(lines) + " } } }"


def _invoice_lines(kpis: Any, invoices: Sequence[Any]) -> Iterator[str]:
    home = {invoice["externalId"]: invoice["homeAmount"]["amount"] for invoice in invoices}
    lists = {
        "year": kpis["margin"]["invoices"],
        "month": kpis["billing"]["invoices"],
        "month before": kpis["billing"]["before"],
    }
    for place, (number, day, amount, currency, rate, status) in enumerate(INVOICES):
        given = f"{_plain(amount)} {currency}" + (f" at {rate}" if rate else "")
        counts = _counts(str(place), lists)
        yield f"| {number or 'none'} | {day} | {given} | {_plain(home[str(place)])} | {status} | {counts} |"


def _cost_lines(kpis: Any) -> Iterator[str]:
    for place, (case, day, amount) in enumerate(COSTS):
        internal = " (internal)" if CASES[case][3] else ""
        counts = _counts(str(place), {"year": kpis["margin"]["costs"]})
        yield f"| {place + 1} | {day} | {_plain(amount)} EUR | {case}{internal} | {counts} |"


def _counts(external_id: str, lists: Mapping[str, Any]) -> str:
    return ", ".join(
        name for name, rows in lists.items() if any(row["externalId"] == external_id for row in rows["nodes"])
    )


def _customer_lines(kpis: Any) -> Iterator[str]:
    for customer in CUSTOMERS:
        cases = ", ".join(
            f"{name} ({status.lower()}{', open' if is_open else ''}{', internal' if is_internal else ''})"
            for name, (of, status, is_open, is_internal) in CASES.items()
            if of == customer
        )
        told = [
            "yes" if {"name": customer} in kpis[group]["customers"]["nodes"] else ""
            for group in ("active", "prospects")
        ]
        yield f"| {customer} | {cases} | {' | '.join(told)} |"


def _margin(figure: Any) -> str:
    billing, cost, value = (_plain(figure[name]["amount"]) for name in ("billing", "totalCost", "value"))
    return (
        f"Billing {_sum(figure['invoices'])} = {billing}; total cost {_sum(figure['costs'])} = {cost}; "
        f"margin {billing} − {cost} = **{value}** EUR."
    )


def _billing(figure: Any) -> str:
    value, previous, to_date, change = (
        _plain(figure[name]["amount"]) for name in ("value", "previous", "previousToDate", "change")
    )
    return (
        f"This month {_sum(figure['invoices'])} = **{value}** EUR; "
        f"the month before {_sum(figure['before'])} = {previous}, of which until the {DAY.day}th {to_date}; "
        f"change {value} − {previous} = {change}, "
        f"which is {change} ÷ {previous} × 100 = {_plain(figure['changePercent'])} %."
    )


def _count(figure: Any) -> str:
    names = ", ".join(customer["name"] for customer in figure["customers"]["nodes"])
    return f"**{figure['value']}**: {names}."


def _sum(rows: Any) -> str:
    amounts = [Decimal(row["homeAmount"]["amount"]) for row in rows["nodes"]]
    signed = (f"{'+' if amount >= 0 else '−'} {abs(amount):,.2f}" for amount in amounts)
    return " ".join(signed).removeprefix("+ ")


def _plain(amount: str) -> str:
    return f"{Decimal(amount):,}".replace("-", "−")


# ---------------------------------------------------------------------- the picture

WIDTH, HEIGHT, EDGE = 480, 120, 8
LINES = {"billing": "#2563eb", "margin": "#16a34a"}


def sparkline(history: Sequence[Any]) -> str:
    """Billing and margin by month as lines on one scale, in SVG."""
    most = max(Decimal(month["billing"]["amount"]) for month in history)
    lines = "\n".join(
        f'  <polyline points="{_points(history, name, most)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for name, colour in LINES.items()
    )
    texts = "\n".join(
        f'  <text x="{EDGE + place * 70}" y="{HEIGHT + 12}" fill="{colour}">{name}</text>'
        for place, (name, colour) in enumerate(LINES.items())
    )
    size = f'width="{WIDTH}" height="{HEIGHT + 20}" viewBox="0 0 {WIDTH} {HEIGHT + 20}"'
    font = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>\n{lines}\n{texts}\n</svg>\n'


def _points(history: Sequence[Any], name: str, most: Decimal) -> str:
    step = Decimal(WIDTH - 2 * EDGE) / (len(history) - 1)
    values = [Decimal(month[name]["amount"]) / most for month in history]
    places = ((EDGE + step * place, HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * value) for place, value in enumerate(values))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


if __name__ == "__main__":
    pages = made()
    (HERE / "kpis.md").write_text(pages.page)
    (HERE / "sparkline.svg").write_text(pages.picture)
