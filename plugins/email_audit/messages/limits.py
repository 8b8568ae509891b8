"""How much of one message is read: bounds against hostile or broken mail."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds of one message's reading; what lies beyond is recorded as a problem, never dropped.

    `max_depth` counts nested multiparts and embedded messages; deeper content is kept as an
    attachment of undivided bytes. `max_parts` counts the MIME entities of the whole message.
    `max_text_chars` bounds the text taken from one part, in characters. `max_attachment_bytes`
    bounds the decoded size up to which an attachment's text is read.
    """

    max_depth: int = 60
    max_parts: int = 20_000
    max_text_chars: int = 20_000_000
    max_attachment_bytes: int = 100 << 20
