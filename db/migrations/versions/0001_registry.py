"""The registry: all tables of the first version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

FOLD = """
CREATE FUNCTION kartotek_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(unaccent('unaccent'::regdictionary, $1))
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS unaccent")
    op.execute(FOLD)
    for create in (
        _organizations,
        _registry_cache,
        _industries,
        _invoice_statuses,
        _roles,
        _sales_statuses,
        _units,
        _users,
        _bulk_operations,
        _customers,
        _reports,
        _tokens,
        _addresses,
        _cases,
        _changes,
        _contacts,
        _idempotency_keys,
        _registry_links,
        _rejections,
        _costs,
        _invoices,
    ):
        create()


def _organizations() -> None:
    op.create_table(
        "organizations",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("last_customer_number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_organizations_country")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_organizations_currency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
    )
    op.create_index("ix_organizations_name_key", "organizations", [sa.literal_column("lower(name)")], unique=True)


def _registry_cache() -> None:
    op.create_table(
        "registry_cache",
        sa.Column("registry_id", sa.String(length=60), nullable=False),
        sa.Column("request", sa.String(length=500), nullable=False),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("registry_id", "request", name=op.f("pk_registry_cache")),
    )
    op.create_index("ix_registry_cache_expires_at", "registry_cache", ["expires_at"], unique=False)


def _industries() -> None:
    op.create_table(
        "industries",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_industries_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_industries")),
    )
    op.create_index(
        "ix_industries_code_id",
        "industries",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(code) COLLATE "C")'), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_industries_name_id",
        "industries",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")'), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_industries_name_key",
        "industries",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")')],
        unique=True,
    )


