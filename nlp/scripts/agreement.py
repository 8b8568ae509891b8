"""Prints how far annotators agree: `python scripts/agreement.py`.

The second one labelled a random sample of the writers' messages by the guide alone, without their
labels or reasons: `agreement/second_labels.tsv` (id, yes or no, kinds, sure or unsure). A third one
labelled the kinds of that sample's hits by the rules (`kinds.md`), as blindly: `third_kinds.tsv`
(id, kinds). Cohen's kappa (1960) is odd where labels are rare, so the two-by-two table is printed
with it. The decisions of the corpus are those after adjudication; `ADJUDICATED` are the ones it
changed.
"""

from collections.abc import Sequence

from command import run
from corpus import PROJECT, read_corpus
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.records import Kind

Kinds = frozenset[str]
Table = tuple[int, int, int, int]

ADJUDICATED = {"c10-099": (False, Kinds())}
"""What the writer's label was where adjudication took the second one's."""


def table(pairs: Sequence[tuple[bool, bool]]) -> Table:
    """Count both yes, first only, second only, both no."""
    return (
        pairs.count((True, True)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((False, False)),
    )


def kappa(counts: Table) -> float:
    """Give Cohen's kappa of two annotators."""
    both, only_first, only_second, neither = counts
    count = sum(counts)
    agreed = (both + neither) / count
    by_chance = (
        (both + only_first) * (both + only_second)
        + (only_second + neither) * (only_first + neither)
    ) / count**2
    return (agreed - by_chance) / (1 - by_chance)


def main() -> None:
    """Compare and report."""
    corpus = {label.id: label for label in read_corpus()}
    by_guide = [
        (
            ADJUDICATED.get(name) or (corpus[name].enforcement, _kinds(corpus[name])),
            (decision == "yes", Kinds(kinds.split(","))),
        )
        for name, decision, kinds, _ in _stored("second_labels.tsv")
    ]
    print(f"{len(by_guide)} messages, second by the guide: (both, writer only, second only, none)")
    _report("enforcement", [(first, second) for (first, _), (second, _) in by_guide])
    _report_kinds([(first, second) for (_, first), (_, second) in by_guide])
    by_rules = [
        (_kinds(corpus[name]), Kinds(kinds.split(",")))
        for name, kinds in _stored("third_kinds.tsv")
    ]
    print(
        f"{len(by_rules)} hits, third by the rules for kinds: (both, corpus only, third only, none)"
    )
    shares = _report_kinds(by_rules)
    print(f"  macro F1 {sum(shares) / len(shares):.3f}")


def _stored(name: str) -> list[list[str]]:
    lines = (PROJECT / "agreement" / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines]


def _kinds(labelled: Labelled) -> Kinds:
    return Kinds(kind.value for kind in labelled.kinds)


def _report_kinds(pairs: Sequence[tuple[Kinds, Kinds]]) -> list[float]:
    """Print the agreement on each kind; give the F1 scores, in order of kinds."""
    return [
        _report(kind, [(kind.value in first, kind.value in second) for first, second in pairs])
        for kind in Kind
    ]


def _report(name: str, pairs: Sequence[tuple[bool, bool]]) -> float:
    counts = table(pairs)
    both, only_first, only_second, _ = counts
    f1 = 2 * both / (2 * both + only_first + only_second)
    print(f"  {name:12} {counts!s:20} kappa {kappa(counts):.3f}, F1 {f1:.3f}")
    return f1


if __name__ == "__main__":
    run(main)
