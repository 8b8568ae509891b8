"""Adapts a classifier to an agency's own labels: how its parts are weighed, and the threshold."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from email_audit.errors import UserError
from email_audit.tagging.components.judge import JUDGE_FACTORY, Judge
from email_audit.tagging.learning.closing import fit_closing
from email_audit.tagging.learning.figures import Figures, figures
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.tagger import SpacyTagger, load_pipeline

LEAST_LABELS = 100
LEAST_HITS = 20
_TEST_PERCENT = 30


@dataclass(frozen=True, slots=True)
class Adapted:
    """What came of it: figures before and after, on labels that were not learned from."""

    learned: int
    tested: int
    before: Figures
    after: Figures


def is_for_testing(label: Labelled) -> bool:
    """Say whether a label is kept for testing: always the same ones, whole storylines at a time.

    So that decisions that reviewers add later never move a message from testing to learning.
    """
    digest = hashlib.sha256(f"test {label.group}".encode()).digest()
    return int.from_bytes(digest[:4]) % 100 < _TEST_PERCENT


def adapt(model: str, labels: Sequence[Labelled], target: Path) -> Adapted:
    """Write a copy of a pipeline whose closing models and thresholds fit the labels.

    Raises:
        UserError: where there are too few labels, or the target exists.
    """
    if target.exists():
        raise UserError(f"{target}: exists already; name a new folder")
    learn = [label for label in labels if not is_for_testing(label)]
    test = [label for label in labels if is_for_testing(label)]
    hits = sum(label.enforcement for label in learn)
    if len(learn) < LEAST_LABELS or hits < LEAST_HITS or not test:
        raise UserError(
            f"too few labels: {len(learn)} to learn from with {hits} hits, {len(test)} to test on. "
            f"At least {LEAST_LABELS} with {LEAST_HITS} hits are needed (a storyline, or a message "
            "without one, is learned from or tested on as a whole)"
        )
    nlp = load_pipeline(model)
    judge = nlp.get_pipe(JUDGE_FACTORY)
    assert isinstance(judge, Judge)
    before = _test(SpacyTagger(nlp, model), test)
    opinions = SpacyTagger(nlp, model).opinions(label.message for label in learn)
    judge.weights = fit_closing(judge.weights, learn, list(opinions))
    after = _test(SpacyTagger(nlp, model), test)
    try:
        nlp.to_disk(target)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise UserError(f"{target}: cannot be written: {error.strerror}") from error
    return Adapted(len(learn), len(test), before, after)


def _test(tagger: SpacyTagger, labels: Sequence[Labelled]) -> Figures:
    return figures(labels, list(tagger.decide(label.message for label in labels)))
