"""How text becomes searchable words, for documents and queries alike.

A word is a run of letters and digits, lower-cased and without accents (`folding.py`); nothing is
stemmed, so that wildcards and fuzzy terms see the words as written. An e-mail address is found by
its words and, standing at the place of the first of them, as a whole. Elasticsearch is given the
same expressions and the same table (`elasticsearch/mapping.py`); a test compares the words.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from email_audit.search.fields import KeywordForm
from email_audit.search.folding import fold, fold_with_origins

VALUE_GAP = 10_000
"""Positions between the values of a field: more than any phrase spans, so that none spans two."""

LONGEST_KEYWORD = 8191
"""In UTF-16 units, as Java counts; a longer value cannot be looked for (Lucene's 32,766 bytes)."""


def word_expression(letter: str) -> str:
    """Give the regular expression of a word of folded text; one of more than 255 letters is cut.

    `letter` is the class of letters and digits in the dialect used.
    """
    return f"{letter}{{1,255}}"


def address_expression(letter: str, inside: str) -> str:
    """Give the regular expression of an e-mail address in folded text.

    `letter` is as above; `inside` stands for letters, digits and `_` within brackets. A local part
    has up to 64 characters (RFC 5321 4.5.3.1.1), a label up to 63 (RFC 1035 2.3.4); all is bounded
    and nothing tried twice, because the text is hostile and Java matches by recursion.
    """
    local = f"[{inside}][{inside}.+%'=&-]{{0,63}}+"
    host = f"{letter}[{inside}-]{{0,62}}+(?:\\.[{inside}-]{{1,63}}+){{0,30}}+"
    return f"{local}@{host}"


_LETTER, _INSIDE = r"[^\W_]", r"\w"
_WORD = re.compile(word_expression(_LETTER))
_ADDRESS_OR_WORD = re.compile(
    f"(?P<address>{address_expression(_LETTER, _INSIDE)})|{word_expression(_LETTER)}"
)

_ANGLE_BRACKETS = re.compile("[<>]")


class Token(NamedTuple):
    """A searchable term: `text` is folded, `start` and `end` are offsets into the original.

    A named tuple, because a mailbox has many millions and a frozen dataclass is made more slowly.
    """

    text: str
    start: int
    end: int
    position: int
    is_address: bool = False


def is_word(text: str) -> bool:
    """Say whether folded `text` is one word."""
    return _WORD.fullmatch(text) is not None


def tokens(text: str) -> list[Token]:
    """Give the terms of one value in order; an address follows the first of its words."""
    folded, origins = fold_with_origins(text)
    found: list[Token] = []
    position = 0

    def add(start: int, end: int, at: int, *, is_address: bool = False) -> None:
        places = (start, end) if origins is None else (origins[start], origins[end])
        found.append(Token(folded[start:end], *places, at, is_address))

    chunks = _ADDRESS_OR_WORD if "@" in folded else _WORD
    for chunk in chunks.finditer(folded):
        if chunk.lastgroup is None:
            add(*chunk.span(), position)
            position += 1
            continue
        first = position
        for word in _WORD.finditer(folded, *chunk.span()):
            add(*word.span(), position)
            if position == first:
                add(*chunk.span(), first, is_address=True)
            position += 1
    return found


def value_tokens(values: Iterable[str]) -> Iterator[Token]:
    """Give the terms of a field with several values, the values `VALUE_GAP` positions apart."""
    base = 0
    for value in values:
        following = base
        for token in tokens(value):
            following = base + token.position + 1
            yield token._replace(position=base + token.position) if base else token
        base = following + VALUE_GAP


def encodable(text: str) -> str:
    """Give `text` with a ? for each lone surrogate (undecodable bytes), which has no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def keyword(value: str, form: KeywordForm) -> str:
    """Give a keyword field's value, or what a query says of it, in the form that is compared."""
    clean = encodable(value)
    match form:
        case KeywordForm.EXACT:
            return clean
        case KeywordForm.CASELESS:
            return fold(clean)
        case KeywordForm.MESSAGE_ID:
            return _ANGLE_BRACKETS.sub("", clean)
