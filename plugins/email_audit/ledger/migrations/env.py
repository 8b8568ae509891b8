"""Alembic's entry point: run the migrations on the connection that `CaseDatabase` hands over."""

from alembic import context

from email_audit.ledger.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
