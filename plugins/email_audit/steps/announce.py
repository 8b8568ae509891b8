"""Whether the hits changed since anyone was told: what triggers the bundle DAG."""

import hashlib

from sqlalchemy import select

from email_audit.ledger.models import Fate, ItemRow
from email_audit.ledger.state import read_state, write_state
from email_audit.steps.case import Case
from email_audit.steps.resolve import MODEL_STATE

_ANNOUNCED_STATE = "announced"


def unannounced_hits(case: Case) -> str | None:
    """Give a digest of the hits and their model, None where it is that of the last announcement."""
    with case.database.session() as session:
        digest = hashlib.sha256((read_state(session, MODEL_STATE) or "").encode())
        hits = session.scalars(
            select(ItemRow.content_sha256)
            .where(ItemRow.fate == Fate.HIT)
            .order_by(ItemRow.content_sha256)
        )
        for content in hits:
            digest.update((content or "").encode())
        current = digest.hexdigest()
        return None if read_state(session, _ANNOUNCED_STATE) == current else current


def note_announced(case: Case, digest: str) -> None:
    """Note that these hits were announced: only after they were, or nobody may ever be told."""
    with case.database.session() as session:
        write_state(session, _ANNOUNCED_STATE, digest)
