"""Alembic's environment: the same migrations on SQLite and PostgreSQL, on a given connection."""

from alembic import context
from sqlmodel import SQLModel

from storage import schema

schema.tables()
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=True,
    transactional_ddl=True,  # on SQLite, too: see `storage.migrate`
)
with context.begin_transaction():
    context.run_migrations()
