"""PPT, PowerPoint 97 to 2003 (MS-PPT): the text atoms of slides, notes, comments and links.

A file saved incrementally keeps slides as they were before; their text is read too.
"""

import struct
import zlib
from collections.abc import Iterator

from email_audit.documents.reading import Reading
from email_audit.documents.storage import Storage
from email_audit.messages.records import AttachmentStatus

_HEADER = struct.Struct("<HHI")
_CONTAINER = 0xF
_MAIN_MASTER, _ENVIRONMENT = 1016, 1010
_LIST_OF_MASTERS = (4080, 1)
_TEXT_WIDE, _TEXT_BYTES, _STRING = 4000, 4008, 4026
_OLE_OBJECT = 0x1011
_COMMENT, _HYPERLINK, _HEADERS_FOOTERS = 12000, 4055, 4057
_ENCRYPTED_TOKEN = 0xF3D1C4DF
_LINES = str.maketrans({"\r": "\n", "\x0b": "\n", "\0": ""})


def read_ppt(storage: Storage) -> None:
    """Read the presentation whose streams lie in `storage`."""
    reading = storage.reading
    user = storage.stream("Current User")[:16]
    if len(user) == 16 and struct.unpack_from("<I", user, 12)[0] == _ENCRYPTED_TOKEN:
        reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted")
        return
    data = storage.stream("PowerPoint Document")
    texts: dict[str, None] = {}
    objects: list[bytes] = []
    for kind, instance, start, stop, inside in _atoms(data):
        reading.work.check_time()
        if kind == _TEXT_WIDE or (kind == _STRING and inside):
            texts[data[start:stop].decode("utf-16-le", "replace")] = None
        elif kind == _TEXT_BYTES:
            texts[data[start:stop].decode("latin-1")] = None
        elif kind == _OLE_OBJECT:
            objects.append(
                data[start:stop] if instance == 0 else _inflated(reading, data[start:stop])
            )
    reading.add("\n".join(text.translate(_LINES) for text in texts))
    for number, native in enumerate(objects, 1):
        reading.nested(native, "application/octet-stream", f"embedded object {number}")


def _atoms(data: bytes) -> Iterator[tuple[int, int, int, int, bool]]:
    """Yield type, instance, start, stop of the atoms (MS-PPT 2.3.1), and if a person's string.

    Masters hold only "Click to edit"; they are left out.
    """
    position, stop = 0, len(data)
    until = 0
    """Up to where the strings are those of comments, links, headers and footers."""
    while position + 8 <= stop:
        flags, kind, length = _HEADER.unpack_from(data, position)
        start = position + 8
        end = min(start + length, stop)
        instance = flags >> 4
        if flags & 0xF != _CONTAINER:
            yield kind, instance, start, end, start < until
            position = end
        elif kind in {_MAIN_MASTER, _ENVIRONMENT} or (kind, instance) == _LIST_OF_MASTERS:
            position = end
        else:
            if kind in {_COMMENT, _HYPERLINK, _HEADERS_FOOTERS}:
                until = max(until, end)
            position = start


def _inflated(reading: Reading, data: bytes) -> bytes:
    """Expand a compressed object (MS-PPT 2.10.35): its length, then zlib's format."""
    most = reading.work.limits.max_bytes
    try:
        expanded = zlib.decompressobj().decompress(data[4:], most)
    except zlib.error:
        reading.gap(AttachmentStatus.FAILED, "an embedded object is damaged")
        return b""
    reading.work.budget.spend_bytes(len(expanded))
    return expanded
