"""What every step works on: the settings, the case database and the evidence store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from email_audit.documents.extractor import DocumentExtractor, KeptInStore, worker_of_process
from email_audit.evidence.store import EvidenceStore
from email_audit.ledger.database import CaseDatabase
from email_audit.messages.limits import ReadLimits
from email_audit.settings import Settings
from email_audit.sources.base import ReadOptions


@dataclass(frozen=True, slots=True)
class Case:
    """An open audit."""

    settings: Settings
    database: CaseDatabase
    store: EvidenceStore

    @property
    def reading(self) -> ReadOptions:
        """How the messages of this audit are read."""
        settings = self.settings
        return ReadOptions(
            max_message_bytes=settings.max_message_bytes,
            limits=ReadLimits(max_attachment_bytes=settings.attachment_max_bytes),
            extract=DocumentExtractor(
                worker_of_process(settings.document_limits), KeptInStore(self.store)
            ),
        )


@contextmanager
def open_case(settings: Settings, *, create: bool = False) -> Iterator[Case]:
    """Open the audit that `settings` name; with `create`, make or upgrade its database.

    Raises:
        UserError: where there is no audit and `create` is not set.
    """
    database = CaseDatabase(settings.database)
    try:
        if create:
            database.migrate()
        else:
            database.require()
        yield Case(settings, database, EvidenceStore(settings.evidence))
    finally:
        database.close()
