"""Prints how far two annotators agree: `python scripts/agreement.py`.

The second one labelled a random sample of the writers' messages by the guide alone, without their
labels or reasons: `agreement/second_labels.tsv` (id, yes or no, kinds, sure or unsure). Cohen's
kappa (1960) is odd where labels are rare, so the two-by-two table is printed with it. The labels of
the corpus are those after adjudication; `ADJUDICATED` are the ones it changed.
"""

from collections.abc import Callable, Sequence

from command import run
from corpus import PROJECT, read_corpus
from email_audit.tagging.records import Kind

ADJUDICATED = {"c10-099": (False, frozenset[str]())}
"""What the writer's label was where adjudication took the second one's."""


def table(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int, int, int]:
    """Count both yes, first only, second only, both no."""
    pairs = list(zip(first, second, strict=True))
    return (
        pairs.count((True, True)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((False, False)),
    )


def kappa(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Give Cohen's kappa of two annotators."""
    both, only_first, only_second, neither = table(first, second)
    count = both + only_first + only_second + neither
    agreed = (both + neither) / count
    by_chance = (
        (both + only_first) * (both + only_second)
        + (only_second + neither) * (only_first + neither)
    ) / count**2
    return (agreed - by_chance) / (1 - by_chance)


def main() -> None:
    """Compare and report."""
    lines = (PROJECT / "agreement" / "second_labels.tsv").read_text("utf-8").splitlines()
    seconds = [line.split("\t") for line in lines]
    corpus = {label.id: label for label in read_corpus()}
    firsts = [
        ADJUDICATED.get(row[0])
        or (corpus[row[0]].enforcement, frozenset(kind.value for kind in corpus[row[0]].kinds))
        for row in seconds
    ]

    def report(name: str, said: Callable[[bool, frozenset[str]], bool]) -> None:
        first = [said(*label) for label in firsts]
        second = [said(row[1] == "yes", frozenset(row[2].split(","))) for row in seconds]
        print(f"{name:12} {table(first, second)!s:20} kappa {kappa(first, second):.3f}")

    print(f"{len(seconds)} messages: (both, writer only, second only, neither)")
    report("enforcement", lambda is_hit, _: is_hit)
    for kind in Kind:
        report(kind.value, lambda _, kinds, wanted=kind.value: wanted in kinds)


if __name__ == "__main__":
    run(main)
