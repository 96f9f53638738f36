"""Alembic's environment: the connection comes from `db.migration`."""

from alembic import context

from db.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
