"""The one door all documents go through: their kind, its reader, and what a reader may raise."""

import importlib
from collections.abc import Callable

from email_audit.archives.bounded import MemberError
from email_audit.documents.kinds import HEAD, Kind, kind_of
from email_audit.documents.reading import OutOfTime, Reading, Work
from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus

Reader = Callable[[Reading, bytes], None]

# Module and function: a library is loaded when the first document needs it.
_READERS: dict[Kind, tuple[str, str]] = {
    Kind.PDF: ("pdf", "read_pdf"),
    Kind.ZIP: ("packages", "read_zip"),
    Kind.ARCHIVE: ("archive", "read_archive"),
    Kind.OLE: ("ole", "read_ole"),
    Kind.RTF: ("rtf", "read_rtf"),
    Kind.IMAGE: ("images", "read_image"),
    Kind.SMIME: ("smime", "read_smime"),
    Kind.XML: ("plain", "read_xml"),
    Kind.HTML: ("plain", "read_html"),
    Kind.CALENDAR: ("plain", "read_calendar"),
    Kind.CARD: ("plain", "read_card"),
    Kind.TEXT: ("plain", "read_text"),
    Kind.MAIL: ("mail", "read_mail"),
}
_WITHOUT_READER = {
    Kind.PGP: (AttachmentStatus.ENCRYPTED, "it is encrypted (PGP)"),
    Kind.RIGHTS_MANAGED: (AttachmentStatus.ENCRYPTED, "it is encrypted (rights management)"),
    Kind.UNKNOWN: (AttachmentStatus.UNSUPPORTED, "no reader for this kind of file"),
}


def read_document(data: bytes, content_type: str, filename: str, work: Work) -> Extracted:
    """Give the text of a document and of all that is nested in it; never raises for bad content.

    May die, hang or exhaust the memory where a library does: run it in the worker.
    """
    reading = Reading(work)
    read_into(reading, data, content_type, filename)
    return reading.result()


def read_into(reading: Reading, data: bytes, content_type: str, filename: str) -> None:
    """Read one document, outermost or nested; what its reader raises is a gap."""
    kind = kind_of(data[:HEAD], content_type, filename)
    if kind not in _READERS:
        reading.gap(*_WITHOUT_READER[kind])
        return
    module, function = _READERS[kind]
    reader: Reader = getattr(importlib.import_module(f"email_audit.documents.{module}"), function)
    try:
        reading.work.check_time()
        reader(reading, data)
    except OutOfTime:
        seconds = reading.work.limits.seconds
        reading.gap(AttachmentStatus.FAILED, f"reading took longer than {seconds} seconds")
    except MemberError as error:
        reading.problem(error.problem)
    except MemoryError:
        if reading.depth == 0:
            raise
        reading.gap(AttachmentStatus.FAILED, "reading needs more memory than it may use")
    except Exception as error:  # noqa: BLE001 - libraries raise whatever a broken file leads to
        reading.gap(AttachmentStatus.FAILED, f"the {kind} reader failed ({type(error).__name__})")
