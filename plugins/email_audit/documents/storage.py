"""A storage of a compound file, as the readers of DOC, XLS and PPT see it."""

from collections.abc import Iterator
from dataclasses import dataclass

from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus
from email_audit.msg.compound import CompoundError, CompoundFile, Entry


@dataclass(frozen=True, slots=True)
class Storage:
    """Streams by name; what is missing of one is a gap in the reading."""

    reading: Reading
    file: CompoundFile
    entry: Entry

    @property
    def stream_names(self) -> list[str]:
        """The names of the streams that lie directly in it."""
        return [entry.name for entry in self.entry.children.values() if entry.is_stream]

    def stream(self, name: str) -> bytes:
        """Give a stream's bytes, none where there is no such stream."""
        entry = self.entry.stream(name.upper())
        if entry is None:
            return b""
        found = self.file.read(entry)
        if not found.is_whole:
            self.reading.gap(AttachmentStatus.FAILED, "a part of the file is missing")
        return found.data

    def inner(self) -> Iterator["Storage"]:
        """Yield the storages inside, at any depth."""
        pending = [self.entry]
        while pending:
            for entry in pending.pop().children.values():
                if not entry.is_stream:
                    pending.append(entry)
                    yield Storage(self.reading, self.file, entry)


def root_storage(reading: Reading, data: bytes) -> Storage:
    """Open a compound file.

    Raises:
        ValueError: where it is none.
    """
    try:
        file = CompoundFile(data)
    except CompoundError as error:
        raise ValueError("no compound file") from error
    return Storage(reading, file, file.root)
