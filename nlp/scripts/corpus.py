"""The corpus as typed records, read through the same code as the mail of an audit, and its split.

Whole writers are kept for development and test: a classifier that has seen a hand knows its habits,
and an agency's mail is written by hands that nobody here has seen.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from email_audit.messages.records import SegmentKind
from email_audit.messages.segments import is_bare_forward, joined, split_segments
from email_audit.tagging.records import Kind, TagInput

PROJECT = Path(__file__).parents[1]
PARTS = ("train", "dev", "test")
FOLDS = 5
DEV_WRITERS = frozenset({"c13", "c14"})
TEST_WRITERS = frozenset({"c15", "c16"})
"""Opened for the final figures only."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message of the corpus with its label. `group` is writer and storyline."""

    id: str
    writer: str
    group: str
    message: TagInput
    enforcement: bool
    kinds: tuple[Kind, ...]
    is_hard: bool
    language: str

    @property
    def is_ordinary(self) -> bool:
        """Whether this is everyday mail, far from the line: what a mailbox mostly holds."""
        return not self.enforcement and not self.is_hard

    @property
    def part(self) -> str:
        """The part of the split that the writer belongs to."""
        if self.writer in DEV_WRITERS:
            return "dev"
        return "test" if self.writer in TEST_WRITERS else "train"

    @property
    def fold(self) -> int:
        """The number of the cross-validation fold that the whole storyline belongs to."""
        digest = hashlib.sha256(f"fold {self.group}".encode()).digest()
        return int.from_bytes(digest[:4]) % FOLDS


def read_corpus(folder: Path) -> list[Labelled]:
    """Read every `*.jsonl` of a folder, in order of name and line."""
    return [labelled for path in sorted(folder.glob("*.jsonl")) for labelled in read_file(path)]


def read_file(path: Path) -> list[Labelled]:
    """Read one file of labelled messages, a JSON object a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [read_labelled(json.loads(line)) for line in lines if line.strip()]


def read_labelled(record: dict[str, object]) -> Labelled:
    """Make a labelled message of a corpus line (fields: nlp/README.md)."""
    body, subject = record["body"], record["subject"]
    kinds, attachments = record["kinds"], record.get("attachments") or []
    assert isinstance(body, str)
    assert isinstance(subject, str)
    assert isinstance(kinds, list)
    assert isinstance(attachments, list)
    own_text, context = own_and_carried(body, subject)
    writer = str(record["id"]).partition("-")[0]
    return Labelled(
        id=str(record["id"]),
        writer=writer,
        group=f"{writer}/{record.get('storyline', record['id'])}",
        message=TagInput(
            subject=subject,
            own_text=own_text,
            context=context,
            attachments=tuple(str(attachment["text"]) for attachment in attachments),
        ),
        enforcement=bool(record["enforcement"]),
        kinds=tuple(Kind(kind) for kind in kinds),
        is_hard=record.get("difficulty") == "hard",
        language=str(record.get("language", "en")),
    )


def own_and_carried(body: str, subject: str) -> tuple[str, str]:
    """Split a body into the author's own content and the text that it carries along.

    As messages are read for an audit: a bare forward sends its content on, so the forwarded text
    is its own, too.
    """
    segments = split_segments(body, subject)
    own = {SegmentKind.OWN}
    if is_bare_forward(body, segments):
        own.add(SegmentKind.FORWARDED)
    carried = (SegmentKind.QUOTED, SegmentKind.FORWARDED)
    return joined(body, segments, own), joined(body, segments, carried)


def of_parts(corpus: Iterable[Labelled], parts: Iterable[str]) -> list[Labelled]:
    """Keep the messages of some parts of the split."""
    wanted = set(parts)
    return [labelled for labelled in corpus if labelled.part in wanted]
