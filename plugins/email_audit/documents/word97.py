"""DOC, Word 6 to 2003 (MS-DOC): all text in the order of the piece table.

That is the body, then footnotes, headers, comments, endnotes and text boxes. Text marked as
deleted is in the stream like any other and is read unmarked.
"""

import re
import struct

from email_audit.documents.storage import Storage
from email_audit.messages.records import AttachmentStatus

_WORD_97 = 0x00C1
_IDENTIFIER = 0xA5EC
_IS_COMPLEX, _IS_ENCRYPTED, _USES_TABLE_1 = 0x0004, 0x0100, 0x0200
_CLX_97, _CLX_6 = 0x01A2, 0x0160
_PROPERTIES_OF_PIECE, _PIECE_TABLE = 1, 2
_IS_8_BIT = 0x40000000
# MS-DOC 2.9.73 FcCompressed: windows-1252, with these bytes as they are there.
_FIELD_CODE = re.compile("\x13([^\x13\x14\x15]*)\x14?")
_SHOWN = str.maketrans(
    {"\r": "\n", "\x07": "\t", "\x0b": "\n", "\x0c": "\n", "\x0e": "\n", "\x1e": "-", "\xa0": " "}
)
_CONTROL = re.compile(r"[\x00-\x08\x0f-\x1f]")
_TABS = re.compile(r"\t{2,}")


def read_doc(storage: Storage) -> None:
    """Read the document whose streams lie in `storage`."""
    reading = storage.reading
    main = storage.stream("WordDocument")
    if len(main) < 0x60 or struct.unpack_from("<H", main)[0] not in {_IDENTIFIER, 0xA5DC}:
        reading.gap(AttachmentStatus.FAILED, "the document's header is damaged")
        return
    version, flags = struct.unpack_from("<H", main, 2)[0], struct.unpack_from("<H", main, 10)[0]
    if flags & _IS_ENCRYPTED:
        reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted")
        return
    try:
        reading.add(shown(_raw_text(storage, main, version, flags)))
    except struct.error as error:
        raise ValueError("broken piece table") from error


def _raw_text(storage: Storage, main: bytes, version: int, flags: int) -> str:
    is_97 = version >= _WORD_97
    if not is_97 and not flags & _IS_COMPLEX:
        start, stop = struct.unpack_from("<II", main, 0x18)
        return main[start:stop].decode("cp1252", "replace")
    table = main
    if is_97:
        table = storage.stream("1Table" if flags & _USES_TABLE_1 else "0Table")
    offset, size = struct.unpack_from("<II", main, _CLX_97 if is_97 else _CLX_6)
    return "".join(_pieces(main, _piece_table(table[offset : offset + size]), is_97=is_97))


def _piece_table(clx: bytes) -> bytes:
    """Give the PlcPcd of a Clx (MS-DOC 2.9.38), skipping the Prcs before it."""
    position = 0
    while position < len(clx) and clx[position] == _PROPERTIES_OF_PIECE:
        position += 3 + struct.unpack_from("<H", clx, position + 1)[0]
    if position >= len(clx) or clx[position] != _PIECE_TABLE:
        raise struct.error("no piece table")
    (size,) = struct.unpack_from("<I", clx, position + 1)
    return clx[position + 5 : position + 5 + size]


def _pieces(main: bytes, table: bytes, *, is_97: bool) -> list[str]:
    """Give the text of each piece (MS-DOC 2.8.35 PlcPcd, 2.9.177 Pcd)."""
    count = (len(table) - 4) // 12
    if count < 1:
        raise struct.error("empty piece table")
    positions = struct.unpack_from(f"<{count + 1}I", table)
    texts = []
    left = len(main) * 2  # pieces may overlap only where the file is hostile
    for number in range(count):
        length = positions[number + 1] - positions[number]
        (start,) = struct.unpack_from("<I", table, 4 * (count + 1) + 8 * number + 2)
        left -= length
        if length < 0 or left < 0:
            raise struct.error("pieces overlap")
        if not is_97:
            texts.append(main[start : start + length].decode("cp1252", "replace"))
        elif start & _IS_8_BIT:
            start = (start & ~_IS_8_BIT) // 2
            texts.append(main[start : start + length].decode("cp1252", "replace"))
        else:
            texts.append(main[start : start + 2 * length].decode("utf-16-le", "replace"))
    return texts


def shown(text: str) -> str:
    """Give text with Word's control characters as lines and tabs; of fields, only links' codes."""
    text = _FIELD_CODE.sub(_field, text).translate(_SHOWN)
    return _TABS.sub("\t\n", _CONTROL.sub("", text))


def _field(found: "re.Match[str]") -> str:
    code = " ".join(found[1].split())
    is_link = code.startswith(("HYPERLINK", "INCLUDE", "LINK"))
    return f"[{code}] " if is_link and not code.startswith("HYPERLINK \\l") else ""
