"""Cases, invoices and costs by the million, drawn at random by the database itself (PostgreSQL 18)."""

import uuid
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

STATEMENTS = (
    """
    CREATE TEMPORARY TABLE sellers AS
    SELECT row_number() OVER (ORDER BY email) AS place, id FROM users
    WHERE organization_id = :key AND unit_id IS NOT NULL
    """,
    """
    CREATE TEMPORARY TABLE drawn_cases AS
    SELECT place, uuidv7() AS id, 1 + (random() * (CAST(:customers AS int) - 1))::int AS customer,
           CASE WHEN random() < 0.2 THEN 1 + (random() * (SELECT count(*) - 1 FROM sellers))::int END AS seller,
           (ARRAY['In progress', 'Won', 'Won', 'Lost'])[1 + (random() * 3)::int] AS status
    FROM generate_series(1, CAST(:cases AS int)) AS place
    """,
    """
    INSERT INTO cases (organization_id, id, version, created_at, updated_at, customer_id, owner_id, sales_status_id,
                       external_id, name, is_open, is_internal)
    SELECT :key, d.id, 1, now(), now(), c.id, coalesce(sellers.id, c.owner_id), s.id,
           d.place, 'Case ' || d.place, random() < 0.3, random() < 0.02
    FROM drawn_cases d
    JOIN customers c ON c.organization_id = :key AND c.number = d.customer
    JOIN sales_statuses s ON s.organization_id = :key AND s.name = d.status
    LEFT JOIN sellers ON sellers.place = d.seller
    """,
    """
    INSERT INTO invoices (organization_id, id, version, created_at, updated_at, customer_id, customer_is_internal,
                          case_id, status_id, status_numbered, status_sent, number, date, amount, currency,
                          exchange_rate, home_amount)
    SELECT :key, uuidv7(), 1, now(), now(), k.customer_id, false, k.id, s.id, s.numbered, s.sent,
           drawn.place, current_date - drawn.days, drawn.amount, 'EUR', 1, drawn.amount
    FROM (SELECT place, 1 + (random() * (CAST(:cases AS int) - 1))::int AS case_place, (random() * 1100)::int AS days,
                 round((random() * 5000 - 100)::numeric, 2) AS amount,
                 CASE WHEN random() < 0.9 THEN 'Sent' ELSE 'Draft' END AS status
          FROM generate_series(1, CAST(:invoices AS int)) AS place) AS drawn
    JOIN drawn_cases d ON d.place = drawn.case_place
    JOIN cases k ON k.organization_id = :key AND k.id = d.id
    JOIN invoice_statuses s ON s.organization_id = :key AND s.name = drawn.status
    """,
    """
    INSERT INTO costs (organization_id, id, version, created_at, updated_at, case_id, kind, date, amount, currency,
                       exchange_rate, home_amount)
    SELECT :key, uuidv7(), 1, now(), now(), d.id, 'WORK', current_date - drawn.days, drawn.amount, 'EUR', 1,
           drawn.amount
    FROM (SELECT 1 + (random() * (CAST(:cases AS int) - 1))::int AS case_place, (random() * 1100)::int AS days,
                 round((random() * 2000)::numeric, 2) AS amount
          FROM generate_series(1, CAST(:costs AS int))) AS drawn
    JOIN drawn_cases d ON d.place = drawn.case_place
    """,
)


async def trade(session: AsyncSession, organization_id: uuid.UUID, numbers: Mapping[str, int]) -> None:
    """Write so many cases, invoices and costs of so many customers that are there."""
    values = {"key": organization_id, **numbers}
    await session.execute(sa.text("SELECT setseed(0.5)"))
    for statement in STATEMENTS:
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        await session.execute(sa.text(statement), used)
