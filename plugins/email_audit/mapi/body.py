"""The bodies of an item as MIME parts: plain text, HTML, and what is only in RTF."""

import re

from email_audit.mapi import mime
from email_audit.mapi.codepages import charset_label
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import AnsiText
from email_audit.mapi.rtf import Encapsulated, RtfBody, read_rtf
from email_audit.mapi.rtf_compression import decompress_rtf
from email_audit.mapi.values import Values
from email_audit.messages.charset import decode_text
from email_audit.messages.html import html_text
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode

_NATIVE_RTF = 2
_WORD = re.compile(r"\w+")


def body_part(
    values: Values,
    description: str,
    limits: ReadLimits,
    problems: Problems,
    *,
    was_html_only: bool,
) -> mime.Part:
    """Give the body: plain text, HTML, or both as alternatives.

    `description` are the fields of an item that is no mail; it stands before the plain text.
    Where the message was sent as HTML only, plain text is what a server made from it: it is left
    out, so that this copy says the same as the one that was sent, unless it has other words.
    """
    html = _html(values)
    plain = values.text(Tag.BODY)
    rtf = None
    if html is None or values.number(Tag.NATIVE_BODY) == _NATIVE_RTF:
        rtf = _rtf(values, limits, problems)
    if rtf is not None and rtf.made_from is Encapsulated.HTML and html is None:
        html = rtf.text.encode("utf-8", "replace"), "utf-8"
    other = "" if rtf is None or rtf.made_from is Encapsulated.HTML else rtf.text
    if not plain.strip():
        plain, other = other, ""
    if was_html_only and html is not None and _is_within(plain, _shown(*html)):
        plain = ""
    if description:
        plain = f"{description}\n\n{plain}" if plain.strip() else description
    parts: list[mime.Part] = []
    if plain or html is None:
        parts.append(mime.text_part(plain))
    if html is not None:
        parts.append(mime.text_bytes_part(html[0], "html", html[1]))
    if other.strip() and html is None and not _is_within(other, plain):
        parts.append(mime.text_part(other))
    return parts[0] if len(parts) == 1 else mime.multipart("alternative", parts)


def _html(values: Values) -> tuple[bytes, str] | None:
    """Give PidTagHtml and its charset: its bytes are in PidTagInternetCodepage (MS-OXCMSG)."""
    value = values.properties.get(Tag.HTML)
    if isinstance(value, str):
        data, charset = values.as_text(value).encode("utf-8", "replace"), "utf-8"
    elif isinstance(value, bytes | AnsiText):
        data = value.data if isinstance(value, AnsiText) else value
        charset = charset_label(values.number(Tag.INTERNET_CODEPAGE))
    else:
        return None
    data = data.rstrip(b"\0")
    return (data, charset) if data.strip() else None


def _rtf(values: Values, limits: ReadLimits, problems: Problems) -> RtfBody | None:
    data = values.data(Tag.RTF_COMPRESSED)
    if not data:
        return None
    decompressed = decompress_rtf(data, limits.max_text_chars)
    if decompressed.fault:
        code = ProblemCode.LIMITED if decompressed.is_limited else ProblemCode.DAMAGED
        problems.add(code, f"the rich text body: {decompressed.fault}")
    body = read_rtf(decompressed.data)
    return body if body.text.strip() else None


def _shown(data: bytes, charset: str) -> str:
    return html_text(decode_text(data, charset)[0])


def _is_within(text: str, other: str) -> bool:
    """Say whether every word of a text is in the other one."""
    return set(_WORD.findall(text.casefold())) <= set(_WORD.findall(other.casefold()))
