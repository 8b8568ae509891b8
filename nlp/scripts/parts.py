"""The configured pipeline and its components, for the scripts that fill them."""

from collections.abc import Sequence
from typing import TypeVar

import spacy
from spacy.language import Language

from corpus import PROJECT
from email_audit.tagging.components.lexicon import Entry
from email_audit.tagging.components.rules import RULES_FACTORY, RuleSignals

_Component = TypeVar("_Component")


def untrained(lexicon: Sequence[Entry]) -> Language:
    """Make the configured pipeline with the lexicon, and nothing learned yet."""
    nlp = spacy.util.load_model_from_config(
        spacy.util.load_config(PROJECT / "configs" / "config.cfg"), auto_fill=True
    )
    component(nlp, RULES_FACTORY, RuleSignals).use(lexicon)
    return nlp


def component(nlp: Language, name: str, kind: type[_Component]) -> _Component:
    """Give a component of the pipeline by its name and type."""
    found = nlp.get_pipe(name)
    assert isinstance(found, kind)
    return found
