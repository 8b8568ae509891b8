"""Code pages of a MAPI item as charset labels (Windows code page identifiers, MS-UCODEREF)."""

from email_audit.messages.charset import codec_of

_LABELS = {
    708: "iso-8859-6",
    874: "cp874",
    936: "gb18030",
    949: "cp949",
    950: "big5",
    1200: "utf-16-le",
    1201: "utf-16-be",
    1361: "johab",
    10000: "macintosh",
    10006: "mac_greek",
    10007: "mac_cyrillic",
    10029: "mac_latin2",
    10081: "mac_turkish",
    20127: "us-ascii",
    20866: "koi8-r",
    20932: "euc-jp",
    20936: "gb2312",
    21866: "koi8-u",
    38598: "iso-8859-8",
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    50225: "iso-2022-kr",
    51932: "euc-jp",
    51936: "gb2312",
    51949: "euc-kr",
    52936: "hz",
    54936: "gb18030",
    65000: "utf-7",
    65001: "utf-8",
}
_ISO_8859 = range(28591, 28606)

_BY_LANGUAGE = {
    0x01: 1256, 0x02: 1251, 0x04: 936, 0x05: 1250, 0x08: 1253, 0x0D: 1255, 0x0E: 1250,
    0x11: 932, 0x12: 949, 0x15: 1250, 0x18: 1250, 0x19: 1251, 0x1A: 1250, 0x1B: 1250,
    0x1C: 1250, 0x1E: 874, 0x1F: 1254, 0x20: 1256, 0x22: 1251, 0x23: 1251, 0x24: 1250,
    0x25: 1257, 0x26: 1257, 0x27: 1257, 0x29: 1256, 0x2A: 1258, 0x2C: 1254, 0x2F: 1251,
    0x3F: 1251, 0x40: 1251, 0x43: 1254, 0x44: 1251, 0x50: 1251,
}  # fmt: skip
_TRADITIONAL_CHINESE = frozenset({0x0404, 0x0C04, 0x1404})
_CYRILLIC_SERBIAN = frozenset({0x0C1A, 0x082C, 0x0843})
WESTERN = 1252


def charset_label(code_page: int) -> str:
    """Give the charset label of a Windows code page, "" where it is unknown."""
    label = _LABELS.get(code_page) or (
        f"windows-{code_page}" if 1250 <= code_page <= 1258 else f"cp{code_page}"
    )
    if code_page in _ISO_8859:
        label = f"iso-8859-{code_page - _ISO_8859.start + 1}"
    return label if codec_of(label) else ""


def ansi_code_page(locale_id: int) -> int:
    """Give the code page that text without Unicode has under a Windows locale (MS-LCID)."""
    if locale_id in _TRADITIONAL_CHINESE:
        return 950
    if locale_id in _CYRILLIC_SERBIAN:
        return 1251
    return _BY_LANGUAGE.get(locale_id & 0x3FF, WESTERN)
