"""ODT, ODS, ODP and their kin (OASIS ODF 1.3 part 3), and OpenOffice.org 1 files."""

from collections.abc import Mapping

from email_audit.documents.images import is_worth_reading
from email_audit.documents.markup import walk_xml
from email_audit.documents.ooxml import is_written_by_person, numbered
from email_audit.documents.packages import Parts
from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_LINES = frozenset({"p", "h", "table-row", "list-item", "tracked-changes"})
_PROPERTIES = {
    "title": "Title",
    "subject": "Subject",
    "description": "Comments",
    "keyword": "Keywords",
    "initial-creator": "Author",
    "creator": "Last modified by",
    "user-defined": "Property",
}
_MOST_SPACES = 1000


def read_odf(reading: Reading, parts: Parts) -> None:
    """Read body, headers, footers, notes, comments, tracked changes, properties and files."""
    if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted")
        return
    for name in ("meta.xml", "content.xml", "styles.xml"):
        if name in parts:
            _add(reading, parts, name)
    for name in sorted(parts, key=numbered):
        folder, _, base = name.rpartition("/")
        if folder and base == "content.xml":
            _add(reading, parts, name)
        elif folder in {"Pictures", "media"} and is_worth_reading(parts[name]):
            reading.nested(parts[name], "application/octet-stream", base)
        elif name.startswith("Object ") and "/" not in name:
            reading.nested(parts[name], "application/octet-stream", name)


def _add(reading: Reading, parts: Parts, name: str) -> None:
    builder = _Text(_PROPERTIES if name == "meta.xml" else {})
    is_whole = walk_xml(parts[name], builder, reading.work.check_time)
    reading.add(builder.text())
    if not is_whole:
        reading.gap(AttachmentStatus.FAILED, f"the part {name} is damaged")


class _Text:
    """Builds the paragraphs; in meta.xml, the properties."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        self._properties = properties
        self._pieces: list[str] = []
        self._is_skipped = False
        self._depth = 0
        """How many paragraphs, headings or properties are open: text elsewhere is no content."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take an element's start."""
        if tag in self._properties:
            label = attributes.get("name") or self._properties[tag]
            self._is_skipped = not is_written_by_person(label)
            if not self._is_skipped:
                self._pieces.append(f"{label}: ")
            self._depth += 1
        elif tag in {"p", "h"}:
            self._depth += 1
        elif tag == "date":
            self._is_skipped = True
        elif tag == "s":
            count = attributes.get("c", "1")
            self._pieces.append(" " * min(int(count) if count.isdigit() else 1, _MOST_SPACES))
        elif tag == "tab":
            self._pieces.append("\t")
        elif tag == "line-break":
            self._pieces.append("\n")
        elif tag == "deletion":
            self._pieces.append("[deleted: ")
        elif tag == "annotation":
            self._pieces.append("[comment: ")
        elif tag == "table" and attributes.get("name"):
            self._pieces.append(f"[{attributes['name']}]\n")
        elif tag == "a" and attributes.get("href", "").partition(":")[0] in {
            "http",
            "https",
            "mailto",
        }:
            self._pieces.append(f"<{attributes['href']}> ")

    def end(self, tag: str) -> None:
        """Take an element's end."""
        if tag in self._properties:
            self._depth -= 1
            self._is_skipped = False
            self._pieces.append("\n")
        elif tag in {"p", "h"}:
            self._depth -= 1
        elif tag == "date":
            self._is_skipped = False
        elif tag == "creator":
            self._pieces.append(": ")
        if tag in _LINES:
            self._pieces.append("\n")
        elif tag == "table-cell":
            while self._pieces and self._pieces[-1] == "\n":
                self._pieces.pop()
            self._pieces.append("\t")
        elif tag in {"deletion", "annotation"}:
            while self._pieces and self._pieces[-1] == "\n":
                self._pieces.pop()
            self._pieces.append("] " if tag == "annotation" else "]\n")

    def data(self, text: str) -> None:
        """Take text."""
        if self._depth > 0 and not self._is_skipped:
            # White space in ODF is that of XML: runs are written as <text:s/> (ODF 1.3 6.1.2).
            self._pieces.append(" ".join(text.split()) if "\n" in text else text)

    def text(self) -> str:
        """Give the lines that hold something."""
        lines = (line.strip() for line in "".join(self._pieces).split("\n"))
        return "\n".join(line for line in lines if line)
