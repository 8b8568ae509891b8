"""Turns the tree of a query into Elasticsearch's Query DSL, with the meaning of the embedded index.

Every term of the tree is one of the index already, so nothing is analysed again: term-level
queries, and phrases over terms that only spaces separate. Scripts are not used.

Patterns in sequence (`10-17*`) are span queries, in which the server writes every pattern out in
words and takes only so many. Where it refuses one, its documents can be named instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, assert_never

from email_audit.search.elasticsearch.mapping import NESTED, JsonObject
from email_audit.search.nodes import (
    Between,
    Boolean,
    Boosted,
    Everything,
    Exists,
    Fuzzy,
    Literal,
    Match,
    Node,
    Occur,
    Pattern,
    Term,
)
from email_audit.search.patterns import lucene_spelling

_OCCUR = {Occur.MUST: "must", Occur.SHOULD: "should", Occur.MUST_NOT: "must_not"}


PatternSequence: TypeAlias = tuple[str, tuple[Term, ...]]
"""A field and the terms that stand in sequence in it, some of them patterns."""

Found: TypeAlias = Mapping[PatternSequence, Sequence[str]]
"""The ids of the documents that have a sequence."""


def query_dsl(node: Node, found: Found) -> JsonObject:
    """Give the query that finds the documents of `node`; those of sequences in `found` by id."""
    return _Translator(found).query(node, 1.0)


def pattern_sequences(node: Node) -> Iterator[PatternSequence]:
    """Yield the sequences of a query that have patterns in them."""
    match node:
        case Match(fields, terms, _):
            if len(terms) > 1 and not all(isinstance(term, Literal) for term in terms):
                yield from ((field, terms) for field in fields)
        case Boosted(inner, _):
            yield from pattern_sequences(inner)
        case Boolean(clauses):
            for clause in clauses:
                yield from pattern_sequences(clause.node)


def having_terms(field: str, terms: Sequence[Term]) -> JsonObject:
    """Give the query for the documents that have all of `terms` in one value, in any order."""
    name = NESTED.get(field, field)
    return _in_field(field, {"bool": {"filter": [_term(name, term) for term in terms]}})


class _Translator:
    def __init__(self, found: Found) -> None:
        self._found = found

    def query(self, node: Node, boost: float) -> JsonObject:
        match node:
            case Everything():
                return {"match_all": {"boost": boost}}
            case Exists(field):
                return _in_field(field, {"exists": {"field": NESTED.get(field, field)}}, boost)
            case Boosted(inner, factor):
                return self.query(inner, boost * factor)
            case Between():
                return _between(node, boost)
            case Boolean():
                return self._boolean(node, boost)
            case Match(fields, terms, slop):
                queries = [self._match(field, terms, slop) for field in fields]
                if len(queries) == 1:
                    return _boosted(queries[0], boost)
                return {"dis_max": {"queries": queries, "boost": boost}}
            case _:
                assert_never(node)

    def _boolean(self, node: Boolean, boost: float) -> JsonObject:
        clauses: JsonObject = {}
        for clause in node.clauses:
            clauses.setdefault(_OCCUR[clause.occur], []).append(self.query(clause.node, 1.0))
        if "should" in clauses:
            clauses["minimum_should_match"] = 0 if "must" in clauses else 1
        return {"bool": {**clauses, "boost": boost}}

    def _match(self, field: str, terms: tuple[Term, ...], slop: int) -> JsonObject:
        if (field, terms) in self._found:
            return {"terms": {"content_sha256": list(self._found[field, terms])}}
        return _match(field, terms, slop)


def _between(node: Between, boost: float) -> JsonObject:
    if node.low is None and node.high is None:
        return _in_field(node.field, {"exists": {"field": node.field}}, boost)
    bounds: JsonObject = {}
    if node.low is not None:
        bounds["gte" if node.include_low else "gt"] = node.low
    if node.high is not None:
        bounds["lte" if node.include_high else "lt"] = node.high
    if isinstance(node.low if node.low is not None else node.high, int):
        bounds["format"] = "epoch_millis"
    return {"range": {node.field: {**bounds, "boost": boost}}}


def _match(field: str, terms: tuple[Term, ...], slop: int) -> JsonObject:
    name = NESTED.get(field, field)
    if len(terms) == 1:
        return _in_field(field, _term(name, terms[0]))
    literals = [term.text for term in terms if isinstance(term, Literal)]
    if len(literals) == len(terms):
        phrase = {"query": " ".join(literals), "slop": slop, "analyzer": "whitespace"}
        return _in_field(field, {"match_phrase": {name: phrase}})
    clauses = [
        {"span_term": {name: term.text}}
        if isinstance(term, Literal)
        else {"span_multi": {"match": _term(name, term)}}
        for term in terms
    ]
    return _in_field(field, {"span_near": {"clauses": clauses, "slop": slop, "in_order": True}})


def _term(name: str, term: Term) -> JsonObject:
    match term:
        case Literal(text):
            return {"term": {name: {"value": text}}}
        case Pattern(expression):
            spelling = {"value": lucene_spelling(expression), "flags": "NONE"}
            return {"regexp": {name: spelling}}
        case Fuzzy(text, edits):
            # Not the rewrite by default: it keeps the fifty best words and drops the rest.
            close = {"value": text, "fuzziness": edits, "rewrite": "constant_score"}
            return {"fuzzy": {name: {**close, "prefix_length": 0, "transpositions": True}}}
        case _:
            assert_never(term)


def _in_field(field: str, query: JsonObject, boost: float = 1.0) -> JsonObject:
    if field in NESTED:
        query = {"nested": {"path": field, "query": query, "score_mode": "max"}}
    return _boosted(query, boost)


def _boosted(query: JsonObject, boost: float) -> JsonObject:
    if boost == 1.0:
        return query
    return {"bool": {"must": [query], "boost": boost}}
