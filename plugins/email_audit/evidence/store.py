"""The evidence store: acquired bytes under their own SHA-256, written once, never changed."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem

from email_audit.errors import RunError, UserError
from email_audit.evidence.local import LocalFiles
from email_audit.evidence.remote import RemoteFiles

BLOCK_BYTES = 1 << 20
_BLOBS = "sha256"
_INCOMING = "incoming"
_DERIVED = "derived"
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """What is stored: the content's SHA-256 (lower-case hexadecimal) and its length in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob whose content is not what its name says; `found` is None where it is missing."""

    sha256: str
    found: str | None


class EvidenceStore:
    """Content-addressed store at an fsspec URL or a local folder.

    A blob lies at `sha256/ab/cd/abcd...`. It is written below `incoming/` first and moved to its
    name when all bytes are there; a local one is flushed to the disk (fsync of file and folder)
    before it counts, and made read-only. On an object store, where an object appears whole or not
    at all, a small one is written under its name at once. A name that exists is never written
    again.

    Raises:
        UserError: for an URL of no kind that is known, or whose driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self._files = _files_at(url)

    def check(self) -> None:
        """See that the store can be written to, before hours of work.

        Raises:
            RunError: where it cannot, with the reason.
        """
        self._files.check()

    def put(self, stream: BinaryIO, *, batch: str) -> Blob:
        """Store everything `stream` yields, in constant memory.

        `batch` names the folder below `incoming/`; several may write to one at once.

        What an error of the stream itself leaves behind is removed at once.

        Raises:
            RunError: where the store cannot be written, for instance because the disk is full.
        """
        begin = _read_up_to(stream, self._files.direct_bytes)
        if len(begin) < self._files.direct_bytes:
            blob = Blob(hashlib.sha256(begin).hexdigest(), len(begin))
            if not self.holds(blob.sha256):
                self._files.write_whole(_path(blob.sha256), begin)
            return blob
        incoming = f"{_INCOMING}/{batch}/{os.getpid()}-{os.urandom(6).hex()}"
        with self._files.create(incoming) as out:
            blob = _copy_hashed(begin, stream, out)
        if self.holds(blob.sha256):
            self._files.remove(incoming)
            return blob
        self._files.publish(incoming, _path(blob.sha256))
        if (size := self._files.size(_path(blob.sha256))) != blob.size:
            raise RunError(
                f"{self._files.place}: evidence {blob.sha256} has {size} bytes where {blob.size} "
                "were written; the store lost some: remove that file there and run again"
            )
        return blob

    def take(self, source: "EvidenceStore", sha256: str, *, batch: str) -> Blob | Damage:
        """Copy a blob from another store, or give its damage there; of damage nothing is kept.

        A blob that is here already is hashed again instead, and replaced where it is damaged.

        Raises:
            RunError: where this store cannot be written.
        """
        if self.holds(sha256):
            with self.open(sha256) as stream:
                here = hash_stream(stream)
            if here.sha256 == sha256:
                return here
        if not source.holds(sha256):
            return Damage(sha256, None)
        with source.open(sha256) as stream:
            try:
                found = hash_stream(stream).sha256
            except OSError as error:
                if error.errno == errno.EIO:  # a bad sector is damage; a lost network is not
                    return Damage(sha256, None)
                raise
            if found != sha256:
                return Damage(sha256, found)
            stream.seek(0)
            if self.holds(sha256):
                self._files.remove(_path(sha256))
            blob = self.put(stream, batch=batch)
        # What was written is what was hashed, unless the source changed in between.
        return blob if blob.sha256 == sha256 else Damage(sha256, blob.sha256)

    def names(self) -> Iterator[str]:
        """Yield the SHA-256 of every blob, in order of the names of a local folder's entries.

        What lies among the blobs and is none, for instance an editor's file, is left out.
        """
        yield from (name for name in self._files.names_below(_BLOBS) if _NAME.fullmatch(name))

    def is_empty(self) -> bool:
        """Say whether there is nothing at the store's place yet."""
        return self._files.is_empty()

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading at any position.

        Raises:
            RunError: where the store does not hold it.
        """
        try:
            return self._files.open(_path(sha256))
        except FileNotFoundError as error:
            raise RunError(
                f"{self._files.place}: evidence {sha256} is missing; restore the store from its "
                "backup"
            ) from error

    def holds(self, sha256: str) -> bool:
        """Say whether the store has a blob of that name (its content is not read)."""
        return self._files.exists(_path(sha256))

    def verify(self, sha256s: Iterator[str]) -> Iterator[Damage]:
        """Hash each named blob again and yield those that are missing or changed."""
        for sha256 in sha256s:
            if not self.holds(sha256):
                yield Damage(sha256, None)
                continue
            with self.open(sha256) as stream:
                found = hash_stream(stream).sha256
            if found != sha256:
                yield Damage(sha256, found)

    def derived(self, key: str) -> bytes | None:
        """Give what was derived from evidence and kept under `key`, None where there is nothing."""
        try:
            with self._files.open(f"{_DERIVED}/{key}") as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    def put_derived(self, key: str, data: bytes) -> None:
        """Keep what was derived from evidence: no evidence itself, it can be deleted at any time.

        Raises:
            RunError: where the store cannot be written.
        """
        self._files.write_whole(f"{_DERIVED}/{key}", data)

    def discard_incoming(self, batch: str) -> None:
        """Remove what was left half-written of a batch that nobody else is writing."""
        self._files.remove_folder(f"{_INCOMING}/{batch}")

    def discard_abandoned(self, *, before: datetime) -> None:
        """Remove what was left half-written, of every batch, and not touched since `before`.

        Nobody can tell an attempt that was killed from one that goes on elsewhere but by that: a
        live one writes all the time, and on an object store its file is there only for the
        moments in which it gets its name.

        Raises:
            RunError: where the store cannot be written.
        """
        self._files.remove_older(_INCOMING, before)


def hash_stream(stream: BinaryIO) -> Blob:
    """Hash everything `stream` yields, in constant memory."""
    digest, size = hashlib.sha256(), 0
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
        size += len(block)
    return Blob(digest.hexdigest(), size)


def _files_at(url: str) -> LocalFiles | RemoteFiles:
    try:
        filesystem, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        protocol = url.partition("://")[0]
        hint = (
            "install its driver with pip install 'email-audit[s3]'"
            if protocol in {"s3", "s3a"}
            else "it takes a folder, or an URL of fsspec such as s3://BUCKET/FOLDER"
        )
        raise UserError(f"evidence_url: {protocol}:// cannot be used: {hint}") from error
    if isinstance(filesystem, LocalFileSystem):
        return LocalFiles(Path(root))
    return RemoteFiles(filesystem, str(root).rstrip("/"), url.partition("://")[0])


def _path(sha256: str) -> str:
    return f"{_BLOBS}/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _read_up_to(stream: BinaryIO, length: int) -> bytes:
    """Read as much, less only at the end: a stream may give less than it is asked for."""
    read = bytearray()
    while len(read) < length and (block := stream.read(min(BLOCK_BYTES, length - len(read)))):
        read += block
    return bytes(read)


def _copy_hashed(begin: bytes, stream: BinaryIO, out: BinaryIO) -> Blob:
    digest, size, block = hashlib.sha256(), 0, begin or stream.read(BLOCK_BYTES)
    while block:
        digest.update(block)
        size += len(block)
        out.write(block)
        block = stream.read(BLOCK_BYTES)
    return Blob(digest.hexdigest(), size)
