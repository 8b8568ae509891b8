"""Measures on real mail of other people: `python scripts/false_hits.py PIPELINE MBOX.GZ...`.

Only senders of the part "test" are measured, so that training may learn from the others of the same
file (background.py). Prints the share of hits and which they are (never their words), what the gate
lets through, how many the encoder reads, speeds, and how well the hits of the part "test" are
ranked when one is hidden among a hundred such messages. With --all, every message is measured: for
files that training never reads.
"""

import argparse
import time
from itertools import chain
from pathlib import Path

from background import background
from command import run
from corpus import of_part, read_corpus
from email_audit.tagging.learning.measures import Share
from email_audit.tagging.reading import read_input
from email_audit.tagging.records import TagInput
from email_audit.tagging.tagger import load_pipeline, load_tagger

_HIDDEN_AMONG = 100
_FIRST_READ = 0.02


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline")
    parser.add_argument("mail", type=Path, nargs="+")
    parser.add_argument("--all", action="store_true", help="measure the senders of all parts")
    arguments = parser.parse_args()
    mail = {path: background([path]) for path in arguments.mail}
    tagger = load_tagger(arguments.pipeline)
    nlp = load_pipeline(arguments.pipeline)
    list(tagger.tag([TagInput("", "the detective will hold him for ICE", "")]))
    hits = [item for item in of_part(read_corpus(), "test") if item.enforcement]
    hidden = [decision.score for decision in tagger.decide(item.message for item in hits)]
    for path, parts in mail.items():
        measured = list(chain(*parts.values())) if arguments.all else parts["test"]
        inputs = [item.message for item in measured]
        begun = time.perf_counter()
        passed = sum(map(tagger.admits, inputs))
        gate_rate = len(inputs) / (time.perf_counter() - begun)
        begun = time.perf_counter()
        tags = list(tagger.tag(inputs))
        seconds = time.perf_counter() - begun
        texts = [[window.text for window in read_input(item).own_windows()] for item in inputs]
        begun = time.perf_counter()
        for _ in nlp.tokenizer.pipe(text for windows in texts for text in windows):
            pass
        bare = time.perf_counter() - begun
        read = sum(one.read is not None for one in tagger.opinions(inputs))
        print(f"{path.name}: {len(inputs)} messages, {tagger.version}")
        found = [number for number, tag in enumerate(tags) if tag.enforcement]
        print(f"  hits {Share(len(found), len(tags))}")
        print("  their places:", ", ".join(f"{n} ({tags[n].score:.2f})" for n in found))
        print(f"  the gate lets through {Share(passed, len(inputs))}, {gate_rate:,.0f}/s")
        print(f"  the encoder reads {Share(read, len(inputs))}")
        print(
            f"  {len(inputs) / seconds:,.0f} messages/s on one core, "
            f"{bare / seconds:.2f} of the bare tokenizer's speed"
        )
        others = sorted((tag.score for tag in tags), reverse=True)
        print(f"  ranking: {_ranking(hidden, others)} in the first {_FIRST_READ:.0%} read")


def _ranking(hidden: list[float], others: list[float]) -> Share:
    """Give the share of hits found in the first part read, one hidden among a hundred others.

    Each hit is put into the others alone; it is found if fewer of its messages score as high
    or higher than the first part holds, beside the hit's own share of it.
    """
    room = int(len(others) * _FIRST_READ) - len(others) // _HIDDEN_AMONG
    limit = others[max(room, 0)] if others else 0.0
    return Share(sum(score > limit for score in hidden), len(hidden))


if __name__ == "__main__":
    run(main)
