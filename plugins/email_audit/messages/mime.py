"""The MIME structure of a message: a tree of slices of the original bytes (RFC 2045, RFC 2046).

The standard library's parser was measured first (compat32): it recurses, so a message nested some
hundred levels deep raises RecursionError and is lost whole; it keeps no original bytes of an
embedded message, whose SHA-256 an audit needs; and it is the larger part of the time. This one
works on offsets with an explicit stack. Leaves are the same as the library's, byte for byte, on
all test mail except where tests/messages/test_mime.py says why not.
"""

import re
from dataclasses import dataclass, field

from email_audit.messages.headers import (
    Headers,
    content_type,
    first_header_position,
    parameters,
    split_headers,
)
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode
from email_audit.messages.transfer import decode_transfer

_SNIFFED_BOUNDARY = re.compile(
    rb"^--(\S(?:[^\r\n]{0,200}\S)?)[ \t]*\r?\nContent-", re.MULTILINE | re.IGNORECASE
)
_EMBEDDED = frozenset({"message/rfc822", "message/global", "message/news"})


@dataclass(slots=True)
class Entity:
    """One MIME entity: its header and body are slices of `buffer`.

    `kind` is the lower-case type/subtype, with the defaults of RFC 2045 5.2 and RFC 2046 5.1.5.
    `children` are the parts of a multipart, or the one message in an embedded one.
    """

    buffer: bytes
    start: int
    body_start: int
    end: int
    headers: Headers
    kind: str
    params: dict[str, str]
    depth: int
    children: list["Entity"] = field(default_factory=list)

    @property
    def main_type(self) -> str:
        """The part of `kind` before the slash."""
        return self.kind.partition("/")[0]

    @property
    def is_embedded_message(self) -> bool:
        """Whether the content is a message of its own."""
        return self.kind in _EMBEDDED

    @property
    def original(self) -> bytes:
        """The whole entity as found, header included."""
        return self.buffer[self.start : self.end]

    @property
    def encoded(self) -> bytes:
        """The body as found, transfer encoding not undone."""
        return self.buffer[self.body_start : self.end]

    @property
    def encoding(self) -> str:
        """The transfer encoding's lower-case name, "" where none is given."""
        if b"content-transfer-encoding" not in self.headers:
            return ""
        value = self.headers.first(b"content-transfer-encoding").partition(";")[0]
        return value.partition("(")[0].strip().strip("\"'").lower()

    def disposition(self) -> tuple[str, str]:
        """Give the Content-Disposition ("" if none) and the file name ("" if none)."""
        value = ""
        filename = ""
        if b"content-disposition" in self.headers:
            value = self.headers.first(b"content-disposition")
            filename = parameters(value).get("filename", "")
        return value.partition(";")[0].strip().lower(), filename or self.params.get("name", "")

    def decoded(self, problems: Problems) -> bytes:
        """Give the body's bytes with the transfer encoding undone, as far as it can be."""
        encoding = self.encoding
        if not encoding or encoding in ("7bit", "8bit", "binary"):
            return self.encoded
        decoded = decode_transfer(self.encoded, encoding)
        if decoded.fault:
            problems.add(ProblemCode.BROKEN_ENCODING, f"a part: {decoded.fault}")
        if not decoded.is_known:
            problems.add(
                ProblemCode.BROKEN_MIME, "a part names an unknown transfer encoding: read as it is"
            )
        return decoded.data


def read_entity(
    original: bytes, limits: ReadLimits, problems: Problems, *, depth: int = 0
) -> Entity:
    """Find the entities of a message within the limits; never raises and never recurses.

    `depth` is that of the message itself, where it was found inside another one.
    """
    start = first_header_position(original)
    root = _entity(original, start, len(original), depth, "text/plain")
    count = 1
    pending = [root]
    while pending:
        entity = pending.pop()
        is_multipart = entity.main_type == "multipart"
        if not is_multipart and not entity.is_embedded_message:
            continue
        if entity.depth >= limits.max_depth:
            problems.add(
                ProblemCode.TOO_DEEP,
                f"parts are nested over {limits.max_depth} levels deep; the rest is undivided",
            )
            entity.kind = "application/octet-stream"
            continue
        if is_multipart:
            _divide(entity, limits.max_parts - count, problems)
        else:
            _open_embedded(entity, problems)
        count += len(entity.children)
        pending.extend(entity.children)
    return root


