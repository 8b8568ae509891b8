"""Files that lie in archives: which archive, and why a file could not be taken out of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this change.

    Columns are added in place: SQLite cannot make a table anew while others refer to its rows. The
    constraint comes with its column, which both databases take.
    """
    op.add_column("member", sa.Column("container_sha256", sa.String(length=64), nullable=True))
    op.add_column(
        "member", sa.Column("problem_code", sa.String(), nullable=False, server_default="")
    )
    op.execute(
        "ALTER TABLE member ADD COLUMN problem VARCHAR DEFAULT '' NOT NULL "
        "CONSTRAINT ck_member_problem_has_code CHECK ((problem_code = '') = (problem = ''))"
    )
