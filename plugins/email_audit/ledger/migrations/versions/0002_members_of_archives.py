"""Files that lie in archives: which archive, and why a file could not be taken out of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this change."""
    with op.batch_alter_table("member") as table:
        table.add_column(sa.Column("container_sha256", sa.String(length=64), nullable=True))
        for name in ("problem_code", "problem"):
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        table.create_check_constraint(
            op.f("ck_member_problem_has_code"), "(problem_code = '') = (problem = '')"
        )
