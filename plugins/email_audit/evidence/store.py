"""The evidence store: acquired bytes under their own SHA-256, written once, never changed."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from email_audit.archives.bounded import MemberError
from email_audit.errors import RunError

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
    before it counts, and made read-only. A name that exists is never written again.
    """

    def __init__(self, url: str) -> None:
        filesystem, root = fsspec.core.url_to_fs(url)
        self._fs: fsspec.AbstractFileSystem = filesystem
        self._root = str(root).rstrip("/")
        self._is_local = isinstance(filesystem, LocalFileSystem)

    def put(self, stream: BinaryIO, *, batch: str) -> Blob:
        """Store everything `stream` yields, in constant memory.

        `batch` names the acquisition, so that `discard_incoming` can remove what an interrupted
        one left behind.

        What an error of the stream itself leaves behind is removed at once.

        Raises:
            RunError: where the store cannot be written, for instance because the disk is full.
        """
        incoming = f"{self._root}/{_INCOMING}/{batch}/{os.getpid()}-{os.urandom(6).hex()}"
        try:
            self._fs.makedirs(self._parent(incoming), exist_ok=True)
            try:
                blob = self._write_hashed(stream, incoming)
            except MemberError:
                self._fs.rm_file(incoming)
                raise
            final = self._path(blob.sha256)
            if self._fs.exists(final):
                self._fs.rm_file(incoming)
                return blob
            self._fs.makedirs(self._parent(final), exist_ok=True)
            if self._is_local:
                _settle(Path(incoming), Path(final), Path(self._root))
            else:
                self._fs.mv(incoming, final)
            return blob
        except OSError as error:
            raise RunError(
                f"{self._root}: evidence cannot be written: {error.strerror or error}. "
                "What was acquired before is complete; make room or mend the store and run again"
            ) from error

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
                self._fs.rm_file(self._path(sha256))
            blob = self.put(stream, batch=batch)
        # What was written is what was hashed, unless the source changed in between.
        return blob if blob.sha256 == sha256 else Damage(sha256, blob.sha256)

    def names(self) -> Iterator[str]:
        """Yield the SHA-256 of every blob, in order of the names of a local folder's entries.

        What lies among the blobs and is none, for instance an editor's file, is left out.
        """
        root = f"{self._root}/{_BLOBS}"
        if not self._fs.exists(root):
            return
        for _, _, files in self._fs.walk(root, detail=False):
            yield from (name for name in sorted(files) if _NAME.fullmatch(name))

    def is_empty(self) -> bool:
        """Say whether there is nothing at the store's place yet."""
        return not self._fs.exists(self._root) or not self._fs.ls(self._root, detail=False)

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading at any position.

        Raises:
            RunError: where the store does not hold it.
        """
        try:
            return cast("BinaryIO", self._fs.open(self._path(sha256), "rb"))
        except FileNotFoundError as error:
            raise RunError(
                f"{self._root}: evidence {sha256} is missing; restore the store from its backup"
            ) from error

    def holds(self, sha256: str) -> bool:
        """Say whether the store has a blob of that name (its content is not read)."""
        return bool(self._fs.exists(self._path(sha256)))

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
            with self._fs.open(f"{self._root}/{_DERIVED}/{key}", "rb") as stream:
                return bytes(stream.read())
        except OSError:
            return None

    def put_derived(self, key: str, data: bytes) -> None:
        """Keep what was derived from evidence: no evidence itself, it can be deleted at any time.

        Raises:
            RunError: where the store cannot be written.
        """
        final = f"{self._root}/{_DERIVED}/{key}"
        written = f"{final}.{os.getpid()}-{os.urandom(6).hex()}"
        try:
            self._fs.makedirs(self._parent(final), exist_ok=True)
            self._fs.pipe_file(written, data)
            self._fs.mv(written, final)
        except OSError as error:
            raise RunError(
                f"{self._root}: derived data cannot be written: {error.strerror or error}"
            ) from error

    def discard_incoming(self, batch: str) -> None:
        """Remove what an interrupted acquisition left half-written."""
        folder = f"{self._root}/{_INCOMING}/{batch}"
        if self._fs.exists(folder):
            self._fs.rm(folder, recursive=True)

    def _write_hashed(self, stream: BinaryIO, path: str) -> Blob:
        digest, size = hashlib.sha256(), 0
        with self._fs.open(path, "wb") as out:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                out.write(block)
            out.flush()
            if self._is_local:
                os.fsync(out.fileno())
        return Blob(digest.hexdigest(), size)

    def _path(self, sha256: str) -> str:
        return f"{self._root}/{_BLOBS}/{sha256[:2]}/{sha256[2:4]}/{sha256}"

    @staticmethod
    def _parent(path: str) -> str:
        return path.rpartition("/")[0]


def hash_stream(stream: BinaryIO) -> Blob:
    """Hash everything `stream` yields, in constant memory."""
    digest, size = hashlib.sha256(), 0
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
        size += len(block)
    return Blob(digest.hexdigest(), size)


def _settle(incoming: Path, final: Path, root: Path) -> None:
    """Make a fully written local file read-only, give it its name, and make the name durable."""
    incoming.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    incoming.replace(final)
    folder = final.parent
    while True:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if folder == root:
            return
        folder = folder.parent
