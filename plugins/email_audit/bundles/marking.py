"""Mail text for people to look at: spans marked, and nothing in it that cannot be seen.

Characters that show nothing or reorder what stands beside them (bidirectional controls, zero-width
and tag characters, control characters, lone surrogates) could make a page say something else than
the message does (Unicode Technical Report 36, section 2.5): they are written out as `U+202E`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from markupsafe import Markup, escape

_MAYBE_HIDDEN = re.compile(r"[^\n\t -~]")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_HIDDEN_LETTERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Fillers, joiners and supplementary variation selectors that fonts draw as nothing."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch `text[start:end]` to mark; `reference` is its number in the page's legend."""

    start: int
    end: int
    reference: int
    label: str


def plain(text: str) -> str:
    """Write every hidden character of `text` as `[U+202E]`; safe where no markup may stand."""
    return _MAYBE_HIDDEN.sub(
        lambda found: f"[{_code(found[0])}]" if _is_hidden(found[0]) else found[0],
        text.replace("\r\n", "\n"),
    )


def marked(text: str, spans: Iterable[Span]) -> Markup:
    """Give `text` as HTML with `spans` in <mark>, hidden characters written out and set apart.

    Spans may overlap, touch or reach beyond the text; each mark's `title` holds the labels of all
    spans it lies in, and where a span ends its reference is added.
    """
    within = [
        Span(max(span.start, 0), min(span.end, len(text)), span.reference, span.label)
        for span in spans
        if max(span.start, 0) < min(span.end, len(text))
    ]
    opening, closing = _by_place(within, "start"), _by_place(within, "end")
    return Markup("").join(_fragments(text, opening, closing))


def _by_place(spans: Iterable[Span], edge: Literal["start", "end"]) -> dict[int, list[Span]]:
    places: dict[int, list[Span]] = {}
    for span in spans:
        places.setdefault(span.start if edge == "start" else span.end, []).append(span)
    return places


def _fragments(
    text: str, opening: dict[int, list[Span]], closing: dict[int, list[Span]]
) -> Iterator[Markup]:
    """Go through the places where spans begin or end, in one pass: lists have thousands of them."""
    covering: list[Span] = []
    for begin, end in pairwise(sorted({0, len(text), *opening, *closing})):
        for span in closing.get(begin, ()):
            covering.remove(span)
        covering += opening.get(begin, ())
        yield _fragment(text[begin:end], covering, [s.reference for s in closing.get(end, ())])


def _fragment(text: str, covering: list[Span], ending: list[int]) -> Markup:
    shown = Markup("").join(_visible(text.replace("\r\n", "\n")))
    if not covering:
        return shown
    title = plain("; ".join(dict.fromkeys(span.label for span in covering)))
    numbers = " ".join(str(number) for number in sorted(set(ending)))
    return Markup('<mark title="{}" data-n="{}">{}</mark>').format(title, numbers, shown)


def _visible(text: str) -> Iterator[Markup]:
    position = 0
    for found in _MAYBE_HIDDEN.finditer(text):
        if _is_hidden(found[0]):
            yield escape(text[position : found.start()])
            name = unicodedata.name(found[0], "control character or surrogate")
            yield Markup('<span class="code" title="{}">{}</span>').format(name, _code(found[0]))
            position = found.end()
    yield escape(text[position:])


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _HIDDEN_LETTERS


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"
