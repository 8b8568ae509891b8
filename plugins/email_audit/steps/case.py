"""What every step works on: the settings, the case database and the evidence store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from email_audit.errors import UserError
from email_audit.evidence.store import EvidenceStore
from email_audit.isolation.process import IsolatedProcess
from email_audit.ledger.database import CaseDatabase
from email_audit.ledger.state import IDENTITY_STATE, read_state
from email_audit.search.interface import CaseIdentity
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
    def identity(self) -> CaseIdentity:
        """What tells this audit from every other; a copy of it, or one restored, has the same.

        Raises:
            UserError: where the database is of an earlier version.
        """
        with self.database.session() as session:
            known = read_state(session, IDENTITY_STATE)
        if known is None:
            raise UserError(
                f"{self.database.location}: is of an earlier version; `email-audit index` brings "
                "it up to this one"
            )
        return CaseIdentity(known)

    @property
    def reading(self) -> ReadOptions:
        """How the messages of this audit are read."""
        return reading_options(self.settings, self.store)


@contextmanager
def open_case(settings: Settings, *, create: bool = False) -> Iterator[Case]:
    """Open the audit that `settings` name; with `create`, make or upgrade its database.

    Raises:
        UserError: where there is no audit and `create` is not set, or where it would be made among
            the mail.
    """
    if create:
        _require_apart(settings)
    database, store = CaseDatabase(settings.database), EvidenceStore(settings.evidence)
    try:
        if create:
            database.migrate()
            store.check()
        else:
            database.require()
        with IsolatedProcess(process_limits(settings)) as process:
            yield Case(settings, database, store, process)
    finally:
        database.close()


def _require_apart(settings: Settings) -> None:
    """Refuse a workspace in the mail folder: the next run would acquire what this one wrote."""
    if settings.mail is None:
        return
    workspace, mail = settings.workspace.resolve(), settings.mail.resolve()
    if workspace == mail or mail in workspace.parents:
        raise UserError(
            f"{settings.workspace}: the workspace lies in the mail folder {settings.mail}, and "
            "would be taken for mail; name a folder outside of it (--out)"
        )
