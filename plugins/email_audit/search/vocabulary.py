"""Which words of a text a term of the query stands for, as the index itself would say.

Patterns and fuzzy terms are put to a tiny index of the words, not to Python's `re`: the answer is
the same automaton's that found the document, and no expression can run away.
"""

from collections.abc import Iterable

import tantivy

from email_audit.errors import UserError
from email_audit.search.nodes import Fuzzy, Literal, Pattern, Term
from email_audit.search.patterns import rust_spelling

_FIELD = "term"
_HEAP_BYTES = 15_000_000  # the smallest that tantivy takes


class Vocabulary:
    """A set of words that can be asked for those that a term matches."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._known: dict[Term, frozenset[str]] = {}
        self._index: tantivy.Index | None = None

    def matching(self, term: Term) -> frozenset[str]:
        """Give the words that `term` stands for."""
        if isinstance(term, Literal):
            return self._words & {term.text}
        if term not in self._known:
            self._known[term] = self._ask(term)
        return self._known[term]

    def _ask(self, term: Pattern | Fuzzy) -> frozenset[str]:
        if self._index is None:
            self._index = _index_of(self._words)
        query = term_query(self._index.schema, _FIELD, term)
        found = self._index.searcher().terms_with_prefix(_FIELD, "", query)
        return frozenset(word for word, _ in found)


def term_query(schema: tantivy.Schema, field: str, term: Term) -> tantivy.Query:
    """Give the query for one term in one field.

    Raises:
        UserError: for a pattern that tantivy refuses, as one of too many states.
    """
    match term:
        case Literal(text):
            return tantivy.Query.term_query(schema, field, text)
        case Pattern(expression):
            try:
                return tantivy.Query.regex_query(schema, field, rust_spelling(expression))
            except ValueError as error:
                reason = str(error).rstrip("'").splitlines()[-1].removeprefix("error: ")
                raise UserError(f"query: a pattern in it is too complicated ({reason})") from error
        case Fuzzy(text, edits):
            return tantivy.Query.fuzzy_term_query(schema, field, text, distance=edits)


def _index_of(words: frozenset[str]) -> tantivy.Index:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(_FIELD, tokenizer_name="raw", index_option="basic")
    index = tantivy.Index(builder.build())
    writer = index.writer(_HEAP_BYTES, 1)
    for word in sorted(words):
        document = tantivy.Document()
        document.add_text(_FIELD, word)
        writer.add_document(document)
    writer.commit()
    index.reload()
    return index
