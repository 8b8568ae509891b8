"""Runs the spaCy pipeline over messages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from email_audit.errors import UserError
from email_audit.tagging.close_reading import CloseReading
from email_audit.tagging.components import FACTORIES
from email_audit.tagging.components.encoder import ENCODER_FACTORY, Encoder
from email_audit.tagging.components.excerpts import excerpt, excerpt_text
from email_audit.tagging.components.gate import GATE_FACTORY, Gate
from email_audit.tagging.components.judge import JUDGE_FACTORY, MENTION, Judge, Weighed
from email_audit.tagging.components.rules import RULES_FACTORY, RuleSignals
from email_audit.tagging.reading import Reading, Window, read_input
from email_audit.tagging.records import Decision, Kind, Opinion, Signal, Tag, TagInput
from email_audit.tagging.signals import find_signals
from email_audit.tagging.version import model_version, pipeline_folder

_PARTS = (GATE_FACTORY, RULES_FACTORY, JUDGE_FACTORY, ENCODER_FACTORY)
_BATCH_MESSAGES = 64
_SCORE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class _Task:
    """A message on its way: what was read, and the windows that the gate let through."""

    reading: Reading
    own: tuple[Window, ...]
    context: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """A task with its Docs and what the judge says; None where the gate stopped all of it."""

    task: _Task
    own: tuple[Doc, ...]
    context: tuple[Doc, ...]
    weighed: Weighed | None

    @property
    def deciding_context(self) -> tuple[Doc, ...]:
        """The context's Docs, if the context decided."""
        return self.context if self.weighed is not None and self.weighed.by_context else ()


class SpacyTagger:
    """A loaded pipeline as a `Tagger`. Every message is judged alone: batches change nothing.

    Args:
        nlp: The pipeline.
        version: What every tag of it carries.
        threshold: Score from which a message is a hit; None: the one stored in the model.
    """

    def __init__(self, nlp: Language, version: str, threshold: float | None = None) -> None:
        gate, rules, judge, encoder = (nlp.get_pipe(name) for name in _PARTS)
        assert isinstance(gate, Gate)
        assert isinstance(rules, RuleSignals)
        assert isinstance(judge, Judge)
        assert isinstance(encoder, Encoder)
        self._nlp, self._gate, self._rules, self._judge = nlp, gate, rules, judge
        self._encoder = encoder
        stored = judge.weights.thresholds
        self._threshold = stored["enforcement"] if threshold is None else threshold
        self._gated_score = stored["gated"]
        self._version = version

    @property
    def version(self) -> str:
        """The pipeline's name, version and the start of the hash of its files (version.py)."""
        return self._version

    @property
    def threshold(self) -> float:
        """The score from which a message is a hit."""
        return self._threshold

    def tag(self, inputs: Iterable[TagInput]) -> Iterator[Tag]:
        """Yield one answer for each input, in order."""
        for case in self._cases(inputs):
            decision, closely = self._decide(case)
            signals = () if closely is None else self._signals(case, closely, decision.kinds)
            yield Tag(decision.enforcement, decision.score, decision.kinds, signals)

    def decide(self, inputs: Iterable[TagInput]) -> Iterator[Decision]:
        """Yield what `tag` decides, without the signals: they cost several readings of each hit."""
        for case in self._cases(inputs):
            decision, _ = self._decide(case)
            yield decision

    def opinions(self, inputs: Iterable[TagInput]) -> Iterator[Opinion]:
        """Yield what judge and encoder say of each input, in order: what closing models learn."""
        for case in self._cases(inputs):
            closely = None if case.weighed is None else self._read_closely(case, case.weighed)
            odds = self._judge.weights.text.bias if case.weighed is None else case.weighed.odds
            yield Opinion(
                judge=odds,
                judge_kinds=self._judge.own_kind_odds(case.own, case.deciding_context),
                read=None if closely is None else closely.odds,
                is_ordinary=case.weighed is not None and case.weighed.is_ordinary,
            )

    def admits(self, message: TagInput) -> bool:
        """Say whether the gate lets a message through, in part at least."""
        task = self._admit(read_input(message))
        return bool(task.own or task.context)

    def _cases(self, inputs: Iterable[TagInput]) -> Iterator[_Case]:
        remaining = iter(inputs)
        while batch := list(islice(remaining, _BATCH_MESSAGES)):
            tasks = [self._admit(read_input(message)) for message in batch]
            texts = [window.text for task in tasks for window in (*task.own, *task.context)]
            docs = self._nlp.pipe(texts, batch_size=_BATCH_MESSAGES)
            for task in tasks:
                own = tuple(next(docs) for _ in task.own)
                context = tuple(next(docs) for _ in task.context)
                weighed = None
                if own or context:
                    weighed = self._judge.weigh(own, context, task.reading.reply_words)
                yield _Case(task, own, context, weighed)

    def _admit(self, reading: Reading) -> _Task:
        """Keep the windows that the gate lets through; a short answer with what it answers."""
        own, context = reading.own_windows(), reading.context_windows()
        if context:
            context = [window for window in context if self._gate.passes(reading.answered(window))]
            return _Task(reading, tuple(own if context else ()), tuple(context))
        return _Task(reading, tuple(window for window in own if self._gate.passes(window.text)), ())

    def _read_closely(self, case: _Case, weighed: Weighed) -> CloseReading | None:
        """Let the encoder read a message that the judge does not clear."""
        if not self._judge.is_doubtful(weighed):
            return None
        return CloseReading(self._encoder, excerpt(case.own), excerpt_text(excerpt(case.context)))

    def _decide(self, case: _Case) -> tuple[Decision, CloseReading | None]:
        """Decide; for a hit, give what the encoder read too."""
        weighed = case.weighed
        if weighed is None:
            return self._non_hit(self._gated_score), None
        closely = self._read_closely(case, weighed)
        score = self._judge.score(weighed, None if closely is None else closely.odds)
        if closely is None or score < self._threshold:
            return self._non_hit(score), None
        kinds = self._judge.kinds(case.own, case.deciding_context, closely.odds)
        return Decision(True, round(score, _SCORE_DIGITS), kinds), closely

    def _signals(
        self, case: _Case, closely: CloseReading, kinds: Sequence[Kind]
    ) -> tuple[Signal, ...]:
        return find_signals(
            case.task.reading,
            case.task.own,
            case.own,
            self._rules.by_concept,
            lambda: closely.carrying(kinds),
            is_convinced=closely.odds[MENTION] >= 0,
            by_context=bool(case.deciding_context),
        )

    @staticmethod
    def _non_hit(score: float) -> Decision:
        return Decision(False, round(score, _SCORE_DIGITS), ())


def load_tagger(model: str, threshold: float | None = None) -> SpacyTagger:
    """Load a pipeline by package name or folder.

    Args:
        model: The package's name or the folder's path.
        threshold: Score from which a message is a hit; None: the one stored in the model.

    Raises:
        UserError: if there is no such pipeline, or it lacks this project's components.
    """
    return SpacyTagger(load_pipeline(model), model_version(model, threshold), threshold)


def load_pipeline(model: str) -> Language:
    """Load a pipeline of this project by package name or folder.

    Raises:
        UserError: as `load_tagger` does.
    """
    nlp = spacy.load(pipeline_folder(model))
    missing = [name for name in FACTORIES if not nlp.has_pipe(name)]
    if missing:
        raise UserError(
            f"model {model!r}: lacks {', '.join(missing)}, so it is no pipeline of this project. "
            "Name en_email_audit or a folder built from nlp/."
        )
    return nlp
