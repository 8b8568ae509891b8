"""Numbers that the judge weighs: of one text, and of a message with the text that it answers."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from spacy.tokens import Doc

from email_audit.tagging.components.gram_table import POSITIVE
from email_audit.tagging.components.lexicon import Entry, Stance
from email_audit.tagging.components.odds import logit, probability
from email_audit.tagging.components.passages import PASSAGES
from email_audit.tagging.components.rules import RULES

_MAX_TOGETHER = 4
_MIN_TOGETHER = 2
_MAX_NEAR = 5
_SHORT_TEXT_PASSAGES = 6
_TELLING_TOKENS = 40
_TELLING_PASSAGE_TOKENS = 15
_MAX_ODDS = 5.0
_VERY_SHORT_WORDS = 15
_ABSTAINING = frozenset({"police_life"})


def concepts(docs: Sequence[Doc]) -> set[str]:
    """Give the names of the lexicon's concepts found in any of the Docs."""
    return {span.label_ for doc in docs for span in doc.spans[RULES]}


def text_views(doc: Doc, lexicon: Mapping[str, Entry]) -> list[dict[str, float]]:
    """Describe a text, and each of its places that would be told apart if it stood alone.

    One sentence in two pages must be found: wherever two adjacent passages show several concepts
    for enforcement, these two are also described without the rest. The first is the whole text.
    """
    shown = _shown(doc, lexicon)
    views = [text_features(doc, lexicon)]
    if len(shown) > _SHORT_TEXT_PASSAGES:
        views += [
            _describe(shown, range(first, first + 2))
            for first in range(len(shown) - 1)
            if len(shown[first].speaking | shown[first + 1].speaking) >= _MIN_TOGETHER
        ]
    return views


def text_features(doc: Doc, lexicon: Mapping[str, Entry]) -> dict[str, float]:
    """Describe one text.

    `text` is the classifier's log-odds for the whole and `passage` the best of the passages that
    lie near a word of the topic; without such a word both are left out and `no_topic` is set, for
    the classifier knows little about mail that is not about police work. A few words tell little,
    so their log-odds are damped and the concepts decide. `near` counts different topic words and
    concepts in three passages in a row, `together` concepts for enforcement in two.
    """
    shown = _shown(doc, lexicon)
    features = _describe(shown, range(len(shown)))
    if "text" in features:
        features["text"] = logit(doc.cats[POSITIVE]) * min(1.0, len(doc) / _TELLING_TOKENS)
    return features


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the lexicon shows in one passage, and the classifier's damped log-odds of it."""

    odds: float
    topic: frozenset[str]
    speaking: frozenset[str]
    against: frozenset[str]


def _shown(doc: Doc, lexicon: Mapping[str, Entry]) -> list[_Shown]:
    passages = doc.spans[PASSAGES]
    starts = [passage.start for passage in passages]
    found: list[dict[Stance, set[str]]] = [defaultdict(set) for _ in starts]
    for span in doc.spans[RULES]:
        stance = lexicon[span.label_].stance
        name = span.text.lower() if stance is Stance.TOPIC else span.label_
        found[bisect_right(starts, span.start) - 1][stance].add(name)
    return [
        _Shown(
            logit(score) * min(1.0, len(passage) / _TELLING_PASSAGE_TOKENS),
            frozenset(names[Stance.TOPIC]),
            frozenset(names[Stance.FOR]),
            frozenset(names[Stance.AGAINST]),
        )
        for passage, score, names in zip(passages, passages.attrs["scores"], found, strict=True)
    ]


def _describe(shown: Sequence[_Shown], place: range) -> dict[str, float]:
    """Describe the passages of a place, as if the text held no others."""
    inside = [shown[number] for number in place]
    near = [_distinct(inside[max(0, number - 1) : number + 2]) for number in range(len(inside))]
    pairs = [
        first.speaking | last.speaking
        for first, last in zip(inside, inside[1:] or inside, strict=False)
    ]
    together = max(map(len, pairs), default=0)
    features = {"together": float(max(0, min(together, _MAX_TOGETHER) - 1))}
    if any(near):
        best = max(part.odds for part, count in zip(inside, near, strict=True) if count)
        features |= {"near": float(min(max(near), _MAX_NEAR)), "passage": best, "text": best}
    else:
        features["no_topic"] = 1.0
    for concept in frozenset[str]().union(*(part.speaking | part.against for part in inside)):
        features[f"concept:{concept}"] = 1.0
    return features


def _distinct(passages: Sequence[_Shown]) -> int:
    """Count different topic words and concepts for enforcement."""
    return len(frozenset[str]().union(*(part.topic | part.speaking for part in passages)))


def reply_features(
    own_odds: float,
    context_odds: float,
    own_concepts: set[str],
    words: int,
    lexicon: Mapping[str, Entry],
) -> dict[str, float]:
    """Describe a short answer: its own log-odds and how it stands to the text that it answers.

    `carried:elsewhere` marks an answer that only speaks of other business.
    """
    carried = probability(context_odds)
    features = {"own": _cut(own_odds), "carried": _cut(context_odds)}
    if words <= _VERY_SHORT_WORDS:
        features["very_short"] = carried
    stances = {lexicon[concept].stance for concept in own_concepts} - {Stance.TOPIC}
    if stances == {Stance.AGAINST}:
        features["carried:elsewhere"] = carried
    for stance in sorted(stances - {Stance.AGAINST}):
        features[f"carried:{stance}"] = carried
    return features


class Adoption(Enum):
    """How an answer's words stand to what it answers, as far as the lexicon tells."""

    OPEN = "open"
    """It may take that up."""
    ORDINARY = "ordinary"
    """It speaks of ordinary life only; some who do still answer ("pizza's here, mile 88")."""
    NONE = "none"
    """It reports an absence or a wrong addressee: no adoption (annotation guide, section 6)."""


def adoption(own_concepts: set[str], lexicon: Mapping[str, Entry]) -> Adoption:
    """Say how an answer stands to what it answers.

    One word that speaks for enforcement, agrees or declines, and the matter is open.
    """
    telling = {name for name in own_concepts if lexicon[name].stance is not Stance.TOPIC}
    stances = {lexicon[name].stance for name in telling}
    if stances & {Stance.FOR, Stance.AGREES, Stance.DECLINES}:
        return Adoption.OPEN
    if Stance.ABSENT in stances:
        return Adoption.NONE
    return Adoption.ORDINARY if telling and telling <= _ABSTAINING else Adoption.OPEN


def _cut(odds: float) -> float:
    return max(-_MAX_ODDS, min(_MAX_ODDS, odds))
