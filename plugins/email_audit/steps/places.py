"""Where a container's bytes are: in the evidence store, or in a loose file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from email_audit.evidence.store import EvidenceStore
from email_audit.messages.records import Problem
from email_audit.settings import Settings
from email_audit.sources.base import ReadOptions, Source
from email_audit.sources.registry import detect_source, source_named
from email_audit.steps.reading import reading_options


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
        source = source_named(self.format, reading_options(self.settings))
        with EvidenceStore(self.settings.evidence).open(self.sha256) as blob:
            yield source, blob


@dataclass(frozen=True, slots=True)
class LoosePlace:
    """A file as it lies there, read as what it looks like under `name`."""

    path: Path
    name: str
    options: ReadOptions
    problem: Problem | None = None

    @contextmanager
    def open(self) -> Iterator[tuple[Source, BinaryIO]]:
        """Open the file."""
        with self.path.open("rb") as stream:
            blob = cast("BinaryIO", stream)
            yield detect_source(blob, self.name, self.options), blob
