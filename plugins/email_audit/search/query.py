"""Reads Lucene query syntax into the tree of `nodes.py`.

The meaning is that of Elasticsearch's `query_string` with `default_operator: OR`,
`type: phrase`, `lenient: false` and the fields of `fields.py`:

- Words without an operator are alternatives, as in Lucene and Kibana. In an audit a hit too many
  costs a glance and a hit too few costs the finding; the best answers come first.
- AND, OR and NOT mark the words beside them (Lucene's classic parser), they do not bind like
  arithmetic: `a OR b AND c` requires b and c. Parentheses say what is meant.
- A word that holds several (`a-b`, `can't`) is a phrase. `user@host` is that address.

One difference is on purpose: a group of nothing but exclusions, `a AND (NOT b)`, excludes; Lucene
finds nothing by it unless it is the whole query.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from luqum.exceptions import ParseError  # type: ignore[import-untyped]
from luqum.thread import parse as parse_lucene  # type: ignore[import-untyped]
from luqum.tree import (  # type: ignore[import-untyped]
    AndOperation,
    BaseGroup,
    Boost,
    From,
    Fuzzy,
    Item,
    Not,
    OrOperation,
    Phrase,
    Plus,
    Prohibit,
    Proximity,
    Range,
    Regex,
    SearchField,
    To,
    UnknownOperation,
    Word,
)

from email_audit.errors import UserError
from email_audit.search import nodes
from email_audit.search.fields import SEARCHED, field_named
from email_audit.search.lexical import rewrite
from email_audit.search.values import comparison, has_wildcard, matching, unescape

MAX_LENGTH = 10_000
"""Characters; beyond it a query is a mistake, and luqum's time grows with the square of it."""

MAX_DEPTH = 25
"""Groups, fields and boosts inside one another; Elasticsearch takes 30 levels of its own."""

MAX_BOOST = 1_000_000.0
"""Of all the boosts on one term multiplied; relevance is a 32-bit float."""

_OPERATIONS = {UnknownOperation: "", OrOperation: "OR", AndOperation: "AND"}
_EXISTS = "_exists_"


def parse(query: str) -> nodes.Node | None:
    """Give the tree of `query`, or None where nothing in it can be searched for (`"..."`).

    Raises:
        UserError: for wrong syntax or an unknown field, with the position (from 1).
    """
    if not query.strip():
        raise UserError("the query is empty; * finds every hit")
    if len(query) > MAX_LENGTH:
        raise UserError(f"the query has {len(query)} characters; {MAX_LENGTH} are the limit")
    rewritten = rewrite(query)
    try:
        tree = parse_lucene(rewritten.text)
    except ParseError as error:
        raise _syntax_error(str(error), query, rewritten.origins) from error
    except (ArithmeticError, ValueError) as error:
        # luqum converts the number after ~ or ^ while parsing, without saying where.
        raise UserError("query: the number after ~ or ^ cannot be read") from error
    return _Reader(rewritten.origins).node(tree, None, 1.0, 0)


def _syntax_error(message: str, query: str, origins: tuple[int, ...]) -> UserError:
    place = re.search(r"at position (\d+)", message)
    if place is None:
        return UserError(
            f"query, position {len(query) + 1}: the query ends where more was expected "
            "(an operand, or a closing parenthesis or bracket)"
        )
    at = origins[int(place[1])]
    return UserError(
        f"query, position {at + 1}: {query[at : at + 20]!r} is not expected here "
        "(quote it, or put \\ before characters that are meant literally)"
    )


