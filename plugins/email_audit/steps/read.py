"""Third step: read a chunk's messages and write one ledger row for each, in one transaction."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from email_audit.ledger.models import (
    AttachmentRow,
    ChunkRow,
    ExtentRow,
    Fate,
    ItemRow,
    MemberRow,
)
from email_audit.messages.records import (
    Attachment,
    AttachmentStatus,
    Message,
    Problem,
    ProblemCode,
    ReadStatus,
)
from email_audit.messages.threads import thread_keys
from email_audit.sources.base import Extent, FoundItem, Source, Unreadable
from email_audit.sources.registry import source_named
from email_audit.steps.case import Case

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """An extent with where its bytes are and how its items are named."""

    member_id: int
    member_path: str
    sha256: str
    format: str
    extent: Extent
    first_in_acquisition: int


def unread_chunks(case: Case, acquisition_ids: list[int]) -> list[int]:
    """List the chunks of these acquisitions that are still to be read, in order."""
    query = (
        select(ChunkRow.id)
        .where(ChunkRow.acquisition_id.in_(acquisition_ids), ~ChunkRow.is_read)
        .order_by(ChunkRow.acquisition_id, ChunkRow.ordinal)
    )
    with case.database.session() as session:
        return list(session.scalars(query))


def read_chunk(case: Case, chunk_id: int) -> int:
    """Read a chunk that is not read yet; returns the number of items written.

    What cannot be read becomes a row with its reason; a chunk is written whole or not at all.
    """
    with case.database.session() as session:
        chunk = session.get_one(ChunkRow, chunk_id)
        if chunk.is_read:
            return 0
        acquisition_id = chunk.acquisition_id
        rows = session.execute(
            select(ExtentRow, MemberRow)
            .join(MemberRow, ExtentRow.member_id == MemberRow.id)
            .where(ExtentRow.chunk_id == chunk_id)
            .order_by(ExtentRow.first_in_acquisition)
        )
        stretches = [
            _Stretch(
                member.id,
                member.path,
                member.sha256,
                member.format,
                Extent(extent.start, extent.stop, extent.first_in_member, extent.items),
                extent.first_in_acquisition,
            )
            for extent, member in rows
        ]
    items: list[dict[str, Any]] = []
    attachments: list[list[dict[str, Any]]] = []
    place = {"acquisition_id": acquisition_id, "chunk_id": chunk_id}
    for stretch in stretches:
        for row, families in _rows(case, stretch):
            items.append(row | place)
            attachments.append(families)
    _write(case, chunk_id, items, attachments)
    log.info("chunk read: chunk=%d items=%d", chunk_id, len(items))
    return len(items)


def _rows(case: Case, stretch: _Stretch) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    source = source_named(stretch.format, case.reading)
    with case.store.open(stretch.sha256) as blob:
        for found in source.items(blob, stretch.extent):
            where = {
                "member_id": stretch.member_id,
                "ordinal": stretch.first_in_acquisition + found.ordinal - stretch.extent.first,
                "path_in_source": join_path(stretch.member_path, found.path_in_source),
                "start": found.start,
                "stop": found.stop,
            }
            message = parse_found(source, found)
            if isinstance(message, Unreadable):
                yield where | _unreadable_row([message.problem]), []
            elif message.status is ReadStatus.UNREADABLE:
                yield where | _unreadable_row(list(message.problems)), []
            else:
                yield (
                    where | _message_row(message),
                    [_attachment_row(n, part) for n, part in enumerate(message.attachments)],
                )


def parse_found(source: Source, found: FoundItem | Unreadable) -> Message | Unreadable:
    """Interpret a found item; the one place where a reader's own failure becomes a row."""
    if isinstance(found, Unreadable):
        return found
    try:
        return source.parse(found)
    except Exception as error:
        log.exception("reader failed: item=%d start=%d", found.ordinal, found.start)
        return Unreadable(
            found.ordinal,
            found.path_in_source,
            found.start,
            found.stop,
            Problem(
                ProblemCode.READER_FAILED,
                f"the reader failed with {type(error).__name__}; please report it",
            ),
        )


def join_path(member_path: str, path_in_member: str) -> str:
    """Name an item by its file in the export and its place in that file."""
    return " / ".join(part for part in (member_path, path_in_member) if part)


def problems_json(problems: tuple[Problem, ...] | list[Problem]) -> list[dict[str, str]]:
    """Give problems as the ledger keeps them."""
    return [{"code": problem.code, "detail": problem.detail} for problem in problems]


def _unreadable_row(problems: list[Problem]) -> dict[str, Any]:
    return {
        "item_class": "",
        "status": ReadStatus.UNREADABLE,
        "problems": problems_json(problems),
        "fate": Fate.UNREADABLE,
        "reason": "; ".join(f"{problem.code}: {problem.detail}" for problem in problems),
        "message_id": None,
        "mih": None,
        "content_sha256": None,
        "sent_at": None,
        "message_key": None,
        "parent_key": None,
        "reference_keys": b"",
        "subject_key": None,
        "is_reply": False,
        "sender_key": None,
        "participant_keys": b"",
    }


def _message_row(message: Message) -> dict[str, Any]:
    keys = thread_keys(message)
    return {
        "item_class": message.item_class,
        "status": message.status,
        "problems": problems_json(message.problems),
        "fate": Fate.PENDING,
        "reason": "",
        "message_id": message.message_id,
        "mih": message.mih,
        "content_sha256": message.content_sha256,
        "sent_at": message.date,
        "message_key": keys.message,
        "parent_key": keys.parent,
        "reference_keys": _packed(keys.references),
        "subject_key": keys.subject,
        "is_reply": keys.is_reply,
        "sender_key": keys.sender,
        "participant_keys": _packed(keys.participants),
    }


def _packed(keys: tuple[int, ...]) -> bytes:
    return np.array(keys, dtype="<i8").tobytes() if keys else b""


def _attachment_row(ordinal: int, attachment: Attachment) -> dict[str, Any]:
    was_read = attachment.status in {AttachmentStatus.OK, AttachmentStatus.EMPTY}
    return {
        "ordinal": ordinal,
        "parent_ordinal": attachment.parent,
        "filename": None if was_read else attachment.filename,
        "content_type": attachment.content_type,
        "size_bytes": attachment.size,
        "sha256": attachment.sha256,
        "status": attachment.status,
        "reason": attachment.reason,
    }


def _write(
    case: Case,
    chunk_id: int,
    items: list[dict[str, Any]],
    attachments: list[list[dict[str, Any]]],
) -> None:
    with case.database.session() as session:
        chunk = session.get_one(ChunkRow, chunk_id, with_for_update=True)
        if chunk.is_read:
            return  # another worker was given the same chunk and finished first
        chunk.is_read = True
        if not items:
            return
        ids = session.scalars(
            insert(ItemRow).returning(ItemRow.id, sort_by_parameter_order=True), items
        )
        families = [
            row | {"item_id": item_id}
            for item_id, rows in zip(ids, attachments, strict=True)
            for row in rows
        ]
        if families:
            session.execute(insert(AttachmentRow), families)
