"""How good a classifier is on labelled messages, with 95 % intervals, by what they are like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.learning.measures import (
    Share,
    area_under_curve,
    calibration_error,
    f1,
    precision,
    recall,
)
from email_audit.tagging.records import Decision, Kind

_SHORT_WORDS = 20
_LONG_WORDS = 150

_SLICES: tuple[tuple[str, Callable[[Labelled], bool]], ...] = (
    ("all", lambda _: True),
    ("hard", lambda item: item.is_hard),
    ("English", lambda item: item.language == "en"),
    ("Spanish or mixed", lambda item: item.language != "en"),
    ("answers", lambda item: bool(item.message.context)),
    (f"up to {_SHORT_WORDS} words", lambda item: _words(item) <= _SHORT_WORDS),
    ("between", lambda item: _SHORT_WORDS < _words(item) <= _LONG_WORDS),
    (f"over {_LONG_WORDS} words", lambda item: _words(item) > _LONG_WORDS),
    ("in an attachment", lambda item: any(item.message.attachments)),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """Recall and precision on the messages of one sort."""

    name: str
    messages: int
    recall: Share
    precision: Share


@dataclass(frozen=True, slots=True)
class KindFigure:
    """F1, recall and precision of one kind over all messages."""

    kind: Kind
    messages: int
    f1: float
    recall: Share
    precision: Share


@dataclass(frozen=True, slots=True)
class Figures:
    """What a classifier does on labelled messages.

    `false_hits` are those in everyday mail, `area` that under the ROC curve, `calibration` the
    expected calibration error of the score. `macro_f1` is the mean F1 of the kinds that occur, over
    all messages, so that a false hit's kinds count as wrong; `macro_f1_of_hits` over the hits that
    were found alone: how well the kinds are told apart.
    """

    slices: tuple[Slice, ...]
    kinds: tuple[KindFigure, ...]
    false_hits: Share
    area: float
    calibration: float
    macro_f1: float
    macro_f1_of_hits: float


def figures(labels: Sequence[Labelled], decisions: Sequence[Decision]) -> Figures:
    """Compare decisions with labels, in the same order."""
    pairs = list(zip(labels, decisions, strict=True))
    truth = [label.enforcement for label in labels]
    scores = [decision.score for decision in decisions]
    ordinary = [decision.enforcement for label, decision in pairs if label.is_ordinary]
    kinds = _kind_figures(pairs)
    return Figures(
        slices=tuple(slices(labels, [decision.enforcement for decision in decisions])),
        kinds=kinds,
        false_hits=Share(sum(ordinary), len(ordinary)),
        area=area_under_curve(scores, truth),
        calibration=calibration_error(scores, truth),
        macro_f1=_macro_f1(kinds),
        macro_f1_of_hits=_macro_f1(
            _kind_figures([pair for pair in pairs if all(one.enforcement for one in pair)])
        ),
    )


def slices(labels: Sequence[Labelled], found: Sequence[bool]) -> list[Slice]:
    """Give recall and precision of decisions on each sort of message that occurs."""
    result = []
    for name, belongs in _SLICES:
        pairs = [
            (label.enforcement, hit)
            for label, hit in zip(labels, found, strict=True)
            if belongs(label)
        ]
        if pairs:
            truth, hits = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            result.append(Slice(name, len(pairs), recall(truth, hits), precision(truth, hits)))
    return result


def as_json(result: Figures) -> dict[str, object]:
    """Give figures as JSON values."""
    return {
        "slices": {
            part.name: {
                "messages": part.messages,
                "recall": part.recall.as_json(),
                "precision": part.precision.as_json(),
            }
            for part in result.slices
        },
        "kinds": {
            figure.kind.value: {
                "messages": figure.messages,
                "f1": round(figure.f1, 4),
                "recall": figure.recall.as_json(),
                "precision": figure.precision.as_json(),
            }
            for figure in result.kinds
        },
        "kinds_macro_f1": round(result.macro_f1, 4),
        "kinds_macro_f1_of_hits": round(result.macro_f1_of_hits, 4),
        "false_hits_in_everyday_mail": result.false_hits.as_json(),
        "area_under_roc_curve": round(result.area, 4),
        "expected_calibration_error": round(result.calibration, 4),
    }


def _kind_figures(pairs: Sequence[tuple[Labelled, Decision]]) -> tuple[KindFigure, ...]:
    checked = [(label, decision) for label, decision in pairs if label.kinds_checked]
    counted = []
    for kind in Kind:
        truth = [kind in label.kinds for label, _ in checked]
        found = [kind in decision.kinds for _, decision in checked]
        counted.append(
            KindFigure(
                kind, sum(truth), f1(truth, found), recall(truth, found), precision(truth, found)
            )
        )
    return tuple(counted)


def _macro_f1(kinds: Sequence[KindFigure]) -> float:
    occurring = [figure.f1 for figure in kinds if figure.messages]
    return sum(occurring) / len(occurring) if occurring else 0.0


def _words(item: Labelled) -> int:
    message = item.message
    return len(f"{message.own_text} {' '.join(message.attachments)}".split())
