"""The files of an evidence store in a folder: durable when they have their name, then read-only."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from email_audit.errors import RunError


class LocalFiles:
    """Files below one folder. What cannot be written is a RunError that names the folder."""

    direct_bytes = 0
    """Nothing is written under its final name at once: a power cut would leave half of it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.place = str(root)

    def check(self) -> None:
        """Make the folder."""
        with self.clear():
            self._root.mkdir(parents=True, exist_ok=True)

    def exists(self, path: str) -> bool:
        """Say whether there is a file of that name."""
        return (self._root / path).exists()

    def size(self, path: str) -> int:
        """Give a file's length in bytes."""
        return (self._root / path).stat().st_size

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading at any position.

        Raises:
            FileNotFoundError: where there is none.
        """
        try:
            return (self._root / path).open("rb")
        except NotADirectoryError as error:
            raise FileNotFoundError(error.errno, error.strerror, error.filename) from error

    @contextmanager
    def create(self, path: str) -> Iterator[BinaryIO]:
        """Open a new file for writing, flushed to the disk (fsync) at the end of the block.

        What goes wrong in the block removes it.
        """
        file = self._root / path
        with self.clear():
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with file.open("xb") as stream:
                    yield stream
                    stream.flush()
                    os.fsync(stream.fileno())
            except BaseException:
                file.unlink(missing_ok=True)
                raise

    def write_whole(self, path: str, data: bytes) -> None:
        """Write a file so that others see all of it or nothing."""
        final = self._root / path
        beside = final.with_name(f"{final.name}.{os.getpid()}-{os.urandom(6).hex()}")
        with self.clear():
            final.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data)
            beside.replace(final)

    def publish(self, incoming: str, final: str) -> None:
        """Make a fully written file read-only, give it its name, and make the name durable."""
        source, target = self._root / incoming, self._root / final
        with self.clear():
            source.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
            for folder in target.parents:
                _sync(folder)
                if folder == self._root:
                    return

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self.clear():
            (self._root / path).unlink()

    def names_below(self, path: str) -> Iterator[str]:
        """Yield the names of all files below a name, folder by folder, each folder's in order."""
        for _, _, files in os.walk(self._root / path):
            yield from sorted(files)

    def is_empty(self) -> bool:
        """Say whether there is nothing yet."""
        return not self._root.exists() or not any(self._root.iterdir())

    def remove_folder(self, path: str) -> None:
        """Remove all files below a name, if there are any."""
        with self.clear():
            if (self._root / path).exists():
                shutil.rmtree(self._root / path)

    def remove_older(self, path: str, moment: datetime) -> None:
        """Remove all files below a name that were last written before `moment`."""
        with self.clear():
            for folder, _, names in os.walk(self._root / path):
                for name in names:
                    file = Path(folder, name)
                    with suppress(FileNotFoundError):  # it got its name, or another removed it
                        if file.stat().st_mtime < moment.timestamp():
                            file.unlink()

    @contextmanager
    def clear(self) -> Iterator[None]:
        """Turn what the disk says into one message."""
        try:
            yield
        except OSError as error:
            raise RunError(
                f"{self._root}: evidence cannot be written: {error.strerror or error}. "
                "What was acquired before is complete; make room or mend the store and run again"
            ) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
