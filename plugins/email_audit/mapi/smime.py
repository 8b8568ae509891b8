"""S/MIME items: their one attachment is the message's MIME content (MS-OXOSMIME 2.1)."""

import re

from email_audit.mapi import mime
from email_audit.mapi.attached import content_type, described
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import MapiItem
from email_audit.mapi.values import Values

_CLASS = re.compile(r"IPM\.NOTE\.(?:.+\.)?SMIME(?:\.|$)|IPM\.NOTE\.SECURE", re.IGNORECASE)
_MULTIPART = re.compile(rb"content-type[ \t]*:\s*multipart/", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_OPAQUE = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})


def smime_part(item: MapiItem, item_class: str, values: Values) -> mime.Part | None:
    """Give the MIME content of a signed or encrypted item, None where it is none.

    A clear-signed one is opened: the attachment is the multipart/signed with its own header. An
    opaque one becomes the message's only part, as it was sent: the reader says what is in it.
    """
    if not _CLASS.match(item_class) or len(item.attachments) != 1:
        return None
    attachment = item.attachments[0]
    data = attachment.data
    if not data or attachment.problems:
        return None
    blank = _BLANK_LINE.search(data)
    if blank is not None and _MULTIPART.match(data):
        fields = tuple(data[: blank.start()].split(b"\n"))
        return mime.Part((b"\n".join(fields),), data[blank.end() :])
    row = values.of(attachment.properties)
    if values.text(Tag.BODY).strip() or content_type(row) not in _OPAQUE:
        return None
    return mime.binary_part(data, content_type(row), described(row))
