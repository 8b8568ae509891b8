"""PPTX (ECMA-376 part 1, PresentationML): slides, hidden ones too, notes, comments, charts."""

from email_audit.documents.ooxml import (
    DrawingText,
    add_embedded,
    add_links,
    add_part,
    add_properties,
    numbered,
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
    for prefix in _ORDER:
        for name in sorted(parts, key=numbered):
            if name.startswith(prefix) and name.endswith(".xml"):
                add_part(reading, parts, name, DrawingText())
    add_links(reading, parts)
    add_embedded(reading, parts)
