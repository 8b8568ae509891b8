"""What tells this case from every other."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this change."""
    connection = op.get_bind()
    # A backup of an earlier version must get the same one as the case that it was made of.
    first = connection.scalar(sa.text("SELECT hash FROM custody WHERE seq = 1"))
    connection.execute(
        sa.text("INSERT INTO state (name, value) VALUES ('identity', :identity)"),
        {"identity": first or uuid4().hex},
    )
