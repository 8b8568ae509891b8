"""The tree of a pattern: what a term must look like from end to end, spelled for each back end."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Char:
    """One character."""

    char: str


@dataclass(frozen=True, slots=True)
class AnyChar:
    """Any one character."""


@dataclass(frozen=True, slots=True)
class CharSet:
    """One character within (or, negated, outside) the `ranges` of first and last character."""

    ranges: tuple[tuple[str, str], ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; nothing where there is no part."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of the options."""

    options: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part, `low` to `high` times; None is without end."""

    part: "Expression"
    low: int
    high: int | None


Expression: TypeAlias = Char | AnyChar | CharSet | Sequence | Alternatives | Repeat

ANYTHING = Repeat(AnyChar(), 0, None)


def literal(text: str) -> Expression:
    """Give the expression that matches exactly `text`."""
    return Sequence(tuple(map(Char, text)))


def rust_spelling(expression: Expression) -> str:
    """Spell an expression for the `regex` crate, in ASCII."""
    match expression:
        case Char(char):
            return _hexadecimal(char)
        case AnyChar():
            return "(?s:.)"
        case CharSet(ranges, is_negated):
            inside = "".join(f"{_hexadecimal(low)}-{_hexadecimal(high)}" for low, high in ranges)
            return f"[{'^' if is_negated else ''}{inside}]"
        case Sequence(parts):
            return "".join(map(rust_spelling, parts)) if parts else "(?:)"
        case Alternatives(options):
            return f"(?:{'|'.join(map(rust_spelling, options))})"
        case Repeat(part, low, high):
            return f"(?:{rust_spelling(part)}){_counts(low, high)}"


def lucene_spelling(expression: Expression) -> str:
    """Spell an expression for Lucene's `RegExp` without its optional operators."""
    match expression:
        case Char(char):
            return _escaped_for_lucene(char)
        case AnyChar():
            return "."
        case CharSet(ranges, is_negated):
            inside = "".join(
                f"{_escaped_for_lucene(low)}-{_escaped_for_lucene(high)}" for low, high in ranges
            )
            return f"[{'^' if is_negated else ''}{inside}]"
        case Sequence(parts):
            return "".join(map(lucene_spelling, parts)) if parts else "()"
        case Alternatives(options):
            return f"({'|'.join(map(lucene_spelling, options))})"
        case Repeat(part, low, high):
            return f"({lucene_spelling(part)}){_counts(low, high)}"


def _hexadecimal(char: str) -> str:
    return char if char.isascii() and char.isalnum() else f"\\x{{{ord(char):x}}}"


def _escaped_for_lucene(char: str) -> str:
    return f"\\{char}" if char.isascii() and not char.isalnum() else char


def _counts(low: int, high: int | None) -> str:
    match low, high:
        case 0, 1:
            return "?"
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case _:
            return f"{{{low},{'' if high is None else high}}}"
