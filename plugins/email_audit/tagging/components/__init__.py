"""The pipeline's own components; importing this module registers their factories with spaCy.

Whoever loads the pipeline imports this module first, as `tagging.tagger` does.
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
