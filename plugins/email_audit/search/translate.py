"""Turns the tree of a query into tantivy's query objects.

tantivy's own query parser is not used: it answers wildcards and fuzzy terms wrongly without an
error. Nor is its slop beyond two different words, where it is not Lucene's: those documents that
have all the words are read and the words' places checked.
"""

from collections.abc import Sequence

import tantivy
from tantivy import Query

from email_audit.search.analysis import value_tokens
from email_audit.search.documents import from_json, text_values
from email_audit.search.fields import FieldType, field_named
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
from email_audit.search.patterns import literal, rust_spelling
from email_audit.search.schema import ID, PRESENT, STORED
from email_audit.search.sequences import having_sequence
from email_audit.search.vocabulary import term_query

_BATCH = 500
"""Documents read at a time to check a phrase; it bounds memory."""

_OCCUR = {
    Occur.MUST: tantivy.Occur.Must,
    Occur.SHOULD: tantivy.Occur.Should,
    Occur.MUST_NOT: tantivy.Occur.MustNot,
}


class Translator:
    """Translates for one state of the index; sloppy phrases are looked up in it."""

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher) -> None:
        self._schema = schema
        self._searcher = searcher

    def query(self, node: Node) -> Query:
        """Give tantivy's query for `node`.

        Raises:
            UserError: for a regular expression that cannot be used.
        """
        match node:
            case Everything():
                return Query.all_query()
            case Exists(field):
                return Query.term_query(self._schema, PRESENT, field)
            case Boosted(inner, factor):
                return Query.boost_query(self.query(inner), factor)
            case Between():
                return self._between(node)
            case Boolean(clauses):
                parts = [(_OCCUR[clause.occur], self.query(clause.node)) for clause in clauses]
                if all(clause.occur is Occur.MUST_NOT for clause in clauses):
                    parts.append((tantivy.Occur.Must, Query.all_query()))
                return Query.boolean_query(parts)
            case Match(fields, terms, slop):
                found = [self._match(field, terms, slop) for field in fields]
                return found[0] if len(found) == 1 else Query.disjunction_max_query(found)

    def _between(self, node: Between) -> Query:
        if node.low is None and node.high is None:
            return self.query(Exists(node.field))
        is_date = field_named(node.field).type is FieldType.DATE
        return Query.range_query(
            self._schema,
            node.field,
            tantivy.FieldType.Integer if is_date else tantivy.FieldType.Float,
            node.low,
            node.high,
            node.include_low or node.low is None,
            node.include_high or node.high is None,
        )

    def _match(self, field: str, terms: tuple[Term, ...], slop: int) -> Query:
        if len(terms) == 1:
            return term_query(self._schema, field, terms[0])
        literals = [term.text for term in terms if isinstance(term, Literal)]
        words: list[str | tuple[int, str]] = [*literals]
        if len(literals) == len(terms) and (slop == 0 or len(set(literals)) == len(terms) == 2):
            return Query.phrase_query(self._schema, field, words, slop)
        if slop == 0:
            native = self._pattern_sequence(field, terms)
            if native is not None:
                return native
        return self._checked_sequence(field, terms, slop)

    def _pattern_sequence(self, field: str, terms: tuple[Term, ...]) -> Query | None:
        """Give tantivy's query for patterns in sequence, None where it cannot answer it."""
        regexes: list[str | tuple[int, str]] = []
        for term in terms:
            match term:
                case Literal(text):
                    regexes.append(rust_spelling(literal(text)))
                case Pattern(expression):
                    regexes.append(rust_spelling(expression))
                case Fuzzy():
                    return None
        query = Query.regex_phrase_query(self._schema, field, regexes)
        try:
            self._searcher.search(query, 1)
        except ValueError:  # a pattern stands for more than 16,384 terms
            return None
        return query

    def _checked_sequence(self, field: str, terms: tuple[Term, ...], slop: int) -> Query:
        """Find the documents by reading those that have all the terms, and name them by id."""
        every_term = Query.boolean_query(
            [
                (tantivy.Occur.Must, term_query(self._schema, field, term))
                for term in dict.fromkeys(terms)
            ]
        )
        candidates = self._searcher.search(every_term, max(1, self._searcher.num_docs)).hits
        ids: list[str] = []
        for start in range(0, len(candidates), _BATCH):
            batch = [address for _, address in candidates[start : start + _BATCH]]
            ids += self._having_sequence(batch, field, terms, slop)
        if not ids:
            return Query.empty_query()
        among_them = Query.term_set_query(self._schema, ID, ids)
        return Query.boolean_query(
            [(tantivy.Occur.Must, every_term), (tantivy.Occur.Must, among_them)]
        )

    def _having_sequence(
        self,
        addresses: Sequence[tantivy.DocAddress],
        field: str,
        terms: tuple[Term, ...],
        slop: int,
    ) -> list[str]:
        documents = [from_json(self._searcher.doc(address)[STORED][0]) for address in addresses]
        texts = {
            document.id: list(value_tokens(text_values(document).get(field, ())))
            for document in documents
        }
        return having_sequence(texts, terms, slop)
