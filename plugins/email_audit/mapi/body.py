"""The bodies of an item as MIME parts: plain text, HTML, and what is only in RTF."""

from email_audit.mapi import mime
from email_audit.mapi.codepages import charset_label
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import AnsiText
from email_audit.mapi.values import Values


def body_part(values: Values) -> mime.Part:
    """Give the body: text, HTML, or both as alternatives."""
    parts = []
    plain = values.text(Tag.BODY)
    if plain:
        parts.append(mime.text_part(plain))
    html = html_part(values)
    if html is not None:
        parts.append(html)
    if not parts:
        return mime.text_part("")
    return parts[0] if len(parts) == 1 else mime.multipart("alternative", parts)


def html_part(values: Values) -> mime.Part | None:
    """Give PidTagHtml, whose bytes are in PidTagInternetCodepage (MS-OXCMSG 2.2.1.56.9)."""
    value = values.properties.get(Tag.HTML)
    if isinstance(value, bytes | AnsiText):
        data = value.data if isinstance(value, AnsiText) else value
        data = data.rstrip(b"\0")
        charset = charset_label(values.number(Tag.INTERNET_CODEPAGE))
        return mime.text_bytes_part(data, "html", charset) if data else None
    text = values.as_text(value)
    return mime.text_part(text, "html") if text else None
