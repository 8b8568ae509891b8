"""The pipeline's own components; importing this module registers their factories with spaCy.

The entry point group `spacy_factories` names `FACTORIES`, so that `spacy.load` finds them.
"""

from email_audit.tagging.components.encoder import ENCODER_FACTORY
from email_audit.tagging.components.gate import GATE_FACTORY
from email_audit.tagging.components.grams import GRAMS_FACTORY
from email_audit.tagging.components.judge import JUDGE_FACTORY
from email_audit.tagging.components.passages import PASSAGES_FACTORY
from email_audit.tagging.components.rules import RULES_FACTORY

FACTORIES = (
    GATE_FACTORY,
    GRAMS_FACTORY,
    PASSAGES_FACTORY,
    RULES_FACTORY,
    JUDGE_FACTORY,
    ENCODER_FACTORY,
)
"""The names of the factories, in the order in which the pipeline uses them."""
