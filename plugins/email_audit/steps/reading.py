"""How mail is read under given settings, and within which bounds; loaded by reading processes.

They start often: nothing here, nor in `isolated`, `places` and `rows`, may load the database or
the classifier.
"""

from email_audit.documents.extractor import (
    DocumentExtractor,
    KeptInStore,
    loose_extractor,
    worker_of_process,
)
from email_audit.evidence.store import EvidenceStore
from email_audit.isolation.protocol import ProcessLimits
from email_audit.messages.limits import ReadLimits
from email_audit.settings import Settings
from email_audit.sources.base import ReadOptions


def reading_options(settings: Settings, store: EvidenceStore | None = None) -> ReadOptions:
    """Give the options that messages are read with, in whatever process.

    The texts of documents are kept in `store`, or without one in memory.
    """
    extract = (
        loose_extractor(settings.document_limits)
        if store is None
        else DocumentExtractor(worker_of_process(settings.document_limits), KeptInStore(store))
    )
    return ReadOptions(
        max_message_bytes=settings.max_message_bytes,
        limits=ReadLimits(max_attachment_bytes=settings.attachment_max_bytes),
        extract=extract,
    )


def process_limits(settings: Settings) -> ProcessLimits:
    """Give the bounds of a process that reads."""
    return ProcessLimits(
        max_bytes=settings.max_reader_bytes, max_item_seconds=settings.max_item_seconds
    )
