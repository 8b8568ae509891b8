"""Reads Kibana's query language, by the grammar that Kibana reads it by.

Rules from elastic/kibana, `src/platform/packages/shared/kbn-es-query/src/kuery/grammar/
grammar.peggy` at commit 9eb9945c9bc26f9ba1aff6f105710aaf3d014cd5 (cursors for suggestions left
out). It is a PEG: the first alternative that fits is taken.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

_SPACE = " \t\r\n\u00a0"
_SPECIAL = '\\():<>"*{}'
_KEYWORD = re.compile(rf"[{_SPACE}](?:or|and)[{_SPACE}]|not[{_SPACE}]", re.IGNORECASE)
_ESCAPES = {"\\t": "\t", "\\r": "\r", "\\n": "\n"}
_ESCAPED_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_ESCAPED_KEYWORD = re.compile(r"\\(or|and|not)", re.IGNORECASE)
_RANGE = ("<=", ">=", "<", ">")


class KqlError(ValueError):
    """The expression is none; `place` counts characters from 0."""

    def __init__(self, text: str, place: int) -> None:
        super().__init__(f"{text!r} is not KQL from character {place}: {text[place:]!r}")


@dataclass(frozen=True)
class Literal:
    value: str
    quoted: bool = False
    wildcard: bool = False


@dataclass(frozen=True)
class Is:
    field: Literal | None
    value: Literal


@dataclass(frozen=True)
class Range:
    field: Literal
    operator: str
    value: Literal


@dataclass(frozen=True)
class Nested:
    path: Literal
    query: "Node"


@dataclass(frozen=True)
class Joined:
    """`or`, `and`, or `not` with one part."""

    operator: str
    parts: tuple["Node", ...]


Node: TypeAlias = Is | Range | Nested | Joined
_T = TypeVar("_T")
_Values: TypeAlias = Callable[[Literal | None], Node]


def parse(text: str) -> Node | None:
    """Give the expression's tree, None for an empty one.

    Raises:
        KqlError: naming the place.
    """
    return _Reader(text).read()


def leaves(node: Node | None, path: str = "") -> Iterator[tuple[str, Is | Range]]:
    """Yield each comparison with the path of the nested object that it is made in, or ""."""
    match node:
        case Nested(field, query):
            yield from leaves(query, f"{path}.{field.value}" if path else field.value)
        case Joined(_, parts):
            for part in parts:
                yield from leaves(part, path)
        case Is() | Range():
            yield path, node


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.furthest = 0

    def read(self) -> Node | None:
        self._spaces()
        found = self._or(self._query)
        self._spaces()
        if self.at < len(self.text):
            raise KqlError(self.text, max(self.at, self.furthest))
        return found

    # Each method reads one rule at `at` and gives None, with `at` unchanged, where it does not fit.

    def _query(self) -> Node | None:
        return self._group("(", ")", lambda: self._or(self._query)) or self._nested()

    def _nested(self) -> Node | None:
        start = self.at
        field = self._literal()
        if field is not None and self._after_spaces(":"):
            self._spaces()
            inner = self._group("{", "}", lambda: self._or(self._query))
            if inner is not None:
                return Nested(field, inner)
        self.at = start
        return self._comparison()

    def _comparison(self) -> Node | None:
        start = self.at
        field = self._literal()
        if field is not None:
            after_field = self.at
            for operator in _RANGE:
                if self._after_spaces(operator):
                    self._spaces()
                    value = self._literal()
                    if value is not None:
                        return Range(field, operator, value)
                    break
            self.at = after_field
            if self._after_spaces(":"):
                self._spaces()
                values = self._list()
                if values is not None:
                    return values(field)
        self.at = start
        value_alone = self._value()
        return None if value_alone is None else value_alone(None)

    def _list(self) -> _Values | None:
        return self._group("(", ")", self._or_values) or self._value()

    def _or_values(self) -> _Values | None:
        return self._list_of("or", lambda: self._list_of("and", self._not_values))

    def _list_of(self, operator: str, part: Callable[[], _Values | None]) -> _Values | None:
        parts = self._parts(operator, part)
        if len(parts) < 2:
            return parts[0] if parts else None
        return lambda field: Joined(operator, tuple(each(field) for each in parts))

    def _not_values(self) -> _Values | None:
        start = self.at
        if self._not():
            inner = self._list()
            if inner is not None:
                return lambda field: Joined("not", (inner(field),))
            self.at = start
        return self._list()

    def _or(self, part: Callable[[], Node | None]) -> Node | None:
        return self._joined("or", lambda: self._joined("and", lambda: self._negated(part)))

    def _joined(self, operator: str, part: Callable[[], Node | None]) -> Node | None:
        parts = self._parts(operator, part)
        if len(parts) < 2:
            return parts[0] if parts else None
        return Joined(operator, tuple(parts))

    def _parts(self, operator: str, part: Callable[[], _T | None]) -> list[_T]:
        """Read parts with the operator between them; as many as there are."""
        parts: list[_T] = []
        following = part()
        end = self.at
        while following is not None:
            parts.append(following)
            end = self.at
            following = part() if self._word(operator) else None
        self.at = end
        return parts

    def _negated(self, part: Callable[[], Node | None]) -> Node | None:
        start = self.at
        if self._not():
            inner = part()
            if inner is not None:
                return Joined("not", (inner,))
            self.at = start
        return part()

    def _value(self) -> _Values | None:
        literal = self._literal()
        return None if literal is None else lambda field: Is(field, literal)

    def _literal(self) -> Literal | None:
        return self._quoted() or self._unquoted()

    def _quoted(self) -> Literal | None:
        start = self.at
        if not self._take('"'):
            return None
        characters: list[str] = []
        while self.at < len(self.text) and self.text[self.at] != '"':
            escaped = self._escape(_ESCAPED_UNICODE)
            if escaped is None and self.text[self.at : self.at + 2] in ("\\\\", '\\"'):
                escaped = self.text[self.at + 1]
                self.at += 2
            if escaped is None:
                escaped = self.text[self.at]
                self.at += 1
            characters.append(escaped)
        if not self._take('"'):
            self.at = start
            return None
        return Literal("".join(characters), quoted=True)

    def _unquoted(self) -> Literal | None:
        characters: list[str] = []
        wildcard = False
        while self.at < len(self.text):
            escaped = self._escape(_ESCAPED_UNICODE, special=True, keywords=True)
            if escaped is not None:
                characters.append(escaped)
            elif self.text[self.at] == "*":
                wildcard = True
                characters.append("*")
                self.at += 1
            elif self.text[self.at] in _SPECIAL or _KEYWORD.match(self.text, self.at):
                break
            else:
                characters.append(self.text[self.at])
                self.at += 1
        self.furthest = max(self.furthest, self.at)
        if not characters:
            return None
        return Literal("".join(characters).strip(_SPACE), wildcard=wildcard)

    def _escape(
        self, unicode: re.Pattern[str], *, special: bool = False, keywords: bool = False
    ) -> str | None:
        if self.text[self.at] != "\\":
            return None
        pair = self.text[self.at : self.at + 2]
        if pair in _ESCAPES:
            self.at += 2
            return _ESCAPES[pair]
        if special and len(pair) == 2 and pair[1] in _SPECIAL:
            self.at += 2
            return pair[1]
        if found := unicode.match(self.text, self.at):
            self.at = found.end()
            return chr(int(found[1], 16))
        if keywords and (found := _ESCAPED_KEYWORD.match(self.text, self.at)):
            self.at = found.end()
            return found[1]
        return None

    def _group(self, opening: str, closing: str, inner: Callable[[], _T | None]) -> _T | None:
        start = self.at
        if self._take(opening):
            self._spaces()
            found = inner()
            self._spaces()
            if found is not None and self._take(closing):
                return found
        self.at = start
        return None

    def _not(self) -> bool:
        found = re.compile(rf"not[{_SPACE}]+", re.IGNORECASE).match(self.text, self.at)
        return self._move(found)

    def _word(self, word: str) -> bool:
        found = re.compile(rf"[{_SPACE}]+{word}[{_SPACE}]+", re.IGNORECASE).match(
            self.text, self.at
        )
        return self._move(found)

    def _move(self, found: re.Match[str] | None) -> bool:
        if found is None:
            return False
        self.at = found.end()
        return True

    def _after_spaces(self, text: str) -> bool:
        start = self.at
        self._spaces()
        if self._take(text):
            return True
        self.at = start
        return False

    def _take(self, text: str) -> bool:
        self.furthest = max(self.furthest, self.at)
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def _spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1
