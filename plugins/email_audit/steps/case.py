"""What every step works on: the settings, the case database and the evidence store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from email_audit.evidence.store import EvidenceStore
from email_audit.isolation.process import IsolatedProcess
from email_audit.ledger.database import CaseDatabase
from email_audit.settings import Settings
from email_audit.sources.base import ReadOptions
from email_audit.steps.reading import process_limits, reading_options


@dataclass(frozen=True, slots=True)
class Case:
    """An open audit. `process` is where hostile bytes are read; it starts when first needed."""

    settings: Settings
    database: CaseDatabase
    store: EvidenceStore
    process: IsolatedProcess

    @property
    def reading(self) -> ReadOptions:
        """How the messages of this audit are read."""
        return reading_options(self.settings, self.store)


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
        with IsolatedProcess(process_limits(settings)) as process:
            yield Case(settings, database, EvidenceStore(settings.evidence), process)
    finally:
        database.close()
