"""Where a container's bytes are: in the evidence store, or in a loose file."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from email_audit.evidence.store import EvidenceStore
from email_audit.messages.records import Message, Problem
from email_audit.messages.unreadable import unreadable_message
from email_audit.settings import Settings
from email_audit.sources.base import Extent, FoundItem, Source, Unreadable
from email_audit.sources.registry import detect_source, source_named
from email_audit.steps.reading import reading_options

REFUSED_FORMAT = "refused"
"""The format that the ledger names where nothing could be taken out of an archive."""


class _RefusedSource(Source):
    """What could not be taken out of an archive: one item that is there, and why it is not read."""

    name = REFUSED_FORMAT

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:  # noqa: ARG003
        """Take nothing: whoever expands an archive knows what was refused."""
        return False

    def declared(self, blob: BinaryIO) -> int:  # noqa: ARG002
        """Give 1: the file that is in the archive."""
        return 1

    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:  # noqa: ARG002
        """Give the one stretch there is."""
        yield Extent(0, 0, 0, 1)

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:  # noqa: ARG002
        """Give the reason."""
        yield Unreadable(extent.first, "", extent.start, extent.stop, self._problem)

    def parse(self, item: FoundItem) -> Message:
        """Give nothing: there is no content to parse."""
        return unreadable_message((*item.problems, self._problem))


@dataclass(frozen=True, slots=True)
class RefusedPlace:
    """No place at all: a file that could not be taken out of its archive."""

    problem: Problem

    @contextmanager
    def open(self) -> Iterator[tuple[Source, BinaryIO]]:
        """Give the source of the reason."""
        yield _RefusedSource(self.problem), io.BytesIO()


@dataclass(frozen=True, slots=True)
class StoredPlace:
    """A blob of the evidence store, read as the format that the ledger names."""

    settings: Settings
    sha256: str
    format: str
    problem: Problem | None = None

    @contextmanager
    def open(self) -> Iterator[tuple[Source, BinaryIO]]:
        """Open the blob."""
        store = EvidenceStore(self.settings.evidence)
        source = source_named(self.format, reading_options(self.settings, store))
        with store.open(self.sha256) as blob:
            yield source, blob


@dataclass(frozen=True, slots=True)
class LoosePlace:
    """A file as it lies there, read as what it looks like under `name`."""

    path: Path
    name: str
    settings: Settings
    problem: Problem | None = None

    @contextmanager
    def open(self) -> Iterator[tuple[Source, BinaryIO]]:
        """Open the file."""
        with self.path.open("rb") as stream:
            blob = cast("BinaryIO", stream)
            yield detect_source(blob, self.name, reading_options(self.settings)), blob
