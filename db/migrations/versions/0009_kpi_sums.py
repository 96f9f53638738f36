"""Sums of billing and cost by month and owner, and how each customer stands, kept by triggers of what they are made of.

A statement may write one of the tables, in READ COMMITTED. A trigger looks at all of its rows at once: what they were
(`went`) with a minus, what they are (`came`) with a plus, so that what did not change falls out by itself. Then it locks,
so that nobody can give away to another owner what it is about to add to the first one's: statuses first (others may share
them), then standings, each in the order of their keys. The standing of its customer guards a case too; where a case is
another customer's, it is locked itself. A statement that comes after a lock sees what was committed until then.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

CAME = "(SELECT 1 AS sign, * FROM came)"
WENT = "(SELECT -1 AS sign, * FROM went)"
MOVED = {
    "INSERT": CAME,
    "DELETE": WENT,
    "UPDATE": f"({CAME} UNION ALL {WENT})",
}
TRANSITIONS = {
    "INSERT": "NEW TABLE AS came",
    "DELETE": "OLD TABLE AS went",
    "UPDATE": "OLD TABLE AS went NEW TABLE AS came",
}
NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"
# Plans are made at the first call, which may be about one row or a million, perhaps before anything is known of the
# tables. So what belongs to a row is looked up for each row by itself, which is never far from the best way.
BY_KEY = "SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off"
STANDING_KEY = "organization_id, customer_id"
CASE_KEY = "organization_id, id"


def each(table: str, key: str, of: str, columns: str = "*", lock: str = "") -> str:
    """What of the table has this key, to be joined laterally; `OFFSET 0` has it planned by itself."""
    return f"LATERAL (SELECT {columns} FROM {table} WHERE ({key}) = ({of}) OFFSET 0 {lock})"


# ---------------------------------------------------------------- what is summed up, and in which shape

# Dates at the ends of what Python knows are sent as infinite ones.
DAY = """
CREATE FUNCTION kartotek_day(date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN greatest(least($1, date '9999-12-31'), date '0001-01-01')
"""
SHARES = f"""
CREATE FUNCTION kartotek_shares(of_customer uuid, of_case uuid)
RETURNS TABLE (share text, owner_id uuid, other_owner_id uuid) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT * FROM (VALUES
        ('ALL', {NOBODY}, {NOBODY}),
        ('CUSTOMER', of_customer, {NOBODY}),
        ('CASE', nullif(of_case, of_customer), {NOBODY}),
        ('BOTH', CASE WHEN of_customer <> of_case THEN of_customer END, of_case)
    ) AS shares (share, owner_id, other_owner_id) WHERE shares.owner_id IS NOT NULL
$$
"""
KEY = "organization_id, figure, share, owner_id, other_owner_id, month"
KEYS_OF = ", ".join(f"keys.{column}" for column in KEY.split(", "))
SHAPE = f"{KEY}, amount, days, amounts"


def monthly(rows: str) -> str:
    """Rows of (key without month, date, amount) as sums: one of each month, and in it those of its days."""
    return f"""
        SELECT {KEY}, sum(amount) AS amount, array_agg(day ORDER BY day) AS days,
               array_agg(amount ORDER BY day) AS amounts
        FROM (
            SELECT organization_id, figure, share, owner_id, other_owner_id,
                   date - (extract(day FROM date)::int - 1) AS month, extract(day FROM date)::smallint AS day,
                   sum(amount) AS amount
            FROM ({rows}) AS rows
            GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(amount) <> 0
        ) AS daily
        GROUP BY {KEY}"""


def added(rows: str) -> str:
    return f"INSERT INTO kpi_sums ({SHAPE}) {monthly(rows)}"


IS_COUNTED = "(deleted_at IS NULL AND NOT is_internal)"
IS_BILLED = "(status_sent AND number IS NOT NULL)"
IS_COUNTED_INVOICE = "i.status_sent AND i.number IS NOT NULL AND i.date IS NOT NULL"


def numbers_of_cases(rows: str) -> str:
    """Rows of cases with a sign and their category, counted for each customer."""
    return f"""
        SELECT k.organization_id, k.customer_id,
               coalesce(sum(k.sign) FILTER (WHERE k.is_open AND NOT k.is_internal), 0) AS open_cases,
               coalesce(sum(k.sign) FILTER (WHERE k.is_open AND NOT k.is_internal AND k.category = 'IN_PROGRESS'), 0)
                   AS pursued_cases,
               coalesce(sum(k.sign) FILTER (WHERE k.category = 'WON'), 0) AS won_cases
        FROM ({rows}) AS k GROUP BY 1, 2"""


ALL_CASES = """
        SELECT 1 AS sign, k.*, s.category FROM cases k
        JOIN sales_statuses s ON (s.organization_id, s.id) = (k.organization_id, k.sales_status_id)
        WHERE k.organization_id = organization"""

STANDINGS_DUE = f"""
CREATE FUNCTION kartotek_standings_due(organization uuid)
RETURNS TABLE (customer_id uuid, owner_id uuid, is_counted boolean, is_billed boolean,
               open_cases int, pursued_cases int, won_cases int)
LANGUAGE sql STABLE AS $$
    SELECT c.id, c.owner_id, {IS_COUNTED}, of_invoices.customer_id IS NOT NULL,
           coalesce(of_cases.open_cases, 0)::int, coalesce(of_cases.pursued_cases, 0)::int,
           coalesce(of_cases.won_cases, 0)::int
    FROM customers c
    LEFT JOIN ({numbers_of_cases(ALL_CASES)}) AS of_cases ON of_cases.customer_id = c.id
    LEFT JOIN (
        SELECT DISTINCT i.customer_id FROM invoices i WHERE i.organization_id = organization AND {IS_BILLED}
    ) AS of_invoices ON of_invoices.customer_id = c.id
    WHERE c.organization_id = organization
$$
"""
RETURNS = """
RETURNS TABLE (organization_id uuid, figure text, share text, owner_id uuid, other_owner_id uuid, month date,
               amount numeric, days smallint[], amounts numeric[])
LANGUAGE sql STABLE"""


def shares(owner: str, case_owner: str) -> str:
    return f"CROSS JOIN LATERAL kartotek_shares({owner}, {case_owner}) AS shares"


def counted_customers(rows: str) -> str:
    """Standings with a sign, as numbers of customers of each owner."""
    return f"""
        SELECT c.organization_id, figure.figure, shares.share, shares.owner_id, shares.other_owner_id,
               date '0001-01-01' AS date, c.sign::numeric AS amount
        FROM ({rows}) AS c
        CROSS JOIN LATERAL (VALUES ('ACTIVE', c.is_active), ('PROSPECT', c.is_prospect)) AS figure (figure, is_so)
        {shares("c.owner_id", "NULL")}
        WHERE figure.is_so"""


BILLING = """
        SELECT {of}.organization_id, 'BILLING' AS figure, shares.share, shares.owner_id, shares.other_owner_id,
               kartotek_day({date}) AS date, {amount} AS amount"""
COST = f"""
        SELECT {{of}}.organization_id, 'COST' AS figure, 'ALL' AS share, {NOBODY} AS owner_id,
               {NOBODY} AS other_owner_id, kartotek_day({{date}}) AS date, {{amount}} AS amount"""


IS_ACTIVE = "is_counted AND open_cases > 0"
IS_PROSPECT = "is_counted AND NOT is_billed AND pursued_cases > 0 AND won_cases = 0"
ALL_ROWS = f"""{BILLING.format(of="i", date="i.date", amount="i.home_amount")}
        FROM invoices i
        LEFT JOIN customers c ON (c.organization_id, c.id) = (i.organization_id, i.customer_id)
        LEFT JOIN cases k ON (k.organization_id, k.id) = (i.organization_id, i.case_id)
        {shares("c.owner_id", "k.owner_id")}
        WHERE i.organization_id = organization AND {IS_COUNTED_INVOICE}
        UNION ALL {COST.format(of="o", date="o.date", amount="o.home_amount")}
        FROM costs o JOIN cases k ON (k.organization_id, k.id) = (o.organization_id, o.case_id)
        WHERE o.organization_id = organization AND NOT k.is_internal
        UNION ALL
        {
    counted_customers(
        f'''SELECT 1 AS sign, organization AS organization_id, owner_id, {IS_ACTIVE} AS is_active,
                   {IS_PROSPECT} AS is_prospect
            FROM kartotek_standings_due(organization)'''
    )
}"""
SUMS_DUE = f"CREATE FUNCTION kartotek_sums_due(organization uuid) {RETURNS} AS $$ {monthly(ALL_ROWS)} $$"


def unrolled(source: str) -> str:
    """Sums as rows again."""
    return f"""
        SELECT organization_id, figure, share, owner_id, other_owner_id, month + day - 1 AS date, daily.amount
        FROM {source} CROSS JOIN LATERAL unnest(days, amounts) AS daily (day, amount)"""


KEPT = unrolled("(SELECT * FROM kpi_sums WHERE organization_id = organization) AS kept")
SUMS_KEPT = f"""
CREATE FUNCTION kartotek_sums_kept(organization uuid) {RETURNS} AS $$
    SELECT {KEY}, months.amount, daily.days, daily.amounts
    FROM (SELECT {KEY}, sum(amount) AS amount FROM kpi_sums WHERE organization_id = organization GROUP BY {KEY}) AS months
    LEFT JOIN ({monthly(KEPT)}) AS daily USING ({KEY})
    WHERE months.amount <> 0 OR daily.days IS NOT NULL
$$
"""

STANDING = "customer_id, owner_id, is_counted, is_billed, open_cases, pursued_cases, won_cases"
SUM_UP = f"""
CREATE FUNCTION kartotek_sum_up(organization uuid) RETURNS void LANGUAGE sql AS $$
    DELETE FROM customer_standings WHERE organization_id = organization;
    INSERT INTO customer_standings (organization_id, {STANDING})
    SELECT organization, {STANDING} FROM kartotek_standings_due(organization);
    DELETE FROM kpi_sums WHERE organization_id = organization;
    INSERT INTO kpi_sums ({SHAPE}, is_fresh) SELECT {SHAPE}, false FROM kartotek_sums_due(organization);
    SELECT pg_notify('kartotek', 'figures ' || organization);
$$
"""

# ---------------------------------------------------------------- gathering

# Only one at a time gathers; what it takes away it puts back summed up, in the same statement. So many keys at once,
# those with the most rows first, that whoever's turn it is need not wait long.
GATHER = f"""
CREATE FUNCTION kartotek_gather(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(organization::text || ' kpi_sums', 0)) THEN
        RETURN;
    END IF;
    WITH keys AS (
        SELECT {KEY} FROM (
            SELECT {KEY} FROM kpi_sums WHERE organization_id = organization AND is_fresh LIMIT 10000
        ) AS fresh GROUP BY {KEY} ORDER BY count(*) DESC LIMIT 1000
    ), places AS (
        SELECT found.ctid AS place FROM keys CROSS JOIN {each("kpi_sums", KEY, KEYS_OF, "ctid")} AS found
    ), gone AS (
        DELETE FROM kpi_sums s USING places WHERE s.ctid = place RETURNING s.*
    )
    INSERT INTO kpi_sums ({SHAPE}, is_fresh)
    SELECT {SHAPE}, false FROM ({monthly(unrolled("gone"))}) AS gathered;
END $$ {BY_KEY}
"""
SUMS_CAME = """
CREATE FUNCTION kartotek_sums_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.02 THEN
        PERFORM kartotek_gather(organization_id) FROM came WHERE is_fresh GROUP BY organization_id;
    END IF;
    RETURN NULL;
END $$
"""

NOT_SUMMED = """
CREATE FUNCTION kartotek_not_summed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE % would leave the sums that figures are read from: use DELETE', TG_TABLE_NAME;
END $$
"""
# What came after a lock is seen only where each statement looks anew.
IN_READ_COMMITTED = """
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Kartotek writes in READ COMMITTED only, or its sums would miss what others write'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;"""

# ---------------------------------------------------------------- triggers


def locked(table: str, key: str, of: str, rows: str, lock: str) -> str:
    """Lock what the rows name, in the order of its keys."""
    names = ", ".join(f"r.{name}" for name in of.split(", "))
    return f"""
    PERFORM FROM (SELECT DISTINCT {of} FROM ({rows}) AS rows ORDER BY {of}) AS r
    CROSS JOIN {each(table, key, names, "1", lock)} AS found;"""


def locked_cases(rows: str) -> str:
    return locked("cases", CASE_KEY, "organization_id, case_id", rows, "FOR SHARE")


def locked_standings(rows: str) -> str:
    return locked("customer_standings", STANDING_KEY, STANDING_KEY, rows, "FOR NO KEY UPDATE")


def standings(rows: str, values: str) -> str:
    """Standings with what the rows say of them."""
    return f"""
    UPDATE customer_standings s SET {values}
    FROM (SELECT r.*, found.ctid AS place FROM ({rows}) AS r
          CROSS JOIN {each("customer_standings", STANDING_KEY, "r.organization_id, r.customer_id", "ctid")} AS found) AS d
    WHERE s.ctid = d.place"""


def on_customers(event: str) -> str:
    if event == "INSERT":
        return f"""
    INSERT INTO customer_standings (organization_id, {STANDING})
    SELECT organization_id, id, owner_id, {IS_COUNTED}, false, 0, 0, 0 FROM came;"""
    turned = f"""
        SELECT organization_id, id AS customer_id, owner_id, {IS_COUNTED} AS is_counted, sum(sign) AS sign
        FROM {MOVED[event]} AS moved GROUP BY 1, 2, 3, 4 HAVING sum(sign) <> 0"""
    given = f"""
        SELECT organization_id, customer_id, owner_id, sum(sign) AS sign FROM ({turned}) AS turned
        GROUP BY 1, 2, 3 HAVING sum(sign) <> 0"""
    billing = f"""{BILLING.format(of="t", date="i.date", amount="t.sign * i.home_amount")}
        FROM ({given}) AS t
        CROSS JOIN {each("invoices", "organization_id, customer_id", "t.organization_id, t.customer_id")} AS i
        LEFT JOIN {each("cases", CASE_KEY, "i.organization_id, i.case_id", "owner_id")} AS k ON true
        {shares("t.owner_id", "k.owner_id")}
        WHERE {IS_COUNTED_INVOICE}"""
    now = f"SELECT * FROM ({turned}) AS turned WHERE sign = 1"
    return f"""
    {locked_standings(turned)}
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    {added(billing)};
    {standings(now, "owner_id = d.owner_id, is_counted = d.is_counted")};"""


def on_standings(event: str) -> str:
    return f"{added(counted_customers(f'SELECT * FROM {MOVED[event]} AS moved'))};"


def stood(cases: str) -> str:
    """Standings brought up to date by cases with a sign and their category."""
    values = ", ".join(f"{name} = s.{name} + d.{name}" for name in ("open_cases", "pursued_cases", "won_cases"))
    return f"{standings(numbers_of_cases(cases), values)} AND (d.open_cases <> 0 OR d.pursued_cases <> 0 OR d.won_cases <> 0);"


def on_cases(event: str) -> str:
    turned = f"""
        SELECT organization_id, id AS case_id, customer_id, owner_id, is_open, is_internal, sales_status_id,
               sum(sign) AS sign
        FROM {MOVED[event]} AS moved GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(sign) <> 0"""
    with_category = f"""
        SELECT t.*, s.category FROM ({turned}) AS t
        CROSS JOIN {each("sales_statuses", CASE_KEY, "t.organization_id, t.sales_status_id", "category")} AS s"""
    given = f"""
        SELECT organization_id, case_id, owner_id, sum(sign) AS sign FROM ({turned}) AS turned
        GROUP BY 1, 2, 3 HAVING sum(sign) <> 0"""
    invoices = f"""
        FROM ({given}) AS g
        CROSS JOIN {each("invoices", "organization_id, case_id", "g.organization_id, g.case_id")} AS i"""
    standing = each("customer_standings", STANDING_KEY, "i.organization_id, i.customer_id", "owner_id")
    billing = f"""{BILLING.format(of="g", date="i.date", amount="g.sign * i.home_amount")}
        {invoices} CROSS JOIN {standing} AS s
        {shares("s.owner_id", "g.owner_id")}
        WHERE {IS_COUNTED_INVOICE}"""
    cost = f"""{COST.format(of="t", date="o.date", amount="t.sign * o.home_amount")}
        FROM (SELECT organization_id, case_id, sum(sign) AS sign FROM ({turned}) AS turned WHERE NOT is_internal
              GROUP BY 1, 2 HAVING sum(sign) <> 0) AS t
        CROSS JOIN {each("costs", "organization_id, case_id", "t.organization_id, t.case_id")} AS o"""
    # A case that comes or goes has no invoices and no costs.
    owners = f"{added(billing)};\n    {added(cost)};" if event == "UPDATE" else ""
    also = f"UNION ALL SELECT i.organization_id, i.customer_id {invoices}" if event == "UPDATE" else ""
    statuses = f"SELECT organization_id, sales_status_id FROM ({turned}) AS turned"
    return f"""
    {locked("sales_statuses", CASE_KEY, "organization_id, sales_status_id", statuses, "FOR SHARE")}
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    {locked_standings(f"SELECT organization_id, customer_id FROM ({turned}) AS turned {also}")}
    {owners}
    {stood(with_category)}"""


def on_sales_statuses(event: str) -> str:
    turned = f"""
        SELECT organization_id, id, category, sum(sign) AS sign
        FROM {MOVED[event]} AS moved GROUP BY 1, 2, 3 HAVING sum(sign) <> 0"""
    cases = f"""
        SELECT k.organization_id, k.customer_id, k.is_open, k.is_internal, t.category, t.sign FROM ({turned}) AS t
        CROSS JOIN {each("cases", "organization_id, sales_status_id", "t.organization_id, t.id")} AS k"""
    return f"""
    {locked_standings(cases)}
    {stood(cases)}"""


def on_invoices(event: str) -> str:
    counted = f"""
        SELECT organization_id, customer_id, case_id, date, sum(sign * home_amount) AS amount, sum(sign) AS gained
        FROM {MOVED[event]} AS moved WHERE {IS_BILLED}
        GROUP BY 1, 2, 3, 4 HAVING sum(sign) <> 0 OR sum(sign * home_amount) <> 0"""
    the_case = each("cases", CASE_KEY, "c.organization_id, c.case_id", "customer_id, owner_id")
    billing = f"""{BILLING.format(of="c", date="c.date", amount="c.amount")}
        FROM ({counted}) AS c
        LEFT JOIN {each("customer_standings", STANDING_KEY, "c.organization_id, c.customer_id", "owner_id")} AS s ON true
        LEFT JOIN {the_case} AS k ON true
        {shares("s.owner_id", "k.owner_id")}
        WHERE c.date IS NOT NULL"""
    of_others = f"""
        SELECT c.organization_id, c.case_id FROM ({counted}) AS c CROSS JOIN {the_case} AS k
        WHERE k.customer_id <> c.customer_id"""
    turned = f"""
        SELECT organization_id, customer_id, sum(gained) AS gained FROM ({counted}) AS counted
        GROUP BY 1, 2 HAVING sum(gained) <> 0"""
    any_left = f"""
        EXISTS (SELECT FROM invoices i WHERE (i.organization_id, i.customer_id) = (d.organization_id, d.customer_id)
                AND {IS_BILLED})"""
    return f"""
    IF NOT EXISTS ({counted}) THEN
        RETURN NULL;
    END IF;
    {locked_standings(counted)}
    {locked_cases(of_others)}
    {added(billing)};
    {standings(turned, "is_billed = NOT s.is_billed")}
      AND s.is_billed <> CASE WHEN d.gained > 0 THEN true ELSE {any_left} END;"""


def on_costs(event: str) -> str:
    moved = f"""
        SELECT organization_id, case_id, date, sum(sign * home_amount) AS amount FROM {MOVED[event]} AS moved
        GROUP BY 1, 2, 3 HAVING sum(sign * home_amount) <> 0"""
    cost = f"""{COST.format(of="o", date="o.date", amount="o.amount")}
        FROM ({moved}) AS o CROSS JOIN {each("cases", CASE_KEY, "o.organization_id, o.case_id", "is_internal")} AS k
        WHERE NOT k.is_internal"""
    return f"""
    {locked_cases(moved)}
    {added(cost)};"""


TRIGGERED = (
    ("customers", ("INSERT", "UPDATE"), on_customers),
    ("customer_standings", ("UPDATE",), on_standings),
    ("sales_statuses", ("UPDATE",), on_sales_statuses),
    ("cases", ("INSERT", "UPDATE", "DELETE"), on_cases),
    ("invoices", ("INSERT", "UPDATE", "DELETE"), on_invoices),
    ("costs", ("INSERT", "UPDATE", "DELETE"), on_costs),
)


def upgrade() -> None:
    _kpi_sums()
    _customer_standings()
    for function in (DAY, SHARES, STANDINGS_DUE, SUMS_DUE, SUMS_KEPT, SUM_UP, GATHER, SUMS_CAME, NOT_SUMMED):
        _run(function)
    for table, events, body in TRIGGERED:
        for event in events:
            name = f"kartotek_summed_{table}_{event.lower()}"
            _run(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {IN_READ_COMMITTED} {body(event)} RETURN NULL; END $$ {BY_KEY}"
            )
            _run(
                f"CREATE TRIGGER summed_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {TRANSITIONS[event]} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            )
    _run(
        "CREATE TRIGGER sums_came AFTER INSERT ON kpi_sums REFERENCING NEW TABLE AS came "
        "FOR EACH STATEMENT EXECUTE FUNCTION kartotek_sums_came()"
    )
    for table in ("invoices", "costs", "cases", "customers"):
        _run(
            f"CREATE TRIGGER not_summed BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION kartotek_not_summed()"
        )
    # Last: the triggers keep everybody else from writing until all of this is committed.
    _run("SELECT kartotek_sum_up(id) FROM organizations")


def _run(statement: str) -> None:
    """As it is: a colon in it begins no parameter."""
    op.get_bind().exec_driver_sql(statement)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _kpi_sums() -> None:
    op.create_table(
        "kpi_sums",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("figure", _choice("figure", "BILLING", "COST", "ACTIVE", "PROSPECT"), nullable=False),
        sa.Column("share", _choice("share", "ALL", "CUSTOMER", "CASE", "BOTH"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("other_owner_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("days", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("amounts", postgresql.ARRAY(sa.Numeric()), nullable=False),
        sa.Column("is_fresh", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_kpi_sums")),
    )
    key = ["organization_id", "figure", "share", "owner_id", "other_owner_id", "month"]
    op.create_index("ix_kpi_sums_figure_share", "kpi_sums", key)
    fresh = sa.text("is_fresh")
    op.create_index("ix_kpi_sums_fresh", "kpi_sums", ["organization_id", "is_fresh"], postgresql_where=fresh)


def _customer_standings() -> None:
    op.create_table(
        "customer_standings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.Column("is_billed", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("open_cases", "pursued_cases", "won_cases")),
        sa.Column("is_active", sa.Boolean(), sa.Computed(IS_ACTIVE, persisted=True), nullable=False),
        sa.Column("is_prospect", sa.Boolean(), sa.Computed(IS_PROSPECT, persisted=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customers.organization_id", "customers.id"],
            name=op.f("fk_customer_standings_organization_id_customer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "customer_id", name=op.f("pk_customer_standings")),
        postgresql_with={"fillfactor": 80},
    )
