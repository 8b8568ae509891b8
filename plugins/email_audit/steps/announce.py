"""Whether the hits changed since anyone was told: what triggers the bundle DAG, once."""

import hashlib

from sqlalchemy import select

from email_audit.ledger.models import Fate, ItemRow
from email_audit.ledger.state import read_state, write_state
from email_audit.steps.case import Case
from email_audit.steps.resolve import MODEL_STATE

_ANNOUNCED_STATE = "announced"


def announce_hits(case: Case) -> bool:
    """Say whether the hits or their model differ from the last announcement, and note it."""
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
        if read_state(session, _ANNOUNCED_STATE) == current:
            return False
        write_state(session, _ANNOUNCED_STATE, current)
    return True
