"""What of a message the classifier reads, in pieces small enough for spaCy, offsets kept.

Training and prediction both read messages through this module.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from email_audit.tagging.records import TagInput

WINDOW_CHARACTERS = 8_000
"""Longer texts are read in windows of at most this many characters (spaCy's limit is a million)."""

SHORT_REPLY_WORDS = 60
"""Up to this many words a text may take its meaning from the text that it carries or answers."""

_REPLY = re.compile(r"\s*(?:(?:re|aw|sv|antw|rép)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_WRAPPED_LINE = re.compile(r"(?<=[^\n]{45})[^\S\n]?\n(?=[^\W\d_]|\()")
_SEPARATOR = "\n\n"
_TYPOGRAPHIC = {
    **dict.fromkeys("\u2018\u2019\u02bc\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a part: `part[start:end]` of the message lies at `offset` of a window."""

    part: str
    start: int
    end: int
    offset: int


@dataclass(frozen=True, slots=True)
class Window:
    """A text for one Doc: the reading copies of its pieces, an empty line between them."""

    text: str
    pieces: tuple[Piece, ...]

    def locate(self, start: int, end: int) -> tuple[str, int, int] | None:
        """Give part, start and end of a stretch of this window; None if no one part holds it."""
        for piece in self.pieces:
            shift = piece.start - piece.offset
            if piece.offset <= start and end + shift <= piece.end:
                return piece.part, start + shift, end + shift
        return None


@dataclass(frozen=True, slots=True)
class Reading:
    """The words that can make a hit, and those that can only give a short answer its meaning."""

    parts: dict[str, str]
    context: str
    reply_words: int
    """Words of the text that may be an answer; it is one if there is a context."""

    @property
    def is_short_answer(self) -> bool:
        """Whether the context can decide."""
        return bool(self.context) and self.reply_words <= SHORT_REPLY_WORDS

    def own_windows(self) -> list[Window]:
        """Give the message's own content in windows."""
        return windows(self.parts.items())

    def context_windows(self) -> list[Window]:
        """Give the context in windows; none where the message stands for itself."""
        return windows([("context", self.context)]) if self.is_short_answer else []


def read_input(message: TagInput) -> Reading:
    """Decide which words are the message's own content and which only its context.

    The subject of a reply was written by whoever began the thread, so it is context.
    """
    is_reply = _REPLY.match(message.subject) is not None
    context = f"{message.subject}\n\n{message.context}" if is_reply else message.context
    parts = {"subject": "" if is_reply else message.subject, "own_text": message.own_text}
    parts |= {f"attachment:{number}": text for number, text in enumerate(message.attachments)}
    return Reading(
        parts={name: text for name, text in parts.items() if text.strip()},
        context=context if context.strip() else "",
        reply_words=len(message.own_text.split())
        + sum(len(text.split()) for text in message.attachments),
    )


def reading_copy(text: str) -> str:
    """Give the text as the classifier reads it, every character at its place.

    Accents and typographic quotes are folded, because officers type without them, and lines that
    a mail client wrapped are joined by a space, so that a phrase across the line end is seen.
    """
    folded = text if text.isascii() else "".join(map(_fold, text))
    return _WRAPPED_LINE.sub(lambda match: " " * len(match.group()), folded)


def _fold(character: str) -> str:
    if character.isascii():
        return character
    if character in _TYPOGRAPHIC:
        return _TYPOGRAPHIC[character]
    if character.isspace():
        return " "
    base = unicodedata.normalize("NFD", character)[0]
    return base if base.isascii() else character


def windows(parts: Iterable[tuple[str, str]]) -> list[Window]:
    """Pack the named texts into windows of at most `WINDOW_CHARACTERS`, split at line ends."""
    packed: list[Window] = []
    texts: list[str] = []
    pieces: list[Piece] = []
    length = 0
    for part, text in parts:
        copy = reading_copy(text)
        for start, end in _stretches(copy):
            if pieces and length + end - start > WINDOW_CHARACTERS:
                packed.append(_window(texts, pieces))
                texts, pieces, length = [], [], 0
            pieces.append(Piece(part, start, end, length))
            texts.append(copy[start:end])
            length += end - start + len(_SEPARATOR)
    if pieces:
        packed.append(_window(texts, pieces))
    return packed


def _window(texts: Sequence[str], pieces: Sequence[Piece]) -> Window:
    return Window(_SEPARATOR.join(texts), tuple(pieces))


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Split a text at line ends (else at white space, else anywhere) into stretches that fit."""
    start = 0
    while len(text) - start > WINDOW_CHARACTERS:
        limit = start + WINDOW_CHARACTERS
        cut = text.rfind("\n", start + 1, limit)
        if cut < 0:
            cut = text.rfind(" ", start + 1, limit)
        end = limit if cut < 0 else cut + 1
        yield start, end
        start = end
    if start < len(text):
        yield start, len(text)
