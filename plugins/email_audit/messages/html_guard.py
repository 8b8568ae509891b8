"""HTML that would cost the parser a time or a tree out of all proportion."""

import re

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
    "source", "track", "wbr", "p", "li", "tr", "td", "th",
))  # fmt: skip
_FORMATTING = frozenset((
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt",
    "u",
))  # fmt: skip
_MANY_TAGS = 2000
_MAX_NESTED = 1_000_000_000
_MAX_REOPENED = 2_000_000


def is_hostile(html: str) -> bool:
    """Say whether the HTML parser would need a time or a tree out of all proportion.

    HTML 5 parsing walks the open elements for each block, and opens every unclosed formatting
    element again in each: both products must stay small (measured: 20,000 open `div`, 0.7 s).
    """
    if html.count("<") <= _MANY_TAGS:
        return False
    tags = nested = deepest = unclosed = most_unclosed = 0
    for closing, name in _TAG.findall(html):
        tag = name.lower()
        tags += 1
        if tag in _VOID:
            continue
        step = -1 if closing else 1
        nested = max(0, nested + step)
        deepest = max(deepest, nested)
        if tag in _FORMATTING:
            unclosed = max(0, unclosed + step)
            most_unclosed = max(most_unclosed, unclosed)
    return deepest * tags > _MAX_NESTED or most_unclosed * tags > _MAX_REOPENED
