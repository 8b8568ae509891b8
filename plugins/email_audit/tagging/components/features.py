"""Numbers that the judge weighs: of one text, and of a message with the text that it answers."""

import math
from collections.abc import Mapping, Sequence

from spacy.tokens import Doc

from email_audit.tagging.components.lexicon import REPLY_STANCES, Entry, Stance
from email_audit.tagging.components.passages import PASSAGES, POSITIVE
from email_audit.tagging.components.rules import RULES

_MAX_LOGIT = 6.0
_MAX_TOGETHER = 4
_VERY_SHORT_WORDS = 15


def logit(probability: float, limit: float = _MAX_LOGIT) -> float:
    """Give the log-odds of a probability, cut off at ± `limit`."""
    if probability <= 0.0:
        return -limit
    if probability >= 1.0:
        return limit
    return max(-limit, min(limit, math.log(probability / (1.0 - probability))))


def probability(log_odds: float) -> float:
    """Give the probability of log-odds."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    power = math.exp(log_odds)
    return power / (1.0 + power)


def concepts(docs: Sequence[Doc]) -> set[str]:
    """Give the names of the lexicon's concepts found in any of the Docs."""
    return {span.label_ for doc in docs for span in doc.spans[RULES]}


def text_features(doc: Doc, lexicon: Mapping[str, Entry]) -> dict[str, float]:
    """Describe one text: the classifier's log-odds, its best passage's, and the concepts in it.

    `together` counts different concepts for enforcement in the best pair of adjacent passages.
    """
    passages = doc.spans[PASSAGES]
    scores = passages.attrs["scores"]
    features = {
        "text": logit(doc.cats.get(POSITIVE, 0.0)),
        "passage": logit(max(scores, default=0.0)),
        "together": float(_together(doc, lexicon)),
    }
    for concept in concepts([doc]):
        if lexicon[concept].stance not in REPLY_STANCES:
            features[f"concept:{concept}"] = 1.0
    return features


def _together(doc: Doc, lexicon: Mapping[str, Entry]) -> int:
    found = [span for span in doc.spans[RULES] if lexicon[span.label_].stance is Stance.FOR]
    if not found:
        return 0
    passages = list(doc.spans[PASSAGES])
    best = 0
    for first, last in zip(passages, passages[1:] or passages, strict=False):
        inside = {span.label_ for span in found if first.start <= span.start < last.end}
        best = max(best, len(inside))
    return max(0, min(best, _MAX_TOGETHER) - 1)


def reply_features(
    own_odds: float, context_odds: float, own_concepts: set[str], words: int,
    lexicon: Mapping[str, Entry],
) -> dict[str, float]:
    """Describe a short answer: its own log-odds and how it stands to the text that it answers."""
    carried = probability(context_odds)
    features = {"own": own_odds, "answer": 1.0, "carried": carried}
    if words <= _VERY_SHORT_WORDS:
        features["carried:very_short"] = carried
    for stance in sorted(REPLY_STANCES):
        if any(lexicon[concept].stance is stance for concept in own_concepts):
            features[f"carried:{stance}"] = carried
    return features
