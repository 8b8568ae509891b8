"""What a reader of attachments gives: the text of a document, or why there is none."""

from dataclasses import dataclass
from typing import Protocol

from email_audit.messages.records import AttachmentStatus


@dataclass(frozen=True, slots=True)
class Extracted:
    """What became of a document. `text` is None unless it was read; `reason` says why not."""

    status: AttachmentStatus
    reason: str = ""
    text: str | None = None


class TextExtractor(Protocol):
    """Reads documents that are no plain text: office files, PDF, pictures, archives."""

    def __call__(self, data: bytes, content_type: str, filename: str) -> Extracted:
        """Give the text of a document; never raises, whatever the bytes are.

        `content_type` and `filename` only hint: the bytes decide.
        """


def extract_nothing(data: bytes, content_type: str, filename: str) -> Extracted:  # noqa: ARG001
    """Say that documents are not read."""
    return Extracted(AttachmentStatus.UNSUPPORTED, f"no reader for {content_type} was given")
