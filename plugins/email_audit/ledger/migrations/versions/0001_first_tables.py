"""The first tables, and the triggers that keep the custody log append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this change."""
    op.create_table(
        "acquisition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("custodian_order", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("is_folder", sa.Boolean(), nullable=False),
        sa.Column("declared", sa.Integer(), nullable=True),
        sa.Column("acquired_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'failed') = (problem <> '')", name=op.f("ck_acquisition_failed_has_reason")
        ),
        sa.CheckConstraint(
            "state <> 'acquired' OR (sha256 IS NOT NULL AND size_bytes IS NOT NULL "
            "AND declared IS NOT NULL AND acquired_at IS NOT NULL)",
            name=op.f("ck_acquisition_acquired_is_complete"),
        ),
        sa.CheckConstraint(
            "state IN ('planned', 'acquired', 'failed')", name=op.f("ck_acquisition_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acquisition")),
        sa.UniqueConstraint(
            "custodian", "path", "sha256", name=op.f("uq_acquisition_custodian_path_sha256")
        ),
    )
    op.create_index(op.f("ix_acquisition_custodian"), "acquisition", ["custodian"], unique=False)
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.String(), nullable=False),
        sa.Column("officer_order", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rank", sa.String(), nullable=False),
        sa.Column("task_force", sa.String(), nullable=False),
        sa.Column("partner_agency", sa.String(), nullable=False),
        sa.Column("assigned_from", sa.Date(), nullable=True),
        sa.Column("assigned_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index(op.f("ix_assignment_officer_id"), "assignment", ["officer_id"], unique=False)
    op.create_table(
        "custody",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_custody")),
        sa.UniqueConstraint("hash", name=op.f("uq_custody_hash")),
    )
    op.create_table(
        "state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_state")),
    )
    op.create_table(
        "tag",
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("enforcement", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.CheckConstraint("score >= 0 AND score <= 1", name=op.f("ck_tag_score_is_probability")),
        sa.PrimaryKeyConstraint("content_sha256", "model", name=op.f("pk_tag")),
    )
    op.create_table(
        "chunk",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("acquisition_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["acquisition_id"], ["acquisition.id"], name=op.f("fk_chunk_acquisition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chunk")),
        sa.UniqueConstraint(
            "acquisition_id", "ordinal", name=op.f("uq_chunk_acquisition_id_ordinal")
        ),
    )
    op.create_index(op.f("ix_chunk_is_read"), "chunk", ["is_read"], unique=False)
    op.create_table(
        "member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("acquisition_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.DateTime(), nullable=True),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("declared", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["acquisition_id"], ["acquisition.id"], name=op.f("fk_member_acquisition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint(
            "acquisition_id", "ordinal", name=op.f("uq_member_acquisition_id_ordinal")
        ),
    )
    op.create_table(
        "extent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chunk_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("first_in_member", sa.Integer(), nullable=False),
        sa.Column("first_in_acquisition", sa.Integer(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunk.id"], name=op.f("fk_extent_chunk_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_extent_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extent")),
    )
    op.create_index(op.f("ix_extent_chunk_id"), "extent", ["chunk_id"], unique=False)
    op.create_table(
        "item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("acquisition_id", sa.Integer(), nullable=False),
        sa.Column("chunk_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("path_in_source", sa.String(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("item_class", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("fate", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("mih", sa.String(length=32), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("thread", sa.String(length=16), nullable=True),
        sa.Column("message_key", sa.BigInteger(), nullable=True),
        sa.Column("parent_key", sa.BigInteger(), nullable=True),
        sa.Column("reference_keys", sa.LargeBinary(), nullable=False),
        sa.Column("subject_key", sa.BigInteger(), nullable=True),
        sa.Column("is_reply", sa.Boolean(), nullable=False),
        sa.Column("sender_key", sa.BigInteger(), nullable=True),
        sa.Column("participant_keys", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(fate = 'unreadable') = (content_sha256 IS NULL)",
            name=op.f("ck_item_readable_has_content_hash"),
        ),
        sa.CheckConstraint(
            "(status = 'unreadable') = (fate = 'unreadable')",
            name=op.f("ck_item_unreadable_both_ways"),
        ),
        sa.CheckConstraint(
            "fate IN ('pending', 'hit', 'non_hit') OR reason <> ''",
            name=op.f("ck_item_fate_has_reason"),
        ),
        sa.CheckConstraint(
            "fate IN ('pending', 'hit', 'non_hit', 'duplicate', 'out_of_scope', 'unreadable')",
            name=op.f("ck_item_fate_known"),
        ),
        sa.CheckConstraint(
            "status IN ('ok', 'partial', 'unreadable')", name=op.f("ck_item_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["acquisition_id"], ["acquisition.id"], name=op.f("fk_item_acquisition_id")
        ),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunk.id"], name=op.f("fk_item_chunk_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_item_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint(
            "acquisition_id", "ordinal", name=op.f("uq_item_acquisition_id_ordinal")
        ),
    )
    op.create_index(op.f("ix_item_chunk_id"), "item", ["chunk_id"], unique=False)
    op.create_index(op.f("ix_item_content_sha256"), "item", ["content_sha256"], unique=False)
    op.create_index(op.f("ix_item_message_key"), "item", ["message_key"], unique=False)
    op.create_index(op.f("ix_item_thread"), "item", ["thread"], unique=False)
    op.create_index(
        "uq_item_counted_once",
        "item",
        ["content_sha256"],
        unique=True,
        sqlite_where=sa.text("fate IN ('hit', 'non_hit')"),
        postgresql_where=sa.text("fate IN ('hit', 'non_hit')"),
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("parent_ordinal", sa.Integer(), nullable=True),
        sa.Column("filename", sa.String(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint(
            "status IN ('ok', 'empty') OR reason <> ''",
            name=op.f("ck_attachment_status_has_reason"),
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_attachment_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("item_id", "ordinal", name=op.f("uq_attachment_item_id_ordinal")),
    )
    op.create_index(op.f("ix_attachment_status"), "attachment", ["status"], unique=False)
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


_SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER custody_no_{act.lower()} BEFORE {act} ON custody "
    "BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END"
    for act in ("UPDATE", "DELETE")
)
_POSTGRESQL_TRIGGERS = (
    (
        "CREATE FUNCTION custody_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the custody log is append-only'; END $$"
    ),
    (
        "CREATE TRIGGER custody_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON custody "
        "FOR EACH STATEMENT EXECUTE FUNCTION custody_is_append_only()"
    ),
)
_TRIGGERS = {"sqlite": _SQLITE_TRIGGERS, "postgresql": _POSTGRESQL_TRIGGERS}
