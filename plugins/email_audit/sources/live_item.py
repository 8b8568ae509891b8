"""An item a mail server gave no MIME content of: its properties and text, as we keep them.

Written by `exchange/copies.py`; found in acquisitions of live mailboxes only.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Any, BinaryIO

from email_audit.messages.records import Problem, ProblemCode
from email_audit.sources.base import Extent, FoundItem, SingleItemSource, Unreadable

MARK = "email-audit live item 1"
"""The value of "format" in every such file."""

_RECIPIENTS = (("To", "ToRecipients"), ("Cc", "CcRecipients"), ("Bcc", "BccRecipients"))


class LiveItemSource(SingleItemSource):
    """One item a file, rendered as a message from what the server did give."""

    name = "live_item"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:  # noqa: ARG003 - bytes decide
        """Take what begins as `exchange/copies.py` writes it."""
        return head.startswith(b'{"format": "' + MARK.encode() + b'"')

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Give the item, or say what the server said instead."""
        content = self.whole(blob, extent)
        if isinstance(content, Unreadable):
            yield content
            return
        try:
            record = json.loads(content)
            refused = record.get("refused")
            ((element, properties),) = (record.get("item") or {"": {}}).items()
        except (ValueError, AttributeError) as error:
            problem = Problem(ProblemCode.NOT_A_MESSAGE, f"no item record: {type(error).__name__}")
            yield Unreadable(extent.first, "", 0, extent.stop, problem)
            return
        if refused is not None or not isinstance(properties, dict):
            detail = f"the server did not give the item: {refused}"
            problem = Problem(ProblemCode.WITHHELD, detail)
            yield Unreadable(extent.first, "", 0, extent.stop, problem)
            return
        detail = (
            f"the server gives no MIME content of this {element}; its text and fields were kept"
        )
        if attachments := _count_attachments(properties):
            detail += f", its {attachments} attachments were not"
        yield FoundItem(
            extent.first,
            "",
            0,
            extent.stop,
            _message(properties),
            (Problem(ProblemCode.WITHHELD, detail),),
            _text(properties, "ItemClass") or "IPM",
        )


def _message(properties: dict[str, Any]) -> bytes:
    """Render the fields as RFC 5322 with a UTF-8 body: always the same bytes for the same item."""
    fields = [("From", _people(properties, "From") or _people(properties, "Sender"))]
    fields += [(name, _people(properties, key)) for name, key in _RECIPIENTS]
    sent = _text(properties, "DateTimeSent") or _text(properties, "DateTimeCreated")
    fields += [
        ("Subject", _encoded(_text(properties, "Subject"))),
        ("Date", _date(sent)),
        ("Message-ID", _one_line(_text(properties, "InternetMessageId"))),
        ("References", _one_line(_text(properties, "References"))),
        ("In-Reply-To", _one_line(_text(properties, "InReplyTo"))),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields if value)
    return f"{head}\r\n{_text(properties, 'Body')}".encode("utf-8", "replace")


def _date(text: str) -> str:
    """Give an xs:dateTime as RFC 5322 writes it; empty where it is none."""
    try:
        return format_datetime(datetime.fromisoformat(text))
    except ValueError:
        return ""


def _people(properties: dict[str, Any], key: str) -> str:
    container = properties.get(key)
    mailboxes = container.get("Mailbox") if isinstance(container, dict) else None
    return ", ".join(
        formataddr((_one_line(_text(box, "Name")), _one_line(_text(box, "EmailAddress"))))
        for box in mailboxes or ()
        if isinstance(box, dict)
    )


def _count_attachments(properties: dict[str, Any]) -> int:
    attachments = properties.get("Attachments")
    if not isinstance(attachments, dict):
        return 0
    return sum(len(found) for found in attachments.values() if isinstance(found, list))


def _text(properties: dict[str, Any], key: str) -> str:
    value = properties.get(key, "")
    if isinstance(value, dict):
        value = value.get("#text", "")
    return value if isinstance(value, str) else ""


def _encoded(text: str) -> str:
    return Header(_one_line(text), "utf-8", maxlinelen=900).encode() if text else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
