"""The bytes of one message to its record."""

from dataclasses import replace

from email_audit.messages.charset import decode_text
from email_audit.messages.content import Content, content_hash, read_content
from email_audit.messages.envelope import Envelope, read_envelope
from email_audit.messages.extraction import TextExtractor, extract_nothing
from email_audit.messages.identity import bytes_sha256, content_sha256, mih
from email_audit.messages.limits import ReadLimits
from email_audit.messages.mime import read_entity
from email_audit.messages.problems import Problems
from email_audit.messages.records import (
    Message,
    Problem,
    ProblemCode,
    Segment,
    SegmentKind,
)
from email_audit.messages.segments import is_bare_forward, joined, split_segments
from email_audit.messages.unreadable import unreadable_message

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SNIFFED_BYTES = 1 << 16
_MOST_NUL_SHARE = 0.05
_SAFE_DEPTH = 8
_OWN = (SegmentKind.OWN,)
_OWN_AND_FORWARDED = (SegmentKind.OWN, SegmentKind.FORWARDED)
_HISTORY = (SegmentKind.QUOTED, SegmentKind.FORWARDED)
_SIGNATURE = (SegmentKind.SIGNATURE, SegmentKind.FOOTER)


def parse_message(
    original: bytes,
    *,
    limits: ReadLimits,
    container_problems: tuple[Problem, ...] = (),
    extract: TextExtractor = extract_nothing,
) -> Message:
    """Read one message (RFC 5322, RFC 2045); never raises, whatever the bytes are.

    `container_problems` are what the mailbox export already knows about this item, for instance
    that its end is missing; they come first in the record. `extract` reads attachments that are
    no text.
    """
    try:
        return _parse(original, limits, Problems(container_problems), extract)
    except RecursionError:
        # Embedded messages are read by recursion, bounded by `max_depth`; the caller's own stack
        # may leave less room than that needs.
        problems = Problems(container_problems)
        problems.add(ProblemCode.TOO_DEEP, "messages are nested too deep for the stack")
        return _parse(original, replace(limits, max_depth=_SAFE_DEPTH), problems, extract)


def _parse(
    original: bytes, limits: ReadLimits, problems: Problems, extract: TextExtractor
) -> Message:
    if not original.strip():
        return _unreadable(original, problems, "there is no content")
    if original.startswith(_UTF16_MARKS):
        # Some Windows tools save messages as UTF-16.
        original = decode_text(original, "utf-16")[0].encode("utf-8")
    root = read_entity(original, limits, problems)
    if not len(root.headers):
        head = original[:_SNIFFED_BYTES]
        if head.count(0) > _MOST_NUL_SHARE * len(head):
            return _unreadable(original, problems, "the bytes are binary data, not a message")
        problems.add(ProblemCode.NO_HEADERS, "there is no header: all of it is read as body")
    elif not root.headers.is_clean:
        problems.add(
            ProblemCode.BROKEN_HEADER, "a line that is no field ends the header: the body begins"
        )
    envelope = read_envelope(root.headers, problems)
    content = read_content(root, limits, problems, extract)
    return _record(envelope, content, problems)


def _record(envelope: Envelope, content: Content, problems: Problems) -> Message:
    body = content.body
    segments = _segments(content, envelope.subject)
    if len(segments) == 1 and segments[0].kind is SegmentKind.OWN:
        own_text, quoted_text, signature = body.strip(), "", ""
    else:
        own = _OWN_AND_FORWARDED if is_bare_forward(body, segments) else _OWN
        own_text = joined(body, segments, own)
        quoted_text = joined(body, segments, _HISTORY)
        signature = joined(body, segments, _SIGNATURE)
    return Message(
        subject=envelope.subject,
        sender=envelope.sender,
        to=envelope.to,
        cc=envelope.cc,
        bcc=envelope.bcc,
        date=envelope.date,
        zone_minutes=envelope.zone_minutes,
        message_id=envelope.message_id,
        in_reply_to=envelope.in_reply_to,
        references=envelope.references,
        body=body,
        segments=segments,
        own_text=own_text,
        quoted_text=quoted_text,
        signature=signature,
        attachments=content.attachments,
        content_sha256=content_hash(envelope, content),
        mih=None if envelope.message_id is None else mih(envelope.message_id),
        status=problems.status(),
        problems=problems.found(),
        transport_dates=envelope.transport_dates,
    )


def _segments(content: Content, subject: str) -> tuple[Segment, ...]:
    if len(content.sections) == 1:
        return split_segments(content.body, subject)
    found: list[Segment] = []
    stops = (*content.sections[1:], len(content.body))
    for start, stop in zip(content.sections, stops, strict=True):
        found.extend(
            Segment(part.kind, part.start + start, part.end + start)
            for part in split_segments(content.body[start:stop], subject)
        )
    return tuple(found)


def _unreadable(original: bytes, problems: Problems, detail: str) -> Message:
    """Account for bytes that are no message; equal only to a copy of the same bytes."""
    problems.add(ProblemCode.NOT_A_MESSAGE, detail)
    identity = content_sha256(
        sender=None,
        to=(),
        cc=(),
        date=None,
        subject="",
        body="",
        attachments=[bytes_sha256(original)],
    )
    return unreadable_message(problems.found(), content_sha256=identity)
