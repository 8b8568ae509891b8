"""vCards as readable lines (RFC 6350, and 2.1 as phones write it)."""

import quopri
import re

from email_audit.messages.charset import decode_text

_FOLD = re.compile(r"\n[ \t]")
_SOFT_BREAK = re.compile(r"=\n")
_BINARY = frozenset({"PHOTO", "LOGO", "SOUND", "KEY", "X-MS-CARDPICTURE"})
_FRAME = frozenset({"BEGIN", "END", "VERSION", "REV", "UID", "PRODID"})
_ESCAPE = re.compile(r"\\([\\,;nN])")


def card_text(text: str) -> str:
    """Give each field as a `Name: value` line, without pictures and keys."""
    lines = []
    for line in _unfolded(text).split("\n"):
        head, colon, value = line.partition(":")
        name, *parameters = head.split(";")
        name = name.rpartition(".")[2].strip().upper()
        if not colon or name in _FRAME or name in _BINARY or not value.strip(" ;"):
            continue
        if any("QUOTED-PRINTABLE" in parameter.upper() for parameter in parameters):
            value = _quoted(value, parameters)
        value = _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
        shown = "; ".join(part.strip() for part in value.split(";") if part.strip())
        lines.append(f"{name.capitalize()}: {shown}")
    return "\n".join(lines)


def _unfolded(text: str) -> str:
    """Join folded lines (RFC 6350 3.2) and quoted-printable's soft breaks (vCard 2.1)."""
    if "QUOTED-PRINTABLE" in text.upper():
        text = _SOFT_BREAK.sub("", text)
    return _FOLD.sub("", text)


def _quoted(value: str, parameters: list[str]) -> str:
    charset = next(
        (p.partition("=")[2] for p in parameters if p.upper().startswith("CHARSET=")), ""
    )
    return decode_text(quopri.decodestring(value.encode("utf-8")), charset)[0]
