"""The members of a TAR archive, read forward in one pass.

Not the standard library's reader: that one ends without a word at a damaged header in the middle,
and takes extended headers of any length into memory.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, cast

from email_audit.archives.bounded import (
    Budget,
    Entry,
    HardLink,
    Member,
    Refused,
    damaged,
    is_tar_header,
    label,
    limited,
    truncated,
)
from email_audit.messages.records import Problem, ProblemCode

_BLOCK = 512
_LONGEST_EXTENDED_HEADER = 1 << 20
_REGULAR = frozenset(b"\x0007")
# Symbolic links, devices, directories, FIFOs, GNU's volume labels and dumps of directories.
# Any other type is a regular file (POSIX.1: unknown types are read as such).
_WITHOUT_CONTENT = frozenset(b"23456VD")
_GNU_SPARSE = ord("S")
_GNU_LONG_NAME, _GNU_LONG_LINK = ord("L"), ord("K")
_PAX_NEXT, _PAX_GLOBAL, _PAX_SOLARIS = ord("x"), ord("g"), ord("X")
_HARD_LINK = ord("1")


def tar_entries(blob: BinaryIO, budget: Budget, *, is_counted: bool = False) -> Iterator[Entry]:
    """Yield the members (POSIX.1 pax, GNU, ustar, v7).

    `is_counted`: the bytes of `blob` are counted already, as they come out of a decompressor.

    Raises:
        MemberError: where the archive's structure is damaged or cut off; what is before was given.
    """
    source = _Blocks(blob)
    everywhere: dict[str, str] = {}
    following: dict[str, str] = {}
    while (header := source.header()) is not None:
        kind = header[156]
        size = _number(header[124:136])
        if kind in {_PAX_NEXT, _PAX_GLOBAL, _PAX_SOLARIS}:
            fields = _pax_fields(source.extended(size))
            (everywhere if kind == _PAX_GLOBAL else following).update(fields)
            continue
        if kind in {_GNU_LONG_NAME, _GNU_LONG_LINK}:
            key = "path" if kind == _GNU_LONG_NAME else "linkpath"
            following[key] = _text(source.extended(size).split(b"\0")[0])
            continue
        told = everywhere | following
        following = {}
        if kind in _WITHOUT_CONTENT:
            source.skip(size + -size % _BLOCK if kind == ord("D") else 0)
            continue
        budget.spend_member()
        name = label(told.get("path") or _name(header))
        if kind == _HARD_LINK:
            # POSIX lets a hard link carry the content once more; GNU and BSD never write it.
            yield HardLink(name, label(told.get("linkpath") or _text(_field(header, 157, 257))))
            continue
        size = _told_size(told, size)
        if kind == _GNU_SPARSE or any(key.startswith("GNU.sparse") for key in told):
            if kind == _GNU_SPARSE:
                source.skip_sparse_maps(header)
            source.skip(size + -size % _BLOCK)
            detail = "a sparse file in a TAR archive is not read"
            yield Refused(name, Problem(ProblemCode.UNSUPPORTED_FORMAT, detail))
            continue
        content = _Content(blob, size, None if is_counted else budget)
        yield Member(
            name, size, _time(told, header), cast("BinaryIO", io.BufferedReader(content, 1 << 16))
        )
        content.finish()
        source.skip(-size % _BLOCK)


class _Blocks:
    """Reads headers and what lies between members."""

    def __init__(self, blob: BinaryIO) -> None:
        self._blob = blob

    def header(self) -> bytes | None:
        """Give the next header, None at the archive's end."""
        ended = False
        while True:
            block = self._blob.read(_BLOCK)
            if not block and ended:
                return None
            if len(block) < _BLOCK:
                if ended:
                    return None
                raise truncated("the archive ends without its end mark")
            if is_tar_header(block):
                # After an end mark: archives were concatenated, or members appended by force.
                return block
            if block.count(0) != _BLOCK:
                raise damaged("the archive is damaged: a header does not fit its checksum")
            ended = True

    def extended(self, size: int) -> bytes:
        """Give the content of an extended header."""
        if size > _LONGEST_EXTENDED_HEADER:
            raise limited(f"an extended header has {size} bytes")
        data = self._blob.read(size)
        if len(data) < size:
            raise truncated("the archive ends within a header")
        self.skip(-size % _BLOCK)
        return data

    def skip(self, size: int) -> None:
        """Go past `size` bytes of content (whole blocks follow it where it is a member's)."""
        left = size
        while left > 0:
            block = self._blob.read(min(left, 1 << 16))
            if not block:
                raise truncated("the archive ends within a member")
            left -= len(block)

    def skip_sparse_maps(self, header: bytes) -> None:
        """Go past the further maps of an old GNU sparse file."""
        is_extended = header[482] != 0
        while is_extended:
            block = self._blob.read(_BLOCK)
            if len(block) < _BLOCK:
                raise truncated("the archive ends within a header")
            is_extended = block[504] != 0


class _Content(io.RawIOBase):
    """The content of one member."""

    def __init__(self, blob: BinaryIO, size: int, budget: Budget | None) -> None:
        self._blob = blob
        self._left = size
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._blob.read(min(len(buffer), self._left))
        if not data and self._left > 0:
            raise truncated("the archive ends within the member")
        if self._budget is not None:
            self._budget.spend_bytes(len(data))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def finish(self) -> None:
        """Read what the taker of the member left unread."""
        while self._left > 0:
            self.readinto(bytearray(min(self._left, 1 << 16)))


def _number(raw: bytes) -> int:
    """Read a numeric field: octal digits, or GNU's base 256 where the first bit is set."""
    if raw[0] & 0x80:
        return int.from_bytes(bytes([raw[0] & 0x7F]) + raw[1:], "big")
    try:
        return int(raw.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise damaged("the archive is damaged: a header's number cannot be read") from error


def _field(header: bytes, start: int, stop: int) -> bytes:
    return header[start:stop].split(b"\0")[0]


def _name(header: bytes) -> str:
    name = _field(header, 0, 100)
    prefix = _field(header, 345, 500) if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(raw: bytes) -> str:
    """Decode a name: UTF-8, else as the Windows writers of old did."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _pax_fields(data: bytes) -> dict[str, str]:
    """Read the records of a pax header (POSIX.1 pax, "Extended Header"): length, key=value, LF."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(data):
        digits, space, _ = data[position : position + 12].partition(b" ")
        if not space or not digits.isdigit() or int(digits) <= len(digits) + 1:
            break
        record = data[position + len(digits) + 1 : position + int(digits)]
        key, _, value = record.removesuffix(b"\n").partition(b"=")
        fields[_text(key)] = _text(value)
        position += int(digits)
    return fields


def _told_size(told: dict[str, str], size: int) -> int:
    text = told.get("size", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else size


def _time(told: dict[str, str], header: bytes) -> datetime | None:
    try:
        seconds = float(told["mtime"]) if "mtime" in told else _number(header[136:148])
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
