"""What was taken over from a register is kept itself, in place of names of fields, so that edits show by themselves."""

from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

STILL_THERE = """
    CREATE TEMPORARY TABLE still_there ON COMMIT DROP AS
    SELECT l.organization_id, l.customer_id, jsonb_object_agg(value.key, value.value) AS taken_over
    FROM registry_links l
    JOIN customers c ON c.organization_id = l.organization_id AND c.id = l.customer_id
    CROSS JOIN LATERAL jsonb_each(jsonb_strip_nulls(jsonb_build_object(
        'NAME', c.name,
        'BUSINESS_ID', c.business_id,
        'VAT_NUMBER', c.vat_number,
        'PHONE', c.phone,
        'EMAIL', c.email,
        'WEBSITE', c.website,
        'INDUSTRY', c.industry_id,
        'MARKETING_ALLOWED', c.marketing_allowed,
        'ADDRESSES', (
            SELECT jsonb_agg(jsonb_build_object('kind', a.kind, 'street', a.street, 'post_code', a.post_code,
                'city', a.city, 'region', a.region, 'country', a.country) ORDER BY a.position)
            FROM addresses a WHERE a.organization_id = c.organization_id AND a.customer_id = c.id
        )
    ))) value
    WHERE value.key = ANY (l.fields)
    GROUP BY l.organization_id, l.customer_id
"""


def upgrade() -> None:
    op.execute(STILL_THERE)
    op.drop_constraint("ck_registry_links_fields", "registry_links")
    op.alter_column(
        "registry_links",
        "fields",
        new_column_name="taken_over",
        type_=postgresql.JSONB(),
        postgresql_using="'{}'::jsonb",
        nullable=True,
    )
    op.execute(
        "UPDATE registry_links l SET taken_over = s.taken_over FROM still_there s "
        "WHERE (s.organization_id, s.customer_id) = (l.organization_id, l.customer_id)"
    )
    op.alter_column("registry_links", "taken_over", nullable=False)
