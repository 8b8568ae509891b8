"""Fits the judge and the gate to evidence that each message got from classifiers without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spacy.language import Language
from spacy.tokens import Doc

from email_audit.tagging.components.features import (
    concepts,
    reply_features,
    text_features,
    text_views,
)
from email_audit.tagging.components.judge import JudgeWeights, Logistic, kind_features
from email_audit.tagging.components.lexicon import REPLY_STANCES, Entry, Stance
from email_audit.tagging.learning.labels import FOLDS, Labelled
from email_audit.tagging.learning.logistic import Assumption, fit_logistic
from email_audit.tagging.reading import Reading, read_input
from email_audit.tagging.records import Kind

REPLY_ASSUMPTION = Assumption(
    weights={
        "own": 0.5,
        "carried": 0.3,
        "very_short": 0.5,
        "carried:agrees": 1.5,
        "carried:declines": 1.5,
        "carried:absent": -5.0,
        "carried:for": 0.5,
        "carried:elsewhere": -5.0,
    },
    signed=frozenset(
        {
            "own",
            "carried",
            "carried:agrees",
            "carried:declines",
            "carried:absent",
            "carried:for",
            "carried:elsewhere",
        }
    ),
    strength=2.0,
    bias=-1.0,
)
TEXT_ASSUMPTION = {"text": 0.3, "passage": 0.3, "together": 0.4, "near": 0.3, "no_topic": -3.0}
ORDINARY_IMPORTANCE = 3.0
"""The corpus has few everyday messages, a mailbox has almost only them: each counts for several."""

_KIND_STRENGTH = 2.0
_KIND_HINT = 0.8


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the pipeline's components found in a message of the corpus."""

    labelled: Labelled
    reading: Reading
    own: tuple[Doc, ...]
    context: tuple[Doc, ...]

    @property
    def is_answer(self) -> bool:
        """Whether the judge's model for short answers applies."""
        return bool(self.context)


def find_evidence(nlp: Language, corpus: Sequence[Labelled]) -> list[Evidence]:
    """Run the pipeline's components over messages as the tagger does, without the gate."""
    found = []
    for labelled in corpus:
        reading = read_input(labelled.message)
        own = tuple(nlp.pipe(window.text for window in reading.own_windows()))
        context = tuple(nlp.pipe(window.text for window in reading.context_windows()))
        found.append(Evidence(labelled, reading, own, context))
    return found


def fit_judge(evidence: Sequence[Evidence], lexicon: Mapping[str, Entry]) -> JudgeWeights:
    """Fit the models for texts, for answers and for kinds; thresholds are left to the caller."""
    text = fit_text_model(evidence, lexicon)
    # The model for answers needs text odds of messages that the model for texts has not seen.
    rows, labels = [], []
    for fold in range(FOLDS):
        others = [item for item in evidence if item.labelled.fold != fold]
        partial = fit_text_model(others, lexicon)
        for item in evidence:
            if item.labelled.fold == fold and item.is_answer:
                rows.append(answer_row(item, partial, lexicon))
                labels.append(item.labelled.enforcement)
    answer = fit_logistic(rows, labels, REPLY_ASSUMPTION)
    return JudgeWeights(text=text, answer=answer, kinds=_fit_kinds(evidence, lexicon))


def fit_text_model(evidence: Sequence[Evidence], lexicon: Mapping[str, Entry]) -> Logistic:
    """Fit the model for one text to each message's best window."""
    rows, labels, importance = [], [], []
    for item in evidence:
        # A hit by answering says that the context is about enforcement, not the answer's words.
        docs = item.context if item.is_answer and item.labelled.enforcement else item.own
        if docs:
            rows.append(_best_row(docs, lexicon))
            labels.append(item.labelled.enforcement)
            importance.append(ORDINARY_IMPORTANCE if item.labelled.is_ordinary else 1.0)
    assumed = {
        f"concept:{entry.concept}": entry.weight
        for entry in lexicon.values()
        if entry.stance not in REPLY_STANCES
    }
    signed = {
        f"concept:{entry.concept}"
        for entry in lexicon.values()
        if entry.stance in {Stance.FOR, Stance.AGAINST}
    }
    return fit_logistic(
        rows,
        labels,
        Assumption(
            weights=assumed | TEXT_ASSUMPTION,
            signed=frozenset(signed | set(TEXT_ASSUMPTION)),
            strength=2.0,
            bias=-1.0,
        ),
        importance,
    )


def _best_row(docs: Sequence[Doc], lexicon: Mapping[str, Entry]) -> dict[str, float]:
    rows = [text_features(doc, lexicon) for doc in docs]
    return max(rows, key=lambda row: sum(row.get(name, 0.0) for name in ("text", "passage")))


def answer_row(item: Evidence, text: Logistic, lexicon: Mapping[str, Entry]) -> dict[str, float]:
    """Describe a short answer for the model for answers."""
    own_odds = _odds(item.own, text, lexicon)
    return reply_features(
        own_odds,
        _odds(item.context, text, lexicon),
        concepts(item.own),
        item.reading.reply_words,
        lexicon,
    )


def _odds(docs: Sequence[Doc], text: Logistic, lexicon: Mapping[str, Entry]) -> float:
    return max(
        (text.odds(view) for doc in docs for view in text_views(doc, lexicon)), default=text.bias
    )


def odds(item: Evidence, weights: JudgeWeights, lexicon: Mapping[str, Entry]) -> float:
    """Give the log-odds that the judge with these weights would give."""
    if item.is_answer:
        return weights.answer.odds(answer_row(item, weights.text, lexicon))
    return _odds(item.own, weights.text, lexicon)


def _fit_kinds(evidence: Sequence[Evidence], lexicon: Mapping[str, Entry]) -> dict[str, Logistic]:
    hits = [item for item in evidence if item.labelled.enforcement and item.labelled.kinds_checked]
    rows = [kind_features(item.own, item.context) for item in hits]
    models = {}
    for kind in Kind:
        hints = {
            f"concept:{entry.concept}": _KIND_HINT
            for entry in lexicon.values()
            if kind in entry.kinds
        }
        assumed = Assumption(
            weights=hints | {f"text:{kind}": 0.5}, strength=_KIND_STRENGTH, bias=-1.0
        )
        models[kind.value] = fit_logistic(
            rows, [kind in item.labelled.kinds for item in hits], assumed
        )
    return models
