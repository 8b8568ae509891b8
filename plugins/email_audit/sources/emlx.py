"""EMLX: a message as Apple Mail keeps it, and the partial one whose attachments lie beside it.

A line with the message's length in bytes, the message, then a property list with flags
(https://www.loc.gov/preservation/digital/formats/fdd/fdd000615.shtml). In `ID.partial.emlx` parts
have an X-Apple-Content-Length and no body; the decoded content is a file of its own, at
`../Attachments/ID/PART/NAME` seen from the folder of the message, PART as in RFC 3501 6.4.5.
"""

import base64
import binascii
import plistlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers.expat import ExpatError

from email_audit.messages.limits import ReadLimits
from email_audit.messages.mime import Entity, read_entity
from email_audit.messages.problems import Problems
from email_audit.messages.records import Problem, ProblemCode
from email_audit.sources.base import Extent, FoundItem, SingleItemSource, Unreadable
from email_audit.sources.eml import begins_with_headers

_COUNT_LINE = re.compile(rb"\A(\d{1,12})[ \t]*\r?\n")
_CONTENT_LENGTH = b"x-apple-content-length"
_DELETED_FLAG = 1 << 1


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A part whose content lies beside the message: where it belongs, how it is to be encoded."""

    number: str
    position: int
    encoding: str
    has_blank_line: bool


class EmlxSource(SingleItemSource):
    """One message a file."""

    name = "emlx"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:
        """Take a line that is a number, then header lines."""
        count = _COUNT_LINE.match(head)
        return count is not None and (
            begins_with_headers(head[count.end() :]) or filename.lower().endswith(".emlx")
        )

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Give the message without what Apple Mail puts around it."""
        content = self.whole(blob, extent)
        if isinstance(content, Unreadable):
            yield content
            return
        file = split_emlx(content)
        problems = tuple(_problems(file))
        yield FoundItem(extent.first, "", 0, extent.stop, file.message, problems)


@dataclass(frozen=True, slots=True)
class EmlxFile:
    """The parts of a file; it ends `missing_bytes` before the message does by its first line."""

    message: bytes
    plist: bytes
    missing_bytes: int


def split_emlx(raw: bytes) -> EmlxFile:
    """Take a file apart; without a first line that is a number, all of it is the message."""
    count = _COUNT_LINE.match(raw)
    if count is None:
        return EmlxFile(raw, b"", 0)
    start, length = count.end(), int(count[1])
    message = raw[start : start + length]
    return EmlxFile(message, raw[start + length :], length - len(message))


def missing_parts(message: bytes) -> list[MissingPart]:
    """List the parts that lie beside the message, in order."""
    if _CONTENT_LENGTH not in message.lower():
        return []
    root = read_entity(message, ReadLimits(), Problems())
    return list(_missing(root, message, ""))


def assemble(raw: bytes, contents: Mapping[str, bytes]) -> bytes:
    """Give a file with the contents of parts, by number, put where they belong.

    The result is always the same for the same input, and its message is the one that was received
    but for the layout of the encoded parts.
    """
    file = split_emlx(raw)
    message = file.message
    for part in reversed(missing_parts(message)):
        if part.number in contents:
            encoded = _encoded(contents[part.number], part.encoding)
            blank = b"" if part.has_blank_line else b"\n"
            message = message[: part.position] + blank + encoded + message[part.position :]
    return b"%-10d\n" % len(message) + message + file.plist


def _missing(entity: Entity, message: bytes, number: str) -> Iterator[MissingPart]:
    if entity.buffer is not message:
        return  # inside an encoded message; its parts are not files
    if entity.is_embedded_message and entity.children:
        (inner,) = entity.children
        # A message's own body has the number of the part it is in, its parts are numbered below.
        yield from _missing(inner, message, number)
        return
    if entity.children:
        for position, child in enumerate(entity.children, 1):
            yield from _missing(child, message, f"{number}.{position}" if number else f"{position}")
        return
    if _CONTENT_LENGTH in entity.headers and not entity.encoded.strip():
        before = message[entity.start : entity.body_start]
        has_blank_line = before.endswith((b"\n\n", b"\r\n\r\n"))
        yield MissingPart(number or "1", entity.body_start, entity.encoding, has_blank_line)


def _encoded(content: bytes, encoding: str) -> bytes:
    match encoding:
        case "base64":
            return base64.encodebytes(content)
        case "quoted-printable":
            return binascii.b2a_qp(content, istext=False) + b"\n"
        case _:
            return content


def _problems(file: EmlxFile) -> Iterator[Problem]:
    if file.missing_bytes > 0:
        detail = f"the file ends {file.missing_bytes} bytes before the message does"
        yield Problem(ProblemCode.TRUNCATED, detail)
    elif missing := missing_parts(file.message):
        numbers = ", ".join(part.number for part in missing)
        detail = (
            f"Apple Mail kept parts of this message as files beside it; not there: part {numbers}"
        )
        yield Problem(ProblemCode.TRUNCATED, detail)
    if _flags(file.plist) & _DELETED_FLAG:
        yield Problem(ProblemCode.DELETED, "Apple Mail marks the message as deleted")


def _flags(plist: bytes) -> int:
    """Read the flags of the property list, 0 where it cannot be read.

    plistlib refuses XML entities, so nothing in it can expand.
    """
    try:
        properties = plistlib.loads(plist, fmt=plistlib.FMT_XML)
    except (
        ValueError,
        ExpatError,
        plistlib.InvalidFileException,
        AttributeError,
        KeyError,
        TypeError,
        IndexError,
        OverflowError,
        RecursionError,
    ):
        return 0
    flags = properties.get("flags", 0) if isinstance(properties, dict) else 0
    return flags if isinstance(flags, int) else 0
