"""The judge: from the evidence in Docs to a calibrated probability and kinds.

Logistic models, each a table of named weights, so that a person can read why: one for a text, one
for a short answer to another text, one for each kind; and closing ones, which put the judge's own
log-odds and the encoder's together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from spacy.language import Language
from spacy.tokens import Doc

from email_audit.tagging.components.features import (
    Adoption,
    adoption,
    concepts,
    reply_features,
    text_views,
)
from email_audit.tagging.components.lexicon import Entry
from email_audit.tagging.components.odds import logit, probability
from email_audit.tagging.components.rules import RuleSignals
from email_audit.tagging.records import Kind

JUDGE_FACTORY = "email_audit_judge"
MENTION = "MENTION"

_MOST_SURE = 8.0


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model over named features; a feature without weight counts nothing."""

    bias: float = 0.0
    weights: Mapping[str, float] = field(default_factory=dict)

    def odds(self, features: Mapping[str, float]) -> float:
        """Give the log-odds of named features."""
        total = self.bias
        for name in sorted(features):
            total += self.weights.get(name, 0.0) * features[name]
        return total


@dataclass(frozen=True, slots=True)
class JudgeWeights:
    """The trained tables.

    `closing` and `closing_kinds` know the features of `closing_features`.
    `thresholds` holds "enforcement", "gated" (the score of mail that the gate stops), "read" (the
    judge's probability from which the encoder reads a message) and each kind's name.
    """

    text: Logistic = field(default_factory=Logistic)
    answer: Logistic = field(default_factory=Logistic)
    kinds: Mapping[str, Logistic] = field(default_factory=dict)
    closing: Logistic = field(default_factory=Logistic)
    closing_kinds: Mapping[str, Logistic] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Weighed:
    """The judge's own log-odds of a mention, and whether the context decided.

    `adoption`: how it stands to the text that it was judged with; None where it was judged alone.
    """

    odds: float
    by_context: bool
    adoption: Adoption | None = None

    @property
    def is_ordinary(self) -> bool:
        """Whether it is an answer that speaks of ordinary life only."""
        return self.adoption is Adoption.ORDINARY


