"""How much of one document is read: bounds against hostile or broken files."""

from dataclasses import dataclass, field

from email_audit.archives.bounded import ArchiveLimits


def _in_mail() -> ArchiveLimits:
    return ArchiveLimits(max_members=10_000, max_bytes=1 << 30, max_depth=8)


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """Bounds of one document, everything nested in it included.

    `seconds` bounds the reading without text recognition; that has its own bound a page, and
    `ocr_pages` of them. `memory_bytes` is the address space of the reading process.
    `ocr_languages` are tesseract's names, joined by `+`; those not installed are left out.
    """

    seconds: int = 60
    memory_bytes: int = 1 << 30
    max_bytes: int = 100 << 20
    max_text_chars: int = 20_000_000
    ocr_seconds: int = 30
    ocr_pages: int = 100
    ocr_languages: str = "eng+spa"
    archive: ArchiveLimits = field(default_factory=_in_mail)
