"""RTF bodies as what they encapsulate: HTML or plain text (MS-OXRTFEX), else their own text.

One pass over the tokens, so the time is linear in the size, however deep groups are nested.
"""

import re
from dataclasses import dataclass
from enum import Enum

from email_audit.mapi.codepages import WESTERN, charset_label
from email_audit.messages.charset import decode_text

_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,64})(-?[0-9]{1,10})? ?"
    rb"|\\'([0-9A-Fa-f]{2})"
    rb"|\\(.)"
    rb"|([{}])"
    rb"|([^\\{}\r\n]+)",
    re.DOTALL,
)
_MODE = re.compile(rb"\\from(html1?|text)(?![A-Za-z0-9])")
_MODE_WITHIN = 4096
_SURROGATE = re.compile("[\ud800-\udfff]")

_CHARACTERS = {
    b"bullet": "\u2022",
    b"cell": "\t",
    b"column": "\n",
    b"emdash": "\u2014",
    b"emspace": "\u2003",
    b"endash": "\u2013",
    b"enspace": "\u2002",
    b"ldblquote": "\u201c",
    b"line": "\n",
    b"lquote": "\u2018",
    b"ltrmark": "\u200e",
    b"nestcell": "\t",
    b"nestrow": "\n",
    b"page": "\n",
    b"par": "\n",
    b"qmspace": "\u2005",
    b"rdblquote": "\u201d",
    b"row": "\n",
    b"rquote": "\u2019",
    b"rtlmark": "\u200f",
    b"sect": "\n",
    b"softline": "\n",
    b"tab": "\t",
    b"zwj": "\u200d",
    b"zwnj": "\u200c",
}
_SYMBOLS = {b"~": "\xa0", b"_": "\u2011", b"\n": "\n", b"\r": "\n"}
_LITERALS = frozenset({b"\\", b"{", b"}"})

_NO_TEXT = frozenset(
    {
        b"colortbl", b"datafield", b"datastore", b"factoidname", b"filetbl", b"fldinst",
        b"formfield", b"generator", b"info", b"listoverridetable", b"listtable", b"mhtmltag",
        b"objdata", b"objname", b"objclass", b"objalias", b"objsect", b"pgdsctbl", b"pict",
        b"revtbl", b"rsidtbl", b"sn", b"stylesheet", b"sv", b"template", b"themedata",
        b"xe", b"tc", b"rxe", b"txe", b"bkmkstart", b"bkmkend", b"private",
    }
)  # fmt: skip
"""Destinations whose content is no text of the message."""
_STARRED_TEXT = frozenset({b"annotation", b"footnote", b"shpinst", b"shptxt", b"htmltag"})
"""Destinations that hold text though they are marked as ignorable."""

_CODE_PAGES = {
    77: 10000, 78: 10001, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253,
    162: 1254, 163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250,
    254: 437, 255: 850,
}  # fmt: skip
"""Code pages of `fcharset` numbers; 0, 1 and 2 (ANSI, default, symbol) are the document's own."""


class Encapsulated(Enum):
    """What an RTF body was made from."""

    HTML = "html"
    TEXT = "text"
    NOTHING = "rtf"


@dataclass(frozen=True, slots=True)
class RtfBody:
    """The text of an RTF body: HTML markup, or plain text with line feeds."""

    made_from: Encapsulated
    text: str


def read_rtf(data: bytes) -> RtfBody:
    """Give what RTF encapsulates, else its own text; never raises, whatever the bytes are."""
    mode = _MODE.search(data, 0, _MODE_WITHIN)
    if mode is None:
        return RtfBody(Encapsulated.NOTHING, rtf_text(data))
    if mode[1] == b"text":
        return RtfBody(Encapsulated.TEXT, rtf_text(data))
    return RtfBody(Encapsulated.HTML, _Reader(data).read())


def rtf_text(data: bytes) -> str:
    """Give the text of an RTF document: without styles and pictures, with notes and deletions."""
    return _Reader(data).read()


