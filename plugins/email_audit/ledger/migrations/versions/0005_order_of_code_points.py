"""PostgreSQL: text sorts by code point, as on SQLite, whatever the server's language is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = {
    "acquisition": ("custodian", "path", "state", "problem"),
    "assignment": ("officer_id", "name", "rank", "task_force", "partner_agency"),
    "attachment": ("filename", "content_type", "status", "reason"),
    "custody": ("at", "actor", "action", "subject"),
    "index_error": ("reason",),
    "index_removal": ("reason", "actor"),
    "item": ("path_in_source", "item_class", "status", "fate", "reason", "message_id"),
    "live_copy": ("change_key", "format"),
    "live_folder": ("server_id", "path", "sync_state"),
    "live_item": ("server_id", "change_key", "state"),
    "live_mailbox": ("custodian", "address"),
    "member": ("path", "format", "problem_code", "problem"),
    "state": ("name", "value"),
    "tag": ("model",),
}


def upgrade() -> None:
    """Apply this change."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in _COLUMNS.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.String(collation="C"))
