"""The members of a ZIP archive (PKWARE APPNOTE 6.3.10)."""

import bz2
import io
import lzma
import struct
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO, cast

import inflate64

from email_audit.archives.bounded import (
    Budget,
    Entry,
    Member,
    MemberError,
    Refused,
    damaged,
    label,
    limited,
    unsupported,
)
from email_audit.archives.streams import Decompressor, ExpandingStream, Inflate, Stored, buffered
from email_audit.messages.charset import decode_text
from email_audit.messages.records import Problem, ProblemCode

_END = b"PK\x05\x06"
_END_BYTES, _LONGEST_COMMENT = 22, 0xFFFF
_SHORTEST_ENTRY = 46
_MOST_DIRECTORY_BYTES_PER_MEMBER = 1 << 10
_UNICODE_PATH = 0x7075
_IS_ENCRYPTED, _IS_UTF8 = 0x1, 0x800
_AES = 99
_LZMA_HEADER = struct.Struct("<HH")


def zip_entries(blob: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """Yield the members that the central directory lists.

    Raises:
        MemberError: where there is no directory that can be read.
    """
    for info in directory(blob, budget):
        if info.is_dir() and not info.file_size:
            continue  # one with content is a file: a damaged name may end with a slash
        budget.spend_member()
        name = _name(info)
        try:
            stream = _open(blob, info, budget)
        except MemberError as error:
            yield Refused(name, error.problem)
            continue
        yield Member(name, info.file_size, _time(info), cast("BinaryIO", buffered(stream)))


def directory(blob: BinaryIO, budget: Budget) -> list[zipfile.ZipInfo]:
    """Give the entries of the central directory, directories among them.

    Raises:
        MemberError: where it is missing, damaged or over a limit.
    """
    size = blob.seek(0, io.SEEK_END)
    tail_bytes = min(size, _END_BYTES + _LONGEST_COMMENT)
    blob.seek(size - tail_bytes)
    tail = blob.read(tail_bytes)
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < _END_BYTES:
        raise damaged("the archive is damaged: its directory is missing")
    # The standard library reads all of the directory into memory, whatever its length.
    most = budget.limits.max_members * _MOST_DIRECTORY_BYTES_PER_MEMBER
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    if min(directory_bytes, size) > most:
        raise limited(f"the archive has more than {budget.limits.max_members} members")
    try:
        with zipfile.ZipFile(blob) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OSError) as error:
        raise damaged("the archive is damaged: its directory cannot be read") from error


def _open(blob: BinaryIO, info: zipfile.ZipInfo, budget: Budget) -> ExpandingStream:
    """Open a member's content; decompressed here, for the standard library bounds no step of it."""
    if info.flag_bits & _IS_ENCRYPTED or info.compress_type == _AES:
        raise MemberError(Problem(ProblemCode.ENCRYPTED, "it is encrypted"))
    # A damaged directory gives an offset before the archive's beginning.
    blob.seek(max(info.header_offset, 0))
    header = blob.read(30)
    is_there = info.header_offset >= 0 and len(header) == 30 and header.startswith(b"PK\x03\x04")
    if not is_there:
        raise damaged("the archive is damaged: a member is not where the directory says")
    name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
    start = info.header_offset + 30 + name_bytes + extra_bytes
    content = cast("BinaryIO", _Slice(blob, start, info.compress_size))
    begin = _METHODS.get(info.compress_type)
    if info.compress_type == zipfile.ZIP_LZMA:
        filters = _lzma_filters(content)
        begin = partial(lzma.LZMADecompressor, lzma.FORMAT_RAW, filters=filters)
        try:
            begin()
        except (lzma.LZMAError, MemoryError, ValueError) as error:
            # Properties that no encoder writes, for instance lc + lp over 4 (LZMA_LCLP_MAX).
            raise damaged("the compressed data is damaged") from error
    if begin is None:
        raise unsupported(f"compression method {info.compress_type} is not read")
    return ExpandingStream(content, begin, budget, expected=(info.file_size, info.CRC))


class _Slice(io.RawIOBase):
    """The bytes of one member, whoever else moves the archive's position."""

    def __init__(self, blob: BinaryIO, start: int, size: int) -> None:
        self._blob = blob
        self._position = start
        self._stop = start + size

    def read(self, size: int = -1) -> bytes:
        left = self._stop - self._position
        self._blob.seek(self._position)
        data = self._blob.read(left if size < 0 else min(size, left))
        self._position += len(data)
        return data


def _lzma_filters(content: BinaryIO) -> "list[dict[str, int]]":
    """Read the LZMA header of a member (APPNOTE 5.8.8): version, length and the properties."""
    _, length = _LZMA_HEADER.unpack(content.read(4).ljust(4, b"\0"))
    properties = content.read(length)
    if length != 5 or len(properties) < 5 or properties[0] >= 9 * 5 * 5:
        raise damaged("the compressed data is damaged")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    dictionary = int.from_bytes(properties[1:], "little")
    return [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]


class _Inflate64:
    """Deflate64 with the face of the other decompressors; one block of input at a time."""

    def __init__(self) -> None:
        self._inflate = inflate64.Inflater()
        self._held = b""

    @property
    def eof(self) -> bool:
        return bool(self._inflate.eof) and not self._held

    @property
    def needs_input(self) -> bool:
        return not self._held

    unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        held = self._held + (self._inflate.inflate(data) if data else b"")
        self._held = held[max_length:]
        return held[:max_length]


_METHODS: dict[int, Callable[[], Decompressor]] = {
    zipfile.ZIP_STORED: Stored,
    zipfile.ZIP_DEFLATED: lambda: Inflate(-15),
    9: _Inflate64,
    zipfile.ZIP_BZIP2: bz2.BZ2Decompressor,
}


def _name(info: zipfile.ZipInfo) -> str:
    """Give a member's name: UTF-8 where flagged or told beside it, else guessed from its bytes."""
    if info.flag_bits & _IS_UTF8:
        return label(info.orig_filename)
    raw = info.orig_filename.encode("cp437", "replace")
    told = _unicode_path(info.extra)
    return label(told or decode_text(raw, "")[0])


def _unicode_path(extra: bytes) -> str:
    """Read Info-ZIP's Unicode Path field (APPNOTE 4.6.9): version, CRC-32 of the name, UTF-8."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_PATH and length > 5:
            return extra[9 : 4 + length].decode("utf-8", "replace")
        extra = extra[4 + length :]
    return ""


def _time(info: zipfile.ZipInfo) -> datetime | None:
    """Give the DOS time, which has no zone, as if it were UTC."""
    try:
        return datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return None
