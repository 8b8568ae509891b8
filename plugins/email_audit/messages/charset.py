"""Bytes to text: charset names as mail writes them, and what to do when they are wrong.

Names follow the WHATWG Encoding Standard where real mail needs it: a label means the superset
that clients actually send (gb2312 is GB 18030, iso-8859-1 is windows-1252).
"""

import codecs
import re
from functools import lru_cache

_SUPERSETS = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "euc_kr": "cp949",
    "johab": "johab",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
}
"""Python codec name to the codec that reads what is sent under it."""

_ALIASES = {
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ansi_x3.110-1983": "cp1252",
    "cp-850": "cp850",
    "dos-874": "cp874",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-6-e": "iso8859-6",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "unicode": "utf-16",
    "ucs-2": "utf-16",
    "utf8mb4": "utf-8",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-sjis": "cp932",
    "x-windows-949": "cp949",
    "x-x-big5": "big5hkscs",
}
"""Labels that Python does not know."""

_MISTAKES = frozenset({"base64", "hex", "idna", "punycode", "quopri", "rot13", "uu", "zlib", "bz2"})
"""Python codecs that are no charsets, or whose time grows with the square of the input."""

_STATEFUL = frozenset({"utf-7", "hz", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be"})
_LABEL = re.compile(r"[a-z0-9][a-z0-9_.:+-]{0,40}")
_SURROGATES = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=512)
def codec_of(label: str) -> str | None:
    """Give the Python codec for a charset label, None where the label is unknown or empty."""
    name = label.strip().strip("\"'").lower().partition("*")[0]
    if not _LABEL.fullmatch(name):
        return None
    name = _ALIASES.get(name, name)
    if name.startswith(("x-unknown", "unknown")):
        return None
    name = re.sub(r"^(?:x-)?windows-?(\d+)$", r"cp\1", name)
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return None
    if found in _MISTAKES or not _decodes_text(found):
        return None
    return _SUPERSETS.get(found, found)


def _decodes_text(codec: str) -> bool:
    try:
        return bool("a".encode(codec))
    except (LookupError, UnicodeError):
        return False


def decode_text(data: bytes, label: str) -> tuple[str, str]:
    """Decode `data` under a charset label; give the text and what was wrong ("" if nothing).

    Never raises and never returns lone surrogates or NUL characters (which no database column
    takes). Where the label is unknown or does not fit: UTF-8, then windows-1252, then Latin-1.
    """
    codec = codec_of(label) if label else "utf-8"
    if data.isascii() and not _is_stateful(codec):
        fault = "" if codec else f"charset {_shown(label)} is unknown"
        return data.decode("ascii").replace("\0", ""), fault
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") and codec not in _STATEFUL:
        codec = "utf-16"
    text, fault = _decode(data, codec, label)
    if "\0" in text:
        text = text.replace("\0", "")
    return text.removeprefix("\ufeff"), fault


def _is_stateful(codec: str | None) -> bool:
    return codec is not None and (codec in _STATEFUL or codec.startswith("iso2022"))


def _decode(data: bytes, codec: str | None, label: str) -> tuple[str, str]:
    if codec is not None:
        try:
            return _without_surrogates(data.decode(codec)), ""
        except UnicodeError:
            pass
    wrong = (
        f"charset {_shown(label)} is unknown"
        if codec is None
        else f"the text does not fit its charset {_shown(label) or 'UTF-8 (none is named)'}"
    )
    if codec in (None, "utf-8"):
        return _mostly_utf8(data), wrong
    if codec.startswith("cp125"):
        return data.decode("latin-1"), wrong
    try:
        return data.decode("utf-8"), wrong
    except UnicodeDecodeError:
        return _without_surrogates(data.decode(codec, "replace")), wrong


def _mostly_utf8(data: bytes) -> str:
    """Read as UTF-8 with a few bad bytes, or as a Western single-byte set where most are bad."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if bad == 0:
        return text
    good = sum(1 for character in text if character > "\x7f") - bad
    if good > bad:
        return text
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _without_surrogates(text: str) -> str:
    return _SURROGATES.sub("\ufffd", text)


def _shown(label: str) -> str:
    """Give a label for a problem's sentence: a charset name, never a stretch of mail."""
    name = label.strip().lower()
    return name if _LABEL.fullmatch(name) else "(not a name)" if name else ""
