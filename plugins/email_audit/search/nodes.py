"""The tree of a query after its fields, words and values were understood.

It is what a back end translates and what the highlighter matches; no library's types are in it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from email_audit.search.patterns import Expression


@dataclass(frozen=True, slots=True)
class Literal:
    """A term of the index, as analysed."""

    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Every term that the expression matches from end to end."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """Every term at most `edits` (0 to 2) changes away; a transposition is one change."""

    text: str
    edits: int


Term: TypeAlias = Literal | Pattern | Fuzzy


@dataclass(frozen=True, slots=True)
class Match:
    """Documents where one of `fields` has the `terms` in sequence.

    `slop` is Lucene's: with each place taken relative to its term's place in the query, the
    furthest apart are no more than `slop` positions from each other.
    """

    fields: tuple[str, ...]
    terms: tuple[Term, ...]
    slop: int = 0


@dataclass(frozen=True, slots=True)
class Between:
    """Documents whose number in `field` lies within the bounds; None is open.

    A date's number is milliseconds since 1970-01-01 UTC.
    """

    field: str
    low: float | None
    high: float | None
    include_low: bool
    include_high: bool


@dataclass(frozen=True, slots=True)
class Exists:
    """Documents that have any value in `field`."""

    field: str


@dataclass(frozen=True, slots=True)
class Everything:
    """Every document."""


class Occur(Enum):
    """How a clause counts in its `Boolean`."""

    MUST = "must"
    SHOULD = "should"
    MUST_NOT = "must not"


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a `Boolean`."""

    occur: Occur
    node: "Node"


@dataclass(frozen=True, slots=True)
class Boolean:
    """All MUST clauses and no MUST_NOT clause; without a MUST, at least one SHOULD clause.

    With MUST_NOT clauses only, every document that none of them matches.
    """

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Boosted:
    """The same documents, their relevance multiplied by `factor`."""

    node: "Node"
    factor: float


Node: TypeAlias = Match | Between | Exists | Everything | Boolean | Boosted
