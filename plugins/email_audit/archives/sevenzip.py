"""The members of a 7z archive, through py7zr."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import py7zr
from py7zr.exceptions import PasswordRequired, UnsupportedCompressionMethodError
from py7zr.io import MemIO, Py7zIO, WriterFactory

from email_audit.archives.bounded import (
    Budget,
    Entry,
    Member,
    MemberError,
    Refused,
    damaged,
    label,
    unsupported,
)
from email_audit.messages.records import Problem, ProblemCode

_IN_MEMORY_BYTES = 8 << 20
_ENCRYPTED = Problem(ProblemCode.ENCRYPTED, "it is encrypted")
# 7-Zip's forks; their decompressors take no bound of what one step may give.
_UNBOUNDED_METHODS = frozenset({b"\x04\xf7\x11\x01", b"\x04\xf7\x11\x02"})


def sevenzip_entries(blob: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """Yield the members, folder by folder (7z's word for what is compressed as one stream).

    A folder is expanded into temporary files before its first member is given: 7z can only be read
    forward. A member that cannot be read costs those after it in the same folder.

    Raises:
        MemberError: where the archive's structure cannot be read.
    """
    archive = _opened(blob)
    if archive is None:
        yield Refused("", _ENCRYPTED)
        return
    for info in archive.files:
        if info.emptystream and not info.is_directory:
            budget.spend_member()
            with tempfile.TemporaryFile() as empty:
                yield Member(label(info.filename), 0, _time(info), cast("BinaryIO", empty))
    for number, files in _folders(archive):
        for _ in files:
            budget.spend_member()
        yield from _folder_entries(archive, number, files, budget)


def _opened(blob: BinaryIO) -> "py7zr.SevenZipFile | None":
    """Open an archive; None where its list of members is encrypted."""
    try:
        return py7zr.SevenZipFile(blob)
    except PasswordRequired:
        return None
    except Exception as error:  # py7zr raises whatever a broken header leads to
        raise damaged("the archive is damaged: its header cannot be read") from error


def _folders(archive: py7zr.SevenZipFile) -> "list[tuple[int, list[Any]]]":
    streams = getattr(archive.header, "main_streams", None)
    if streams is None:
        return []
    return [
        (number, list(folder.files))
        for number, folder in enumerate(streams.unpackinfo.folders)
        if folder.files is not None
    ]


def _folder_entries(
    archive: py7zr.SevenZipFile, number: int, files: "list[Any]", budget: Budget
) -> Iterator[Entry]:
    written: dict[str, _Spool] = {}
    problem = _expand(archive, number, files, written, budget)
    try:
        for info in files:
            name = label(info.filename)
            spool = written.get(str(info.id))
            if spool is not None and spool.is_complete:
                spool.file.seek(0)
                yield Member(name, info.uncompressed, _time(info), cast("BinaryIO", spool.file))
                spool.file.close()
            else:
                yield Refused(name, problem or _MISSING)
    finally:
        for spool in written.values():
            spool.file.close()


_MISSING = Problem(ProblemCode.DAMAGED, "the archive is damaged: the member has no content")


def _expand(
    archive: py7zr.SevenZipFile,
    number: int,
    files: "list[Any]",
    written: "dict[str, _Spool]",
    budget: Budget,
) -> Problem | None:
    """Expand one folder into `written`, by the members' numbers; says what stopped it."""
    folder = archive.header.main_streams.unpackinfo.folders[number]
    positions = archive.header.main_streams.packinfo.packpositions
    compressed = positions[number + 1] - positions[number] if number + 1 < len(positions) else 0
    factory = _Spools(written, budget, compressed)
    try:
        if any(bytes(coder["method"]) in _UNBOUNDED_METHODS for coder in folder.coders):
            raise unsupported("its compression method is not read")
        for info in files:
            # By number: names repeat, and py7zr refuses those that leave a folder.
            archive.worker.register_filelike(info.id, MemIO(str(info.id), factory))
        start = archive.afterheader
        archive.worker.extract_single(
            archive.fp,
            folder.files,
            None,
            start + positions[number],
            start + positions[number + 1],
            None,
        )
    except MemberError as error:
        return error.problem
    except PasswordRequired:
        return _ENCRYPTED
    except UnsupportedCompressionMethodError:
        return unsupported("its compression method is not read").problem
    except MemoryError:
        return damaged("decompressing needs too much memory").problem
    except Exception:  # noqa: BLE001 - see _opened
        return damaged("the compressed data is damaged").problem
    return None


class _Spool(Py7zIO):
    """The content of one member while it is expanded."""

    def __init__(self, budget: Budget, compressed: int) -> None:
        self.file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - outlives this
        self.is_complete = False
        self._budget = budget
        self._compressed = compressed
        self._size = 0

    def write(self, s: bytes | bytearray) -> int:
        self._size += len(s)
        self._budget.spend_bytes(len(s))
        self._budget.check_ratio(self._size, self._compressed)
        return self.file.write(s)

    def read(self, size: int | None = None) -> bytes:
        return self.file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def flush(self) -> None:
        self.file.flush()

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        """Note that the member is whole: py7zr closes only those whose checksum holds."""
        self.is_complete = True


class _Spools(WriterFactory):
    def __init__(self, written: dict[str, _Spool], budget: Budget, compressed: int) -> None:
        self._written = written
        self._budget = budget
        self._compressed = compressed

    def create(self, filename: str) -> Py7zIO:
        spool = self._written[filename] = _Spool(self._budget, self._compressed)
        return spool


def _time(info: "Any") -> datetime | None:
    try:
        written = info.lastwritetime
        return None if written is None else datetime.fromtimestamp(written.totimestamp(), UTC)
    except (OverflowError, ValueError, OSError):
        return None
