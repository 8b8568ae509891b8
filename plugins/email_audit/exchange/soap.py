"""Read a SOAP response in one pass; MIME content goes to spooled files, never into the tree.

The tree of a response with a 100 MB message would hold it several times over. expat hands the
base64 text on in pieces, so memory stays at one piece whatever the size.
"""

import binascii
import tempfile
from collections.abc import Iterable
from typing import BinaryIO, Final, cast
from xml.parsers import expat

from lxml import etree

from email_audit.exchange.operations import TYPES

MIME_CONTENT: Final = f"{{{TYPES}}}MimeContent"
_SPOOL_BYTES = 1 << 20
_WHITE_SPACE = b" \t\r\n"


class GarbledResponseError(Exception):
    """The response is no well-formed XML, has a DTD, or its base64 is broken."""


def read_response(blocks: Iterable[bytes]) -> tuple[etree._Element, list[BinaryIO]]:
    """Give the response's tree and its MIME contents in order, each at its beginning.

    In the tree, a MimeContent element holds the index of its content in the list.

    Raises:
        GarbledResponseError: where the response is not what it should be.
    """
    reader = _Reader()
    try:
        for block in blocks:
            reader.feed(block)
        return reader.close()
    except (expat.ExpatError, binascii.Error, etree.LxmlError) as error:
        # The text of these errors holds a position, never content.
        raise GarbledResponseError(f"{type(error).__name__}: {error}") from error


class _Reader:
    def __init__(self) -> None:
        self._builder = etree.TreeBuilder()
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.buffer_size = 1 << 16
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._contents: list[_Base64File] = []
        self._current: _Base64File | None = None

    def feed(self, block: bytes) -> None:
        self._parser.Parse(block, False)

    def close(self) -> tuple[etree._Element, list[BinaryIO]]:
        self._parser.Parse(b"", True)
        return self._builder.close(), [content.file for content in self._contents]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _clark(name)
        self._builder.start(tag, {_clark(key): value for key, value in attributes.items()})
        if tag == MIME_CONTENT:
            self._builder.data(str(len(self._contents)))
            self._current = _Base64File()
            self._contents.append(self._current)

    def _end(self, name: str) -> None:
        if self._current is not None:
            self._current.finish()
            self._current = None
        self._builder.end(_clark(name))

    def _data(self, text: str) -> None:
        if self._current is not None:
            self._current.add(text)
        else:
            self._builder.data(text)

    def _refuse_doctype(self, *_declaration: object) -> None:
        raise GarbledResponseError("the response declares a document type")


class _Base64File:
    """Decode base64 text that arrives in pieces of any length."""

    def __init__(self) -> None:
        self.file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES))  # noqa: SIM115
        self._rest = b""
        self._ended = False

    def add(self, text: str) -> None:
        try:
            data = self._rest + text.encode("ascii").translate(None, _WHITE_SPACE)
        except UnicodeEncodeError as error:
            raise binascii.Error("a character outside the alphabet") from error
        whole = len(data) - len(data) % 4
        self._rest = data[whole:]
        self._write(data[:whole])

    def finish(self) -> None:
        self._write(self._rest)
        self.file.seek(0)

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._ended:
            raise binascii.Error("data after the padding")
        self._ended = data.endswith(b"=")
        self.file.write(binascii.a2b_base64(data, strict_mode=True))


def _clark(name: str) -> str:
    """Give an expat name ("namespace}local") in lxml's notation ("{namespace}local")."""
    return f"{{{name}" if "}" in name else name
