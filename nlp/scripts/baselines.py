"""What the classifier must beat: a keyword list, and a plain TF-IDF logistic regression."""

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.reading import read_input
from email_audit.tagging.records import TagInput

KEYWORDS = (
    "immigration", "detainer", "deport", " ice ", " ero ", "i-247", "i-200", "i-205",
    "final order", "removal", "undocumented", "illegal alien", "a-number", "admin warrant",
    "administrative warrant", "la migra", "inmigracion", "deportacion", "redada",
)  # fmt: skip
"""The list that an investigator would type first (guide, section 1)."""


def own_content(message: TagInput) -> str:
    """Give subject, own text and attachments as the classifier reads them."""
    return "\n\n".join(window.text for window in read_input(message).own_windows())


def keyword_hits(messages: Sequence[TagInput]) -> list[bool]:
    """Say which messages hold a keyword in their own content."""
    texts = [f" {own_content(message).lower()} " for message in messages]
    return [any(keyword in text for keyword in KEYWORDS) for text in texts]


def regression_hits(train: Sequence[Labelled], messages: Sequence[TagInput]) -> list[bool]:
    """Say which messages a logistic regression on word uni- and bigrams takes for hits."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10.0, max_iter=2000),
    )
    model.fit([own_content(item.message) for item in train], [item.enforcement for item in train])
    return [bool(hit) for hit in model.predict([own_content(message) for message in messages])]
