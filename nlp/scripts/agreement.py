"""Prints how far annotators agree: `python scripts/agreement.py`.

The second one labelled a random sample of the writers' messages by the guide alone, without their
labels or reasons: `agreement/second_labels.tsv` (id, yes or no, kinds, sure or unsure). A third one
labelled the kinds of that sample's hits by the rules (`kinds.md`), as blindly: `third_kinds.tsv`
(id, kinds). Cohen's kappa (1960) is odd where labels are rare, so the two-by-two table is printed
with it. The decisions of the corpus are those after adjudication; `ADJUDICATED` are the ones it
changed.
"""

from collections.abc import Sequence

from sklearn.metrics import cohen_kappa_score, confusion_matrix

from command import run
from corpus import PROJECT, read_corpus
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.learning.measures import f1
from email_audit.tagging.records import Kind

Kinds = frozenset[str]

ADJUDICATED = {"c10-099": (False, Kinds())}
"""What the writer's label was where adjudication took the second one's."""


def main() -> None:
    """Compare and report."""
    corpus = {label.id: label for label in read_corpus()}
    by_guide = _stored("second_labels.tsv")
    writers = [
        ADJUDICATED.get(row[0]) or (corpus[row[0]].enforcement, _kinds(corpus[row[0]]))
        for row in by_guide
    ]
    print(f"{len(by_guide)} messages, second by the guide: (both, writer only, second only, none)")
    _report(
        "enforcement",
        [is_hit for is_hit, _ in writers],
        [decision == "yes" for _, decision, *_ in by_guide],
    )
    _report_kinds([kinds for _, kinds in writers], [row[2] for row in by_guide])
    by_rules = _stored("third_kinds.tsv")
    print(f"{len(by_rules)} hits, third by the rules: (both, corpus only, third only, none)")
    _report_kinds([_kinds(corpus[row[0]]) for row in by_rules], [row[1] for row in by_rules])


def _stored(name: str) -> list[list[str]]:
    lines = (PROJECT / "agreement" / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines]


def _kinds(labelled: Labelled) -> Kinds:
    return Kinds(kind.value for kind in labelled.kinds)


def _report_kinds(first: Sequence[Kinds], second: Sequence[str]) -> None:
    """Report on each kind; `second` has each message's kinds separated by commas."""
    others = [Kinds(kinds.split(",")) for kinds in second]
    scores = [
        _report(kind, [kind.value in one for one in first], [kind.value in one for one in others])
        for kind in Kind
    ]
    print(f"  macro F1 {sum(scores) / len(scores):.3f}")


def _report(name: str, first: Sequence[bool], second: Sequence[bool]) -> float:
    """Report how far both agree on one question; give the second one's F1 against the first."""
    (neither, only_second), (only_first, both) = confusion_matrix(
        first, second, labels=[False, True]
    ).tolist()
    score = f1(first, second)
    counts = (both, only_first, only_second, neither)
    agreed = cohen_kappa_score(first, second)
    print(f"  {name:12} {counts!s:20} kappa {agreed:.3f}, F1 {score:.3f}")
    return score


if __name__ == "__main__":
    run(main)
