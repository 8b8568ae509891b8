"""How text becomes searchable words, for documents and queries alike.

A word is a run of letters and digits, lower-cased and without accents; nothing is stemmed, so that
wildcards and fuzzy terms see the words as written. An e-mail address is found by its words and,
standing at the place of the first of them, as a whole. In Elasticsearch terms: a `uax_url_email`
tokenizer, `word_delimiter_graph` with `preserve_original` for addresses, `lowercase` and
`asciifolding`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from email_audit.search.fields import KeywordForm

VALUE_GAP = 100
"""Positions between the values of a field, so that no phrase spans two (as in Elasticsearch)."""

_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f]){1,255}")
_LOCAL_PART = re.compile(r"\w[\w.+%'=&-]{0,63}\Z")
_HOST = re.compile(r"[^\W_][\w-]*(?:\.[\w-]+)*")
_LOCAL_PART_MAX = 64  # RFC 5321 4.5.3.1.1

# Letters that compatibility decomposition leaves whole and Lucene's ASCII folding does not.
_UNDECOMPOSED = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"}
)


class Token(NamedTuple):
    """A searchable term: `text` is folded, `start` and `end` are offsets into the original.

    A named tuple, because a mailbox has many millions and a frozen dataclass is made more slowly.
    """

    text: str
    start: int
    end: int
    position: int
    is_address: bool = False


def fold(text: str) -> str:
    """Lower-case `text` and take its accents off; folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    lowered = unicodedata.normalize("NFKD", text).lower()
    decomposed = unicodedata.normalize("NFKD", lowered)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return bare.translate(_UNDECOMPOSED)


def is_word_character(char: str) -> bool:
    """Say whether `char` can stand in a word."""
    return _WORD.fullmatch(char) is not None


def tokens(text: str) -> list[Token]:
    """Give the terms of one value in order; an address follows the first of its words."""
    addresses = list(_addresses(text)) if "@" in text else []
    found: list[Token] = []
    upcoming = 0
    for position, match in enumerate(_WORD.finditer(text)):
        start, end = match.span()
        found.append(Token(fold(match.group()), start, end, position))
        while upcoming < len(addresses) and addresses[upcoming][0] < end:
            first, last = addresses[upcoming]
            whole = fold(text[first:last])
            found.append(Token(whole, first, last, position, is_address=True))
            upcoming += 1
    return found


def value_tokens(values: Iterable[str]) -> Iterator[Token]:
    """Give the terms of a field with several values, the values `VALUE_GAP` positions apart."""
    base = 0
    for value in values:
        last = base
        for token in tokens(value):
            last = base + token.position
            yield token._replace(position=last) if base else token
        base = last + VALUE_GAP


def keyword(value: str, form: KeywordForm) -> str:
    """Give a keyword field's value, or what a query says of it, in the form that is compared."""
    # A lone surrogate (undecodable file name) has no UTF-8 and could not be indexed.
    clean = value.encode("utf-8", "replace").decode()
    match form:
        case KeywordForm.EXACT:
            return clean
        case KeywordForm.CASELESS:
            return fold(clean)
        case KeywordForm.MESSAGE_ID:
            return clean.strip().removeprefix("<").removesuffix(">")


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for sign in re.finditer("@", text):
        at = sign.start()
        window = text[max(0, at - _LOCAL_PART_MAX) : at]
        local = _LOCAL_PART.search(window)
        host = _HOST.match(text, at + 1)
        if local and host:
            yield at - (len(window) - local.start()), host.end()
