"""The files of an evidence store on a server that fsspec reaches, for instance S3."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import fsspec

from email_audit.errors import EmailAuditError, RunError

_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})
"""Protocols of stores that show an object when all of it is there, and have no folders."""

_DIRECT_BYTES = 16 << 20
_BUFFER_BYTES = 1 << 16
_READING: dict[str, Any] = {
    "block_size": 4 << 20,
    "cache_type": "blockcache",
    "cache_options": {"maxblocks": 16},
}
"""How a blob is opened: mailbox files are read here and there, a whole block at a time."""

_CURE = "Nothing is lost; mend the store, its keys or the way to it and run again"


class RemoteFiles:
    """Files below one place on a server. Every failure is a RunError that names the place."""

    def __init__(self, filesystem: fsspec.AbstractFileSystem, root: str, protocol: str) -> None:
        self._fs = filesystem
        self._root = root
        self._is_object_store = protocol in _OBJECT_STORES
        self.place = f"{protocol}://{root}"

    @property
    def direct_bytes(self) -> int:
        """What is written under its final name at once: objects appear whole or not at all."""
        return _DIRECT_BYTES if self._is_object_store else 0

    def check(self) -> None:
        """See that something can be written there, before hours of work.

        Raises:
            RunError: where it cannot, with the server's reason.
        """
        self.write_whole("derived/reachable", b"")

    def exists(self, path: str) -> bool:
        """Say whether there is a file of that name."""
        with self.clear("cannot be looked up"):
            return self._exists(path)

    def size(self, path: str) -> int:
        """Give a file's length in bytes."""
        with self.clear("cannot be looked up"):
            return int(self._fs.size(self._at(path)))

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading at any position.

        Raises:
            FileNotFoundError: where there is none.
        """
        try:
            with self.clear("cannot be read"):
                stream = self._fs.open(self._at(path), "rb", **_READING)
        except RunError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise error.__cause__ from None
            raise
        return io.BufferedReader(_RemoteBlob(stream, self), _BUFFER_BYTES)

    @contextmanager
    def create(self, path: str) -> Iterator[BinaryIO]:
        """Open a new file for writing; what goes wrong in the block removes it."""
        with self.clear("cannot be written"):
            self._make_folder(path)
            stream = self._fs.open(self._at(path), "wb")
        try:
            yield cast("BinaryIO", _Writing(stream, self))
        except BaseException:
            with self.clear("cannot be written"):
                stream.close()
                self._fs.rm_file(self._at(path))
            raise
        with self.clear("cannot be written"):
            stream.close()

    def write_whole(self, path: str, data: bytes) -> None:
        """Write a file so that others see all of it or nothing."""
        with self.clear("cannot be written"):
            self._make_folder(path)
            if self._is_object_store:
                self._fs.pipe_file(self._at(path), data)
                return
            beside = f"{self._at(path)}.{os.urandom(8).hex()}"
            self._fs.pipe_file(beside, data)
            self._fs.mv(beside, self._at(path))

    def publish(self, incoming: str, final: str) -> None:
        """Give a fully written file its name.

        On an object store that is a copy on the server, which shows its whole result or none, and
        the removal of what was copied.
        """
        with self.clear("cannot be written"):
            self._make_folder(final)
            self._fs.mv(self._at(incoming), self._at(final))

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self.clear("cannot be written"):
            self._fs.rm_file(self._at(path))

    def names_below(self, path: str) -> Iterator[str]:
        """Yield the names of all files below a name, folder by folder, each folder's in order."""
        with self.clear("cannot be listed"):
            self._fs.invalidate_cache()
            walk = self._fs.walk(self._at(path), detail=False) if self._exists(path) else iter(())
        while True:
            with self.clear("cannot be listed"):
                folder = next(walk, None)
            if folder is None:
                return
            yield from sorted(folder[2])

    def is_empty(self) -> bool:
        """Say whether there is nothing yet."""
        with self.clear("cannot be listed"):
            self._fs.invalidate_cache()
            return not self._exists("") or not self._fs.ls(self._root, detail=False)

    def remove_folder(self, path: str) -> None:
        """Remove all files below a name, if there are any."""
        with self.clear("cannot be written"):
            self._fs.invalidate_cache()
            if self._exists(path):
                self._fs.rm(self._at(path), recursive=True)

    def remove_older(self, path: str, moment: datetime) -> None:
        """Remove all files below a name that were last written before `moment`.

        A driver that does not tell when a file was written leaves all.
        """
        with self.clear("cannot be written"):
            self._fs.invalidate_cache()
            for name in self._fs.find(self._at(path)):
                with suppress(FileNotFoundError, NotImplementedError):
                    modified = self._fs.modified(name)
                    if modified.tzinfo is None:
                        modified = modified.replace(tzinfo=UTC)
                    if modified < moment:
                        self._fs.rm_file(name)

    def _exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._at(path)))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _make_folder(self, path: str) -> None:
        # On an object store this would make the bucket where its name is misspelt.
        if not self._is_object_store:
            self._fs.makedirs(self._at(path).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def clear(self, what: str) -> Iterator[None]:
        """Turn whatever the server's driver raises into one message.

        Each driver of fsspec has exceptions of its own, many of them no OSError. One that came
        through would be taken for a fault of the message that is being read, and the message for
        unreadable.
        """
        try:
            yield
        except (EmailAuditError, MemoryError):
            raise
        except Exception as error:
            raise RunError(f"{self.place}: evidence {what}: {_said(error)}. {_CURE}") from error


def _said(error: Exception) -> str:
    """Give the first line of what a driver says, with the kind of its exception."""
    said = str(getattr(error, "strerror", None) or error).strip().splitlines()
    return f"{said[0].rstrip('.')} ({type(error).__name__})" if said else type(error).__name__


class _RemoteBlob(io.RawIOBase):
    """A blob on a server; a failure to read it is one of the store, never of what is in it."""

    def __init__(self, stream: Any, files: RemoteFiles) -> None:
        self._stream = stream
        self._files = files

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """Give the position."""
        return int(self._stream.tell())

    def readinto(self, buffer: Any) -> int:
        """Read at the position.

        Raises:
            RunError: where the server does not give the bytes.
        """
        view = memoryview(buffer)
        with self._files.clear("cannot be read"):
            data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close it."""
        if not self.closed:
            self._stream.close()
        super().close()


class _Writing(io.RawIOBase):
    """A file on a server while it is written."""

    def __init__(self, stream: Any, files: RemoteFiles) -> None:
        self._stream = stream
        self._files = files

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: Any) -> int:
        """Write a block.

        Raises:
            RunError: where the server does not take it.
        """
        with self._files.clear("cannot be written"):
            return int(self._stream.write(data))
