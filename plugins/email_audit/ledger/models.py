"""The tables of the case database. What the ledger promises is a constraint here where it can be.

No table holds a subject, an address or a line of mail of a message that is not a hit: the ledger
accounts for people's private mail without repeating it (docs/decisions/0004). Keys made of such
words, needed for threads, are 64-bit hashes.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from email_audit.ledger.fates import Fate as Fate
from email_audit.ledger.types import UtcDateTime


class AcquisitionState(StrEnum):
    """How far an acquisition is. `failed` has its reason in `problem` and is tried again."""

    PLANNED = "planned"
    ACQUIRED = "acquired"
    FAILED = "failed"


class LiveItemState(StrEnum):
    """What became of an item that a mail server listed.

    `wanted` ones are still to be taken; `taken` ones have a copy in an acquisition; `outside` ones
    are dated outside the periods that are taken; `gone` ones were deleted before they were taken.
    """

    WANTED = "wanted"
    TAKEN = "taken"
    OUTSIDE = "outside"
    GONE = "gone"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Base(DeclarativeBase):
    """Common base; names every constraint so that migrations can name it."""

    type_annotation_map: ClassVar = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
    }


Base.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class AssignmentRow(Base):
    """One row of the roster in force."""

    __tablename__ = "assignment"

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[str] = mapped_column(index=True)
    officer_order: Mapped[int]
    name: Mapped[str]
    rank: Mapped[str]
    task_force: Mapped[str]
    partner_agency: Mapped[str]
    assigned_from: Mapped[date | None]
    assigned_to: Mapped[date | None]


class StateRow(Base):
    """A named fact about the case database itself, for instance what was resolved last."""

    __tablename__ = "state"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class AcquisitionRow(Base):
    """One mailbox export as acquired once. An export that changed is acquired again, beside it.

    `sha256` is the file's, or for a folder that of its listing (docs/architecture.md).
    `declared` is what the containers themselves say they hold.
    """

    __tablename__ = "acquisition"
    __table_args__ = (
        UniqueConstraint("custodian", "path", "sha256"),
        _one_of("state", AcquisitionState),
        CheckConstraint(
            "state <> 'acquired' OR (sha256 IS NOT NULL AND size_bytes IS NOT NULL "
            "AND declared IS NOT NULL AND acquired_at IS NOT NULL)",
            name="acquired_is_complete",
        ),
        CheckConstraint("(state = 'failed') = (problem <> '')", name="failed_has_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    custodian: Mapped[str] = mapped_column(index=True)
    custodian_order: Mapped[int]
    path: Mapped[str]
    state: Mapped[str]
    problem: Mapped[str] = mapped_column(default="")
    sha256: Mapped[str | None] = mapped_column(String(64))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    is_folder: Mapped[bool] = mapped_column(default=False)
    declared: Mapped[int | None]
    acquired_at: Mapped[datetime | None]


class MemberRow(Base):
    """One file of an acquisition: where its bytes are in the evidence store.

    A file out of an archive has the archive's hash in `container_sha256`. `problem` is why its
    bytes could not, or not all, be taken out of there; where nothing could, `format` is `refused`
    and `sha256` is the archive's.
    """

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("acquisition_id", "ordinal"),
        CheckConstraint("(problem_code = '') = (problem = '')", name="problem_has_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    acquisition_id: Mapped[int] = mapped_column(ForeignKey("acquisition.id"))
    ordinal: Mapped[int]
    path: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[datetime | None]
    format: Mapped[str]
    declared: Mapped[int]
    container_sha256: Mapped[str | None] = mapped_column(String(64))
    problem_code: Mapped[str] = mapped_column(default="", server_default="")
    problem: Mapped[str] = mapped_column(default="", server_default="")


class ChunkRow(Base):
    """A share of an acquisition that one task reads in one transaction."""

    __tablename__ = "chunk"
    __table_args__ = (UniqueConstraint("acquisition_id", "ordinal"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    acquisition_id: Mapped[int] = mapped_column(ForeignKey("acquisition.id"))
    ordinal: Mapped[int]
    items: Mapped[int]
    is_read: Mapped[bool] = mapped_column(default=False, index=True)


class ExtentRow(Base):
    """A stretch of one member that belongs to a chunk (sources.base.Extent)."""

    __tablename__ = "extent"

    id: Mapped[int] = mapped_column(primary_key=True)
    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunk.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    start: Mapped[int] = mapped_column(BigInteger)
    stop: Mapped[int] = mapped_column(BigInteger)
    first_in_member: Mapped[int]
    first_in_acquisition: Mapped[int]
    items: Mapped[int]


class ItemRow(Base):
    """One found copy of a message: the ledger's row, with its fate and reason.

    `start`/`stop` are the source's position in the member's blob. `sent_at` is UTC, None where the
    message has no usable date. The `..._key` columns are 64-bit hashes that only serve threads.
    """

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("acquisition_id", "ordinal"),
        _one_of("fate", Fate),
        CheckConstraint(
            "fate IN ('pending', 'hit', 'non_hit') OR reason <> ''", name="fate_has_reason"
        ),
        CheckConstraint(
            "(fate = 'unreadable') = (content_sha256 IS NULL)", name="readable_has_content_hash"
        ),
        CheckConstraint("status IN ('ok', 'partial', 'unreadable')", name="status_known"),
        CheckConstraint(
            "(status = 'unreadable') = (fate = 'unreadable')", name="unreadable_both_ways"
        ),
        # Two copies of one message cannot both be counted as the message itself.
        Index(
            "uq_item_counted_once",
            "content_sha256",
            unique=True,
            sqlite_where=text("fate IN ('hit', 'non_hit')"),
            postgresql_where=text("fate IN ('hit', 'non_hit')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    acquisition_id: Mapped[int] = mapped_column(ForeignKey("acquisition.id"))
    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunk.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    ordinal: Mapped[int]
    path_in_source: Mapped[str]
    start: Mapped[int] = mapped_column(BigInteger)
    stop: Mapped[int] = mapped_column(BigInteger)
    item_class: Mapped[str]
    status: Mapped[str]
    problems: Mapped[list[Any]]
    fate: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    message_id: Mapped[str | None]
    mih: Mapped[str | None] = mapped_column(String(32))
    content_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    sent_at: Mapped[datetime | None]
    thread: Mapped[str | None] = mapped_column(String(16), index=True)
    message_key: Mapped[int | None] = mapped_column(BigInteger, index=True)
    parent_key: Mapped[int | None] = mapped_column(BigInteger)
    reference_keys: Mapped[bytes] = mapped_column(LargeBinary)
    subject_key: Mapped[int | None] = mapped_column(BigInteger)
    is_reply: Mapped[bool]
    sender_key: Mapped[int | None] = mapped_column(BigInteger)
    participant_keys: Mapped[bytes] = mapped_column(LargeBinary)


class AttachmentRow(Base):
    """One attachment of a found copy, at any depth, with what became of it.

    `filename` is kept only where the content was not read: the operator must be able to find it.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("item_id", "ordinal"),
        CheckConstraint("status IN ('ok', 'empty') OR reason <> ''", name="status_has_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    ordinal: Mapped[int]
    parent_ordinal: Mapped[int | None]
    filename: Mapped[str | None]
    content_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]


