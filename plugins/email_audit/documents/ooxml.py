"""What all Office Open XML packages share: properties, links, embedded files, DrawingML text."""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping

from email_audit.documents.markup import PlainText, walk_xml
from email_audit.documents.packages import Parts
from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_PROPERTIES = {
    "title": "Title",
    "subject": "Subject",
    "creator": "Author",
    "lastModifiedBy": "Last modified by",
    "keywords": "Keywords",
    "description": "Comments",
    "category": "Category",
    "Company": "Company",
    "Manager": "Manager",
    "HyperlinkBase": "Link base",
}
_WRITTEN_BY_PROGRAMS = frozenset(
    {
        "AppVersion",
        "ContentTypeId",
        "DocSecurity",
        "HyperlinksChanged",
        "LinksUpToDate",
        "ScaleCrop",
        "ShareDoc",
    }
)


def is_written_by_person(label: str) -> bool:
    """Say whether a property of that name may hold words of a person."""
    return bool(label) and label not in _WRITTEN_BY_PROGRAMS


def numbered(name: str) -> list[int | str]:
    """Give a sort key that puts slide2 before slide10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


class _Properties:
    """Builds `Name: value` lines of docProps/core.xml, app.xml and custom.xml."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._label = ""
        self._is_custom = False
        self._value: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "property":
            self._label, self._is_custom, self._value = attributes.get("name", ""), True, []
        elif not self._is_custom:
            self._label, self._value = _PROPERTIES.get(tag, ""), []

    def end(self, tag: str) -> None:
        value = "".join(self._value).strip()
        is_end = tag == "property" or not self._is_custom
        if is_end and value and is_written_by_person(self._label):
            self.lines.append(f"{self._label}: {value}")
            self._label, self._value = "", []
        if tag == "property":
            self._is_custom = False

    def data(self, text: str) -> None:
        self._value.append(text)


def add_properties(reading: Reading, parts: Parts) -> None:
    """Add the document's title, author and other properties a person may have written."""
    builder = _Properties()
    for name in ("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml"):
        if name in parts:
            walk_xml(parts[name], builder, reading.work.check_time)
    reading.add("\n".join(builder.lines))


class _Links:
    def __init__(self) -> None:
        self.targets: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") == "External":
            target = attributes.get("Target", "")
            if target and target not in self.targets:
                self.targets.append(target)

    def end(self, tag: str) -> None:
        pass

    def data(self, text: str) -> None:
        pass


def add_links(reading: Reading, parts: Parts) -> None:
    """Add the targets of links and of linked pictures; none of them is fetched."""
    builder = _Links()
    for name in sorted(parts, key=numbered):
        if name.endswith(".rels"):
            walk_xml(parts[name], builder, reading.work.check_time)
    reading.add("\n".join(builder.targets))


def add_embedded(reading: Reading, parts: Parts) -> None:
    """Read the files and pictures that lie in the package."""
    from email_audit.documents.images import is_worth_reading

    for name in sorted(parts, key=numbered):
        folder, base = posixpath.split(name)
        if folder.endswith("/embeddings") or (
            folder.endswith("/media") and is_worth_reading(parts[name])
        ):
            reading.nested(parts[name], "application/octet-stream", base)


class DrawingText:
    """Builds DrawingML text (`a:p`, `a:t`) and chart values (`c:v`), a paragraph a line.

    Alternative texts of pictures are taken too: they can be the only words about them.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._depth_of_fallback = 0
        self._is_text = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take an element's start."""
        if tag == "Fallback" or self._depth_of_fallback:
            self._depth_of_fallback += 1
        elif tag in {"t", "v", "text"}:
            self._is_text = True
        elif tag == "br":
            self._pieces.append("\n")
        elif tag in {"cNvPr", "docPr"} and attributes.get("descr"):
            self._pieces.append(f"[{attributes['descr']}]\n")

    def end(self, tag: str) -> None:
        """Take an element's end."""
        if self._depth_of_fallback:
            self._depth_of_fallback -= 1
            return
        self._is_text = False
        if tag in {"p", "v", "text", "tr"}:
            self._pieces.append("\n")
        elif tag == "tc":
            self._end_cell()

    def _end_cell(self) -> None:
        """Keep a table's row on one line."""
        while self._pieces and self._pieces[-1] == "\n":
            self._pieces.pop()
        self._pieces.append("\t")

    def data(self, text: str) -> None:
        """Take text."""
        if self._is_text:
            self._pieces.append(text)

    def text(self) -> str:
        """Give the paragraphs that hold something."""
        lines = (line.strip() for line in "".join(self._pieces).split("\n"))
        return "\n".join(line for line in lines if line)


def add_parts(
    reading: Reading,
    parts: Parts,
    prefixes: Iterable[str],
    builder: Callable[[], "DrawingText | PlainText"],
) -> None:
    """Add the text of the XML parts whose names begin so, in that order."""
    for prefix in prefixes:
        for name in sorted(parts, key=numbered):
            if name.startswith(prefix) and name.endswith(".xml"):
                add_part(reading, parts, name, builder())


def add_part(reading: Reading, parts: Parts, name: str, builder: "DrawingText | PlainText") -> None:
    """Add the text of one XML part; one that is broken is a gap, what came before it stays."""
    is_whole = walk_xml(parts[name], builder, reading.work.check_time)
    reading.add(builder.text())
    if not is_whole:
        reading.gap(AttachmentStatus.FAILED, f"the part {name} is damaged")
