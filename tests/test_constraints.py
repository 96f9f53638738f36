"""What the database itself never lets be false, whoever writes."""

from typing import Any

import pytest
import sqlalchemy as sa

from resolvers.references import Ref
from resolvers.viewer import Viewer
from tests.builders import a_case, a_cost, a_customer, an_industry, an_invoice, an_organization

RULES = {
    "a probability is at most 100": "UPDATE sales_statuses SET probability = 101",
    "a probability is at least 0": "UPDATE sales_statuses SET probability = -1",
    "a rate is above zero": "UPDATE invoices SET exchange_rate = 0",
    "a cost's rate is above zero": "UPDATE costs SET exchange_rate = -1",
    "a home amount is about amount × rate": "UPDATE invoices SET home_amount = home_amount + 1",
    "a numbered invoice has a number": "UPDATE invoices SET number = NULL",
    "a number is not empty": "UPDATE invoices SET number = ''",
    "a status in use cannot become numbered while a number lacks": (
        "UPDATE invoice_statuses SET numbered = true WHERE name = 'Draft'"
    ),
    "an invoiced customer is not internal": "UPDATE customers SET is_internal = true WHERE name = 'Invoiced'",
    "customer numbers are unique": "UPDATE customers SET number = 1",
    "business ids are unique in a country": "UPDATE customers SET business_id = 'X', country = 'FI'",
    "external ids are unique": "UPDATE customers SET external_id = 'X'",
    "a country has two letters": "UPDATE customers SET country = 'fi'",
    "an access level is one of four": "UPDATE roles SET read_customers = 'EVERYTHING'",
    "an amount has a currency": "UPDATE cases SET value_amount = 1, value_currency = NULL",
    "a unit is not above itself": "UPDATE units SET parent_id = id",
    "names of industries are unique": "UPDATE industries SET name = 'same'",
    "an e-mail address to sign in with is in lower case": "UPDATE users SET email = upper(email)",
    "a customer's industry is of its organisation": (
        "UPDATE customers SET industry_id = (SELECT id FROM industries WHERE name = 'theirs') WHERE name = 'Invoiced'"
    ),
    "what others refer to cannot go": "DELETE FROM customers WHERE name = 'Invoiced'",
}


@pytest.fixture
async def registry(session: Any) -> Viewer:
    """A registry in which each rule could be broken."""
    viewer = await an_organization(session)
    customer = await a_customer(session, viewer, name="Invoiced")
    await a_customer(session, viewer, name="Other")
    case = await a_case(session, viewer, customer)
    await a_cost(session, viewer, case)
    await an_invoice(session, viewer, customer, status=Ref("name", "Sent"), number="1")
    await an_invoice(session, viewer, customer, status=Ref("name", "Draft"))
    await an_industry(session, viewer)
    await an_industry(session, viewer)
    await session.execute(
        sa.text("INSERT INTO units (organization_id, id, name) VALUES (:o, gen_random_uuid(), 'Unit')"),
        {"o": viewer.organization_id},
    )
    await an_industry(session, await an_organization(session), name="theirs")
    return viewer


@pytest.mark.parametrize("rule", RULES)
async def test_the_database_keeps_the_rule(session: Any, registry: Viewer, rule: str):
    with pytest.raises(sa.exc.IntegrityError):
        async with session.begin_nested():
            await session.execute(sa.text(RULES[rule]))


async def test_a_deleted_customer_frees_its_numbers(session: Any, registry: Viewer):
    await session.execute(sa.text("UPDATE customers SET deleted_at = now() WHERE name = 'Other'"))
    await session.execute(sa.text("UPDATE customers SET number = 77, external_id = 'X', business_id = 'X'"))
