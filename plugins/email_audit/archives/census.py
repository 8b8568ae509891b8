"""What an archive's own directory lists, counted apart from the reader of its members.

The reader (`bounded.archive_entries`) says what it found; this says what should be there. The two
share no code but the recognition of a TAR header.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

import py7zr

from email_audit.archives.bounded import (
    ArchiveLimits,
    Budget,
    MemberError,
    is_tar_header,
)
from email_audit.archives.streams import expanded

_END, _END64, _LOCATOR64, _ENTRY = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_LONGEST_END_BYTES = 22 + 0xFFFF
_MOST_DIRECTORY_BYTES = 1 << 30
_TAR_WITHOUT_CONTENT = frozenset(b"23456VDxgXLK")
_PAX_SIZE = re.compile(rb"(?:^|\n)\d{1,6} size=(\d{1,19})\n")
_LONGEST_PAX_HEADER = 1 << 20
_OFFICE_OPEN = {"[Content_Types].xml", "_rels/.rels"}
_OUTLOOK_FOR_MAC = "com.microsoft.__Messages"


def count_files(blob: BinaryIO, kind: str, is_wanted: Callable[[str], bool]) -> int | None:
    """Count the files that the directory of an archive of that kind lists and that are wanted.

    `is_wanted` is asked with each name where the kind of archive tells it. None where there is no
    directory that can be read to its end.
    """
    blob.seek(0)
    try:
        match kind:
            case "zip":
                return sum(
                    1 for name in zip_names(blob) if not name.endswith("/") and is_wanted(name)
                )
            case "7z":
                return _count_7z(blob, is_wanted)
            case "tar":
                return _count_tar(blob, is_wanted)
            case _:
                stream = expanded(blob, kind, Budget(_UNLIMITED))
                if is_tar_header(stream.peek(512)[:512]):
                    return _count_tar(cast("BinaryIO", stream), is_wanted)
                return 1
    except (MemberError, struct.error, ValueError):
        return None


_UNLIMITED = ArchiveLimits(max_bytes=1 << 62)
"""The reader has expanded the same bytes within its limits before."""


def is_document(blob: BinaryIO) -> bool:
    """Say whether a ZIP archive is one document or mailbox made of parts, not files put together.

    Office Open XML (ECMA-376 part 2), OpenDocument and EPUB (a first entry `mimetype`), and
    Outlook for Mac's OLM.
    """
    wanted = set(_OFFICE_OPEN)
    try:
        for position, name in enumerate(zip_names(blob)):
            wanted.discard(name)
            if (
                not wanted
                or (position == 0 and name == "mimetype")
                or _OUTLOOK_FOR_MAC in PurePosixPath(name).parts
            ):
                return True
    except (struct.error, ValueError):
        return False
    return False


def zip_names(blob: BinaryIO) -> Iterator[str]:
    """Yield the names in the central directory (APPNOTE 4.3.12 to 4.3.16).

    Raises:
        ValueError, struct.error: where there is none, or it is damaged.
    """
    size = blob.seek(0, io.SEEK_END)
    blob.seek(max(0, size - _LONGEST_END_BYTES))
    tail = blob.read()
    end = tail.rfind(_END)
    if end < 0:
        raise ValueError("no end of central directory")
    total, length, offset = struct.unpack_from("<HII", tail, end + 10)
    end_position = size - len(tail) + end
    start = end_position - length
    if end >= 20 and tail[end - 20 : end - 16] == _LOCATOR64:
        (record,) = struct.unpack_from("<Q", tail, end - 12)
        blob.seek(record)
        head = blob.read(56)
        if head.startswith(_END64):
            total, length, offset = struct.unpack_from("<QQQ", head, 32)
            start = offset
    if not 0 <= start <= end_position or length > _MOST_DIRECTORY_BYTES:
        raise ValueError("the central directory does not fit the archive")
    blob.seek(start)
    directory = blob.read(length)
    position = 0
    for _ in range(total):
        if directory[position : position + 4] != _ENTRY:
            raise ValueError("the central directory is damaged")
        flags = int.from_bytes(directory[position + 8 : position + 10], "little")
        names, extra, comment = struct.unpack_from("<HHH", directory, position + 28)
        name = directory[position + 46 : position + 46 + names]
        has_content = any(directory[position + 24 : position + 28])
        text = name.decode("utf-8" if flags & 0x800 else "cp437", "replace")
        # A folder's name ends with a slash; what has content is a file, whatever its name.
        yield text.rstrip("/") if has_content else text
        position += 46 + names + extra + comment


def _count_7z(blob: BinaryIO, is_wanted: Callable[[str], bool]) -> int | None:
    try:
        with py7zr.SevenZipFile(blob) as archive:
            return sum(
                1
                for info in archive.files
                if not info.is_directory and not info.is_symlink and is_wanted(info.filename)
            )
    except Exception:  # noqa: BLE001 - py7zr raises whatever a broken header leads to
        return None


def _count_tar(blob: BinaryIO, is_wanted: Callable[[str], bool]) -> int:
    """Count from header to header; names longer than a header's field are taken as wanted."""
    count = 0
    told_size: int | None = None
    has_long_name = False
    while len(header := blob.read(512)) == 512:
        if not is_tar_header(header):
            if header.count(0) == 512:
                continue
            raise ValueError("a header is damaged")
        kind, raw = header[156], header[124:136]
        size = (
            int.from_bytes(bytes([raw[0] & 0x7F]) + raw[1:], "big")
            if raw[0] & 0x80
            else int(raw.strip(b" \0") or b"0", 8)
        )
        if kind in b"xgX":
            fields = blob.read(size) if size <= _LONGEST_PAX_HEADER else b""
            match = _PAX_SIZE.search(fields)
            told_size = told_size if match is None else int(match[1])
            has_long_name = has_long_name or b" path=" in fields
            _skip(blob, size + -size % 512 - len(fields))
            continue
        if kind not in b"LK":
            name = header[:100].rstrip(b"\0").decode("utf-8", "replace")
            if kind not in _TAR_WITHOUT_CONTENT and (has_long_name or is_wanted(name)):
                count += 1
            size = size if told_size is None else told_size
            size = 0 if kind in b"123456" else size
            told_size, has_long_name = None, False
        else:
            has_long_name = True
        _skip(blob, size + -size % 512)
    return count


def _skip(blob: BinaryIO, size: int) -> None:
    while size > 0:
        block = blob.read(min(size, 1 << 20))
        if not block:
            raise ValueError("the archive ends within a member")
        size -= len(block)
