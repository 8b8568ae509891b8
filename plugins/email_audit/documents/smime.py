"""S/MIME and PKCS #7 (RFC 5652, RFC 8551): what was signed is read, what is enciphered is not."""

import base64
import binascii
import re
from collections.abc import Iterator

from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----(.*?)-----END", re.DOTALL)
_PKCS7 = bytes.fromhex("2a864886f70d0107")
_SIGNED, _ENVELOPED, _SIGNED_AND_ENVELOPED, _ENCRYPTED = 2, 3, 4, 6
_AUTH_ENVELOPED = bytes.fromhex("2a864886f70d0109100117")
_COMPRESSED = bytes.fromhex("2a864886f70d0109100109")
_OID, _OCTETS, _SEQUENCE, _CONTENT = 0x06, 0x04, 0x30, 0xA0
_CONSTRUCTED_OCTETS = 0x24
_MOST_DEPTH = 16


class _NotDer(Exception):  # noqa: N818
    """The bytes are no BER."""


def read_smime(reading: Reading, data: bytes) -> None:
    """Read the content of signed data; a detached signature holds none."""
    try:
        kind, content = _opened(_binary(data))
    except _NotDer:
        reading.gap(AttachmentStatus.FAILED, "it is no S/MIME message, or damaged")
        return
    if kind in {_PKCS7 + bytes([_SIGNED]), _PKCS7 + b"\x01"}:
        if content:
            reading.nested(content, _mail_or_any(content), "signed content")
    elif kind == _COMPRESSED:
        reading.gap(AttachmentStatus.UNSUPPORTED, "compressed S/MIME is not read")
    else:
        reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted (S/MIME)")


def _mail_or_any(content: bytes) -> str:
    """Say that a MIME entity is to be read as a message: a header line begins it."""
    return "message/rfc822" if re.match(rb"[!-9;-~]+:", content) else "application/octet-stream"


def _binary(data: bytes) -> bytes:
    """Undo PEM or bare base64, as some clients and gateways write it."""
    if data[:1] == b"\x30":
        return data
    found = _PEM.search(data)
    try:
        return base64.b64decode(found[1] if found else data, validate=False)
    except binascii.Error as error:
        raise _NotDer from error


def _opened(data: bytes) -> tuple[bytes, bytes]:
    """Give the content type's OID and, of signed data, the content (RFC 5652 3, 5.1)."""
    outer = list(_children(data, 0, len(data), _MOST_DEPTH))
    if not outer or outer[0][0] != _SEQUENCE:
        raise _NotDer
    info = list(_children(data, *outer[0][1:], _MOST_DEPTH))
    if len(info) < 1 or info[0][0] != _OID:
        raise _NotDer
    kind = data[info[0][1] : info[0][2]]
    if kind != _PKCS7 + bytes([_SIGNED]):
        return kind, b""
    for tag, start, stop in info[1:]:
        if tag == _CONTENT:
            signed = next(iter(_children(data, start, stop, _MOST_DEPTH)), None)
            if signed is not None:
                return kind, _encapsulated(data, *signed[1:])
    return kind, b""


def _encapsulated(data: bytes, start: int, stop: int) -> bytes:
    """Give encapContentInfo's eContent; b"" where the signature is detached."""
    for tag, inner_start, inner_stop in _children(data, start, stop, _MOST_DEPTH):
        if tag != _SEQUENCE:
            continue  # version, digestAlgorithms
        for part, part_start, part_stop in _children(data, inner_start, inner_stop, _MOST_DEPTH):
            if part == _CONTENT:
                return b"".join(_octets(data, part_start, part_stop, _MOST_DEPTH))
        return b""
    return b""


def _octets(data: bytes, start: int, stop: int, depth: int) -> Iterator[bytes]:
    """Join OCTET STRINGs; BER writers cut them into pieces."""
    if depth == 0:
        raise _NotDer
    for tag, inner_start, inner_stop in _children(data, start, stop, depth):
        if tag == _OCTETS:
            yield data[inner_start:inner_stop]
        elif tag in {_CONSTRUCTED_OCTETS, _SEQUENCE}:
            yield from _octets(data, inner_start, inner_stop, depth - 1)


def _children(data: bytes, start: int, stop: int, depth: int) -> Iterator[tuple[int, int, int]]:
    """Yield tag, start and stop of the elements in a stretch of BER (X.690 8.1)."""
    while start < stop:
        tag, inner, end, following = _element(data, start, stop, depth)
        if tag == 0 and inner == end:
            return  # end-of-contents
        yield tag, inner, end
        start = following


def _element(data: bytes, start: int, stop: int, depth: int) -> tuple[int, int, int, int]:
    if depth == 0 or start + 2 > stop or data[start] & 0x1F == 0x1F:
        raise _NotDer
    tag, length, inner = data[start], data[start + 1], start + 2
    if length == 0x80:
        position = inner
        while data[position : position + 2] != b"\0\0":
            _, _, _, position = _element(data, position, stop, depth - 1)
        return tag, inner, position, position + 2
    if length > 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[inner : inner + count], "big")
        inner += count
    if inner + length > stop:
        raise _NotDer
    return tag, inner, inner + length, inner + length