class _Reader:
    """Turns luqum's tree into ours. `field` is the one in force, None for the searched ones."""

    def __init__(self, origins: tuple[int, ...]) -> None:
        self._origins = origins

    def node(self, item: Item, field: str | None, boost: float, depth: int) -> nodes.Node | None:
        if depth > MAX_DEPTH:
            raise self._error(item, f"more than {MAX_DEPTH} levels inside one another")
        depth += 1
        match item:
            case UnknownOperation() | OrOperation() | AndOperation():
                return self._boolean(item, field, boost, depth)
            case Plus() | Not() | Prohibit():
                return self._boolean(item, field, boost, depth)
            case BaseGroup():
                return self.node(item.expr, field, boost, depth)
            case SearchField():
                return self._in_field(item, boost, depth)
            case Boost():
                factor = self._factor(item, boost)
                inner = self.node(item.expr, field, boost * factor, depth)
                return None if inner is None else nodes.Boosted(inner, factor)
            case _:
                return self._leaf(item, field)

    def _boolean(
        self, item: Item, field: str | None, boost: float, depth: int
    ) -> nodes.Node | None:
        """Combine clauses as Lucene's QueryParserBase.addClause does with OR as the default."""
        clauses: list[nodes.Clause] = []
        for conjunction, part in _flattened(item, ""):
            if conjunction == "AND" and clauses and clauses[-1].occur is nodes.Occur.SHOULD:
                clauses[-1] = nodes.Clause(nodes.Occur.MUST, clauses[-1].node)
            occur = nodes.Occur.MUST if conjunction == "AND" else nodes.Occur.SHOULD
            operand = part
            if isinstance(part, Plus | Not | Prohibit):
                operand = part.a
                if isinstance(operand, Plus | Not | Prohibit):
                    raise self._error(operand, "two of + - NOT stand before one word")
                occur = nodes.Occur.MUST if isinstance(part, Plus) else nodes.Occur.MUST_NOT
            inner = self.node(operand, field, boost, depth)
            if inner is not None:
                clauses.append(nodes.Clause(occur, inner))
        if not clauses:
            return None
        if len(clauses) == 1 and clauses[0].occur is not nodes.Occur.MUST_NOT:
            return clauses[0].node
        return nodes.Boolean(tuple(clauses))

    def _in_field(self, item: SearchField, boost: float, depth: int) -> nodes.Node | None:
        name = unescape(item.name)
        inner = item.expr
        if isinstance(inner, SearchField | Plus | Not | Prohibit):
            raise self._error(inner, f"a value for {name} is expected here (a literal : is \\:)")
        if name == "*" and isinstance(inner, Word) and inner.value == "*":
            return nodes.Everything()
        if name == _EXISTS:
            if not isinstance(inner, Word | Phrase):
                raise self._error(inner, f"{_EXISTS} takes the name of a field")
            return nodes.Exists(self._known(inner, unescape(inner.value.strip('"'))))
        return self.node(inner, self._known(item, name), boost, depth)

    def _leaf(self, item: Item, field: str | None) -> nodes.Node | None:
        fields = SEARCHED if field is None else (field,)
        match item:
            case Word() if item.value == "*":
                return nodes.Everything() if field is None else nodes.Exists(field)
            case Word() if has_wildcard(item.value):
                return self._value(item, fields, item.value, "wildcard")
            case Word():
                return self._value(item, fields, unescape(item.value), "words")
            case Phrase():
                return self._value(item, fields, unescape(item.value[1:-1]), "words")
            case Proximity():
                text = unescape(item.term.value[1:-1])
                return self._value(item, fields, text, "words", slop=item.degree)
            case Regex():
                return self._value(item, fields, item.value[1:-1], "regex")
            case Fuzzy():
                text = unescape(item.term.value)
                degree = None if _is_bare(item) else item.degree
                return self._value(item, fields, text, "fuzzy", degree=degree)
            case Range():
                bounds = (self._bound(item.low), self._bound(item.high))
                return self._range(item, field, bounds, (item.include_low, item.include_high))
            case From():
                return self._range(item, field, (self._bound(item.a), None), (item.include, True))
            case To():
                return self._range(item, field, (None, self._bound(item.a)), (True, item.include))
            case _:
                raise self._error(item, f"{str(item)!r} is not understood here")

    def _value(
        self,
        item: Item,
        fields: tuple[str, ...],
        text: str,
        kind: str,
        *,
        slop: int = 0,
        degree: Decimal | None = None,
    ) -> nodes.Node | None:
        try:
            return matching(fields, text, kind, slop=slop, degree=degree)
        except ValueError as error:
            raise self._error(item, str(error)) from error

    def _range(
        self,
        item: Item,
        field: str | None,
        bounds: tuple[str | None, str | None],
        includes: tuple[bool, bool],
    ) -> nodes.Node:
        if field is None:
            raise self._error(item, "a range needs a field, as in date:[2025-01 TO 2025-03]")
        try:
            return comparison(field_named(field), bounds, includes)
        except ValueError as error:
            raise self._error(item, str(error)) from error

    def _bound(self, item: Item) -> str | None:
        match item:
            case Prohibit():
                return f"-{self._bound(item.a)}"
            case Phrase():
                text = unescape(item.value[1:-1])
            case _:
                text = unescape(item.value)
        return None if text == "*" else text

    def _factor(self, item: Boost, boost: float) -> float:
        factor = float(item.force)
        if factor * boost > MAX_BOOST:
            raise self._error(item, f"boosts multiply to more than {MAX_BOOST:.0f}")
        return factor

    def _known(self, item: Item, name: str) -> str:
        try:
            return field_named(name).name
        except UserError as error:
            raise self._error(
                item, f"{error} (to search for a literal colon, quote it or write \\:)"
            ) from error

    def _error(self, item: Item, message: str) -> UserError:
        at = 0 if item.pos is None else self._origins[min(item.pos, len(self._origins) - 1)]
        return UserError(f"query, position {at + 1}: {message}")


def _flattened(item: Item, conjunction: str) -> Iterator[tuple[str, Item]]:
    """Yield the clauses of one level in the order written, each with what introduces it."""
    own = _OPERATIONS.get(type(item))
    if own is None:
        yield conjunction, item
        return
    for index, operand in enumerate(item.operands):
        yield from _flattened(operand, conjunction if index == 0 else own)


def _is_bare(item: Fuzzy) -> bool:
    return str(item).endswith("~")