class Judge:
    """Weighs the evidence of the components before it. Sets `doc.cats["MENTION"]`."""

    def __init__(self, nlp: Language, rules: str, weights: JudgeWeights | None = None) -> None:
        self._nlp = nlp
        self._rules = rules
        self.weights = weights or JudgeWeights()

    def __call__(self, doc: Doc) -> Doc:
        """Score one Doc as a message of its own, without context."""
        doc.cats[MENTION] = probability(self.text_odds([doc]))
        return doc

    def text_odds(self, docs: Sequence[Doc]) -> float:
        """Give the log-odds of a text in one or several windows: those of its best window."""
        lexicon = self._lexicon()
        return max(
            self.weights.text.odds(view) for doc in docs for view in text_views(doc, lexicon)
        )

    def weigh(self, own: Sequence[Doc], context: Sequence[Doc], words: int) -> Weighed:
        """Judge a message by its own windows and, if it is a short answer, by its context's.

        Args:
            own: Windows of the message's own content; at least one here or in `context`.
            context: Windows of what it answers or sends on; empty where it stands for itself.
            words: Words of the answer.
        """
        own_odds = self.text_odds(own) if own else self.weights.text.bias
        if not context:
            return Weighed(own_odds, by_context=False)
        found, lexicon = concepts(own), self._lexicon()
        features = reply_features(own_odds, self.text_odds(context), found, words, lexicon)
        odds = self.weights.answer.odds(features)
        return Weighed(odds, odds > own_odds, adoption(found, lexicon))

    def is_doubtful(self, weighed: Weighed) -> bool:
        """Say whether the encoder must read the message: the judge alone does not clear it.

        What a short answer means only a closer reading tells.
        """
        if weighed.adoption is not None:
            return weighed.adoption is not Adoption.NONE
        return probability(weighed.odds) >= self.weights.thresholds["read"]

    def score(self, weighed: Weighed, read: Mapping[str, float] | None) -> float:
        """Give the probability of a mention.

        Args:
            weighed: What the judge says.
            read: The encoder's log-odds by label; None where it did not read the message. Then the
                judge has cleared it, and the score stays below the threshold.
        """
        if read is None:
            cleared = self.weights.thresholds["gated"]
            return min(probability(weighed.odds), cleared)
        features = closing_features(weighed.odds, read[MENTION], is_ordinary=weighed.is_ordinary)
        return probability(self.weights.closing.odds(features))

    def own_kind_odds(self, own: Sequence[Doc], context: Sequence[Doc]) -> dict[str, float]:
        """Give the log-odds of each kind, by the judge's own tables."""
        features = kind_features(own, context)
        return {name: model.odds(features) for name, model in sorted(self.weights.kinds.items())}

    def kinds(
        self, own: Sequence[Doc], context: Sequence[Doc], read: Mapping[str, float]
    ) -> tuple[Kind, ...]:
        """Give the kinds above their thresholds, at least the likeliest.

        Args:
            own: Windows of the message's own content.
            context: Windows of what it answers, if that decided.
            read: The encoder's log-odds by label.
        """
        odds = closing_kind_odds(self.weights, self.own_kind_odds(own, context), read)
        chosen = {
            name
            for name, value in odds.items()
            if probability(value) >= self.weights.thresholds[name]
        } or {max(odds, key=lambda name: odds[name])}
        return tuple(kind for kind in Kind if kind.value in chosen)

    def _lexicon(self) -> Mapping[str, Entry]:
        rules = self._nlp.get_pipe(self._rules)
        assert isinstance(rules, RuleSignals)
        return rules.by_concept

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the tables as JSON into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self.weights), indent=1, sort_keys=True, ensure_ascii=False)
        (path / "judge.json").write_text(text + "\n", encoding="utf-8")

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        record = json.loads((Path(path) / "judge.json").read_text(encoding="utf-8"))
        self.weights = JudgeWeights(
            text=Logistic(**record["text"]),
            answer=Logistic(**record["answer"]),
            kinds={name: Logistic(**model) for name, model in record["kinds"].items()},
            closing=Logistic(**record["closing"]),
            closing_kinds={
                name: Logistic(**model) for name, model in record["closing_kinds"].items()
            },
            thresholds=record["thresholds"],
        )
        return self


def kind_features(own: Sequence[Doc], context: Sequence[Doc]) -> dict[str, float]:
    """Describe a hit for its kinds: the classifier's log-odds of each, and the concepts found.

    `context` are the windows of what it answers, if that decided.
    """
    features = {"answer": 1.0} if context else {}
    for kind in Kind:
        features[f"text:{kind}"] = max(
            (logit(doc.cats.get(kind.value, 0.0)) for doc in (*own, *context)), default=0.0
        )
    features |= {f"concept:{concept}": 1.0 for concept in concepts(own)}
    return features | {f"carried:{concept}": 1.0 for concept in concepts(context)}


def closing_features(
    judge: float, encoder: float, *, is_ordinary: bool = False
) -> dict[str, float]:
    """Give what closing models see: both log-odds, cut off, and whether an answer is ordinary.

    Neither of the two may be so sure that the other one's evidence counts nothing.
    """
    features = {
        "judge": max(-_MOST_SURE, min(_MOST_SURE, judge)),
        "encoder": max(-_MOST_SURE, min(_MOST_SURE, encoder)),
    }
    return features | {"ordinary": 1.0} if is_ordinary else features


def closing_kind_odds(
    weights: JudgeWeights, judge: Mapping[str, float], read: Mapping[str, float]
) -> dict[str, float]:
    """Give each kind's log-odds from the judge's and the encoder's."""
    return {
        name: closing.odds(closing_features(judge[name], read[name]))
        for name, closing in sorted(weights.closing_kinds.items())
    }


@Language.factory(JUDGE_FACTORY, default_config={"rules": "email_audit_rules"})
def make_judge(nlp: Language, name: str, rules: str) -> Judge:  # noqa: ARG001
    """Make an untrained judge that reads the lexicon of the component `rules`."""
    return Judge(nlp, rules)
