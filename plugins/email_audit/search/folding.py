"""Takes case and accents off, character by character, by a table that a search server can be given.

A table of single characters is what Elasticsearch can apply before it cuts text into words (a
`mapping` character filter), so that both back ends compare the same. It covers what is made of
Latin, Greek and Cyrillic letters and of digits: with accents, as ligatures, full width, as
mathematical letters, superscript. Other scripts are compared as written, in lower case.
"""

import re
import unicodedata
from itertools import chain

_COMBINING = range(0x0300, 0x0370)
"""Combining Diacritical Marks: what decomposed text writes accents with. They fold to nothing."""

_BLOCKS = (
    range(0x0080, 0x0300),  # Latin, phonetic and modifier letters
    range(0x0370, 0x0530),  # Greek, Cyrillic
    range(0x1D00, 0x1DC0),  # phonetic extensions
    range(0x1E00, 0x2000),  # Latin with two accents, ancient Greek
    range(0x2070, 0x20A0),  # superscripts and subscripts
    range(0x2100, 0x2190),  # letter-like symbols, Roman numerals
    range(0x2460, 0x2500),  # numbers in circles
    range(0x2C60, 0x2C80),  # Latin Extended-C
    range(0xA640, 0xA6A0),  # Cyrillic Extended-B
    range(0xFB00, 0xFB07),  # ligatures
    range(0xFF10, 0xFF5B),  # full width
    range(0x1D400, 0x1D800),  # mathematical letters and digits
)
"""Blocks of Unicode to which no letters are added any more, so that every Python makes the same
table: two machines with different ones must agree on how an index was made."""

_LAST_BASE = 0x052F
"""The last letter of the Cyrillic Supplement; Latin, Greek and Cyrillic bases are not above it."""

# Letters that compatibility decomposition leaves whole, the Turkish i without a dot, and the sigma
# of a word's end.
_UNDECOMPOSED = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\u0131": "i",
        "\u03c2": "\u03c3",
    }
)


def _bare(char: str) -> str:
    lowered = unicodedata.normalize("NFKD", char).lower()
    decomposed = unicodedata.normalize("NFKD", lowered)
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    return bare.translate(_UNDECOMPOSED)


def _table() -> dict[str, str]:
    folded = {chr(mark): "" for mark in _COMBINING}
    for char in map(chr, chain.from_iterable(_BLOCKS)):
        if char.isalnum():
            bare = _bare(char)
            is_covered = all(part.isalnum() and ord(part) <= _LAST_BASE for part in bare)
            if bare and bare != char and is_covered:
                folded[char] = bare
    return folded


FOLDED = _table()
"""What each character beyond ASCII that folds is folded to: letters and digits, or nothing."""

_TRANSLATION = str.maketrans(FOLDED)
_UNEVEN = re.compile(
    "[" + "".join(re.escape(char) for char, bare in FOLDED.items() if len(bare) != 1) + "]"
)


def fold(text: str) -> str:
    """Lower-case `text` and take its accents off; folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    return text.translate(_TRANSLATION).lower()


def fold_with_origins(text: str) -> tuple[str, list[int] | None]:
    """Give `text` folded, and for each place in that (and its end) the place in `text`.

    None stands for the same places.
    """
    folded = fold(text)
    if text.isascii() or _UNEVEN.search(text) is None:
        return folded, None
    origins = [
        place
        for place, char in enumerate(text)
        for _ in range(len(FOLDED[char]) if char in FOLDED else 1)
    ]
    return folded, [*origins, len(text)]
