r"""Reads the regular expressions of a query: one language, wherever it is asked.

It is what Lucene and the `regex` crate have in common, so that an expression means the same in
both: characters, `.`, `[...]`, `(...)`, `|`, `? * +`, `{n}`, `{n,}`, `{n,m}`, and `\d`, `\w`, `\s`
for ASCII digits, word characters and spaces. A backslash takes any other special meaning away.
What only one of them understands is refused, not guessed: look-around, lazy quantifiers. Lucene's
`~ & @ < "` are literal here. An expression matches a whole term.
"""

from collections.abc import Callable, Iterable

from email_audit.search.patterns import (
    Alternatives,
    AnyChar,
    Char,
    CharSet,
    Expression,
    Repeat,
    Sequence,
    literal,
)

MAX_REPEAT = 255
"""Of a counted repetition; no word is longer."""

MAX_NESTING = 50
"""Groups inside one another."""

_NAMED = {
    "d": (("0", "9"),),
    "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")),
    "s": (("\t", "\r"), (" ", " ")),
}
_QUANTIFIERS: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}


def parse_expression(text: str, fold: Callable[[str], str]) -> Expression:
    """Read an expression; `fold` gives each character's form in the terms that it is to match.

    Raises:
        ValueError: saying what is not understood.
    """
    return _Parser(text, fold).whole()


class _Parser:
    def __init__(self, text: str, fold: Callable[[str], str]) -> None:
        self._text = text
        self._fold = fold
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._alternatives()
        if self._peek():
            raise ValueError("the pattern has a ) without its (")
        return found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, expected: str = "") -> str:
        char = self._peek()
        if not char or (expected and char != expected):
            raise ValueError(f"the pattern ends where {expected or 'more'} was expected")
        self._at += 1
        return char

    def _alternatives(self) -> Expression:
        options = [self._sequence()]
        while self._peek() == "|":
            self._take()
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Alternatives(tuple(options))

    def _sequence(self) -> Expression:
        parts: list[Expression] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self) -> Expression:
        part = self._single()
        if self._peek() and self._peek() in "?*+{":
            low, high = self._quantifier()
            if self._peek() and self._peek() in "?*+{":
                raise ValueError("a quantifier follows another; put the first part in parentheses")
            return Repeat(part, low, high)
        return part

    def _quantifier(self) -> tuple[int, int | None]:
        sign = self._take()
        if sign in _QUANTIFIERS:
            return _QUANTIFIERS[sign]
        low = self._count()
        high: int | None = low
        if self._peek() == ",":
            self._take()
            high = None if self._peek() == "}" else self._count()
        self._take("}")
        if high is not None and high < low:
            raise ValueError(f"{{{low},{high}}} goes backwards")
        return low, high

    def _count(self) -> int:
        digits = ""
        while self._peek().isdecimal() and self._peek().isascii():
            digits += self._take()
        if not digits:
            raise ValueError("a { begins a number of repetitions (a literal one is \\{)")
        if len(digits) > 3 or int(digits) > MAX_REPEAT:
            raise ValueError(f"{digits} repetitions; {MAX_REPEAT} are the limit")
        return int(digits)

    def _single(self) -> Expression:
        char = self._take()
        match char:
            case ".":
                return AnyChar()
            case "(":
                return self._group()
            case "[":
                return self._set()
            case "\\":
                return self._escaped()
            case "?" | "*" | "+" | "{":
                raise ValueError(f"nothing stands before {char}")
            case "^" | "$":
                raise ValueError(
                    f"a pattern matches a whole word, without {char} (a literal one is \\{char})"
                )
            case _:
                return self._chars(char)

    def _group(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise ValueError(f"more than {MAX_NESTING} groups inside one another")
        if self._peek() == "?":
            self._take()
            if self._peek() != ":":
                raise ValueError("groups that begin with (? are not understood")
            self._take()
        inner = self._alternatives()
        self._take(")")
        self._depth -= 1
        return inner

    def _escaped(self) -> Expression:
        char = self._take()
        if char.lower() in _NAMED and char.isascii():
            return CharSet(_NAMED[char.lower()], is_negated=char.isupper())
        self._require_symbol(char)
        return self._chars(char)

    def _require_symbol(self, char: str) -> None:
        if char.isascii() and char.isalnum():
            raise ValueError(f"\\{char} is not understood")

    def _chars(self, char: str) -> Expression:
        folded = self._fold(char)
        return Char(folded) if len(folded) == 1 else literal(folded)

    def _set(self) -> Expression:
        is_negated = self._peek() == "^"
        if is_negated:
            self._take()
        ranges: list[tuple[str, str]] = []
        while not ranges or self._peek() != "]":
            ranges += self._member()
        self._take("]")
        return CharSet(tuple(ranges), is_negated)

    def _member(self) -> Iterable[tuple[str, str]]:
        low = self._take()
        if low == "\\":
            low = self._take()
            if low in _NAMED:
                return _NAMED[low]
            self._require_symbol(low)
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("", "]"):
            return [(self._one(low),) * 2]
        self._take()
        high = self._take()
        if high == "\\":
            high = self._take()
            self._require_symbol(high)
        if low > high:
            raise ValueError(f"{low}-{high} goes backwards")
        if not (low + high).isascii():
            return [self._ordered(self._one(low), self._one(high))]
        # Of capitals inside the range, the form that they have in the terms.
        first, last = max(low, "A"), min(high, "Z")
        return [(low, high), *([(self._one(first), self._one(last))] if first <= last else [])]

    def _ordered(self, low: str, high: str) -> tuple[str, str]:
        return (low, high) if low <= high else (high, low)

    def _one(self, char: str) -> str:
        folded = self._fold(char)
        if len(folded) != 1:
            raise ValueError(f"{char} cannot stand in brackets: words have {folded!r} for it")
        return folded
