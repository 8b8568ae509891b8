"""Passages: sentences and list lines, each scored by the text classifier on its own.

One sentence in two pages must be found, so a text is judged by its best passage too.
"""

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from email_audit.tagging.components.gram_table import POSITIVE, words_of
from email_audit.tagging.components.grams import GRAMS_FACTORY, Grams
from email_audit.tagging.components.odds import probability

PASSAGES_FACTORY = "email_audit_passages"
PASSAGES = "passages"

_SENTENCE_ENDS = frozenset({".", "?", "!", "...", ";"})
_MIN_TOKENS = 6
_MAX_TOKENS = 80


def split_passages(doc: Doc) -> list[Span]:
    """Give the passages of a Doc, in order, without surrounding white space.

    A passage ends at a line break (wrapped lines are joined in the reading copy before), after a
    sentence that has at least six tokens, and after 80 tokens in any case.
    """
    passages: list[Span] = []
    start = 0
    for token in doc:
        length = token.i - start + 1
        is_break = "\n" in token.text
        if (
            is_break
            or length >= _MAX_TOKENS
            or (length >= _MIN_TOKENS and token.text in _SENTENCE_ENDS)
        ):
            _keep(passages, doc, start, token.i if is_break else token.i + 1)
            start = token.i + 1
    _keep(passages, doc, start, len(doc))
    return passages


def _keep(passages: list[Span], doc: Doc, start: int, end: int) -> None:
    while start < end and doc[start].is_space:
        start += 1
    while end > start and doc[end - 1].is_space:
        end -= 1
    if end > start:
        passages.append(doc[start:end])


class PassageScorer:
    """Sets `doc.spans["passages"]`; their probabilities are in the group's `attrs["scores"]`."""

    def __init__(self, nlp: Language, classifier: str) -> None:
        self._nlp = nlp
        self._classifier = classifier

    def __call__(self, doc: Doc) -> Doc:
        """Split one Doc into scored passages."""
        classifier = self._nlp.get_pipe(self._classifier)
        assert isinstance(classifier, Grams)
        passages = split_passages(doc)
        table = classifier.table
        scores = [probability(table.label_odds(words_of(span.text), POSITIVE)) for span in passages]
        doc.spans[PASSAGES] = SpanGroup(
            doc, name=PASSAGES, spans=passages, attrs={"scores": scores}
        )
        return doc


@Language.factory(PASSAGES_FACTORY, default_config={"classifier": GRAMS_FACTORY})
def make_passages(nlp: Language, name: str, classifier: str) -> PassageScorer:  # noqa: ARG001
    """Make the scorer that uses the pipeline's component `classifier`."""
    return PassageScorer(nlp, classifier)
