"""Find the source that knows a container: its bytes decide, its name only hints."""

from typing import BinaryIO

from email_audit.sources.base import ReadOptions, Rfc5322Source, Source
from email_audit.sources.bookkeeping import BookkeepingSource
from email_audit.sources.document import DocumentSource
from email_audit.sources.eml import EmlSource, TextSource, UnsupportedSource
from email_audit.sources.emlx import EmlxSource
from email_audit.sources.live_item import LiveItemSource
from email_audit.sources.mbox import MboxSource
from email_audit.sources.msg import MsgSource
from email_audit.sources.pst import PstSource
from email_audit.sources.tnef import TnefSource

SOURCES: tuple[type[Rfc5322Source], ...] = (
    MboxSource,
    MsgSource,
    PstSource,
    TnefSource,
    EmlxSource,
    LiveItemSource,
    EmlSource,
    BookkeepingSource,
    DocumentSource,
    TextSource,
    UnsupportedSource,
)
_HEAD_BYTES = 1 << 16


def detect_source(blob: BinaryIO, filename: str, options: ReadOptions) -> Source:
    """Give the first source that recognises the container; the last one takes anything."""
    blob.seek(0)
    head = blob.read(_HEAD_BYTES)
    kind = next(source for source in SOURCES if source.recognises(head, filename))
    return kind(options)


def source_named(name: str, options: ReadOptions) -> Source:
    """Give the source of that format name, as written in the ledger."""
    kind = next(source for source in SOURCES if source.name == name)
    return kind(options)
