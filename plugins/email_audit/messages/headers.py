"""Header fields: finding them in bytes, and reading their text (RFC 5322 2.2, RFC 2047, RFC 2231).

Not the standard library's parser, which builds a Python object for each line and recurses for
each level of MIME: here a header is a slice until someone asks for it.
"""

import re
from urllib.parse import unquote_to_bytes

from email_audit.messages.charset import codec_of, decode_text
from email_audit.messages.transfer import decode_base64, decode_transfer

_FIELD_PATTERN = (
    rb"([\x21-\x39\x3b-\x7e]++)[ \t]*:"
    rb"([^\r\n]*+(?:(?:\r\n?|\n)[ \t][^\r\n]*+)*+)(?:\r\n?|\n|\Z)"
    rb"|>?From [^\r\n]*+(?:\r\n?|\n|\Z)"
)
_FIELD = re.compile(_FIELD_PATTERN)
_WHOLE_FIELD = re.compile(rb"(" + _FIELD_PATTERN + rb")")
_LONGEST_LINE = 1000
_LONGEST_WHOLE = 1 << 16
_BLANK = re.compile(rb"\r\n?|\n|\Z")
_WHITE_LINES = re.compile(rb"(?:[ \t]*(?:\r\n?|\n))*")
_FOLD = re.compile(r"[ \t]*(?:\r\n?|\n)[ \t]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WORD = re.compile(r"=\?([^?\s]*)\?([bBqQ])\?(.*?)\?=", re.DOTALL)
_BETWEEN_WORDS = re.compile(r"[ \t\r\n]*")
_CONTENT_TYPE = re.compile(r"\s*([^\s/;\"]+)\s*/\s*([^\s/;\"]+)")
_PARAMETER = re.compile(r";\s*([^\s=;\"]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*+)\"|([^;]*))", re.DOTALL)
_CONTINUED = re.compile(r"(.+?)\*(\d{1,4})?(\*)?")


class Headers:
    """The header fields of one entity, in order; values are bytes as found until asked for."""

    __slots__ = ("_values", "is_clean")

    def __init__(self, fields: list[tuple[bytes, bytes]], *, is_clean: bool) -> None:
        self._values: dict[bytes, list[bytes]] = {}
        for name, value in fields:
            self._values.setdefault(name.lower(), []).append(value)
        self.is_clean = is_clean

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: bytes) -> bool:
        return name in self._values

    def all_raw(self, name: bytes) -> list[bytes]:
        """Give the raw values of every field of that (lower-case) name."""
        return self._values.get(name, [])

    def first(self, name: bytes) -> str:
        """Give the first such field as unfolded text with encoded words left alone, or ""."""
        values = self._values.get(name)
        return unfolded(values[0]) if values else ""


def split_headers(data: bytes, start: int, end: int) -> tuple[Headers, int]:
    """Read the header fields of `data[start:end]`; give them and where the body begins.

    The first line that is neither field nor continuation ends the header: an empty one is
    dropped, any other is the first line of the body and the header is not clean.
    """
    fields: list[tuple[bytes, bytes]] = []
    position = start
    line_break = b"\r\n" if data[start : start + _LONGEST_LINE].find(b"\r\n") >= 0 else b"\n"
    blank_line = data.find(line_break * 2, start, min(end, start + _LONGEST_WHOLE))
    if blank_line >= 0:
        stop = blank_line + len(line_break)
        # Nearly every header is nothing but fields up to the first blank line: one call reads it.
        found_fields = _WHOLE_FIELD.findall(data, start, stop)
        if sum(len(whole) for whole, _, _ in found_fields) == stop - start:
            fields = [(name, value) for _, name, value in found_fields if name]
            return Headers(fields, is_clean=True), stop + len(line_break)
    match = _FIELD.match
    while position < end:
        found = match(data, position, end)
        if found is None:
            break
        position = found.end()
        if found.lastindex:
            fields.append((found[1], found[2]))
    blank = _BLANK.match(data, position, end)
    if blank is None:
        return Headers(fields, is_clean=not fields and not data[start:position]), position
    return Headers(fields, is_clean=True), blank.end()


def first_header_position(data: bytes) -> int:
    """Give where the header begins: after a byte order mark and blank lines."""
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    blank = _WHITE_LINES.match(data, start)
    return blank.end() if blank else start