def _invoice_statuses() -> None:
    op.create_table(
        "invoice_statuses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("numbered", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("paid", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_invoice_statuses_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_invoice_statuses")),
        sa.UniqueConstraint(
            "organization_id",
            "id",
            "numbered",
            "sent",
            name=op.f("uq_invoice_statuses_organization_id_id_numbered_sent"),
        ),
    )
    op.create_index(
        "ix_invoice_statuses_name_key",
        "invoice_statuses",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")')],
        unique=True,
    )


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "read_customers",
            sa.Enum(
                "NONE",
                "OWN",
                "UNIT",
                "ALL",
                name="read_customers",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "edit_customers",
            sa.Enum(
                "NONE",
                "OWN",
                "UNIT",
                "ALL",
                name="edit_customers",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "read_cases",
            sa.Enum(
                "NONE", "OWN", "UNIT", "ALL", name="read_cases", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "read_invoices",
            sa.Enum(
                "NONE", "OWN", "UNIT", "ALL", name="read_invoices", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "read_costs",
            sa.Enum(
                "NONE", "OWN", "UNIT", "ALL", name="read_costs", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("import_data", sa.Boolean(), nullable=False),
        sa.Column("administer", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_roles_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_roles")),
    )
    op.create_index(
        "ix_roles_name_key",
        "roles",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")')],
        unique=True,
    )


def _sales_statuses() -> None:
    op.create_table(
        "sales_statuses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "IN_PROGRESS", "WON", "LOST", name="salescategory", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("probability", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("probability BETWEEN 0 AND 100", name=op.f("ck_sales_statuses_probability")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_sales_statuses_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_sales_statuses")),
    )
    op.create_index(
        "ix_sales_statuses_name_key",
        "sales_statuses",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")')],
        unique=True,
    )


def _units() -> None:
    op.create_table(
        "units",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_units_own_parent")),
        sa.ForeignKeyConstraint(
            ["organization_id", "parent_id"],
            ["units.organization_id", "units.id"],
            name=op.f("fk_units_organization_id_parent_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_units_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_units")),
    )
    op.create_index(
        "ix_units_name_key",
        "units",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")')],
        unique=True,
    )
    op.create_index(
        "ix_units_parent_id",
        "units",
        [sa.literal_column("organization_id"), sa.literal_column("parent_id")],
        unique=False,
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_case")),
        sa.ForeignKeyConstraint(
            ["organization_id", "role_id"],
            ["roles.organization_id", "roles.id"],
            name=op.f("fk_users_organization_id_role_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "unit_id"],
            ["units.organization_id", "units.id"],
            name=op.f("fk_users_organization_id_unit_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_users_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_users")),
    )
    op.create_index(
        "ix_users_email_id",
        "users",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(email) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_users_email_key", "users", [sa.literal_column("organization_id"), sa.literal_column("email")], unique=True
    )
    op.create_index(
        "ix_users_name_id",
        "users",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")'), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_users_role_id", "users", [sa.literal_column("organization_id"), sa.literal_column("role_id")], unique=False
    )
    op.create_index(
        "ix_users_unit_id_id",
        "users",
        [sa.literal_column("organization_id"), sa.literal_column("unit_id"), sa.literal_column("id")],
        unique=False,
    )


def _bulk_operations() -> None:
    op.create_table(
        "bulk_operations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "PREVIEW",
                "APPLIED",
                "REJECTED",
                "UNDONE",
                name="bulkstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "matched >= 0 AND changed >= 0 AND unchanged >= 0 AND rejected >= 0 AND skipped >= 0",
            name=op.f("ck_bulk_operations_counts"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "by_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_bulk_operations_organization_id_by_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "undoes_id"],
            ["bulk_operations.organization_id", "bulk_operations.id"],
            name=op.f("fk_bulk_operations_organization_id_undoes_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_bulk_operations_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_bulk_operations")),
    )
    op.create_index(
        "ix_bulk_operations_by_id_id",
        "bulk_operations",
        [sa.literal_column("organization_id"), sa.literal_column("by_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_bulk_operations_undoes_id_id",
        "bulk_operations",
        [sa.literal_column("organization_id"), sa.literal_column("undoes_id"), sa.literal_column("id")],
        unique=False,
    )


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("business_id", sa.String(length=40), nullable=True),
        sa.Column("vat_number", sa.String(length=40), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("website", sa.String(length=500), nullable=True),
        sa.Column("notes", sa.String(length=20000), nullable=True),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("marketing_allowed", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("industry_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("business_id <> ''", name=op.f("ck_customers_business_id")),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_customers_country")),
        sa.CheckConstraint("number > 0", name=op.f("ck_customers_number")),
        sa.CheckConstraint("version > 0", name=op.f("ck_customers_version")),
        sa.ForeignKeyConstraint(
            ["organization_id", "industry_id"],
            ["industries.organization_id", "industries.id"],
            name=op.f("fk_customers_organization_id_industry_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "owner_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_customers_organization_id_owner_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_customers_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_customers")),
        sa.UniqueConstraint(
            "organization_id", "id", "is_internal", name=op.f("uq_customers_organization_id_id_is_internal")
        ),
    )
    op.create_index(
        "ix_customers_business_id_id",
        "customers",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(business_id) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_customers_country_business_id_key",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("country"), sa.literal_column("business_id")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_customers_country_id",
        "customers",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(country) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_customers_created_at_id",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("created_at"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_customers_email_id",
        "customers",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(email) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_customers_external_id_key",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("external_id")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_customers_industry_id_id",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("industry_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_customers_is_active_id",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("is_active"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_customers_name_id",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")'), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_customers_number_id",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("number"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_customers_number_key",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("number")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_customers_owner_id_id",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("owner_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_customers_updated_at_id",
        "customers",
        [sa.literal_column("organization_id"), sa.literal_column("updated_at"), sa.literal_column("id")],
        unique=False,
    )


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=True),
        sa.Column("document", sa.String(length=100000), nullable=False),
        sa.Column(
            "visibility",
            sa.Enum("PRIVATE", "SHARED", name="visibility", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("columns", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("variables", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column(
            "health_status",
            sa.Enum(
                "VALID",
                "DEPRECATED",
                "BROKEN",
                name="reportstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("health_problems", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_reports_version")),
        sa.ForeignKeyConstraint(
            ["organization_id", "owner_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_reports_organization_id_owner_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_reports_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_reports")),
    )
    op.create_index(
        "ix_reports_name_id",
        "reports",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")'), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_reports_owner_id_name_key",
        "reports",
        [sa.literal_column("organization_id"), sa.literal_column("owner_id"), sa.literal_column("name")],
        unique=True,
    )
    op.create_index(
        "ix_reports_shared_name_key",
        "reports",
        [sa.literal_column("organization_id"), sa.literal_column("name")],
        unique=True,
        postgresql_where=sa.text("visibility = 'SHARED'"),
    )
    op.create_index(
        "ix_reports_title_id",
        "reports",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(title) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_reports_updated_at_id",
        "reports",
        [sa.literal_column("organization_id"), sa.literal_column("updated_at"), sa.literal_column("id")],
        unique=False,
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "scope",
            sa.Enum("READ", "FULL", name="tokenscope", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_tokens_organization_id_user_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_tokens_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_tokens")),
    )
    op.create_index(
        "ix_tokens_secret_hash_key",
        "tokens",
        [sa.literal_column("organization_id"), sa.literal_column("secret_hash")],
        unique=True,
    )
    op.create_index(
        "ix_tokens_user_id_id",
        "tokens",
        [sa.literal_column("organization_id"), sa.literal_column("user_id"), sa.literal_column("id")],
        unique=False,
    )


def _addresses() -> None:
    op.create_table(
        "addresses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "VISITING",
                "POSTAL",
                "BILLING",
                name="addresskind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("street", sa.String(length=300), nullable=True),
        sa.Column("post_code", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("region", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_addresses_country")),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customers.organization_id", "customers.id"],
            name=op.f("fk_addresses_organization_id_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_addresses_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_addresses")),
    )
    op.create_index(
        "ix_addresses_customer_id_position_key",
        "addresses",
        [sa.literal_column("organization_id"), sa.literal_column("customer_id"), sa.literal_column("position")],
        unique=True,
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("expected_close", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("sales_status_id", sa.Uuid(), nullable=False),
        sa.Column("value_amount", sa.Numeric(), nullable=True),
        sa.Column("value_currency", sa.String(length=3), nullable=True),
        sa.CheckConstraint("value_currency ~ '^[A-Z]{3}$'", name=op.f("ck_cases_currency")),
        sa.CheckConstraint("(value_amount IS NULL) = (value_currency IS NULL)", name=op.f("ck_cases_value_currency")),
        sa.CheckConstraint("abs(value_amount) < 1e15 AND scale(value_amount) <= 6", name=op.f("ck_cases_value_digits")),
        sa.CheckConstraint("version > 0", name=op.f("ck_cases_version")),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customers.organization_id", "customers.id"],
            name=op.f("fk_cases_organization_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "owner_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_cases_organization_id_owner_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "sales_status_id"],
            ["sales_statuses.organization_id", "sales_statuses.id"],
            name=op.f("fk_cases_organization_id_sales_status_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_cases_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_cases")),
    )
    op.create_index(
        "ix_cases_closed_on_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("closed_on"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_created_at_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("created_at"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_customer_id_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("customer_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_expected_close_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("expected_close"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_external_id_key",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("external_id")],
        unique=True,
    )
    op.create_index(
        "ix_cases_is_open_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("is_open"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_name_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column('(lower(name) COLLATE "C")'), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_owner_id_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("owner_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_sales_status_id_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("sales_status_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_updated_at_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("updated_at"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_cases_value_amount_id",
        "cases",
        [sa.literal_column("organization_id"), sa.literal_column("value_amount"), sa.literal_column("id")],
        unique=False,
    )


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "CREATED",
                "UPDATED",
                "DELETED",
                "RESTORED",
                "EXPORTED",
                name="changekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("entity_type", sa.String(length=40), nullable=False),
        sa.Column("entity_label", sa.String(length=300), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=True),
        sa.Column("old_label", sa.String(), nullable=True),
        sa.Column("new_label", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("old", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("new", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("operation_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "by_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_changes_organization_id_by_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "operation_id"],
            ["bulk_operations.organization_id", "bulk_operations.id"],
            name=op.f("fk_changes_organization_id_operation_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_changes_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_changes")),
    )
    op.create_index(
        "ix_changes_by_id_id",
        "changes",
        [sa.literal_column("organization_id"), sa.literal_column("by_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_changes_entity_id_id",
        "changes",
        [sa.literal_column("organization_id"), sa.literal_column("entity_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_changes_operation_id_id",
        "changes",
        [sa.literal_column("organization_id"), sa.literal_column("operation_id"), sa.literal_column("id")],
        unique=False,
    )


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=True),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=True),
        sa.Column("role", sa.String(length=100), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("mobile", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("marketing_allowed", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "name",
            sa.Text(),
            sa.Computed(
                "CASE WHEN first_name IS NULL THEN last_name::text ELSE first_name || ' ' || last_name END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("version > 0", name=op.f("ck_contacts_version")),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customers.organization_id", "customers.id"],
            name=op.f("fk_contacts_organization_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_contacts_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_contacts")),
    )
    op.create_index(
        "ix_contacts_created_at_id",
        "contacts",
        [sa.literal_column("organization_id"), sa.literal_column("created_at"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_contacts_customer_id_id",
        "contacts",
        [sa.literal_column("organization_id"), sa.literal_column("customer_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_contacts_email_id",
        "contacts",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(email) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_contacts_external_id_key",
        "contacts",
        [sa.literal_column("organization_id"), sa.literal_column("external_id")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_contacts_first_name_id",
        "contacts",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(first_name) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_contacts_is_primary_id",
        "contacts",
        [sa.literal_column("organization_id"), sa.literal_column("is_primary"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_contacts_last_name_id",
        "contacts",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(last_name) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_contacts_updated_at_id",
        "contacts",
        [sa.literal_column("organization_id"), sa.literal_column("updated_at"), sa.literal_column("id")],
        unique=False,
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("mutation", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=True),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "operation_id"],
            ["bulk_operations.organization_id", "bulk_operations.id"],
            name=op.f("fk_idempotency_keys_organization_id_operation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_idempotency_keys_organization_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_idempotency_keys_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "user_id", "mutation", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        "ix_idempotency_keys_created_at",
        "idempotency_keys",
        [sa.literal_column("organization_id"), sa.literal_column("created_at")],
        unique=False,
    )


def _registry_links() -> None:
    op.create_table(
        "registry_links",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("registry_id", sa.String(length=60), nullable=False),
        sa.Column("business_id", sa.String(length=40), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "RESTRUCTURING",
                "LIQUIDATION",
                "BANKRUPT",
                "DISSOLVED",
                "NOT_YET_REGISTERED",
                "UNKNOWN",
                name="companystatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "fields <@ ARRAY['NAME', 'BUSINESS_ID', 'VAT_NUMBER', 'ADDRESSES', 'PHONE', 'EMAIL', 'WEBSITE', 'INDUSTRY', 'MARKETING_ALLOWED']",
            name=op.f("ck_registry_links_fields"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customers.organization_id", "customers.id"],
            name=op.f("fk_registry_links_organization_id_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_registry_links_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "customer_id", name=op.f("pk_registry_links")),
    )
    op.create_index(
        "ix_registry_links_registry_id_business_id",
        "registry_links",
        [sa.literal_column("organization_id"), sa.literal_column("registry_id"), sa.literal_column("business_id")],
        unique=False,
    )
    op.create_index(
        "ix_registry_links_status_customer_id",
        "registry_links",
        [sa.literal_column("organization_id"), sa.literal_column("status"), sa.literal_column("customer_id")],
        unique=False,
    )


def _rejections() -> None:
    op.create_table(
        "rejections",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("customer_ref", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column(
            "code",
            sa.Enum(
                "INVALID",
                "NOT_FOUND",
                "FORBIDDEN",
                "CONFLICT",
                "DUPLICATE",
                "STALE",
                "TOO_MANY",
                "IDEMPOTENCY_REUSED",
                "REPORT_INVALID",
                "REGISTRY_UNKNOWN",
                "REGISTRY_UNSUPPORTED",
                "REGISTRY_UNAVAILABLE",
                "REGISTRY_RATE_LIMITED",
                "REGISTRY_NEEDS_KEY",
                "REGISTRY_GONE",
                name="problemcode",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("path", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customers.organization_id", "customers.id"],
            name=op.f("fk_rejections_organization_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "operation_id"],
            ["bulk_operations.organization_id", "bulk_operations.id"],
            name=op.f("fk_rejections_organization_id_operation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_rejections_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_rejections")),
    )
    op.create_index(
        "ix_rejections_customer_id_id",
        "rejections",
        [sa.literal_column("organization_id"), sa.literal_column("customer_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_rejections_operation_id_id",
        "rejections",
        [sa.literal_column("organization_id"), sa.literal_column("operation_id"), sa.literal_column("id")],
        unique=False,
    )


def _costs() -> None:
    op.create_table(
        "costs",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "WORK",
                "TRAVEL",
                "PRODUCT",
                "OTHER",
                name="costkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("exchange_rate", sa.Numeric(), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("home_amount", sa.Numeric(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_costs_currency")),
        sa.CheckConstraint("abs(amount) < 1e15 AND scale(amount) <= 6", name=op.f("ck_costs_amount_digits")),
        sa.CheckConstraint("abs(home_amount - amount * exchange_rate) <= 0.5", name=op.f("ck_costs_home_amount")),
        sa.CheckConstraint(
            "exchange_rate > 0 AND exchange_rate < 1e9 AND scale(exchange_rate) <= 12",
            name=op.f("ck_costs_exchange_rate"),
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_costs_version")),
        sa.ForeignKeyConstraint(
            ["organization_id", "case_id"],
            ["cases.organization_id", "cases.id"],
            name=op.f("fk_costs_organization_id_case_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_costs_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_costs")),
    )
    op.create_index(
        "ix_costs_case_id_id",
        "costs",
        [sa.literal_column("organization_id"), sa.literal_column("case_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_costs_created_at_id",
        "costs",
        [sa.literal_column("organization_id"), sa.literal_column("created_at"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_costs_date_id",
        "costs",
        [sa.literal_column("organization_id"), sa.literal_column("date"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_costs_external_id_key",
        "costs",
        [sa.literal_column("organization_id"), sa.literal_column("external_id")],
        unique=True,
    )
    op.create_index(
        "ix_costs_home_amount_id",
        "costs",
        [sa.literal_column("organization_id"), sa.literal_column("home_amount"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_costs_updated_at_id",
        "costs",
        [sa.literal_column("organization_id"), sa.literal_column("updated_at"), sa.literal_column("id")],
        unique=False,
    )


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.String(length=50), nullable=True),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("exchange_rate", sa.Numeric(), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("customer_is_internal", sa.Boolean(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("status_id", sa.Uuid(), nullable=False),
        sa.Column("status_numbered", sa.Boolean(), nullable=False),
        sa.Column("status_sent", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("home_amount", sa.Numeric(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_invoices_currency")),
        sa.CheckConstraint("number <> ''", name=op.f("ck_invoices_number")),
        sa.CheckConstraint("NOT customer_is_internal", name=op.f("ck_invoices_customer_is_not_internal")),
        sa.CheckConstraint("abs(amount) < 1e15 AND scale(amount) <= 6", name=op.f("ck_invoices_amount_digits")),
        sa.CheckConstraint("abs(home_amount - amount * exchange_rate) <= 0.5", name=op.f("ck_invoices_home_amount")),
        sa.CheckConstraint(
            "exchange_rate > 0 AND exchange_rate < 1e9 AND scale(exchange_rate) <= 12",
            name=op.f("ck_invoices_exchange_rate"),
        ),
        sa.CheckConstraint("number IS NOT NULL OR NOT status_numbered", name=op.f("ck_invoices_numbered")),
        sa.CheckConstraint("version > 0", name=op.f("ck_invoices_version")),
        sa.ForeignKeyConstraint(
            ["organization_id", "case_id"],
            ["cases.organization_id", "cases.id"],
            name=op.f("fk_invoices_organization_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id", "customer_is_internal"],
            ["customers.organization_id", "customers.id", "customers.is_internal"],
            name="fk_invoices_customer_is_not_internal",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customers.organization_id", "customers.id"],
            name=op.f("fk_invoices_organization_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "status_id", "status_numbered", "status_sent"],
            [
                "invoice_statuses.organization_id",
                "invoice_statuses.id",
                "invoice_statuses.numbered",
                "invoice_statuses.sent",
            ],
            name="fk_invoices_status_flags",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "status_id"],
            ["invoice_statuses.organization_id", "invoice_statuses.id"],
            name=op.f("fk_invoices_organization_id_status_id"),
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_invoices_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_invoices")),
    )
    op.create_index(
        "ix_invoices_case_id_id",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("case_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_created_at_id",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("created_at"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_customer_id_id",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("customer_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_date_id",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("date"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_external_id_key",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("external_id")],
        unique=True,
    )
    op.create_index(
        "ix_invoices_home_amount_id",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("home_amount"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_number_id",
        "invoices",
        [
            sa.literal_column("organization_id"),
            sa.literal_column('(lower(number) COLLATE "C")'),
            sa.literal_column("id"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_invoices_status_id_id",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("status_id"), sa.literal_column("id")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_updated_at_id",
        "invoices",
        [sa.literal_column("organization_id"), sa.literal_column("updated_at"), sa.literal_column("id")],
        unique=False,
    )
