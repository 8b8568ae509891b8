"""XML to text in constant memory, with nothing resolved: no entities, no DTD, no network."""

from collections.abc import Callable, Mapping
from typing import Protocol

from lxml import etree


class TextBuilder(Protocol):
    """What an XML dialect's reader does at the start and the end of its elements.

    Elements are known by their local names: office formats differ in namespaces by edition only.
    """

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take an element's start; attributes by local name."""

    def end(self, tag: str) -> None:
        """Take an element's end."""

    def data(self, text: str) -> None:
        """Take character data."""


class _Target:
    """Hands lxml's events on with local names, and says so when the document declares a DTD."""

    def __init__(self, builder: TextBuilder) -> None:
        self._builder = builder

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._builder.start(
            local_name(tag), {local_name(name): value for name, value in attributes.items()}
        )

    def end(self, tag: str) -> None:
        self._builder.end(local_name(tag))

    def data(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> None:
        """End the document."""


def local_name(tag: str) -> str:
    """Give a name without its namespace."""
    return tag.rpartition("}")[2]


def walk_xml(data: bytes, builder: TextBuilder, check_time: Callable[[], None]) -> bool:
    """Feed a document to `builder`; say whether it was well-formed to its end.

    What comes before an error was fed. `check_time` is called now and then and may raise.
    """
    parser = etree.XMLParser(
        target=_Target(builder),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=True,  # depth and length are bounded by memory and time, not by libxml2
        remove_comments=True,
        remove_pis=True,
    )
    step = 1 << 18
    try:
        for start in range(0, len(data), step):
            check_time()
            parser.feed(data[start : start + step])
        parser.close()
    except etree.XMLSyntaxError:
        return False
    return True


class PlainText:
    """Builds the text of any XML: character data, a line for each element that has some."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        """Begin a line."""
        self._break()

    def end(self, tag: str) -> None:  # noqa: ARG002
        """End a line."""
        self._break()

    def data(self, text: str) -> None:
        """Take text."""
        if text.strip():
            self._pieces.append(text)

    def text(self) -> str:
        """Give the lines."""
        return "".join(self._pieces)

    def _break(self) -> None:
        if self._pieces and self._pieces[-1] != "\n":
            self._pieces.append("\n")
