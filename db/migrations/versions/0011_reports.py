"""Reports know which schema they were looked at with; those from before are looked at again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("reports", sa.Column("checked_for", sa.String(length=64), nullable=False, server_default=""))
    op.alter_column("reports", "checked_for", server_default=None)
