"""Title, author and the like of a compound file: its property sets (MS-OLEPS 2.21, MS-OSHARED)."""

import struct
from collections.abc import Iterator

from email_audit.documents.storage import Storage
from email_audit.mapi.codepages import WESTERN, charset_label
from email_audit.messages.charset import decode_text

_SUMMARY = {
    2: "Title",
    3: "Subject",
    4: "Author",
    5: "Keywords",
    6: "Comments",
    8: "Last saved by",
}
_DOCUMENT_SUMMARY = {15: "Company", 14: "Manager"}
_STREAMS = (
    ("\x05SummaryInformation", _SUMMARY),
    ("\x05DocumentSummaryInformation", _DOCUMENT_SUMMARY),
)
_FIRST_SET_AT = 44
_CODE_PAGE = 1
_UTF16 = 1200
_INTEGER16, _BYTES, _WIDE = 0x02, 0x1E, 0x1F
_PROPERTIES_MAX = 1000


def summary_text(storage: Storage) -> str:
    """Give a line for each property that has a value."""
    lines = []
    for name, properties in _STREAMS:
        values = dict(_texts(storage.stream(name)))
        lines += [f"{label}: {values[key]}" for key, label in properties.items() if key in values]
    return "\n".join(lines)


def _texts(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the texts of the first property set by their identifiers, as far as it is whole."""
    try:
        (start,) = struct.unpack_from("<I", data, _FIRST_SET_AT)
        (count,) = struct.unpack_from("<I", data, start + 4)
        count = min(count, _PROPERTIES_MAX)
        pairs = struct.unpack_from(f"<{2 * count}I", data, start + 8)
    except struct.error:
        return
    places = {key: start + at for key, at in zip(pairs[::2], pairs[1::2], strict=True)}
    code_page = _code_page(data, places.get(_CODE_PAGE, len(data)))
    for key, at in places.items():
        if text := _text(data, at, code_page):
            yield key, text


def _code_page(data: bytes, at: int) -> int:
    if int.from_bytes(data[at : at + 2], "little") != _INTEGER16:
        return WESTERN
    return int.from_bytes(data[at + 4 : at + 6], "little")


def _text(data: bytes, at: int, code_page: int) -> str:
    """Give a value that is text (MS-OLEPS 2.5 and 2.6), else ""."""
    kind = int.from_bytes(data[at : at + 2], "little")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    if kind == _WIDE:
        text = data[at + 8 : at + 8 + 2 * size].decode("utf-16-le", "replace")
    elif kind != _BYTES:
        return ""
    elif code_page == _UTF16:
        text = data[at + 8 : at + 8 + size].decode("utf-16-le", "replace")
    else:
        charset = charset_label(code_page) or f"cp{WESTERN}"
        text, _ = decode_text(data[at + 8 : at + 8 + size].rstrip(b"\0"), charset)
    return text.strip("\0 ")
