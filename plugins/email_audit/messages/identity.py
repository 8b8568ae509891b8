"""What makes two copies the same message: the MIH and the content hash (docs/identity.md)."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

from email_audit.messages.records import Address, ContentHash

_FORMAT = "email-audit content 1"
_CANONICAL_JSON = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
_FROM_QUOTED = re.compile(r"^>+(?=From )", re.MULTILINE)


def mih(message_id: str) -> str:
    """Give the EDRM Message Identification Hash: the MD5 of the Message-ID, angle brackets kept.

    The case is kept; there is no header name and no white space in it. 32 hexadecimal digits.
    """
    data = message_id.encode("utf-8", "replace")
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def content_sha256(
    *,
    sender: Address | None,
    to: Iterable[Address],
    cc: Iterable[Address],
    date: datetime | None,
    subject: str,
    body: str,
    attachments: Iterable[str],
) -> ContentHash:
    """Give the SHA-256 over what an author sent, insensitive to what exports and transport change.

    `body` is the message's whole body text, `attachments` the identities of the top-level ones in
    order. Not in it: Message-ID, Bcc, transport fields, charset and encoding, boundaries, names
    of files. What is the same and what is not is documented in docs/identity.md.
    """
    canonical = _CANONICAL_JSON.encode(
        [
            _FORMAT,
            _key(sender) if sender else "",
            sorted({_key(person) for person in to}),
            sorted({_key(person) for person in cc}),
            f"{date.replace(tzinfo=None).isoformat(timespec='seconds')}Z" if date else "",
            _normal(" ".join(subject.split())),
            _normal("".join(_without_mbox_damage(body).split())),
            list(attachments),
        ]
    )
    return ContentHash(hashlib.sha256(canonical.encode("ascii")).hexdigest())


def bytes_sha256(data: bytes) -> str:
    """Give the SHA-256 of an attachment's bytes as found."""
    return hashlib.sha256(data).hexdigest()


def text_identity(data: bytes) -> str:
    """Give the SHA-256 of a text attachment with line ends unified and trailing ones removed.

    Exports rewrite the line ends of text parts and add or drop the last one.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return hashlib.sha256(data.rstrip(b"\n")).hexdigest()


def _without_mbox_damage(body: str) -> str:
    """Undo the `>` that mbox writers put before "From " (mboxo never takes it off again)."""
    return _FROM_QUOTED.sub("", body) if ">From " in body else body


def _key(person: Address) -> str:
    return _normal((person.address or person.name).lower())


def _normal(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
