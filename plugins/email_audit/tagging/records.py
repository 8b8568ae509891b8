"""What the classifier is asked and what it answers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What a mention does; the closed list of the annotation guide, section 2."""

    REQUEST = "request"
    ASSISTANCE = "assistance"
    ALERT = "alert"
    INFORMATION = "information"
    CUSTODY = "custody"
    OPERATION = "operation"
    REFUSAL = "refusal"
    POLICY = "policy"
    NEWS = "news"


@dataclass(frozen=True, slots=True)
class Signal:
    """A span that speaks for the tag: `text == part[start:end]`.

    `part` is `subject`, `own_text` or `attachment:N` (N counts the message's attachments from 0).
    `label` says what it shows, in words an investigator understands.
    """

    text: str
    start: int
    end: int
    part: str
    label: str


@dataclass(frozen=True, slots=True)
class TagInput:
    """The words of one message, by whose they are.

    `own_text` and `attachments` (text of each, "" where none was read) are the message's own
    content; `context` is the carried text or the message it visibly answers: it can give a short
    answer its meaning but is never itself the reason for a tag.
    """

    subject: str
    own_text: str
    context: str
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a message is a hit.

    `score` is a probability in 0..1; `kinds` is empty on a non-hit.
    """

    enforcement: bool
    score: float
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Tag(Decision):
    """The classifier's whole answer: a decision, and for a hit the spans that speak for it."""

    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the parts of the classifier say of one message, as log-odds.

    `judge` of a mention, `judge_kinds` of each kind, `read` what the encoder says of both by label;
    None where it did not read the message. `is_ordinary`: it is an answer that speaks of ordinary
    life only.
    """

    judge: float
    judge_kinds: Mapping[str, float]
    read: Mapping[str, float] | None
    is_ordinary: bool = False


class Tagger(Protocol):
    """A loaded classifier: pure, the same input gives the same answer in any batch."""

    @property
    def version(self) -> str:
        """Name and version of the model, as written into every tag of the ledger."""

    def tag(self, inputs: Iterable[TagInput]) -> Iterator[Tag]:
        """Yield one answer for each input, in order."""
