"""Rule signals: the lexicon's patterns as labelled spans.

Only spaCy's PhraseMatcher runs over the text (its cost does not depend on the number of phrases);
patterns with gaps are put together from the phrases found, within one passage.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Self

from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from email_audit.tagging.components.lexicon import (
    Entry,
    Stance,
    expand,
    read_lexicon,
    write_lexicon,
)
from email_audit.tagging.components.passages import PASSAGES

RULES_FACTORY = "email_audit_rules"
RULES = "lexicon"

_MAX_GAP_TOKENS = 5

_Stretch = tuple[int, int]


class RuleSignals:
    """Sets `doc.spans["lexicon"]`: spans whose `label_` is the concept of a lexicon entry.

    The component `email_audit_passages` must have run before.
    """

    def __init__(self, nlp: Language, entries: Iterable[Entry] = ()) -> None:
        self._nlp = nlp
        self.use(entries)

    def use(self, entries: Iterable[Entry]) -> None:
        """Compile a lexicon and use it from now on."""
        self.entries = tuple(entries)
        self.by_concept = {entry.concept: entry for entry in self.entries}
        self._lower = PhraseMatcher(self._nlp.vocab, attr="LOWER")
        self._exact = PhraseMatcher(self._nlp.vocab, attr="ORTH")
        self._rules: dict[str, tuple[Entry, int, int]] = {}
        for number, entry in enumerate(self.entries):
            matcher = self._exact if entry.case_sensitive else self._lower
            for pattern_number, pattern in enumerate(entry.patterns):
                stretches = expand(pattern)
                for position, phrases in enumerate(stretches):
                    key = f"{number}.{pattern_number}.{position}"
                    self._rules[key] = (entry, position, len(stretches))
                    matcher.add(key, [self._nlp.make_doc(phrase) for phrase in phrases])

    def __call__(self, doc: Doc) -> Doc:
        """Find the lexicon's concepts in one Doc."""
        whole: list[Span] = []
        partial: dict[str, list[list[_Stretch]]] = {}
        for key, start, end in (*self._lower(doc), *self._exact(doc)):
            rule = doc.vocab.strings[key]
            entry, position, count = self._rules[rule]
            if count == 1:
                whole.append(Span(doc, start, end, label=entry.concept))
            else:
                pattern = rule.rpartition(".")[0]
                partial.setdefault(pattern, [[] for _ in range(count)])[position].append(
                    (start, end)
                )
        if partial:
            passage_ends = {
                token: passage.end for passage in doc.spans[PASSAGES] for token in _tokens(passage)
            }
            for pattern, stretches in sorted(partial.items()):
                entry = self._rules[f"{pattern}.0"][0]
                whole += [
                    Span(doc, start, end, label=entry.concept)
                    for start, end in _chains(stretches, passage_ends)
                ]
        doc.spans[RULES] = self._undisputed(whole)
        return doc

    def _undisputed(self, spans: list[Span]) -> list[Span]:
        """Keep the longest spans of each stance; a longer reading against takes the words away.

        "snow removal" is no "removal", so a span for enforcement inside one against it is dropped.
        """
        by_stance: dict[Stance, list[Span]] = defaultdict(list)
        for span in sorted(spans, key=lambda span: (span.start, span.end, span.label_)):
            by_stance[self.by_concept[span.label_].stance].append(span)
        against = by_stance[Stance.AGAINST]
        kept = [
            span
            for stance, group in sorted(by_stance.items())
            for span in _longest_per_concept(group)
            if stance is not Stance.FOR or not any(_covers(other, span) for other in against)
        ]
        return sorted(kept, key=lambda span: (span.start, span.end, span.label_))

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the lexicon into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        write_lexicon(path / "lexicon.jsonl", self.entries)

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        self.use(read_lexicon(Path(path) / "lexicon.jsonl"))
        return self


def _tokens(span: Span) -> range:
    return range(span.start, span.end)


def _covers(outer: Span, inner: Span) -> bool:
    return (
        outer.start <= inner.start
        and inner.end <= outer.end
        and outer.end - outer.start > inner.end - inner.start
    )


def _longest_per_concept(spans: list[Span]) -> list[Span]:
    groups: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        groups[span.label_].append(span)
    return [span for group in groups.values() for span in filter_spans(group)]


def _chains(stretches: list[list[_Stretch]], passage_ends: dict[int, int]) -> list[_Stretch]:
    """Join the stretches of a pattern with gaps: each at most five tokens after the one before."""
    if not all(stretches):
        return []
    chains = sorted(stretches[0])
    for _, following in pairwise(stretches):
        ordered = sorted(following)
        longer: list[_Stretch] = []
        for start, end in chains:
            limit = min(end + _MAX_GAP_TOKENS + 1, passage_ends.get(start, end))
            joined = next((stretch for stretch in ordered if end <= stretch[0] < limit), None)
            if joined is not None:
                longer.append((start, joined[1]))
        chains = longer
    return chains


@Language.factory(RULES_FACTORY)
def make_rules(nlp: Language, name: str) -> RuleSignals:  # noqa: ARG001
    """Make a component with an empty lexicon."""
    return RuleSignals(nlp)
