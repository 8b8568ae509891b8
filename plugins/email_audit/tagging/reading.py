"""What of a message the classifier reads, in pieces small enough for spaCy, offsets kept.

Training and prediction both read messages through this module.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from email_audit.messages.signatures import without_signatures
from email_audit.tagging.records import TagInput

WINDOW_CHARACTERS = 2_000
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
_INVISIBLE = re.compile(
    "[\u00ad\u0300-\u036f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]+"
)
_FOREIGN_WORD = re.compile(r"\w*[^\W\x00-\x7f]\w*")
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u043a\u043c\u0442"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u0391\u0392\u0395\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7\u0396",
    "aeopcyxijshdqwkmtABEKMHOPCTYXIJSaikvopABEHIKMNOPTXZ",
)
"""Cyrillic and Greek letters that look like Latin ones (Unicode Technical Standard 39)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a part: `[start:end]` of its reading copy lies at `offset` of a window.

    `places` gives the place in the part of each character of the copy, where they differ.
    """

    part: str
    start: int
    end: int
    offset: int
    places: Sequence[int] | None = None

    def in_part(self, start: int, end: int) -> tuple[int, int]:
        """Give start and end in the part of a stretch of the copy."""
        if self.places is None or start >= end:
            return start, end
        return self.places[start], self.places[end - 1] + 1


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
                return (piece.part, *piece.in_part(start + shift, end + shift))
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
        """Whether the context can decide: without a word of its own a message adopts nothing."""
        return bool(self.context) and bool(self.parts) and self.reply_words <= SHORT_REPLY_WORDS

    def own_windows(self) -> list[Window]:
        """Give the message's own content in windows."""
        return windows(self.parts.items())

    def context_windows(self) -> list[Window]:
        """Give the context in windows; none where the message stands for itself."""
        if not self.is_short_answer:
            return []
        return windows([("context", without_signatures(self.context))])

    def answered(self, window: Window) -> str:
        """Give a window of the context with the short answer below it."""
        return _SEPARATOR.join([window.text, *(own.text for own in self.own_windows())])


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


def reading_copy(text: str) -> tuple[str, Sequence[int] | None]:
    """Give the text as the classifier reads it.

    Accents and typographic quotes are folded, because officers type without them; letters of other
    scripts that look like Latin ones are read as those, and invisible characters are left out,
    because they would hide a word; lines that a mail client wrapped are joined by a space, so that
    a phrase across the line end is seen.

    Returns:
        The copy, and the place in `text` of each of its characters: None where it is the same.
    """
    places: Sequence[int] | None = None
    if not text.isascii():
        if _INVISIBLE.search(text):
            places = [
                place for place, character in enumerate(text) if not _INVISIBLE.match(character)
            ]
            text = "".join(text[place] for place in places)
        text = "".join(map(_fold, _FOREIGN_WORD.sub(_unmask, text)))
    return _WRAPPED_LINE.sub(lambda match: " " * len(match.group()), text), places


def _unmask(match: re.Match[str]) -> str:
    """Read a word as Latin if nothing but look-alikes makes it foreign."""
    latin = match.group().translate(_LOOK_ALIKES)
    return latin if latin.isascii() else match.group()


def _fold(character: str) -> str:
    if character.isascii():
        return character
    if character in _TYPOGRAPHIC:
        return _TYPOGRAPHIC[character]
    if character.isspace():
        return " "
    base = unicodedata.normalize("NFKD", character)[0]
    return base if base.isascii() else character


def windows(parts: Iterable[tuple[str, str]]) -> list[Window]:
    """Pack the named texts into windows of at most `WINDOW_CHARACTERS`, split at line ends."""
    packed: list[Window] = []
    texts: list[str] = []
    pieces: list[Piece] = []
    length = 0
    for part, text in parts:
        copy, places = reading_copy(text)
        for start, end in _stretches(copy):
            if pieces and length + end - start > WINDOW_CHARACTERS:
                packed.append(_window(texts, pieces))
                texts, pieces, length = [], [], 0
            pieces.append(Piece(part, start, end, length, places))
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
