"""Puts judge and encoder together, on messages by writers that neither has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from email_audit.tagging.components.encoder import Encoder
from email_audit.tagging.components.excerpts import excerpt, excerpt_text
from email_audit.tagging.components.gate import Gate
from email_audit.tagging.components.judge import (
    MENTION,
    JudgeWeights,
    closing_kind_odds,
)
from email_audit.tagging.components.lexicon import Entry
from email_audit.tagging.components.odds import probability
from email_audit.tagging.records import Kind
from fitting import Evidence, kind_row, odds
from gating import windows_of
from logistic import Assumption, fit_logistic
from thresholds import decision_threshold, kind_threshold

_TOGETHER = Assumption(
    weights={"judge": 0.4, "encoder": 0.6},
    signed=frozenset({"judge", "encoder"}),
    strength=1.0,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What both say of one message. `read` is None where the encoder did not read it."""

    item: Evidence
    judge: float
    read: Mapping[str, float] | None


def hear(
    evidence: Sequence[Evidence],
    weights: JudgeWeights,
    gate: Gate,
    encoder: Encoder,
    lexicon: Mapping[str, Entry],
) -> list[Heard]:
    """Ask the judge, and the encoder where the tagger would."""
    heard = []
    for item in evidence:
        judge = odds(item, weights, lexicon)
        passes = any(gate.passes(window.text) for window in windows_of(item.labelled))
        is_read = passes and probability(judge) >= weights.thresholds["read"]
        texts = (excerpt_text(excerpt(item.own)), excerpt_text(excerpt(item.context)))
        heard.append(Heard(item, judge, encoder.odds(*texts) if is_read else None))
    return heard


def fit_closing(
    weights: JudgeWeights,
    evidence: Sequence[Evidence],
    gate: Gate,
    encoder: Encoder,
    lexicon: Mapping[str, Entry],
) -> JudgeWeights:
    """Give the judge's weights with the closing models and all thresholds."""
    heard = hear(evidence, weights, gate, encoder, lexicon)
    read = [one for one in heard if one.read is not None]
    cleared = [one.item.labelled.enforcement for one in heard if one.read is None]
    closing = fit_logistic(
        [{"judge": one.judge, "encoder": one.read[MENTION]} for one in read if one.read],
        [one.item.labelled.enforcement for one in read],
        _TOGETHER,
    )
    weights = replace(weights, closing=closing, closing_kinds=_closing_kinds(weights, read))
    scored = [_scored(weights, one) for one in read]
    threshold = decision_threshold(scored)
    gated = min((sum(cleared) + 1) / (len(cleared) + 2), threshold / 2)
    thresholds = {"enforcement": threshold, "gated": round(gated, 6)} | _kind_thresholds(
        weights, [one for one in read if one.item.labelled.enforcement]
    )
    return replace(weights, thresholds={**weights.thresholds, **thresholds})


def _scored(weights: JudgeWeights, one: Heard) -> tuple[float, bool]:
    assert one.read is not None
    features = {"judge": one.judge, "encoder": one.read[MENTION]}
    return probability(weights.closing.odds(features)), one.item.labelled.enforcement


def _closing_kinds(weights: JudgeWeights, read: Sequence[Heard]) -> dict[str, object]:
    hits = [one for one in read if one.item.labelled.enforcement]
    rows = [kind_row(one.item) for one in hits]
    return {
        kind.value: fit_logistic(
            [
                {"judge": weights.kinds[kind.value].odds(row), "encoder": one.read[kind.value]}
                for row, one in zip(rows, hits, strict=True)
                if one.read
            ],
            [kind in one.item.labelled.kinds for one in hits],
            _TOGETHER,
        )
        for kind in Kind
    }


def _kind_thresholds(weights: JudgeWeights, hits: Sequence[Heard]) -> dict[str, float]:
    found = [
        (closing_kind_odds(weights, kind_row(one.item), one.read), one.item.labelled.kinds)
        for one in hits
        if one.read
    ]
    return {
        kind.value: kind_threshold(
            [(probability(odds[kind.value]), kind in kinds) for odds, kinds in found]
        )
        for kind in Kind
    }
