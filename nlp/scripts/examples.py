"""What the encoder reads of labelled messages: excerpts, turned into rows of word pieces."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from spacy.language import Language
from tokenizers import Tokenizer

from email_audit.tagging.components.encoder import token_ids
from email_audit.tagging.components.excerpts import excerpt, excerpt_text
from email_audit.tagging.components.judge import MENTION
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.learning.noise import typed_badly
from email_audit.tagging.records import Kind
from fitting import find_evidence
from rows import UNKNOWN, Row

LABELS = (MENTION, *(kind.value for kind in Kind))
"""What the network's columns mean."""

NOISE_SHARE = 0.25
"""Of the messages, this share is learned a second time, typed badly."""
_NOISE = 0.04
_NOISE_SEED = 11


@dataclass(frozen=True, slots=True)
class Example:
    """An excerpt, what it answers, its message's labels, and how many examples it counts for."""

    own: str
    context: str
    labelled: Labelled
    importance: float = 1.0


def examples_of(nlp: Language, corpus: Sequence[Labelled]) -> list[Example]:
    """Give what the encoder reads of each message."""
    return [
        Example(excerpt_text(excerpt(item.own)), excerpt_text(excerpt(item.context)), item.labelled)
        for item in find_evidence(nlp, corpus)
    ]


def with_noise(examples: Sequence[Example]) -> Iterator[Example]:
    """Yield the examples, and some of them again as a hurried hand would have typed them."""
    chance = random.Random(_NOISE_SEED)
    for example in examples:
        yield example
        if chance.random() < NOISE_SHARE:
            yield replace(example, own=typed_badly(example.own, _NOISE, chance))


def rows_of(examples: Sequence[Example], tokenizer_json: bytes) -> list[Row]:
    """Turn examples into rows."""
    tokenizer = Tokenizer.from_buffer(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [
        Row(
            *token_ids(tokenizer, example.own, example.context),
            _truth(example.labelled),
            example.importance,
        )
        for example in examples
    ]


def _truth(labelled: Labelled) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    kinds = [float(kind in labelled.kinds) if labelled.kinds_checked else UNKNOWN for kind in Kind]
    return np.array([float(labelled.enforcement), *kinds], np.float32)
