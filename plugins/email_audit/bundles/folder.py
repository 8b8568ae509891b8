"""A folder that appears under its name only when all of it is written and on the disk."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from email_audit.errors import RunError, UserError


class AppendedFile:
    """A file written piece by piece, hashed on the way."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("xb")
        self._digest = hashlib.sha256()

    def append(self, data: bytes) -> None:
        """Write `data` at the end."""
        self._stream.write(data)
        self._digest.update(data)

    def close(self) -> str:
        """Write out what is buffered; give the SHA-256 of it all."""
        self._stream.close()
        return self._digest.hexdigest()


class FolderInProgress:
    """The files written so far, each with its SHA-256."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hashes: dict[str, str] = {}

    def add(self, path: str, data: bytes) -> str:
        """Write a whole file at `path`, relative with "/"; give its SHA-256."""
        with self.appending(path) as file:
            file.append(data)
        return self.hashes[path]

    @contextmanager
    def appending(self, path: str) -> Iterator[AppendedFile]:
        """Open a new file at `path` that is entered with its hash when it is closed."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        file = AppendedFile(target)
        try:
            yield file
        finally:
            self.hashes[path] = file.close()

    def manifest(self) -> bytes:
        """Give the lines `sha256sum --check` takes, in order of paths."""
        lines = (f"{digest}  {path}\n" for path, digest in sorted(self.hashes.items()))
        return "".join(lines).encode()


@contextmanager
def folder_appearing_at(to: Path) -> Iterator[FolderInProgress]:
    """Write into a hidden folder beside `to`; on leaving, flush it to the disk and rename it.

    Where the block or the writing fails, nothing is left: not under the name, not beside it. A
    process that is killed can leave `.NAME.partial-...` behind, never `NAME`.

    Raises:
        UserError: where `to` exists and is not an empty folder.
        RunError: where the folder cannot be written, for instance because the disk is full.
    """
    to = Path(os.path.abspath(to))  # noqa: PTH100 - resolve() would follow a link at the end
    if to.is_symlink() or (to.exists() and not (to.is_dir() and not any(to.iterdir()))):
        raise UserError(
            f"{to}: exists and is not an empty folder; a bundle never overwrites anything. "
            "Name a folder that does not exist"
        )
    partial = to.with_name(f".{to.name}.partial-{os.urandom(6).hex()}")
    try:
        partial.mkdir(parents=True)
        yield FolderInProgress(partial)
        _flush(partial)
        partial.rename(to)
        _flush_entry(to.parent)
    except OSError as error:
        raise RunError(
            f"{to}: cannot be written: {error.strerror or error}. Nothing was left there; "
            "make room or choose another place and export again"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Wait until every file below `folder` and every name in it is on the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _flush_entry(Path(parent, name))
        _flush_entry(Path(parent))


def _flush_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