def unfolded(raw: bytes) -> str:
    """Give a raw value as one line of text; folds become one space (exports fold differently)."""
    text = raw.decode("ascii") if raw.isascii() else decode_text(raw, "")[0]
    if "\n" in text or "\r" in text:
        text = _FOLD.sub(" ", text)
    text = text.strip()
    return text if text.isprintable() else _CONTROLS.sub("", text)


def decode_words(text: str) -> str:
    """Decode the encoded words of unfolded text (RFC 2047), also misplaced and split ones.

    Neighbouring words of one charset are joined as bytes first: many senders split a character
    over two words.
    """
    last = text.rfind("?=")
    if last < 0 or "=?" not in text:
        return text
    pieces: list[str] = []
    pending, pending_charset = b"", ""
    position = 0
    for word in _WORD.finditer(text, 0, last + 2):
        charset, encoding, content = word.groups()
        label = charset.partition("*")[0].lower()
        gap = text[position : word.start()]
        is_neighbour = bool(pending_charset) and not gap.strip()
        if not is_neighbour or label != pending_charset:
            pieces.append(decode_text(pending, pending_charset)[0])
            pending = b""
            if not is_neighbour:
                pieces.append(gap)
        pending += _word_bytes(encoding, content)
        pending_charset = label or "us-ascii"
        position = word.end()
    pieces.append(decode_text(pending, pending_charset)[0])
    pieces.append(text[position:])
    decoded = "".join(pieces)
    return decoded if decoded.isprintable() else _CONTROLS.sub("", _FOLD.sub(" ", decoded))


def _word_bytes(encoding: str, content: str) -> bytes:
    data = content.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(data).data
    return decode_transfer(data.replace(b"_", b"=20"), "quoted-printable").data


def quote_words(text: str) -> str:
    """Replace encoded words by quoted strings, so that a comma in a name splits no list."""
    text = re.sub(r"\"\s*((?:=\?[^?\s\"]*\?[bBqQ]\?[^?\"]*\?=\s*)+)\"", r"\1", text)
    pieces: list[str] = []
    position = 0
    last = text.rfind("?=")
    while position <= last:
        word = _WORD.search(text, position, last + 2)
        if word is None:
            break
        end = word.end()
        while True:
            following = _WORD.match(text, _end_of_white(text, end), last + 2)
            if following is None:
                break
            end = following.end()
        decoded = decode_words(text[word.start() : end])
        escaped = decoded.replace("\\", "\\\\").replace('"', '\\"')
        pieces += (text[position : word.start()], f'"{escaped}"')
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _end_of_white(text: str, position: int) -> int:
    white = _BETWEEN_WORDS.match(text, position)
    return white.end() if white else position


def content_type(value: str) -> tuple[str, dict[str, str]]:
    """Read a Content-Type value: lower-case type/subtype ("" if malformed) and parameters."""
    found = _CONTENT_TYPE.match(value)
    name = f"{found[1]}/{found[2]}".lower() if found else ""
    return name, parameters(value)


def parameters(value: str) -> dict[str, str]:
    """Read the parameters of a structured field: RFC 2231 pieces joined, encoded words decoded."""
    if ";" not in value:
        return {}
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, quoted, bare in _PARAMETER.findall(value):
        text = quoted.replace('\\"', '"').replace("\\\\", "\\") if quoted else bare.strip()
        text = text.removeprefix('"')
        key = name.lower()
        continued = _CONTINUED.fullmatch(key) if "*" in key else None
        if continued is None:
            plain.setdefault(key, decode_words(text) if "=?" in text else text)
        else:
            number = int(continued[2] or 0)
            is_encoded = continued[3] is not None or continued[2] is None
            pieces.setdefault(continued[1], {}).setdefault(number, (text, is_encoded))
    for key, parts in pieces.items():
        joined = _join_pieces(parts)
        if joined:
            plain[key] = joined
    return plain


def _join_pieces(parts: dict[int, tuple[str, bool]]) -> str:
    charset = ""
    data = b""
    for rank, (_, (text, is_encoded)) in enumerate(sorted(parts.items())):
        rest = text
        if is_encoded:
            if rank == 0 and text.count("'") >= 2:
                charset, _, rest = text.split("'", 2)
            data += unquote_to_bytes(rest)
        else:
            data += rest.encode("utf-8", "replace")
    label = charset if codec_of(charset) else ""
    return _CONTROLS.sub("", decode_text(data, label)[0])
