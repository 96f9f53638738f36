"""What is in the way of a customer that a mass update could not change."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("rejections", sa.Column("entity_ref", sa.String(), nullable=True))
