"""Checks the corpus and counts it: `python scripts/check_corpus.py METRICS`."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corpus import PARTS, PROJECT, Labelled, read_corpus
from email_audit.tagging.records import Kind


def faults(corpus: Sequence[Labelled]) -> list[str]:
    """Give a sentence for each label that the annotation guide does not allow."""
    found = [
        f"{item.id}: has kinds but is no hit"
        for item in corpus
        if item.kinds and not item.enforcement
    ]
    found += [
        f"{item.id}: is a hit without a kind"
        for item in corpus
        if item.enforcement and not item.kinds
    ]
    repeated = [name for name, count in Counter(item.id for item in corpus).items() if count > 1]
    return found + [f"{name}: occurs more than once" for name in repeated]


def counts(corpus: Sequence[Labelled]) -> dict[str, int]:
    """Count messages and hits of a part, hard ones, and each kind."""
    figures = {
        "messages": len(corpus),
        "hits": sum(item.enforcement for item in corpus),
        "hard": sum(item.is_hard for item in corpus),
        "everyday": sum(item.is_ordinary for item in corpus),
    }
    return figures | {kind.value: sum(kind in item.kinds for item in corpus) for kind in Kind}


def main() -> None:
    """Check, count and report; exit 1 if a line is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metrics", type=Path)
    metrics = parser.parse_args().metrics
    corpus = read_corpus(PROJECT / "corpus")
    wrong = faults(corpus)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    figures = {part: counts([item for item in corpus if item.part == part]) for part in PARTS}
    for part, values in figures.items():
        print(part, ", ".join(f"{name} {value}" for name, value in values.items()))
    metrics.parent.mkdir(parents=True, exist_ok=True)
    metrics.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
