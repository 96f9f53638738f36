"""Tell whoever listens of what was committed: which organisation's figures or rights may have moved, which customers.

A message is `figures ORGANIZATION`, `rights ORGANIZATION` or `customers ORGANIZATION KIND ID ID …`, with so many ids at
most that it stays below the 8,000 bytes that a message may have. The database sends what a transaction has said once,
when that is committed.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

IDS_OF_A_MESSAGE = 200
TRANSITIONS = {
    "INSERT": "NEW TABLE AS came",
    "DELETE": "OLD TABLE AS went",
    "UPDATE": "OLD TABLE AS went NEW TABLE AS came",
}


def tell(what: str, rows: str) -> str:
    """One message for each organisation that the rows name."""
    return (
        f"PERFORM pg_notify('kartotek', '{what} ' || organization_id) FROM ({rows}) AS rows GROUP BY organization_id;"
    )


def tell_customers(kinds: str) -> str:
    """Messages with the customers that the rows name, by kind."""
    return f"""
    PERFORM pg_notify('kartotek', concat_ws(' ', 'customers', organization_id, kind, string_agg(id::text, ' ')))
    FROM (SELECT *, row_number() OVER (PARTITION BY organization_id, kind) / {IDS_OF_A_MESSAGE} AS message
          FROM ({kinds}) AS kinds) AS rows
    GROUP BY organization_id, kind, message;"""


CAME = "SELECT organization_id FROM came"
WENT = "SELECT organization_id FROM went"
FRESH = tell("figures", f"{CAME} WHERE is_fresh")
MADE = tell_customers("SELECT organization_id, id, 'CREATED' AS kind FROM came")
# Grouped, not joined: the plan of the first call, which may be about one row, serves all others.
CHANGED = tell_customers(
    """
    SELECT organization_id, id,
           CASE WHEN bool_or(is_now AND deleted_at IS NOT NULL) = bool_or(NOT is_now AND deleted_at IS NOT NULL)
                THEN 'UPDATED' WHEN bool_or(is_now AND deleted_at IS NOT NULL) THEN 'DELETED' ELSE 'RESTORED' END AS kind
    FROM (SELECT true AS is_now, organization_id, id, version, deleted_at FROM came UNION ALL
          SELECT false, organization_id, id, version, deleted_at FROM went) AS moved
    GROUP BY organization_id, id HAVING min(version) <> max(version)
    """
)
SETTLED = tell(
    "rights",
    """
    SELECT id AS organization_id FROM (
        SELECT id, country, currency, timezone, locale FROM came
        EXCEPT SELECT id, country, currency, timezone, locale FROM went
    ) AS other
    """,
)
TOLD = (
    ("kpi_sums", "INSERT", FRESH),
    # Whoever sees only some cases has figures that depend on which.
    ("cases", "INSERT", tell("figures", CAME)),
    ("cases", "UPDATE", tell("figures", CAME)),
    ("cases", "DELETE", tell("figures", WENT)),
    ("sales_statuses", "UPDATE", tell("figures", CAME)),
    ("customers", "INSERT", MADE),
    ("customers", "UPDATE", CHANGED),
    *((table, "UPDATE", tell("rights", CAME)) for table in ("users", "roles", "units")),
    ("tokens", "DELETE", tell("rights", WENT)),
    ("organizations", "UPDATE", SETTLED),
)


def upgrade() -> None:
    connection = op.get_bind()
    for table, event, body in TOLD:
        name = f"kartotek_told_{table}_{event.lower()}"
        connection.exec_driver_sql(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE TRIGGER told_{event.lower()} AFTER {event} ON {table} "
            f"REFERENCING {TRANSITIONS[event]} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
