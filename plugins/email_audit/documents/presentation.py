"""PPTX (ECMA-376 part 1, PresentationML): slides, hidden ones too, notes, comments, charts."""

from email_audit.documents.ooxml import (
    DrawingText,
    add_embedded,
    add_links,
    add_parts,
    add_properties,
)
from email_audit.documents.packages import Parts
from email_audit.documents.reading import Reading

# Layouts and masters hold "Click to edit Master title style"; they are left out.
_ORDER = (
    "ppt/slides/slide",
    "ppt/notesSlides/",
    "ppt/comments/",
    "ppt/charts/",
    "ppt/diagrams/data",
)


def read_pptx(reading: Reading, parts: Parts) -> None:
    """Read what a person wrote, slide by slide."""
    add_properties(reading, parts)
    add_parts(reading, parts, _ORDER, DrawingText)
    add_links(reading, parts)
    add_embedded(reading, parts)
