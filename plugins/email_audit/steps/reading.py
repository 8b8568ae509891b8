"""How mail is read under given settings, and within which bounds; loaded by reading processes.

They start often: nothing here, nor in `isolated`, `places` and `rows`, may load the database or
the classifier.
"""

from email_audit.isolation.process import ProcessLimits
from email_audit.settings import Settings
from email_audit.sources.base import ReadOptions


def reading_options(settings: Settings) -> ReadOptions:
    """Give the options that messages are read with, in whatever process."""
    return ReadOptions(max_message_bytes=settings.max_message_bytes)


def process_limits(settings: Settings) -> ProcessLimits:
    """Give the bounds of a process that reads."""
    return ProcessLimits(
        max_bytes=settings.max_reader_bytes, max_item_seconds=settings.max_item_seconds
    )