class TagRow(Base):
    """What one version of the classifier said of one distinct message, in its context."""

    __tablename__ = "tag"
    __table_args__ = (CheckConstraint("score >= 0 AND score <= 1", name="score_is_probability"),)

    content_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    enforcement: Mapped[bool]
    score: Mapped[float]
    kinds: Mapped[list[Any]]
    signals: Mapped[list[Any]]


class CustodyRow(Base):
    """One entry of the hash-chained custody log; a trigger refuses every change to it."""

    __tablename__ = "custody"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class LiveMailboxRow(Base):
    """A mailbox on a mail server that is acquired sync by sync (docs/exchange.md)."""

    __tablename__ = "live_mailbox"
    __table_args__ = (UniqueConstraint("custodian", "address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    custodian: Mapped[str]
    address: Mapped[str]


class LiveFolderRow(Base):
    """A folder of a live mailbox and the state up to which its changes are known.

    The state is written in the transaction that writes the items it covers.
    """

    __tablename__ = "live_folder"
    __table_args__ = (UniqueConstraint("mailbox_id", "server_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("live_mailbox.id"))
    server_id: Mapped[str]
    path: Mapped[str]
    sync_state: Mapped[str | None]


class LiveItemRow(Base):
    """An item of a live folder as listed by the server; kept when the server no longer has it.

    `received_at` and `sent_at` are the server's, or the time of creation where it has neither.
    `is_listed` is false for what a listing from the beginning has not named yet. `deleted_at` is
    when a sync noticed that the server no longer has the item.
    """

    __tablename__ = "live_item"
    __table_args__ = (
        UniqueConstraint("folder_id", "server_id"),
        _one_of("state", LiveItemState),
        CheckConstraint("state <> 'gone' OR deleted_at IS NOT NULL", name="gone_has_moment"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    folder_id: Mapped[int] = mapped_column(ForeignKey("live_folder.id"))
    server_id: Mapped[str]
    change_key: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    is_listed: Mapped[bool]
    deleted_at: Mapped[datetime | None]


class LiveCopyRow(Base):
    """A copy of a live item taken in one sync: its content and its properties in the store.

    `member_id` is set when the acquisition is complete. An item whose content changed on the
    server has several copies; none is ever replaced.
    """

    __tablename__ = "live_copy"

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("live_item.id"), index=True)
    acquisition_id: Mapped[int] = mapped_column(ForeignKey("acquisition.id"), index=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    change_key: Mapped[str]
    format: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    properties_sha256: Mapped[str] = mapped_column(String(64))
    properties_bytes: Mapped[int] = mapped_column(BigInteger)


class IndexErrorRow(Base):
    """A hit that the search index would not take at the last write, and why."""

    __tablename__ = "index_error"

    content_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime]


class IndexRemovalRow(Base):
    """A message that is kept out of every search index, by whom and why."""

    __tablename__ = "index_removal"
    __table_args__ = (CheckConstraint("reason <> ''", name="has_reason"),)

    content_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]
