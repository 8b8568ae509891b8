"""The corpus and its split.

Whole writers are kept for development and test: a classifier that has seen a hand knows its habits,
and an agency's mail is written by hands that nobody here has seen.
"""

from collections.abc import Iterable
from pathlib import Path

from email_audit.tagging.learning.labels import Labelled, read_labels

PROJECT = Path(__file__).parents[1]
PARTS = ("train", "dev", "test")
DEV_WRITERS = frozenset({"c13", "c21"})
TEST_WRITERS = frozenset({"c15", "c16"})
"""Opened for the final figures only."""


def read_corpus(folder: Path = PROJECT / "corpus") -> list[Labelled]:
    """Read every `*.jsonl` of a folder, in order of name and line."""
    return [labelled for path in sorted(folder.glob("*.jsonl")) for labelled in read_labels(path)]


def part_of(labelled: Labelled) -> str:
    """Give the part of the split that a message's writer belongs to."""
    if labelled.writer in DEV_WRITERS:
        return "dev"
    return "test" if labelled.writer in TEST_WRITERS else "train"


def of_part(corpus: Iterable[Labelled], part: str) -> list[Labelled]:
    """Keep the messages of a part of the split."""
    return [labelled for labelled in corpus if part_of(labelled) == part]
