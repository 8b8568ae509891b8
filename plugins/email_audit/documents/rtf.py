"""RTF as text, with the files embedded in it (Rich Text Format 1.9.1, OLE 1.0 objects)."""

import binascii
import re
import struct

from email_audit.documents.packager import packaged_file
from email_audit.documents.reading import Reading
from email_audit.mapi.rtf import rtf_text
from email_audit.messages.records import AttachmentStatus

_OBJECT = re.compile(rb"\\objdata(?![a-z])\s?([0-9a-fA-F\s]+)")
_PICTURE = re.compile(rb"\\(?:pngblip|jpegblip)(?![a-z])[^{}]{0,4096}?[\s}]([0-9a-fA-F\s]{200,})")
_LINK = re.compile(rb'HYPERLINK\s{1,8}"([^"{}\\\s]{1,2083})"')
_EMBEDDED = 2


def read_rtf(reading: Reading, data: bytes) -> None:
    """Read the text, where its links lead, and what is embedded."""
    reading.add(rtf_text(data))
    links = dict.fromkeys(found[1].decode("latin-1") for found in _LINK.finditer(data))
    reading.add("\n".join(links))
    for number, found in enumerate(_OBJECT.finditer(data), 1):
        reading.work.check_time()
        _add_object(reading, _from_hex(found[1]), f"embedded object {number}")
    for number, found in enumerate(_PICTURE.finditer(data), 1):
        reading.work.check_time()
        reading.nested(_from_hex(found[1]), "application/octet-stream", f"picture {number}")


def _add_object(reading: Reading, data: bytes, name: str) -> None:
    """Read an OLE 1.0 object (MS-OLEDS 2.2.5): class name, topic, item, then the native data."""
    try:
        _, kind = struct.unpack_from("<II", data)
        position, strings = 8, []
        for _ in range(3):
            (length,) = struct.unpack_from("<I", data, position)
            strings.append(data[position + 4 : position + 4 + length].rstrip(b"\0"))
            position += 4 + length
        (size,) = struct.unpack_from("<I", data, position)
    except struct.error:
        reading.gap(AttachmentStatus.FAILED, f"{name}: it is damaged")
        return
    native = data[position + 4 : position + 4 + size]
    if kind != _EMBEDDED or not native:
        return  # a link, or its picture alone
    if strings[0] == b"Package":
        packaged = packaged_file(native)
        if packaged is not None:
            reading.nested(packaged.data, "application/octet-stream", packaged.name or name)
            return
    reading.nested(native, "application/octet-stream", name)


def _from_hex(digits: bytes) -> bytes:
    packed = b"".join(digits.split())
    return binascii.unhexlify(packed[: len(packed) & ~1])
