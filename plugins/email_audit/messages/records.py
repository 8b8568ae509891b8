"""The typed records that every step hands on: messages, their parts, and what was wrong with them.

All of them are frozen: a record describes bytes in the evidence store, which never change.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

ContentHash = NewType("ContentHash", str)
"""64 lower-case hexadecimal digits; what goes into it is in `identity.py` and docs/identity.md."""


class ReadStatus(StrEnum):
    """How much of an item could be read."""

    OK = "ok"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"


class AttachmentStatus(StrEnum):
    """What became of an attachment's content."""

    OK = "ok"
    EMPTY = "empty"
    ENCRYPTED = "encrypted"
    NEEDS_OCR = "needs_ocr"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    FAILED = "failed"


class ProblemCode(StrEnum):
    """The closed list of things that can be wrong with a message.

    `DAMAGED`: a checksum of the container does not hold for content of the item. `ENCRYPTED`: it
    needs a password or key. `LIMITED`: a bound against bombs stopped the reading. `DELETED`: the
    mailbox no longer lists the item, it was recovered. `WITHHELD`: a mail server did not give it.
    """

    NO_HEADERS = "no_headers"
    BROKEN_HEADER = "broken_header"
    BROKEN_MIME = "broken_mime"
    BROKEN_ENCODING = "broken_encoding"
    UNKNOWN_CHARSET = "unknown_charset"
    NO_DATE = "no_date"
    BAD_DATE = "bad_date"
    NO_MESSAGE_ID = "no_message_id"
    ALTERNATIVES_DIFFER = "alternatives_differ"
    TOO_DEEP = "too_deep"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"
    NOT_A_MESSAGE = "not_a_message"
    UNSUPPORTED_FORMAT = "unsupported_format"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    LIMITED = "limited"
    DELETED = "deleted"
    READER_FAILED = "reader_failed"
    WITHHELD = "withheld"


LOSSY_PROBLEMS = frozenset(
    {
        ProblemCode.BROKEN_ENCODING,
        ProblemCode.DAMAGED,
        ProblemCode.ENCRYPTED,
        ProblemCode.LIMITED,
        ProblemCode.TOO_DEEP,
        ProblemCode.TOO_MANY_PARTS,
        ProblemCode.TOO_LARGE,
        ProblemCode.TRUNCATED,
        ProblemCode.WITHHELD,
    }
)
"""Problems that mean some content was not seen: a message with one of them is `partial`."""

INCOMPLETE_PROBLEMS = LOSSY_PROBLEMS | {ProblemCode.NO_HEADERS}
"""Without a header it is unknown who wrote to whom and when: that is `partial` as well."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was wrong: a code from the closed list and a sentence without mail content."""

    code: ProblemCode
    detail: str


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox as written in a header: display name and address, either may be empty."""

    name: str
    address: str


class SegmentKind(StrEnum):
    """Whose words a stretch of the body is (docs/architecture.md, "Carried text")."""

    OWN = "own"
    QUOTED = "quoted"
    FORWARDED = "forwarded"
    SIGNATURE = "signature"
    FOOTER = "footer"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch `body[start:end]` of a message's body text; segments tile the body in order."""

    kind: SegmentKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attachment, at any depth; the tree is flattened in document order.

    `size` and `sha256` are of the decoded bytes as found. `identity` is what the message's content
    hash takes of it: like `sha256`, but insensitive to line ends where the content is text, and the
    embedded message's own content hash where it is a message. `parent` is the index of the
    enclosing attachment in the message's list, None at the top. `text` is None unless read.
    """

    filename: str
    content_type: str
    size: int
    sha256: str
    identity: str
    status: AttachmentStatus
    reason: str = ""
    text: str | None = None
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message as read: what the ledger counts, the classifier judges and the bundle shows.

    `date` is timezone-aware UTC, None where the Date header is missing or unusable;
    `zone_minutes` is the original offset east of UTC. `body` is the text that `segments` tile;
    `own_text`, `quoted_text` and `signature` are joined from it (see `segments.py`).
    `message_id`, `in_reply_to` and `references` keep their angle brackets and case.
    `transport_dates` are the UTC dates of the Received headers, newest first.
    """

    subject: str
    sender: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    date: datetime | None
    zone_minutes: int | None
    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    body: str
    segments: tuple[Segment, ...]
    own_text: str
    quoted_text: str
    signature: str
    attachments: tuple[Attachment, ...]
    content_sha256: ContentHash
    mih: str | None
    status: ReadStatus
    problems: tuple[Problem, ...] = ()
    item_class: str = "IPM.Note"
    transport_dates: tuple[datetime, ...] = field(default=())
