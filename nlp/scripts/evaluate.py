"""Prints and writes the figures of a pipeline: `python scripts/evaluate.py PIPELINE METRICS`.

By default on the part "test" of the corpus, whose writers training never reads; with --messages on
another file of labels. Intervals are 95 % Wilson score intervals.
"""

import argparse
import json
from pathlib import Path

from command import run
from corpus import of_part, read_corpus
from email_audit.tagging.learning.figures import as_json, figures
from email_audit.tagging.learning.labels import read_labels
from email_audit.tagging.tagger import load_tagger


def main() -> None:
    """Evaluate and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline")
    parser.add_argument("metrics", type=Path)
    parser.add_argument("--messages", type=Path, help="labels instead of the test part")
    arguments = parser.parse_args()
    labels = (
        read_labels(arguments.messages) if arguments.messages else of_part(read_corpus(), "test")
    )
    tagger = load_tagger(arguments.pipeline)
    result = figures(labels, list(tagger.decide(label.message for label in labels)))
    record = {"model": tagger.version, "threshold": tagger.threshold, "messages": len(labels)}
    print(f"{tagger.version}, threshold {tagger.threshold:g}, {len(labels)} messages")
    for part in result.slices:
        print(f"  {part.name:18} {part.messages:5}  {part.recall!s:32} {part.precision}")
    print(f"  false hits in everyday mail {result.false_hits}")
    print(f"  area {result.area:.3f}, calibration error {result.calibration:.3f}")
    print(f"  kinds, macro F1 {result.macro_f1:.3f}, of hits {result.macro_f1_of_hits:.3f}")
    for figure in result.kinds:
        print(f"    {figure.kind.value:12} {figure.messages:4}  F1 {figure.f1:.3f}")
    arguments.metrics.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record | as_json(result), indent=1)
    arguments.metrics.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
