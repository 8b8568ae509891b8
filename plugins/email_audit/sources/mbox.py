"""The mbox family: mboxo, mboxrd, mboxcl, mboxcl2, Thunderbird's and Google Takeout's.

There is no standard beyond RFC 4155's default form; what programs write is described in
https://www.loc.gov/preservation/digital/formats/fdd/fdd000383.shtml. What we take as the start of
a message is in `_is_separator`; docs/formats.md explains it to a reader.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from email_audit.messages.headers import decode_words, unfolded
from email_audit.messages.records import Problem, ProblemCode
from email_audit.sources.base import Extent, FoundItem, Rfc5322Source, Unreadable

_BLOCK_BYTES = 1 << 20
_ENVELOPE_MAX_BYTES = 1024
_WINDOW_BYTES = 2 * _ENVELOPE_MAX_BYTES
_LOOK_BACK_BYTES = 4
_HEADERS_MAX_BYTES = 1 << 18
_BOM = b"\xef\xbb\xbf"

_DATED_ENVELOPE = re.compile(
    rb"From [^\r\n]{0,300}?\b\d{1,2}:\d\d(?::\d\d)?\b[^\r\n]{0,40}?\b\d{4}\b[^\r\n]{0,40}\r?$"
)
_BARE_ENVELOPE = re.compile(rb"From (?:-|\?\?\?@\?\?\?)[ \t]*[^\r\n]{0,40}\r?$")
_HEADER_LINE = re.compile(rb"[!-9;-~]{1,100}[ \t]*:")
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,12})[ \t]*\r?$")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
# Takeout puts it at the top of the header, at most behind the thread's number.
_GMAIL_LABELS = re.compile(rb"(?im)^x-gmail-labels:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)")
_LABELS_WITHIN_BYTES = 4096
_QUOTED_FROM = re.compile(rb"(?m)^>(?=>*From )")


class MboxSource(Rfc5322Source):
    """Messages one after another, each begun by a "From " line."""

    name = "mbox"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:  # noqa: ARG003 - bytes decide
        """Take what begins with an envelope line."""
        line, _, rest = head.removeprefix(_BOM).lstrip(b"\r\n").partition(b"\n")
        return _is_separator(line, rest, after_blank=True)

    def declared(self, blob: BinaryIO) -> int:
        """Count separators line by line, skipping the bodies whose Content-Length holds.

        Written apart from `_spans`, which the reader uses: the two must agree on every file.
        """
        blob.seek(0)
        count, after_blank, line = 0, True, blob.readline(_ENVELOPE_MAX_BYTES)
        line = line.removeprefix(_BOM)
        while line:
            following = None
            if line.startswith(b"From "):
                following = blob.readline(_ENVELOPE_MAX_BYTES)
                if _is_separator(line.rstrip(b"\n"), following, after_blank=after_blank):
                    count += 1
                    length_end = _end_by_header_lines(blob, following)
                    if length_end is not None:
                        blob.seek(length_end)
                        following = blob.readline(_ENVELOPE_MAX_BYTES)
                        line = b"\n"
            after_blank = not line.strip(b"\r\n")
            line = blob.readline(_ENVELOPE_MAX_BYTES) if following is None else following
        return count

    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:
        """Split between messages."""
        start = stop = first = items = 0
        for begin, end in self._spans(blob, 0):
            if not items:
                start = begin
            items += 1
            stop = end
            if items >= max_items or stop - start >= max_bytes:
                yield Extent(start, stop, first, items)
                first, items = first + items, 0
        if items:
            yield Extent(start, stop, first, items)

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Yield the messages between two separators, quoting undone."""
        size = blob.seek(0, 2)
        spans = (
            iter([(extent.start, extent.stop)])
            if extent.items == 1
            else self._spans(blob, extent.start)
        )
        for ordinal, (begin, end) in enumerate(spans, extent.first):
            if begin >= extent.stop:
                return
            path = f"message {ordinal + 1}"
            if end - begin > self.options.max_message_bytes:
                yield self.too_large(ordinal, path, begin, end)
                continue
            blob.seek(begin)
            raw = blob.read(end - begin)
            yield _found(ordinal, path, begin, raw, is_last=end == size)

    def _spans(self, blob: BinaryIO, start: int) -> Iterator[tuple[int, int]]:
        """Yield where each message from `start` on begins and ends, its envelope included."""
        scanner = _Scanner(blob)
        begin = scanner.next_separator(start)
        while begin is not None:
            body_end = scanner.end_by_length(begin)
            following = scanner.next_separator(begin + 1 if body_end is None else body_end)
            yield begin, scanner.size if following is None else following
            begin = following


