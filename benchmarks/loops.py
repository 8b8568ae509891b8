"""The two bare loops that reading is compared with: the standard library, used straight.

Both look at what an audit needs (addresses, dates, subject, all text, all attachments) and keep
nothing.
"""

import contextlib
import email
import email.policy
from collections.abc import Iterable
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

_ADDRESS_HEADERS = ("From", "To", "Cc", "Bcc")


def policy_default(messages: Iterable[bytes]) -> int:
    """Parse with `policy.default` and touch every header and part; gives characters and bytes."""
    size = 0
    for original in messages:
        message = email.message_from_bytes(original, policy=email.policy.default)
        for name in _ADDRESS_HEADERS:
            for header in message.get_all(name, []):
                size += len(header.addresses)
        size += len(message["Subject"] or "")
        size += message["Date"] is not None and message["Date"].datetime is not None
        for part in message.walk():
            if part.is_multipart():
                continue
            try:
                size += len(part.get_content())
            except (KeyError, LookupError, UnicodeError):
                size += len(part.get_payload(decode=True) or b"")
    return size


def compat32_with_own_decoding(messages: Iterable[bytes]) -> int:
    """Parse with `policy.compat32` and decode headers, dates and parts by hand."""
    size = 0
    for original in messages:
        message = email.message_from_bytes(original, policy=email.policy.compat32)
        values = [str(value) for name in _ADDRESS_HEADERS for value in message.get_all(name, [])]
        size += len(getaddresses(values))
        size += len(_text(str(message.get("Subject", ""))))
        with contextlib.suppress(TypeError, ValueError):
            size += parsedate_to_datetime(str(message.get("Date", ""))).year > 0
        size += sum(_part_size(part) for part in message.walk() if not part.is_multipart())
    return size


def _part_size(part: Message) -> int:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return 0
    if part.get_content_maintype() != "text":
        return len(payload)
    charset = part.get_content_charset("ascii")
    try:
        return len(payload.decode(charset, "replace"))
    except LookupError:
        return len(payload.decode("latin-1"))


def _text(value: str) -> str:
    if "=?" not in value:
        return value
    return "".join(
        part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
        for part, charset in decode_header(value)
    )
