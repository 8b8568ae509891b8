"""What a query's words mean in the fields they are asked of: terms, patterns and bounds."""

import re
from collections.abc import Iterator
from decimal import Decimal

from email_audit.search.analysis import Token, is_word, keyword, tokens
from email_audit.search.dates import stretch
from email_audit.search.fields import Field, FieldType, KeywordForm, field_named
from email_audit.search.folding import fold
from email_audit.search.nodes import Between, Fuzzy, Literal, Match, Node, Pattern, Term
from email_audit.search.pattern_syntax import parse_expression
from email_audit.search.patterns import (
    ANYTHING,
    AnyChar,
    Expression,
    Sequence,
    literal,
)

_WILDCARD = re.compile(r"\\.|[*?]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNIT = re.compile(r"\\.|.", re.DOTALL)
_BRACKETS = re.compile(r"\\?[<>]")
_ANY: dict[str, Expression] = {"*": ANYTHING, "?": AnyChar()}

MAX_SLOP = 1000
"""Words; a phrase of 5,000 words (query.MAX_LENGTH) with it stays below analysis.VALUE_GAP."""


def unescape(text: str) -> str:
    """Take the backslashes of Lucene's escapes away."""
    return _ESCAPED.sub(r"\1", text)


def has_wildcard(text: str) -> bool:
    """Say whether `*` or `?` stands in `text` unescaped."""
    return any(match.group() in _ANY for match in _WILDCARD.finditer(text))


def matching(
    fields: tuple[str, ...],
    text: str,
    kind: str,
    *,
    slop: int = 0,
    degree: Decimal | None = None,
) -> Node | None:
    """Give the condition that one of `fields` holds `text`; None where it has no word in it.

    `kind` is `words`, `wildcard` (text still escaped), `regex` or `fuzzy` (with the number after
    `~` as `degree`, None for one that depends on the length). Several fields must be text.

    Raises:
        ValueError: when the field's type does not allow it.
    """
    field = field_named(fields[0])
    if slop > MAX_SLOP:
        raise ValueError(f"a distance of {slop} words; {MAX_SLOP} is the limit")
    if field.type in (FieldType.DATE, FieldType.FLOAT):
        if kind != "words":
            raise ValueError(f"{field.name} takes values and ranges, no {kind} search")
        return comparison(field, (text, text), (True, True))
    if field.type is FieldType.KEYWORD:
        term = _keyword_term(text, kind, field.form, degree)
        return Match(fields, (term,)) if term else None
    terms = _text_terms(text, kind, degree)
    return Match(fields, terms, slop if len(terms) > 1 else 0) if terms else None


def comparison(
    field: Field, bounds: tuple[str | None, str | None], includes: tuple[bool, bool]
) -> Node:
    """Give the condition that a date or number lies within `bounds`; None is open.

    A date bound covers the stretch it names: `[* TO 2025-03]` goes to the end of March and
    `{2025-03 TO *]` begins after it, as in Elasticsearch.

    Raises:
        ValueError: when a bound is no value of the field, or the field has no order.
    """
    if field.type is FieldType.DATE:
        low = None if bounds[0] is None else stretch(bounds[0])[0 if includes[0] else 1]
        high = None if bounds[1] is None else stretch(bounds[1])[1 if includes[1] else 0]
        return Between(field.name, low, high, include_low=True, include_high=False)
    if field.type is FieldType.FLOAT:
        numbers = [None if bound is None else _number(bound) for bound in bounds]
        return Between(field.name, numbers[0], numbers[1], includes[0], includes[1])
    raise ValueError(f"{field.name} has no ranges; only date and score have")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if number != number or abs(number) == float("inf"):
        raise ValueError(f"{text!r} is not a number")
    return number


def _keyword_term(text: str, kind: str, form: KeywordForm, degree: Decimal | None) -> Term | None:
    match kind:
        case "regex":
            if form is KeywordForm.MESSAGE_ID:
                text = _BRACKETS.sub("", text)
            as_compared = fold if form is KeywordForm.CASELESS else _as_written
            return Pattern(parse_expression(text, as_compared))
        case "wildcard":
            if form is KeywordForm.MESSAGE_ID:
                text = _BRACKETS.sub("", text)
            return Pattern(_glob(text, ignore_case=form is KeywordForm.CASELESS))
        case "fuzzy":
            return _fuzzy(keyword(text, form), degree)
        case _:
            value = keyword(text, form)
            return Literal(value) if value else None


def _text_terms(text: str, kind: str, degree: Decimal | None) -> tuple[Term, ...]:
    match kind:
        case "regex":
            return (Pattern(parse_expression(text, fold)),)
        case "wildcard":
            # Only an address as a whole has an @ in it.
            pieces = [text] if "@" in text else _wildcard_words(text)
            return tuple(
                Pattern(_glob(piece, ignore_case=True))
                if has_wildcard(piece)
                else Literal(fold(unescape(piece)))
                for piece in pieces
            )
    found = tokens(text)
    address = _whole_address(found)
    terms = [address] if address else [word.text for word in found if not word.is_address]
    if kind == "fuzzy":
        return tuple(_fuzzy(term, degree) for term in terms)
    return tuple(Literal(term) for term in terms)


def _whole_address(found: list[Token]) -> str | None:
    """Give the address that covers all the words, if one does."""
    if not found:
        return None
    start, end = found[0].start, max(token.end for token in found)
    for token in found:
        if token.is_address and token.start <= start and token.end >= end:
            return token.text
    return None


def _wildcard_words(text: str) -> list[str]:
    """Cut an escaped word with wildcards where a document's words would be cut, and fold it."""
    pieces = [""]
    for unit in _units(text):
        folded = unit if unit in _ANY else fold(unit[-1])
        if unit in _ANY or is_word(folded):
            pieces[-1] += folded
        elif folded:
            pieces.append("")
    return [piece for piece in pieces if piece]


def _glob(text: str, *, ignore_case: bool) -> Expression:
    """Give the expression for an escaped word with wildcards."""
    parts: list[Expression] = []
    for unit in _units(text):
        if unit in _ANY:
            parts.append(_ANY[unit])
        else:
            parts.append(literal(fold(unit[-1]) if ignore_case else unit[-1]))
    return Sequence(tuple(parts))


def _units(escaped: str) -> Iterator[str]:
    """Yield the characters of an escaped word, each with its backslash."""
    return (match.group() for match in _UNIT.finditer(escaped))


def _as_written(char: str) -> str:
    return char


def _fuzzy(text: str, degree: Decimal | None) -> Term:
    edits = _edits(text, degree)
    return Fuzzy(text, edits) if edits and text else Literal(text)


def _edits(text: str, degree: Decimal | None) -> int:
    """Give the number of changes: Elasticsearch's AUTO, or Lucene's reading of the number."""
    if degree is None:
        return (len(text) > 2) + (len(text) > 5)
    if degree >= 1:
        return min(int(degree), 2)
    return 0 if degree == 0 else min(int((1 - degree) * len(text)), 2)
