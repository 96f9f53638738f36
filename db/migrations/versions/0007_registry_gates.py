"""Limits of outgoing calls to registers, shared by all servers."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "registry_gates",
        sa.Column("registry_id", sa.String(length=60), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("registry_id", name=op.f("pk_registry_gates")),
    )
    op.create_table(
        "registry_slots",
        sa.Column("registry_id", sa.String(length=60), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("taken_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("registry_id", "slot", name=op.f("pk_registry_slots")),
    )