def _entity(buffer: bytes, start: int, end: int, depth: int, default: str) -> Entity:
    headers, body_start = split_headers(buffer, start, end)
    kind = default
    params: dict[str, str] = {}
    if b"content-type" in headers:
        kind, params = content_type(headers.first(b"content-type"))
        # RFC 2045 5.2: a malformed type is read as plain text.
        kind = kind or "text/plain"
    return Entity(buffer, start, body_start, end, headers, kind, params, depth)


def _open_embedded(entity: Entity, problems: Problems) -> None:
    buffer, start, end = entity.buffer, entity.body_start, entity.end
    if entity.encoding in ("base64", "quoted-printable"):
        # RFC 2046 5.2.1 forbids it, some gateways do it.
        buffer = entity.decoded(problems)
        start, end = 0, len(buffer)
    entity.children = [_entity(buffer, start, end, entity.depth + 1, "text/plain")]


def _divide(entity: Entity, allowed: int, problems: Problems) -> None:
    """Find the parts of a multipart; without any its body is text, so that nothing is lost."""
    buffer, start, end = entity.buffer, entity.body_start, entity.end
    boundary = entity.params.get("boundary", "").rstrip().encode("utf-8", "replace")
    slices, is_closed = _parts(buffer, start, end, boundary, allowed) if boundary else ([], False)
    if not slices:
        sniffed = _SNIFFED_BOUNDARY.search(buffer, start, end)
        if sniffed is not None:
            slices, is_closed = _parts(buffer, start, end, sniffed[1], allowed)
            problems.add(
                ProblemCode.BROKEN_MIME, "a multipart's boundary was missing or wrong: found anew"
            )
    if not slices:
        if buffer[start:end].strip():
            problems.add(
                ProblemCode.BROKEN_MIME, "a multipart has no parts: its content is read as text"
            )
        entity.kind = "text/plain"
        entity.params = {}
        return
    if not is_closed:
        problems.add(ProblemCode.BROKEN_MIME, "a multipart's closing boundary is missing")
    if len(slices) > allowed:
        problems.add(ProblemCode.TOO_MANY_PARTS, "the message has too many parts: some are unread")
        slices = slices[: max(allowed, 0)]
    default = "message/rfc822" if entity.kind == "multipart/digest" else "text/plain"
    depth = entity.depth + 1
    entity.children = [_entity(buffer, first, last, depth, default) for first, last in slices]


def _parts(
    buffer: bytes, start: int, end: int, boundary: bytes, allowed: int
) -> tuple[list[tuple[int, int]], bool]:
    """Give the slices between delimiter lines and whether the closing one was seen.

    At most one slice over `allowed` is given. Parts that follow a closing delimiter are taken
    too: some clients show them, and a sender could hide words there.
    """
    delimiter = b"--" + boundary
    size = len(delimiter)
    slices: list[tuple[int, int]] = []
    opened = -1
    is_closed = False
    position = buffer.find(delimiter, start, end)
    while position >= 0 and len(slices) <= allowed:
        line_end = _line_end(buffer, position + size, end)
        rest = buffer[position + size : line_end].rstrip()
        is_line = position == start or buffer[position - 1] in b"\r\n"
        if is_line and rest in (b"", b"--"):
            if opened >= 0:
                slices.append((opened, _before_line_break(buffer, opened, position)))
            is_closed = rest == b"--"
            opened = -1 if is_closed else _after_line_break(buffer, line_end, end)
        position = buffer.find(delimiter, position + size, end)
    if opened >= 0:
        slices.append((opened, end))
    return slices, is_closed


def _line_end(buffer: bytes, position: int, end: int) -> int:
    """Give where the line ends, looking no further than a delimiter line can be long."""
    stop = min(end, position + 1000)
    feed = buffer.find(b"\n", position, stop)
    back = buffer.find(b"\r", position, stop if feed < 0 else feed)
    found = [place for place in (feed, back) if place >= 0]
    return min(found) if found else stop


def _after_line_break(buffer: bytes, position: int, end: int) -> int:
    if buffer[position : position + 2] == b"\r\n":
        return min(position + 2, end)
    return min(position + 1, end)


def _before_line_break(buffer: bytes, start: int, position: int) -> int:
    """Give where a part ends: the line break before a delimiter belongs to the delimiter."""
    if position - 2 >= start and buffer[position - 2 : position] == b"\r\n":
        return position - 2
    return max(start, position - 1)
