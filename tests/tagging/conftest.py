"""The packaged classifier, loaded once."""

import pytest

from email_audit.tagging.records import Tag, TagInput
from email_audit.tagging.tagger import SpacyTagger, load_tagger

REQUEST = (
    "Ray, please put flags on the attached 14, all have final orders, ERO wants a call the minute "
    "any of them is stopped. No crim."
)


@pytest.fixture(scope="session")
def tagger() -> SpacyTagger:
    """The pipeline en_email_audit as installed from nlp/packages."""
    return load_tagger("en_email_audit")


class Officer:
    """Asks the classifier about messages written in a test."""

    def __init__(self, tagger: SpacyTagger) -> None:
        self._tagger = tagger

    def writes(
        self, own_text: str, *, subject: str = "", quoting: str = "", attached: tuple[str, ...] = ()
    ) -> Tag:
        """Tag one message."""
        return next(self._tagger.tag([TagInput(subject, own_text, quoting, attached)]))

    def answers(self, own_text: str) -> Tag:
        """Tag an answer to the request above."""
        return self.writes(own_text, subject="Re: list", quoting=REQUEST)


@pytest.fixture
def officer(tagger: SpacyTagger) -> Officer:
    """Someone who writes messages to be tagged."""
    return Officer(tagger)
