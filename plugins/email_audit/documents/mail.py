"""Mail inside documents: whatever the sources read (EML, mbox, MSG, ...), as text."""

import io

from email_audit.documents.reading import Reading
from email_audit.messages.envelope import header_text
from email_audit.messages.extraction import Extracted
from email_audit.messages.limits import ReadLimits
from email_audit.messages.records import AttachmentStatus, Message, Problem, ProblemCode
from email_audit.sources.base import Extent, ReadOptions, Unreadable
from email_audit.sources.registry import detect_source

_NO_MAIL = frozenset({"text", "document", "unsupported"})
_ALL_ITEMS, _ALL_BYTES = 1 << 30, 1 << 62


def is_mail(data: bytes) -> bool:
    """Say whether a source of messages takes these bytes."""
    return detect_source(io.BytesIO(data), "", _options(None)).name not in _NO_MAIL


def read_mail(reading: Reading, data: bytes) -> None:
    """Read every message: header, body, and its attachments under their names."""
    blob = io.BytesIO(data)
    source = detect_source(blob, "", _options(reading))
    if source.name in _NO_MAIL:
        if source.name == "text":
            from email_audit.documents.plain import read_text

            read_text(reading, data)
        else:
            reading.problem(
                Problem(ProblemCode.UNSUPPORTED_FORMAT, "no reader for this kind of mail file")
            )
        return
    for extent in source.extents(blob, max_items=_ALL_ITEMS, max_bytes=_ALL_BYTES):
        stretch = Extent(extent.start, extent.stop, extent.first, extent.items)
        for found in source.items(blob, stretch):
            reading.work.check_time()
            if isinstance(found, Unreadable):
                reading.problem(found.problem, found.path_in_source)
            else:
                _add_message(reading, source.parse(found), found.path_in_source)


def _add_message(reading: Reading, message: Message, where: str) -> None:
    reading.add(f"{header_text(message)}\n\n{message.body}")
    for problem in message.problems:
        if problem.code in _SHOWN:
            reading.problem(problem, where)
    for attachment in message.attachments:
        reading.take(
            Extracted(attachment.status, attachment.reason, attachment.text),
            attachment.filename or "attachment",
        )


_SHOWN = frozenset(
    {ProblemCode.TRUNCATED, ProblemCode.DAMAGED, ProblemCode.LIMITED, ProblemCode.ENCRYPTED}
)


def _options(reading: Reading | None) -> ReadOptions:
    if reading is None:
        return ReadOptions(max_message_bytes=0)
    limits = reading.work.limits

    def extract(data: bytes, content_type: str, filename: str) -> Extracted:
        from email_audit.documents.registry import read_into

        child = Reading(reading.work, reading.depth + 1)
        if reading.depth >= limits.archive.max_depth:
            return Extracted(AttachmentStatus.TOO_LARGE, "it is nested too deep")
        read_into(child, data, content_type, filename)
        return child.result()

    return ReadOptions(
        max_message_bytes=limits.max_bytes,
        limits=ReadLimits(
            max_text_chars=limits.max_text_chars, max_attachment_bytes=limits.max_bytes
        ),
        extract=extract,
    )
