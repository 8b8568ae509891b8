"""Read or tag files and folders without an audit around them (`email-audit read`, `tag`)."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TypeVar, cast

from email_audit.archives.bounded import MemberError
from email_audit.archives.expand import ExportFile, FileRole
from email_audit.errors import UserError
from email_audit.evidence.store import BLOCK_BYTES
from email_audit.exports import mail_files
from email_audit.isolation.process import IsolatedProcess
from email_audit.messages.contract import MessageLine, as_contract
from email_audit.messages.records import Message
from email_audit.messages.threads import ThreadKeys, assign_threads, thread_keys
from email_audit.messages.unreadable import unreadable_message
from email_audit.settings import Settings
from email_audit.sources.base import Extent, Unreadable
from email_audit.steps.isolated import Place, read_stretches
from email_audit.steps.members import archive_limits, export_members
from email_audit.steps.places import LoosePlace, RefusedPlace
from email_audit.steps.reading import process_limits
from email_audit.steps.rows import join_path
from email_audit.steps.tag import tag_input
from email_audit.tagging.records import Tag, Tagger

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LooseMessage:
    """A message and where it was found."""

    source: str
    path_in_source: str
    message: Message

    def as_contract(self, thread: str) -> MessageLine:
        """Give the line of `email-audit read`."""
        return as_contract(
            self.message,
            source=self.source,
            path_in_source=self.path_in_source,
            thread=thread,
        )


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file as it lies there."""

    path: Path

    def open(self) -> BinaryIO:
        """Open the file."""
        return cast("BinaryIO", self.path.open("rb"))


def read_loose(paths: Sequence[Path]) -> Iterator[LooseMessage]:
    """Yield every message of `paths` in order; what cannot be read is yielded as unreadable.

    Raises:
        UserError: where a file or folder cannot be opened.
    """
    for source, path_in_source, message in _read(paths, as_message):
        yield LooseMessage(source, path_in_source, message)


def threads_of(paths: Sequence[Path]) -> Iterator[str]:
    """Give the threads of what `read_loose` yields, in the same order.

    A pass of its own that keeps only keys: the messages of a large mailbox do not fit in memory,
    and the last one may join the first two.
    """
    return iter(assign_threads([keys for _, _, keys in _read(paths, as_thread_keys)]))


def tag_loose(paths: Sequence[Path], tagger: Tagger) -> Iterator[tuple[Message, Tag]]:
    """Yield every message of `paths` with its tag, in order."""
    batch: list[Message] = []
    for found in read_loose(paths):
        batch.append(found.message)
        if len(batch) == _BATCH_MESSAGES:
            yield from _tagged(batch, tagger)
            batch = []
    yield from _tagged(batch, tagger)


_BATCH_MESSAGES = 200


def _tagged(messages: list[Message], tagger: Tagger) -> Iterator[tuple[Message, Tag]]:
    tags = tagger.tag(tag_input(message, None) for message in messages)
    return zip(messages, tags, strict=True)


def _read(
    paths: Sequence[Path], reduce: Callable[[Message | Unreadable], _T]
) -> Iterator[tuple[str, str, _T]]:
    """Yield path given, path in it and reduced content of every item."""
    settings = Settings.create(workspace=Path())
    with IsolatedProcess(process_limits(settings)) as process:
        for path in paths:
            try:
                with TemporaryDirectory(prefix="email-audit-") as folder:
                    members = export_members(
                        [ExportFile(name, FileContent(file)) for file, name in mail_files(path)],
                        _Keep(Path(folder)),
                        archive_limits(settings),
                        max_message_bytes=settings.max_message_bytes,
                    )
                    stretches = [
                        (member, place, extent)
                        for member in members
                        for place, extent in _stretches(member, path.name, settings)
                    ]
                    places = [(place, extent) for _, place, extent in stretches]
                    for position, item in read_stretches(process, places, reduce):
                        where = join_path(stretches[position][0].path, item.path_in_source)
                        yield str(path), where, item.content
            except OSError as error:
                raise UserError(
                    f"{error.filename or path}: cannot be read: {error.strerror or error}"
                ) from error


def _stretches(
    file: ExportFile[FileContent], outer_name: str, settings: Settings
) -> Iterator[tuple[Place, Extent]]:
    if file.role is FileRole.ARCHIVE:
        return
    place: Place = LoosePlace(file.content.path, file.path or outer_name, settings, file.problem)
    if file.role is FileRole.REFUSED and file.problem is not None:
        place = RefusedPlace(file.problem)
    with place.open() as (source, stream):
        for extent in source.extents(stream, max_items=1 << 30, max_bytes=1 << 62):
            yield place, extent


class _Keep:
    """Writes what is in archives to a temporary folder, under numbers: names are only labels."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def __call__(self, stream: BinaryIO) -> FileContent:
        self._count += 1
        path = self._folder / str(self._count)
        try:
            with path.open("wb") as out:
                shutil.copyfileobj(stream, out, BLOCK_BYTES)
        except MemberError:
            path.unlink()
            raise
        return FileContent(path)


def as_message(parsed: Message | Unreadable) -> Message:
    """Give the record that stands for an item, readable or not."""
    return unreadable_message((parsed.problem,)) if isinstance(parsed, Unreadable) else parsed


def as_thread_keys(parsed: Message | Unreadable) -> ThreadKeys:
    """Give what threads are made from."""
    return thread_keys(as_message(parsed))