@dataclass(slots=True)
class _State:
    """What a group inherits: the charset of its text, and what of it is no text."""

    charset: str
    fallback_characters: int = 1
    is_skipped: bool = False
    is_rtf_only: bool = False
    is_font_table: bool = False
    is_starred: bool = False

    def inherited(self) -> "_State":
        """Give the state that a group inside begins with."""
        return _State(
            self.charset,
            self.fallback_characters,
            self.is_skipped,
            self.is_rtf_only,
            self.is_font_table,
        )


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts: list[str] = []
        self._pending = bytearray()
        self._ansi = f"cp{WESTERN}"
        self._fonts: dict[int, str] = {}
        self._default_font = 0
        self._font = 0
        self._state = _State(self._ansi)
        self._groups: list[_State] = []
        self._to_drop = 0

    def read(self) -> str:
        position, size = 0, len(self._data)
        while position < size:
            token = _TOKEN.search(self._data, position)
            if token is None:
                break
            position = token.end()
            word, number, code, symbol, brace, text = token.groups()
            if text is not None:
                self._bytes(text)
            elif word is not None:
                if word == b"bin":
                    position += max(0, int(number or 0))
                else:
                    self._word(word.lower(), None if number is None else int(number))
            elif code is not None:
                self._bytes(bytes((int(code, 16),)))
            elif brace is not None:
                self._brace(brace)
            else:
                self._symbol(symbol)
        self._flush()
        whole = "".join(self._parts)
        if _SURROGATE.search(whole):
            # Characters beyond U+FFFF come as two \\u words.
            whole = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return whole

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._to_drop = 0
        if brace == b"{":
            self._groups.append(self._state)
            self._state = self._state.inherited()
        elif self._groups:
            self._state = self._groups.pop()

    def _bytes(self, data: bytes) -> None:
        if self._to_drop:
            dropped = min(self._to_drop, len(data))
            self._to_drop -= dropped
            data = data[dropped:]
        if self._is_shown():
            self._pending += data

    def _characters(self, text: str) -> None:
        if self._to_drop:
            self._to_drop -= 1
        elif self._is_shown():
            self._flush()
            self._parts.append(text)

    def _is_shown(self) -> bool:
        state = self._state
        return not (state.is_skipped or state.is_rtf_only or state.is_font_table)

    def _flush(self) -> None:
        if self._pending:
            self._parts.append(decode_text(bytes(self._pending), self._state.charset)[0])
            self._pending.clear()

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._state.is_starred = True
        elif symbol in _LITERALS:
            self._bytes(symbol)
        elif symbol in _SYMBOLS:
            self._characters(_SYMBOLS[symbol])

    def _word(self, word: bytes, number: int | None) -> None:
        state = self._state
        is_starred, state.is_starred = state.is_starred, False
        if word in _CHARACTERS:
            self._characters(_CHARACTERS[word])
        elif word == b"u" and number is not None:
            self._to_drop = 0
            self._characters(chr(number & 0xFFFF))
            self._to_drop = state.fallback_characters
        elif word == b"uc":
            state.fallback_characters = min(max(number or 0, 0), 16)
        elif word == b"htmlrtf":
            self._flush()
            state.is_rtf_only = number != 0
        elif word == b"f":
            self._select_font(number or 0)
        elif word == b"plain":
            self._select_font(self._default_font)
        elif word in (b"ansicpg", b"fcharset", b"cpg", b"deff"):
            self._declare(word, number or 0)
        elif word == b"fonttbl":
            state.is_font_table = True
        elif word == b"htmltag":
            self._flush()
            state.charset = self._ansi
        elif word in _NO_TEXT or (is_starred and word not in _STARRED_TEXT):
            state.is_skipped = True

    def _select_font(self, number: int) -> None:
        self._font = number
        if not self._state.is_font_table:
            self._flush()
            self._state.charset = self._fonts.get(number, self._ansi)

    def _declare(self, word: bytes, number: int) -> None:
        if word == b"deff":
            self._default_font = number
        elif word == b"ansicpg":
            self._ansi = charset_label(number) or self._ansi
            self._state.charset = self._ansi
        elif self._state.is_font_table:
            code_page = number if word == b"cpg" else _CODE_PAGES.get(number, 0)
            label = charset_label(code_page)
            if label:
                self._fonts[self._font] = label
