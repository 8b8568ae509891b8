"""The ledger's columns of an item and of its attachments."""

from typing import Any, TypeAlias

import numpy as np

from email_audit.ledger.fates import Fate
from email_audit.messages.records import (
    Attachment,
    AttachmentStatus,
    Message,
    Problem,
    ReadStatus,
)
from email_audit.messages.threads import thread_keys
from email_audit.sources.base import Unreadable

ItemColumns: TypeAlias = tuple[dict[str, Any], list[dict[str, Any]]]
"""The columns of an item, and of each of its attachments."""


def ledger_rows(message: Message | Unreadable) -> ItemColumns:
    """Give the columns that a message fills in the ledger, and those of its attachments."""
    if isinstance(message, Unreadable):
        return _unreadable_row([message.problem]), []
    if message.status is ReadStatus.UNREADABLE:
        return _unreadable_row(list(message.problems)), []
    attachments = [_attachment_row(n, part) for n, part in enumerate(message.attachments)]
    return _message_row(message), attachments


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
