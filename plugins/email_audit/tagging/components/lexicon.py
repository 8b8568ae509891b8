"""The lexicon: what investigators' words, agencies' forms and statutes look like, as data.

One JSON object a line: `concept`, `label` (in an investigator's words), `stance`, `kinds`,
`weight` (log-odds assumed before any training), `patterns`, `source`, and `case_sensitive`.

A pattern is words separated by spaces; `a|b` are alternatives for one word, `_` is an optional
empty alternative, and `..` stands for up to five tokens of anything within the same passage.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path

from email_audit.errors import UserError
from email_audit.tagging.records import Kind

GAP = ".."
EMPTY = "_"


class Stance(StrEnum):
    """What an entry's occurrence means for the decision."""

    FOR = "for"
    AGAINST = "against"
    TOPIC = "topic"
    AGREES = "agrees"
    DECLINES = "declines"
    ABSENT = "absent"


REPLY_STANCES = frozenset({Stance.AGREES, Stance.DECLINES, Stance.ABSENT})
"""Stances of words that take their meaning from the text they answer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One concept of the lexicon and the patterns that show it."""

    concept: str
    label: str
    stance: Stance
    kinds: tuple[Kind, ...]
    weight: float
    patterns: tuple[str, ...]
    source: str
    case_sensitive: bool = False

    def as_json(self) -> dict[str, object]:
        """Give the entry as the JSON object that `read_lexicon` reads."""
        return {
            "concept": self.concept,
            "label": self.label,
            "stance": self.stance.value,
            "kinds": [kind.value for kind in self.kinds],
            "weight": self.weight,
            "patterns": list(self.patterns),
            "source": self.source,
            "case_sensitive": self.case_sensitive,
        }


def read_entry(record: Mapping[str, object]) -> Entry:
    """Make an entry of its JSON object.

    Raises:
        KeyError, TypeError, ValueError: for a missing field, a value of the wrong type or outside
            its closed list.
    """
    kinds, patterns, weight = record["kinds"], record["patterns"], record["weight"]
    if not isinstance(kinds, list) or not isinstance(patterns, list):
        raise TypeError("kinds and patterns must be lists")
    if not isinstance(weight, int | float):
        raise TypeError("weight must be a number")
    return Entry(
        concept=str(record["concept"]),
        label=str(record["label"]),
        stance=Stance(str(record["stance"])),
        kinds=tuple(Kind(kind) for kind in kinds),
        weight=float(weight),
        patterns=tuple(str(pattern) for pattern in patterns),
        source=str(record["source"]),
        case_sensitive=bool(record.get("case_sensitive", False)),
    )


def read_lexicon(path: Path) -> tuple[Entry, ...]:
    """Read a lexicon file.

    Raises:
        UserError: naming the file, the line and what is wrong with it.
    """
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entries.append(read_entry(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}, line {number}: {error!r}. Compare it with the lines around it."
            ) from error
    return tuple(entries)


def write_lexicon(path: Path, entries: Iterable[Entry]) -> None:
    """Write entries so that `read_lexicon` gives them back."""
    lines = [json.dumps(entry.as_json(), ensure_ascii=False) for entry in entries]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def expand(pattern: str) -> list[list[str]]:
    """Expand a pattern into its stretches between gaps, each a list of plain phrases.

    >>> expand("hold him|her .. until")
    [['hold him', 'hold her'], ['until']]
    """
    stretches: list[list[list[str]]] = [[]]
    for word in pattern.split():
        if word == GAP:
            stretches.append([])
        else:
            stretches[-1].append(word.split("|"))
    return [
        [" ".join(part for part in choice if part != EMPTY) for choice in product(*stretch)]
        for stretch in stretches
    ]
