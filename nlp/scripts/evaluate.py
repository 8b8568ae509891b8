"""Prints and writes the figures of a pipeline: `python scripts/evaluate.py PIPELINE METRICS`.

By default on the part "test" of the corpus, which training never reads; with --messages on another
file of the corpus's form. Intervals are 95 % Wilson score intervals.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sklearn.metrics import roc_auc_score

from baselines import keyword_hits, regression_hits
from corpus import PROJECT, Labelled, of_parts, read_corpus, read_file
from email_audit.tagging.learning.measures import Share, f1, precision, recall
from email_audit.tagging.records import Kind, Tag
from email_audit.tagging.tagger import load_tagger


def decision_figures(corpus: Sequence[Labelled], found: Sequence[bool]) -> dict[str, Share]:
    """Give recall and precision on all messages and on the hard ones."""
    figures = {}
    for name, wanted in (("all", {True, False}), ("hard", {True})):
        pairs = [
            (item.enforcement, hit)
            for item, hit in zip(corpus, found, strict=True)
            if item.is_hard in wanted
        ]
        truth, hits = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        figures[f"{name} recall"] = recall(truth, hits)
        figures[f"{name} precision"] = precision(truth, hits)
    ordinary = [hit for item, hit in zip(corpus, found, strict=True) if item.is_ordinary]
    figures["false hits in everyday mail"] = Share(sum(ordinary), len(ordinary))
    return figures


def kind_figures(corpus: Sequence[Labelled], tags: Sequence[Tag]) -> dict[str, dict[str, float]]:
    """Give F1, recall and precision of each kind over all messages."""
    figures = {}
    for kind in Kind:
        truth = [kind in item.kinds for item in corpus]
        found = [kind in tag.kinds for tag in tags]
        figures[kind.value] = {
            "f1": round(f1(truth, found), 4),
            "recall": recall(truth, found).as_json()["value"],
            "precision": precision(truth, found).as_json()["value"],
            "messages": sum(truth),
        }
    return figures


def main() -> None:
    """Evaluate and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline")
    parser.add_argument("metrics", type=Path)
    parser.add_argument(
        "--messages", type=Path, help="labelled JSON lines instead of the test part"
    )
    arguments = parser.parse_args()
    whole = read_corpus(PROJECT / "corpus")
    train = of_parts(whole, ["train", "dev"])
    test = read_file(arguments.messages) if arguments.messages else of_parts(whole, ["test"])
    tagger = load_tagger(arguments.pipeline)
    messages = [item.message for item in test]
    tags = list(tagger.tag(messages))
    truth = [item.enforcement for item in test]
    deciders = {
        "this pipeline": [tag.enforcement for tag in tags],
        "keyword list": keyword_hits(messages),
        "TF-IDF regression": regression_hits(train, messages),
    }
    area = float(roc_auc_score(truth, [tag.score for tag in tags]))
    kinds = kind_figures(test, tags)
    print(
        f"{tagger.version}, threshold {tagger.threshold}: {len(test)} messages, {sum(truth)} hits"
    )
    report: dict[str, object] = {
        "model": tagger.version,
        "messages": len(test),
        "auc": round(area, 4),
    }
    for name, found in deciders.items():
        figures = decision_figures(test, found)
        report[name] = {key: share.as_json() for key, share in figures.items()}
        print(f"\n{name}")
        for key, share in figures.items():
            print(f"  {key:28} {share}")
    print(f"\narea under the ROC curve {area:.3f}\n")
    for kind, values in kinds.items():
        print(
            f"  {kind:12} F1 {values['f1']:.3f}  recall {values['recall']:.3f}"
            f"  precision {values['precision']:.3f}  of {values['messages']}"
        )
    report["kinds"] = kinds
    arguments.metrics.parent.mkdir(parents=True, exist_ok=True)
    arguments.metrics.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
