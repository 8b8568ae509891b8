"""The text classifier: a `GramTable` whose first column decides, the others tell the kinds."""

from pathlib import Path
from typing import Self

from spacy.language import Language
from spacy.tokens import Doc

from email_audit.tagging.components.gram_table import GramTable
from email_audit.tagging.components.odds import probability

GRAMS_FACTORY = "email_audit_grams"


class Grams:
    """Sets `doc.cats`: "ENFORCEMENT" and each kind's name, as probabilities."""

    def __init__(self, table: GramTable | None = None) -> None:
        self.table = table or GramTable()

    def __call__(self, doc: Doc) -> Doc:
        """Score one Doc as a whole."""
        for label, odds in self.table.odds(doc.text).items():
            doc.cats[label] = probability(odds)
        return doc

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the table into a folder."""
        self.table.to_disk(Path(path))

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        self.table = GramTable.from_disk(Path(path))
        return self


@Language.factory(GRAMS_FACTORY)
def make_grams(nlp: Language, name: str) -> Grams:  # noqa: ARG001
    """Make an untrained classifier."""
    return Grams()
