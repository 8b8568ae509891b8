"""Streams that decompress a little at a time, and files compressed without an archive."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, cast

from email_audit.archives.bounded import (
    HEAD_BYTES,
    Budget,
    Entry,
    Member,
    damaged,
    is_tar_header,
    label,
    truncated,
)

BLOCK_BYTES = 1 << 16
_MOST_LZMA_MEMORY = 256 << 20
# RFC 1952 (gzip), XZ file format 1.2: the bytes that begin another stream of the same file.
_MAGIC = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00"}


class Decompressor(Protocol):
    """What bz2 and lzma have in common; `Inflate` and `Stored` give the same face."""

    @property
    def eof(self) -> bool:
        """Whether the stream's end was met."""

    @property
    def needs_input(self) -> bool:
        """Whether more output needs more input."""

    @property
    def unused_data(self) -> bytes:
        """What follows the stream's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Give at most `max_length` bytes."""


class Inflate:
    """zlib's decompressor with the face of those of bz2 and lzma."""

    def __init__(self, window_bits: int) -> None:
        self._inflate = zlib.decompressobj(window_bits)
        self._tail = b""
        self._may_have_more = False

    @property
    def eof(self) -> bool:
        """Whether the stream's end was met."""
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        """Whether more output needs more input."""
        return not self._tail and not self._may_have_more

    @property
    def unused_data(self) -> bytes:
        """What follows the stream's end."""
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Give at most `max_length` bytes."""
        out = self._inflate.decompress(self._tail + data, max_length)
        self._tail = self._inflate.unconsumed_tail
        # A full answer may leave output in zlib's window although all input is taken.
        self._may_have_more = len(out) == max_length and not self._inflate.eof
        return out


class Stored:
    """Bytes that are not compressed, with the face of a decompressor."""

    eof = False
    unused_data = b""

    def __init__(self) -> None:
        self._held = b""

    @property
    def needs_input(self) -> bool:
        """Whether more output needs more input."""
        return not self._held

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Give at most `max_length` bytes."""
        held = self._held + data
        self._held = held[max_length:]
        return held[:max_length]


class ExpandingStream(io.RawIOBase):
    """What `source` expands to, read forward only; every byte is counted before it is given.

    `begin` makes the decompressor; `magic` begins another compressed stream of the same file (""
    where there can be none). `expected` is the length and CRC-32 that must come out, if known.
    """

    def __init__(
        self,
        source: BinaryIO,
        begin: Callable[[], Decompressor],
        budget: Budget,
        *,
        magic: bytes = b"",
        expected: tuple[int, int] | None = None,
    ) -> None:
        self._source = source
        self._begin = begin
        self._decompressor = begin()
        self._budget = budget
        self._magic = magic
        self._expected = expected
        self._taken = self._given = self._crc = 0
        self._ended = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fill `buffer` with the next bytes; 0 at the end.

        Raises:
            MemberError: where the content is damaged, cut off or over a limit.
        """
        data = self._next(min(len(buffer), BLOCK_BYTES))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, most: int) -> bytes:
        while not self._ended:
            try:
                data = self._step(most)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise damaged("the compressed data is damaged") from error
            except MemoryError as error:
                raise damaged("decompressing needs too much memory") from error
            if data:
                self._given += len(data)
                self._crc = zlib.crc32(data, self._crc)
                self._budget.spend_bytes(len(data))
                self._budget.check_ratio(self._given, self._taken)
                if self._expected and self._given > self._expected[0]:
                    raise damaged("there is more content than the archive says")
                return data
        if self._expected and self._expected != (self._given, self._crc):
            raise damaged("the content does not fit its checksum (CRC-32)")
        return b""

    def _step(self, most: int) -> bytes:
        decompressor = self._decompressor
        if decompressor.eof:
            self._next_stream(decompressor.unused_data)
            return b""
        if not decompressor.needs_input:
            return decompressor.decompress(b"", most)
        block = self._source.read(BLOCK_BYTES)
        self._taken += len(block)
        if block:
            return decompressor.decompress(block, most)
        if not isinstance(decompressor, Stored):
            data = decompressor.decompress(b"", most)
            if data:
                return data
            raise truncated("the compressed data ends too early")
        self._ended = True
        return b""

    def _next_stream(self, rest: bytes) -> None:
        """Go on with a compressed stream that follows, or end (what else follows is padding)."""
        if self._magic and len(rest) < len(self._magic):
            more = self._source.read(BLOCK_BYTES)
            self._taken += len(more)
            rest += more
        if not self._magic or not rest.startswith(self._magic):
            self._ended = True
            return
        self._decompressor = self._begin()
        self._source = cast("BinaryIO", _Prefixed(rest, self._source))


class _Prefixed(io.RawIOBase):
    """`prefix`, then what `source` still holds."""

    def __init__(self, prefix: bytes, source: BinaryIO) -> None:
        self._prefix = prefix
        self._source = source

    def read(self, size: int = -1) -> bytes:
        if self._prefix:
            prefix, self._prefix = self._prefix, b""
            return prefix
        return self._source.read(size)


def buffered(stream: io.RawIOBase) -> io.BufferedReader:
    """Give a raw stream the reading of exact lengths."""
    return io.BufferedReader(stream, BLOCK_BYTES)


def expanded(blob: BinaryIO, kind: str, budget: Budget) -> io.BufferedReader:
    """Give what a compressed file of that kind expands to, read forward only."""
    return buffered(ExpandingStream(blob, _BEGIN[kind], budget, magic=_MAGIC[kind]))


def compressed_entries(blob: BinaryIO, kind: str, name: str, budget: Budget) -> Iterator[Entry]:
    """Yield what a compressed file holds: the members of a TAR, or the one file."""
    from email_audit.archives.tar import tar_entries

    stream = expanded(blob, kind, budget)
    if is_tar_header(stream.peek(HEAD_BYTES)[:HEAD_BYTES]):
        yield from tar_entries(cast("BinaryIO", stream), budget, is_counted=True)
        return
    budget.spend_member()
    yield Member(_inner_name(name), None, None, cast("BinaryIO", stream))


def _inner_name(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    return label(path.stem if path.suffix else path.name) or "content"


_BEGIN: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: Inflate(31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_LZMA_MEMORY),
}
