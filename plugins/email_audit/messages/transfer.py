"""Content-Transfer-Encoding undone, keeping what decodes (RFC 2045 6, and uuencode)."""

import binascii
import re
from dataclasses import dataclass

_IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit"})
_UUENCODE = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_SPACES = b"\r\n\t\x0b\x0c "
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_UU_IN_TEXT = re.compile(r"^begin [0-7]{3,4} ([^\n]{1,255})\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded bytes; `fault` says what was wrong, "" if nothing; `is_known` the encoding's name."""

    data: bytes
    fault: str = ""
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class UuFile:
    """A uuencoded file found in text, and where: `text[start:end]`."""

    filename: str
    data: bytes
    start: int
    end: int


def decode_transfer(data: bytes, encoding: str) -> Decoded:
    """Undo a transfer encoding by its (lower-case) name; never raises."""
    if encoding in _IDENTITY:
        return Decoded(data)
    if encoding == "quoted-printable":
        return Decoded(binascii.a2b_qp(data))
    if encoding == "base64":
        return decode_base64(data)
    if encoding in _UUENCODE:
        return _decode_uu_part(data)
    return Decoded(data, is_known=False)


def decode_base64(data: bytes) -> Decoded:
    """Decode base64; where it is damaged, each padded run by itself, dropping stray characters.

    Text after the padding (mailing lists append their footer in clear) is kept as it stands: an
    audit must not lose what a reader of the message saw.
    """
    compact = data.translate(None, _SPACES)
    try:
        return Decoded(binascii.a2b_base64(compact, strict_mode=True))
    except binascii.Error:
        pass
    pieces: list[bytes] = []
    clear = b""
    padding = data.rfind(b"=")
    if padding >= 0:
        tail = data[padding + 1 :]
        run = tail.translate(None, _SPACES)
        if len(run) % 4 or _NOT_BASE64.search(run):
            clear, data = tail, data[: padding + 1]
    compact = _NOT_BASE64.sub(b"", data)
    for run in _BASE64_RUN.findall(compact):
        body = run.rstrip(b"=")
        if len(body) % 4 == 1:
            body = body[:-1]
        pieces.append(binascii.a2b_base64(body + b"=" * (-len(body) % 4)))
    return Decoded(b"".join(pieces) + clear, "the base64 is damaged")


def _decode_uu_part(data: bytes) -> Decoded:
    begin = _UU_BEGIN.search(data)
    if begin is None:
        return Decoded(data, "the uuencoded part has no begin line")
    decoded, _, is_whole = _uu_lines(data, begin.end())
    return Decoded(decoded, "" if is_whole else "the uuencoded part is damaged")


def _uu_lines(data: bytes, position: int) -> tuple[bytes, int, bool]:
    """Decode uuencoded lines from `position`; give bytes, end, and whether `end` was reached."""
    pieces: list[bytes] = []
    while position < len(data):
        stop = data.find(b"\n", position)
        stop = len(data) if stop < 0 else stop
        line = data[position:stop].rstrip(b"\r")
        if line.strip() == b"end":
            return b"".join(pieces), stop, True
        if line not in (b"", b"`", b" "):
            try:
                pieces.append(binascii.a2b_uu(line))
            except binascii.Error:
                # Encoders disagree on the padding of the last group: take what the length says.
                needed = (((line[0] - 32) & 63) * 4 + 5) // 3 + 1
                try:
                    pieces.append(binascii.a2b_uu(line[:needed]))
                except binascii.Error:
                    return b"".join(pieces), position, False
        position = stop + 1
    return b"".join(pieces), position, False


def find_uuencoded(text: str) -> list[UuFile]:
    """Find the complete uuencoded files in a plain text body; damaged ones stay text."""
    found: list[UuFile] = []
    begin = _UU_IN_TEXT.search(text)
    if begin is None:
        return found
    # One byte a character, so that offsets are the same in both.
    encoded = text.encode("ascii", "replace")
    while begin is not None:
        data, end, is_whole = _uu_lines(encoded, begin.end())
        if is_whole and data and text[begin.start() : end].isascii():
            found.append(UuFile(begin.group(1).strip(), data, begin.start(), end))
        else:
            end = begin.end()
        begin = _UU_IN_TEXT.search(text, end)
    return found
