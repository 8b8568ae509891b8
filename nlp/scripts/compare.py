"""Compares ways to classify: `python scripts/compare.py PIPELINE METRICS`.

Each learns from the part "train"; its threshold is the score of least cost on "dev", where a miss
costs what it costs ours (thresholds.py), for not all give probabilities; its figures are those of
"test". Intervals are 95 % Wilson score intervals.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import spacy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from spacy.training import Example

from baselines import keyword_hits, own_content
from command import run
from corpus import of_part, read_corpus
from email_audit.tagging.components.judge import MENTION
from email_audit.tagging.learning.figures import slices
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.learning.measures import area_under_curve
from email_audit.tagging.learning.thresholds import MISS_COST
from email_audit.tagging.tagger import load_tagger
from gating import with_context

Scorer = Callable[[Sequence[Labelled]], list[float]]

_BAG_OF_WORDS = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": True,
    "ngram_size": 2,
    "no_output_layer": False,
    "length": 262144,
}
_TOK2VEC = {
    "@architectures": "spacy.TextCatParametricAttention.v1",
    "exclusive_classes": True,
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": 96,
        "depth": 4,
        "embed_size": 4000,
        "window_size": 1,
        "maxout_pieces": 3,
        "subword_features": True,
        "pretrained_vectors": None,
    },
}
_BEYOND = -100.0


def tfidf(train: Sequence[Labelled], text: Callable[[Labelled], str]) -> Scorer:
    """Train a logistic regression on TF-IDF of words and word pairs."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10.0, max_iter=2000),
    )
    model.fit([text(label) for label in train], [label.enforcement for label in train])
    return lambda labels: [
        float(value) for value in model.predict_proba([text(label) for label in labels])[:, 1]
    ]


def textcat(train: Sequence[Labelled], architecture: dict[str, object], epochs: int) -> Scorer:
    """Train spaCy's text classifier."""
    spacy.util.fix_random_seed(7)
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("textcat", config={"model": architecture})
    for name in ("yes", "no"):
        pipe.add_label(name)
    examples = [
        Example.from_dict(
            nlp.make_doc(with_context(label)),
            {"cats": {"yes": float(label.enforcement), "no": float(not label.enforcement)}},
        )
        for label in train
    ]
    optimizer = nlp.initialize(lambda: examples)
    order = random.Random(7)
    for _ in range(epochs):
        order.shuffle(examples)
        for batch in spacy.util.minibatch(examples, 32):
            nlp.update(batch, sgd=optimizer, drop=0.2)
    return lambda labels: [
        doc.cats["yes"] for doc in nlp.pipe(with_context(label) for label in labels)
    ]


def cheapest(scores: Sequence[float], labels: Sequence[Labelled]) -> float:
    """Give the score from which calling a message a hit costs least; not all are called one."""

    def cost(threshold: float) -> float:
        pairs = list(zip(scores, labels, strict=True))
        misses = sum(label.enforcement and score < threshold for score, label in pairs)
        false = sum(not label.enforcement and score >= threshold for score, label in pairs)
        return MISS_COST * misses + false

    return min(sorted(set(scores))[1:], key=cost)


def main() -> None:
    """Train, score and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline")
    parser.add_argument("metrics", type=Path)
    arguments = parser.parse_args()
    corpus = read_corpus()
    train, dev, test = (of_part(corpus, part) for part in ("train", "dev", "test"))
    tagger = load_tagger(arguments.pipeline)

    def judge(labels: Sequence[Labelled]) -> list[float]:
        return [opinion.judge for opinion in tagger.opinions(item.message for item in labels)]

    def encoder(labels: Sequence[Labelled]) -> list[float]:
        opinions = tagger.opinions(item.message for item in labels)
        return [_BEYOND if one.read is None else one.read[MENTION] for one in opinions]

    ways: dict[str, Scorer] = {
        "keyword list": lambda labels: [
            float(hit) for hit in keyword_hits([label.message for label in labels])
        ],
        "TF-IDF regression, own words": tfidf(train, lambda item: own_content(item.message)),
        "TF-IDF regression, with context": tfidf(train, with_context),
        "spaCy bag of words": textcat(train, _BAG_OF_WORDS, 10),
        "spaCy tok2vec": textcat(train, _TOK2VEC, 8),
        "judge alone": judge,
        "encoder where the judge doubts": encoder,
        "both: this pipeline": lambda labels: [
            decision.score for decision in tagger.decide(item.message for item in labels)
        ],
    }
    truth = [label.enforcement for label in test]
    report = {}
    for name, scorer in ways.items():
        threshold = cheapest(scorer(dev), dev)
        scores = scorer(test)
        parts = {part.name: part for part in slices(test, [s >= threshold for s in scores])}
        area = area_under_curve(scores, truth)
        print(f"{name:32} area {area:.3f}")
        report[name] = {"area": round(area, 4)}
        for part in ("all", "hard"):
            print(f"  {part:5} recall {parts[part].recall}, precision {parts[part].precision}")
            report[name][part] = {
                "recall": parts[part].recall.as_json(),
                "precision": parts[part].precision.as_json(),
            }
    arguments.metrics.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
