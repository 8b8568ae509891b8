"""Writing MIME entities: the same content always gives the same bytes (RFC 2045, 2046, 2047)."""

import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST_PLAIN_LINE = 998
_WORD_BYTES = 45
_LINE_CHARACTERS = 76
_LINE_BREAK = re.compile(rb"\r\n?|\n")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_ENCODED_LOOK = "=?"
_SAFE_IN_2231 = re.compile(rb"[A-Za-z0-9!#$&+.^_`{|}~-]")
_SAFE_IN_FILENAME = re.compile(r"[ !#-\[\]-~]*")
_LONGEST_PARAMETER = 60


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity: its fields (each one whole, without line end) and its encoded body."""

    fields: tuple[bytes, ...]
    body: bytes

    def to_bytes(self) -> bytes:
        """Give the entity as it stands in a message."""
        return b"".join((*(field + b"\r\n" for field in self.fields), b"\r\n", self.body))


def text_part(text: str, subtype: str = "plain") -> Part:
    """Give a text part: 7bit where that is possible, else UTF-8 in base64."""
    data = _LINE_BREAK.sub(b"\r\n", text.encode("utf-8", "replace"))
    return text_bytes_part(data, subtype, "us-ascii" if data.isascii() else "utf-8")


def text_bytes_part(data: bytes, subtype: str, charset: str) -> Part:
    """Give a text part of bytes in a charset ("" where that is not known)."""
    kind = f"Content-Type: text/{subtype}"
    if charset:
        kind += f'; charset="{charset}"'
    if data.isascii() and b"\0" not in data and _has_short_crlf_lines(data):
        return Part((kind.encode("ascii"), b"Content-Transfer-Encoding: 7bit"), data)
    return Part((kind.encode("ascii"), b"Content-Transfer-Encoding: base64"), base64_lines(data))


def binary_part(data: bytes, content_type: str, fields: Sequence[bytes]) -> Part:
    """Give a part of any bytes, in base64."""
    kind = b"Content-Type: " + content_type.encode("ascii")
    return Part((kind, b"Content-Transfer-Encoding: base64", *fields), base64_lines(data))


def message_part(message: bytes, fields: Sequence[bytes]) -> Part:
    """Give an embedded message, its bytes unchanged (RFC 2046 5.2.1)."""
    return Part(
        (b"Content-Type: message/rfc822", b"Content-Transfer-Encoding: 8bit", *fields), message
    )


def multipart(subtype: str, parts: Sequence[Part]) -> Part:
    """Give a multipart; its boundary is derived from the parts, so that it cannot occur there."""
    bodies = [part.to_bytes() for part in parts]
    digest = hashlib.sha256(subtype.encode("ascii"))
    for body in bodies:
        digest.update(body)
    boundary = b"=_" + digest.hexdigest()[:40].encode("ascii")
    lines = [b"".join((b"--", boundary, b"\r\n", body, b"\r\n")) for body in bodies]
    kind = b'Content-Type: multipart/%b; boundary="%b"' % (subtype.encode("ascii"), boundary)
    return Part((kind,), b"".join((*lines, b"--", boundary, b"--\r\n")))


def base64_lines(data: bytes) -> bytes:
    """Give base64 in lines of 76 characters."""
    encoded = binascii.b2a_base64(data, newline=False)
    step = _LINE_CHARACTERS
    lines = [encoded[i : i + step] for i in range(0, len(encoded), step)]
    return b"\r\n".join((*lines, b""))


def field(name: str, value: str) -> bytes:
    """Give an unstructured field; what is not plain ASCII is in encoded words (RFC 2047)."""
    return f"{name}: {encode_text(value)}".encode("ascii")


def encode_text(value: str) -> str:
    """Give text for an unstructured field, folded where words are encoded."""
    value = _CONTROLS.sub(" ", value)
    if value.isascii() and _ENCODED_LOOK not in value and len(value) < _LONGEST_PLAIN_LINE - 100:
        return value
    return _encoded_words(value)


def mailbox(name: str, address: str) -> str:
    """Give one mailbox of an address list (RFC 5322 3.4); either part may be empty."""
    name = " ".join(_CONTROLS.sub(" ", name).split())
    address = re.sub(r"[\s<>\"]+", " ", _CONTROLS.sub(" ", address)).strip()
    # An address that is not ASCII stays UTF-8 (RFC 6532): no encoding is allowed inside one.
    shown = f"<{address}>" if address else ""
    return f"{_phrase(name)} {shown}".rstrip() if name else shown


def address_field(name: str, mailboxes: Sequence[str]) -> bytes:
    """Give an address field, one mailbox a line."""
    return f"{name}: ".encode("ascii") + ",\r\n ".join(mailboxes).encode("utf-8", "replace")


def parameter(name: str, value: str) -> str:
    """Give a parameter of a structured field, continued and encoded after RFC 2231 if need be."""
    is_plain = _SAFE_IN_FILENAME.fullmatch(value) and _ENCODED_LOOK not in value
    if is_plain and len(value) <= _LONGEST_PARAMETER:
        return f';\r\n {name}="{value}"'
    pieces = ["utf-8''"]
    for byte in value.encode("utf-8", "replace"):
        if len(pieces[-1]) >= _LONGEST_PARAMETER:
            pieces.append("")
        is_safe = _SAFE_IN_2231.match(bytes([byte]))
        pieces[-1] += chr(byte) if is_safe else f"%{byte:02X}"
    return "".join(f";\r\n {name}*{i}*={piece}" for i, piece in enumerate(pieces))


def _phrase(name: str) -> str:
    if not name.isascii() or _ENCODED_LOOK in name:
        return _encoded_words(name)
    if _ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded_words(text: str) -> str:
    words: list[str] = []
    chunk = b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > _WORD_BYTES:
            words.append(_word(chunk))
            chunk = b""
        chunk += encoded
    words.append(_word(chunk))
    return "\r\n ".join(words)


def _word(data: bytes) -> str:
    return f"=?utf-8?b?{binascii.b2a_base64(data, newline=False).decode('ascii')}?="


def _has_short_crlf_lines(data: bytes) -> bool:
    lines = data.split(b"\r\n")
    return all(
        len(line) <= _LONGEST_PLAIN_LINE and b"\n" not in line and b"\r" not in line
        for line in lines
    )
