"""The attachments of an item as MIME parts."""

import re
from pathlib import PurePath

from email_audit.mapi import mime
from email_audit.mapi.properties import AttachMethod, Tag
from email_audit.mapi.records import MapiAttachment
from email_audit.mapi.values import Values
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode

_KIND = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_UNTOLD = "application/octet-stream"
_TEXT_BY_EXTENSION = {
    ".htm": "text/html",
    ".html": "text/html",
    ".ics": "text/calendar",
    ".txt": "text/plain",
    ".vcf": "text/x-vcard",
    ".xml": "text/xml",
}
"""What servers send text files as where the item names no type (MS-OXCMAIL, Content-Type)."""
_REFERENCES = frozenset(
    {
        AttachMethod.BY_REFERENCE,
        AttachMethod.BY_REFERENCE_RESOLVE,
        AttachMethod.BY_REFERENCE_ONLY,
        AttachMethod.BY_WEB_REFERENCE,
    }
)


def file_part(attachment: MapiAttachment, values: Values, problems: Problems) -> mime.Part:
    """Give an attachment that is no item; one without bytes is an empty part that says why."""
    kind = content_type(values)
    data = attachment.data
    fields = [*described(values)]
    if data is None:
        method = values.number(Tag.ATTACH_METHOD)
        if method in _REFERENCES:
            problems.add(
                ProblemCode.TRUNCATED,
                "an attachment is only a reference: its content is not in the mailbox",
            )
            place = values.line(Tag.ATTACH_LONG_PATHNAME, Tag.ATTACH_PATHNAME)
            fields.append(mime.field("X-Attachment-Reference", place or "(not named)"))
        elif method != AttachMethod.NONE and not attachment.problems:
            problems.add(ProblemCode.TRUNCATED, "an attachment has no content in the mailbox")
        return mime.binary_part(b"", kind, fields)
    if kind == "message/rfc822":
        return mime.message_part(data, fields)
    return mime.binary_part(data, kind, fields)


def content_type(values: Values) -> str:
    """Give the attachment's media type as a leaf's; what is none is undivided bytes.

    Sent items often name none. Text files then need one: they are compared without regard to
    their line ends, as the copy that was sent is.
    """
    kind = values.line(Tag.ATTACH_MIME_TAG).lower()
    if not kind:
        extension = PurePath(_name(values)).suffix.lower()
        return _TEXT_BY_EXTENSION.get(extension, _UNTOLD)
    if not _KIND.fullmatch(kind) or kind.startswith("multipart/"):
        return _UNTOLD
    return kind


def described(values: Values) -> list[bytes]:
    """Give the fields that name an attachment: disposition, file name, Content-ID."""
    content_id = "".join(values.text(Tag.ATTACH_CONTENT_ID).split()).strip("<>")
    name = _name(values)
    # Text that is inline and has no name would read as body.
    is_inline = content_id and not content_type(values).startswith("text/")
    disposition = "inline" if is_inline else "attachment"
    value = f"Content-Disposition: {disposition}"
    if name:
        value += mime.parameter("filename", name)
    fields = [value.encode("ascii")]
    if content_id:
        fields.append(b"Content-ID: <" + content_id.encode("utf-8", "replace") + b">")
    location = values.line(Tag.ATTACH_CONTENT_LOCATION)
    if location:
        fields.append(mime.field("Content-Location", location))
    return fields


def _name(values: Values) -> str:
    return values.line(Tag.ATTACH_LONG_FILENAME, Tag.ATTACH_FILENAME, Tag.DISPLAY_NAME)
