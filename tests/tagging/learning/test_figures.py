"""What the figures of a classifier count."""

from email_audit.tagging.learning.figures import figures
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.records import Decision, Kind, TagInput


def labelled(name: str, *kinds: Kind, checked: bool = True) -> Labelled:
    return Labelled(
        id=name,
        writer="w",
        group=f"w/{name}",
        message=TagInput(subject="", own_text="words", context="", attachments=()),
        enforcement=bool(kinds),
        kinds=kinds,
        is_hard=True,
        language="en",
        kinds_checked=checked,
    )


def decision(*kinds: Kind) -> Decision:
    return Decision(enforcement=bool(kinds), score=0.9 if kinds else 0.1, kinds=kinds)


def test_kinds_that_nobody_checked_are_in_no_figure_of_kinds() -> None:
    labels = [
        labelled("w-1", Kind.ALERT),
        labelled("w-2", Kind.CUSTODY, checked=False),
        labelled("w-3"),
    ]
    result = figures(labels, [decision(Kind.ALERT), decision(Kind.ALERT), decision()])
    by_kind = {figure.kind: figure for figure in result.kinds}
    assert (by_kind[Kind.ALERT].f1, by_kind[Kind.ALERT].messages) == (1.0, 1)
    assert by_kind[Kind.CUSTODY].messages == 0
    assert result.macro_f1 == 1.0
    assert result.slices[0].recall.right == 2


def test_a_false_hit_is_no_mistake_among_hits() -> None:
    labels = [labelled("w-1", Kind.ALERT), labelled("w-2"), labelled("w-3", Kind.CUSTODY)]
    result = figures(labels, [decision(Kind.ALERT), decision(Kind.ALERT), decision()])
    assert result.macro_f1 == (2 / 3 + 0) / 2
    assert result.macro_f1_of_hits == 1.0
