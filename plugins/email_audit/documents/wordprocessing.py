"""DOCX (ECMA-376 part 1, WordprocessingML): everything a person wrote, whether shown or not."""

from collections.abc import Mapping

from email_audit.documents.markup import PlainText
from email_audit.documents.ooxml import (
    DrawingText,
    add_embedded,
    add_links,
    add_part,
    add_parts,
    add_properties,
    numbered,
)
from email_audit.documents.packages import Parts
from email_audit.documents.reading import Reading

_MAIN = "word/document"
_DRAWN = ("word/charts/", "word/diagrams/data")
_ORDER = (
    _MAIN,
    "word/header",
    "word/footer",
    "word/footnotes",
    "word/endnotes",
    "word/comments",
    "word/glossary/document",
)
_DELETED = frozenset({"del", "moveFrom"})
_LINK_FIELDS = ("HYPERLINK", "INCLUDEPICTURE", "INCLUDETEXT", "LINK")


def read_docx(reading: Reading, parts: Parts) -> None:
    """Read body, headers, footers, notes, comments, tracked changes, text boxes, charts, files."""
    add_properties(reading, parts)
    add_parts(reading, parts, _ORDER, _Text)
    add_parts(reading, parts, _DRAWN, DrawingText)
    for name in sorted(parts, key=numbered):
        # Where templates keep what is filled into their fields.
        if name.startswith("customXml/item") and "Props" not in name and name.endswith(".xml"):
            add_part(reading, parts, name, PlainText())
    add_links(reading, parts)
    add_embedded(reading, parts)


class _Text(DrawingText):
    """Builds paragraphs; what is struck is marked, and a comment says whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self._is_code = False
        self._code: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take an element's start."""
        if tag == "Fallback" or self._depth_of_fallback:
            self._depth_of_fallback += 1
        elif tag in {"t", "delText"}:
            self._is_text = True
        elif tag in {"instrText", "delInstrText"}:
            self._is_code, self._code = True, []
        elif tag == "tab":
            self._pieces.append("\t")
        elif tag in {"br", "cr"}:
            self._pieces.append("\n")
        elif tag == "noBreakHyphen":
            self._pieces.append("-")
        elif tag in _DELETED:
            self._pieces.append("[deleted: ")
        elif tag == "comment" and attributes.get("author"):
            self._pieces.append(f"Comment by {attributes['author']}: ")
        elif tag == "docPr" and attributes.get("descr"):
            self._pieces.append(f"[{attributes['descr']}]\n")
        elif tag == "textpath" and attributes.get("string"):
            self._pieces.append(f"{attributes['string']}\n")

    def end(self, tag: str) -> None:
        """Take an element's end."""
        if self._depth_of_fallback:
            self._depth_of_fallback -= 1
            return
        self._is_text = False
        if self._is_code:
            self._is_code = False
            code = "".join(self._code).strip()
            if code.startswith(_LINK_FIELDS) and not code.startswith("HYPERLINK \\l"):
                self._pieces.append(f"[{code}] ")
        elif tag in {"p", "tr"}:
            self._pieces.append("\n")
        elif tag == "tc":
            self._end_cell()
        elif tag in _DELETED:
            self._pieces.append("]")

    def data(self, text: str) -> None:
        """Take text."""
        if self._is_code:
            self._code.append(text)
        elif self._is_text:
            self._pieces.append(text)
