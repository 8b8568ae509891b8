"""The encoder's reading of one message, and which of its passages carried the decision."""

from collections.abc import Mapping, Sequence

from spacy.tokens import Span

from email_audit.tagging.components.encoder import Encoder
from email_audit.tagging.components.excerpts import excerpt_text, most_telling
from email_audit.tagging.components.judge import MENTION
from email_audit.tagging.records import Kind

_MOST_CARRYING = 2
_MOST_TRIED = 8
"""Each is a reading more. With three times as many, 5 of 377 hits of *dev* name other passages."""
_LEAST_SHARE = 0.5
"""A second passage must carry at least this share of what the first does."""


class CloseReading:
    """What the encoder says of an excerpt (passages in order) and of what the message answers."""

    def __init__(self, encoder: Encoder, passages: Sequence[Span], context: str) -> None:
        self._encoder = encoder
        self._passages = passages
        self._context = context
        self.odds: Mapping[str, float] = encoder.odds(excerpt_text(passages), context)

    def carrying(self, kinds: Sequence[Kind]) -> list[tuple[Span, Kind]]:
        """Give the passages without which the mention would be least likely, and what each does.

        Each passage is left out in turn (occlusion: Zeiler and Fergus 2014, 4.2) and the loss of
        log-odds is what it carried. `kinds` are the message's.
        """
        passages = most_telling(self._passages, _MOST_TRIED)
        if len(passages) == 1:
            return [(passages[0], self._kind(passages[0], kinds))]
        losses = []
        for number, passage in enumerate(passages):
            others = [other for other in self._passages if other.start != passage.start]
            without = self._encoder.odds(excerpt_text(others), self._context)
            losses.append((self.odds[MENTION] - without[MENTION], -number, passage))
        losses.sort(reverse=True)
        least = max(losses[0][0] * _LEAST_SHARE, 0.0) if losses else 0.0
        chosen = [passage for loss, _, passage in losses[:_MOST_CARRYING] if loss > least]
        if losses and losses[0][0] > 0 and not chosen:
            chosen = [losses[0][2]]
        return [(passage, self._kind(passage, kinds)) for passage in chosen]

    def _kind(self, passage: Span, kinds: Sequence[Kind]) -> Kind:
        if len(kinds) == 1:
            return kinds[0]
        odds = self._encoder.odds(passage.text, self._context)
        return max(kinds, key=lambda kind: odds[kind.value])
