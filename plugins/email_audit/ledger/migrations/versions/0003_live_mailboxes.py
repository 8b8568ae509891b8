"""Mailboxes on a mail server: folders with their sync state, listed items, copies taken."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this change."""
    op.create_table(
        "live_mailbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_mailbox")),
        sa.UniqueConstraint("custodian", "address", name=op.f("uq_live_mailbox_custodian_address")),
    )
    op.create_table(
        "live_folder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sync_state", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["live_mailbox.id"], name=op.f("fk_live_folder_mailbox_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_folder")),
        sa.UniqueConstraint(
            "mailbox_id", "server_id", name=op.f("uq_live_folder_mailbox_id_server_id")
        ),
    )
    op.create_table(
        "live_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("folder_id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(), nullable=False),
        sa.Column("change_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "state <> 'gone' OR deleted_at IS NOT NULL", name=op.f("ck_live_item_gone_has_moment")
        ),
        sa.CheckConstraint(
            "state IN ('wanted', 'taken', 'outside', 'gone')",
            name=op.f("ck_live_item_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["live_folder.id"], name=op.f("fk_live_item_folder_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_item")),
        sa.UniqueConstraint(
            "folder_id", "server_id", name=op.f("uq_live_item_folder_id_server_id")
        ),
    )
    op.create_index(op.f("ix_live_item_state"), "live_item", ["state"], unique=False)
    op.create_table(
        "live_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("acquisition_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("change_key", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("properties_sha256", sa.String(length=64), nullable=False),
        sa.Column("properties_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["acquisition_id"], ["acquisition.id"], name=op.f("fk_live_copy_acquisition_id")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["live_item.id"], name=op.f("fk_live_copy_item_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_live_copy_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_copy")),
    )
    op.create_index(
        op.f("ix_live_copy_acquisition_id"), "live_copy", ["acquisition_id"], unique=False
    )
    op.create_index(op.f("ix_live_copy_item_id"), "live_copy", ["item_id"], unique=False)
