"""Filtering by parts of names: a text as it stands in a pattern. How alike names are is no function any more."""

from alembic import op

revision = "0005"
down_revision = "0004"

# Which index finds a part of a name depends on the part, so a plan must be made for each. PostgreSQL makes one for all
# where that is no dearer; the cost tells it that it is. (Only plpgsql is never taken apart, so that the cost counts.)
ESCAPED = r"""
CREATE FUNCTION kartotek_escaped(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000000 AS $$
BEGIN
    RETURN regexp_replace(kartotek_fold($1), '[\\%_]', '\\\&', 'g');
END $$
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(ESCAPED)
    op.execute("DROP FUNCTION kartotek_likeness(text, text)")
