"""Checks the corpus and counts it: `python scripts/check_corpus.py METRICS`.

The labels are checked line by line as they are read (email_audit.tagging.learning.labels).
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from command import run
from corpus import PARTS, of_part, read_corpus
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.records import Kind


def counts(corpus: Sequence[Labelled]) -> dict[str, int]:
    """Count messages and hits of a part, hard ones, and each kind."""
    figures = {
        "messages": len(corpus),
        "writers": len({item.writer for item in corpus}),
        "hits": sum(item.enforcement for item in corpus),
        "hard": sum(item.is_hard for item in corpus),
        "everyday": sum(item.is_ordinary for item in corpus),
        "Spanish or mixed": sum(item.language != "en" for item in corpus),
    }
    return figures | {kind.value: sum(kind in item.kinds for item in corpus) for kind in Kind}


def main() -> None:
    """Check, count and report; exit 1 if an id occurs twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metrics", type=Path)
    metrics = parser.parse_args().metrics
    corpus = read_corpus()
    repeated = [name for name, count in Counter(item.id for item in corpus).items() if count > 1]
    if repeated:
        raise SystemExit(f"ids that occur more than once: {', '.join(repeated)}")
    figures = {part: counts(of_part(corpus, part)) for part in PARTS}
    for part, values in figures.items():
        print(part, ", ".join(f"{name} {value}" for name, value in values.items()))
    metrics.parent.mkdir(parents=True, exist_ok=True)
    metrics.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
