"""XML to text in constant memory: entities, DTDs and anything outside are refused."""

from collections.abc import Callable, Mapping
from typing import Protocol
from xml.parsers import expat

_STEP_BYTES = 1 << 18


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


class _EntityDeclaredError(Exception):
    """The document declares an entity, which may stand for gigabytes or for a file of ours."""


def walk_xml(data: bytes, builder: TextBuilder, check_time: Callable[[], None]) -> bool:
    """Feed a document to `builder`; say whether it was well-formed to its end.

    What comes before an error was fed. A declaration of an entity is such an error: no office
    program writes one. `check_time` is called now and then and may raise.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: builder.start(
        _local(tag), {_local(name): value for name, value in attributes.items()}
    )
    parser.EndElementHandler = lambda tag: builder.end(_local(tag))
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse
    try:
        for start in range(0, len(data), _STEP_BYTES):
            check_time()
            parser.Parse(data[start : start + _STEP_BYTES], False)
        parser.Parse(b"", True)
    except (expat.ExpatError, _EntityDeclaredError, ValueError, LookupError):
        return False
    return True


def _refuse(*_: object) -> None:
    raise _EntityDeclaredError


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


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
