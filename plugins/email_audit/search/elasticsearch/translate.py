"""Turns the tree of a query into Elasticsearch's Query DSL, with the meaning of the embedded index.

Every term of the tree is one of the index already, so nothing is analysed again: term-level
queries, and phrases over terms that only spaces separate. Scripts are not used.
"""

from typing import assert_never

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


def query_dsl(node: Node) -> JsonObject:
    """Give the query that finds the documents of `node`."""
    return _query(node, 1.0)


def _query(node: Node, boost: float) -> JsonObject:
    match node:
        case Everything():
            return {"match_all": {"boost": boost}}
        case Exists(field):
            return _in_field(field, {"exists": {"field": NESTED.get(field, field)}}, boost)
        case Boosted(inner, factor):
            return _query(inner, boost * factor)
        case Between():
            return _between(node, boost)
        case Boolean():
            return _boolean(node, boost)
        case Match(fields, terms, slop):
            found = [_match(field, terms, slop) for field in fields]
            if len(found) == 1:
                return _boosted(found[0], boost)
            return {"dis_max": {"queries": found, "boost": boost}}
        case _:
            assert_never(node)


def _boolean(node: Boolean, boost: float) -> JsonObject:
    clauses: JsonObject = {}
    for clause in node.clauses:
        clauses.setdefault(_OCCUR[clause.occur], []).append(_query(clause.node, 1.0))
    if "should" in clauses:
        clauses["minimum_should_match"] = 0 if "must" in clauses else 1
    return {"bool": {**clauses, "boost": boost}}


def _between(node: Between, boost: float) -> JsonObject:
    if node.low is None and node.high is None:
        return _query(Exists(node.field), boost)
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