class _Scanner:
    """Find separators in blocks: constant memory, and `bytes.find` does the work."""

    def __init__(self, blob: BinaryIO) -> None:
        self._blob = blob
        self.size = blob.seek(0, 2)
        self._block = b""
        self._base = 0

    def next_separator(self, position: int) -> int | None:
        """Give the position of the first separator at or after `position`, None at the end."""
        while position < self.size:
            self._cover(position, _WINDOW_BYTES)
            is_last = self._base + len(self._block) >= self.size
            limit = len(self._block) - (0 if is_last else _WINDOW_BYTES)
            offset = self._block.find(b"From ", position - self._base)
            while 0 <= offset <= limit:
                if self._begins_message(offset):
                    return self._base + offset
                offset = self._block.find(b"From ", offset + 1)
            if offset < 0 and is_last:
                return None
            position = self._base + (offset if offset >= 0 else len(self._block) - len(b"From"))
        return None

    def end_by_length(self, begin: int) -> int | None:
        """Give where the body ends by its Content-Length, if a separator or the end follows."""
        blank = _BLANK_LINE.search(self._block, begin - self._base)
        if blank is None:
            self._cover(begin, _HEADERS_MAX_BYTES)
            blank = _BLANK_LINE.search(self._block, begin - self._base)
        if blank is None:
            return None
        length = _CONTENT_LENGTH.search(self._block, begin - self._base, blank.end())
        if length is None:
            return None
        end = self._base + blank.end() + int(length.group(1))
        return end if end <= self.size and _length_holds(self._blob, end) else None

    def _begins_message(self, offset: int) -> bool:
        before = self._block[max(0, offset - _LOOK_BACK_BYTES) : offset]
        if self._base + offset <= _LOOK_BACK_BYTES:
            before = before.removeprefix(_BOM)
        if before and not before.endswith(b"\n"):
            return False
        line, _, rest = self._block[offset : offset + _WINDOW_BYTES].partition(b"\n")
        after_blank = not before.strip(b"\r\n") or before.endswith((b"\n\n", b"\n\r\n"))
        return _is_separator(line, rest, after_blank=after_blank)

    def _cover(self, position: int, ahead: int) -> None:
        """Have the bytes around `position` in the block: a few before it, `ahead` after it."""
        start = max(0, position - _LOOK_BACK_BYTES)
        end = min(self.size, position + ahead)
        if self._base <= start and end <= self._base + len(self._block):
            return
        self._blob.seek(start)
        self._block = self._blob.read(max(_BLOCK_BYTES, end - start))
        self._base = start


def _is_separator(line: bytes, rest: bytes, *, after_blank: bool) -> bool:
    """Say whether `line` begins a message; `rest` is what follows it.

    A dated envelope counts after a blank line, or wherever a header line follows it. Thunderbird's
    "From -" and Eudora's "From ???@???" carry no date and count only before a header line: prose
    lines such as "From Russia with love" never do.
    """
    if not line.startswith(b"From "):
        return False
    headers_follow = _HEADER_LINE.match(rest) is not None or rest.startswith(b">From ")
    if _DATED_ENVELOPE.match(line):
        return after_blank or headers_follow
    return headers_follow and _BARE_ENVELOPE.match(line) is not None


def _length_holds(blob: BinaryIO, end: int) -> bool:
    """Say whether a body may end at `end`: only blank lines, then a separator or the file's end."""
    blob.seek(end - 1)
    before, tail = blob.read(1), blob.read(_WINDOW_BYTES)
    rest = tail.lstrip(b"\r\n")
    if not rest:
        return len(tail) < _WINDOW_BYTES
    line, _, following = rest.partition(b"\n")
    starts_line = len(rest) < len(tail) or before == b"\n"
    return starts_line and _is_separator(line, following, after_blank=True)


def _end_by_header_lines(blob: BinaryIO, line: bytes) -> int | None:
    """Read a header from `line` on; give the body's end by Content-Length if it holds.

    The blob is left after `line` unless the length holds.
    """
    resume = blob.tell()
    length, seen = None, 0
    while line.strip(b"\r\n") and seen < _HEADERS_MAX_BYTES:
        if length is None and (match := _CONTENT_LENGTH.match(line)):
            length = int(match.group(1))
        seen += len(line)
        line = blob.readline(_ENVELOPE_MAX_BYTES)
    if length is not None and line:
        end = blob.tell() + length
        if end <= blob.seek(0, 2) and _length_holds(blob, end):
            return end
    blob.seek(resume)
    return None


def _found(ordinal: int, path: str, begin: int, raw: bytes, *, is_last: bool) -> FoundItem:
    """Take envelope, separating blank line and quoting off; notice a tail that is cut off."""
    message = raw[raw.find(b"\n") + 1 :]
    problems: tuple[Problem, ...] = ()
    if is_last and _is_cut_off(message):
        detail = "the file ends in the middle of this message"
        problems = (Problem(ProblemCode.TRUNCATED, detail),)
    if message.endswith(b"\r\n\r\n"):
        message = message[:-2]
    elif message.endswith(b"\n\n"):
        message = message[:-1]
    if b"\n>" in message and not _has_true_length(message):
        message = _QUOTED_FROM.sub(b"", message)
    path += _labels(message)
    return FoundItem(ordinal, path, begin, begin + len(raw), message, problems)


def _labels(message: bytes) -> str:
    """Name the Gmail labels of a message in a take-out: all its folders are in one file."""
    match = _GMAIL_LABELS.search(message, 0, _LABELS_WITHIN_BYTES)
    if match is None or _BLANK_LINE.search(message, 0, match.start()):
        return ""
    return f" [{decode_words(unfolded(match[1])).strip()}]"


def _has_true_length(message: bytes) -> bool:
    """Say whether a Content-Length is right: then nothing needed quoting, and ">From" is content.

    mboxcl quotes in spite of its lengths; what it changed cannot be told from content, and the
    content hash does not mind (identity.py).
    """
    blank = _BLANK_LINE.search(message)
    length = None if blank is None else _CONTENT_LENGTH.search(message, 0, blank.end())
    if blank is None or length is None:
        return False
    body = message[blank.end() :]
    return int(length.group(1)) <= len(body) and not body[int(length.group(1)) :].strip(b"\r\n")


def _is_cut_off(message: bytes) -> bool:
    """Say whether the last message of a file seems to lack its end.

    Every program that writes mbox ends a message with a line end, and a header with a blank line;
    a Content-Length beyond the end of the file speaks for itself.
    """
    if not message.endswith(b"\n"):
        return True
    blank = _BLANK_LINE.search(message)
    if blank is None:
        return _HEADER_LINE.match(message) is not None
    length = _CONTENT_LENGTH.search(message, 0, blank.end())
    return length is not None and int(length.group(1)) > len(message) - blank.end()
