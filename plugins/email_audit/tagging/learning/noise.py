"""The same words written badly: thumbs on a phone, and text recognised from a scan.

Training meets some of it, so that a letter more or less does not change a decision; tests measure
how well that works with other draws.
"""

import re
from random import Random

_LETTER = re.compile(r"[A-Za-z]")
_NEIGHBOURS = {
    letter: row[place - 1] if place else row[1]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for place, letter in enumerate(row)
}
_MISREAD = {
    "rn": "m",
    "m": "rn",
    "l": "1",
    "I": "l",
    "o": "0",
    "O": "0",
    "S": "5",
    "e": "c",
    "h": "b",
    "cl": "d",
    "B": "8",
    "i": "!",
}
_CONFUSED = re.compile("|".join(sorted(_MISREAD, key=len, reverse=True)))


def typed_badly(text: str, share: float, random: Random) -> str:
    """Give the text with about that share of its letters dropped, doubled, swapped or mistyped."""
    letters = list(text)
    place = 0
    while place < len(letters):
        if _LETTER.match(letters[place]) and random.random() < share:
            letters[place : place + 2] = _slip(letters[place : place + 2], random)
        place += 1
    return "".join(letters)


def recognised_badly(text: str, share: float, random: Random) -> str:
    """Give the text with about that share of the confusable letters misread, as by OCR."""
    return _CONFUSED.sub(
        lambda match: _MISREAD[match.group()] if random.random() < share else match.group(), text
    )


def _slip(pair: list[str], random: Random) -> list[str]:
    letter, rest = pair[0], pair[1:]
    match random.randrange(4):
        case 0:
            return rest
        case 1:
            return [letter, letter, *rest]
        case 2:
            return [*rest, letter]
        case _:
            return [_NEIGHBOURS.get(letter.lower(), letter), *rest]
