"""What the case database knows of the search index: what it refused, what is kept out of it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from email_audit.ledger import custody_log
from email_audit.ledger.models import IndexErrorRow, IndexRemovalRow
from email_audit.search.interface import Refusal


def write_refusals(session: Session, refusals: Sequence[Refusal]) -> None:
    """Set what the index refused at its last write; what it refused before is forgotten."""
    session.execute(delete(IndexErrorRow))
    now = datetime.now(UTC)
    session.add_all(
        IndexErrorRow(content_sha256=refusal.id, reason=refusal.reason, at=now)
        for refusal in refusals
    )


def kept_out(session: Session) -> frozenset[str]:
    """Give the content hashes of messages that are kept out of every index."""
    return frozenset(session.scalars(select(IndexRemovalRow.content_sha256)))


def write_removal(session: Session, content_sha256: str, *, reason: str, actor: str) -> bool:
    """Keep a message out of every index from now on, with an entry in the custody log.

    Says false, and changes nothing, where that was done before.
    """
    if session.get(IndexRemovalRow, content_sha256) is not None:
        return False
    session.add(
        IndexRemovalRow(
            content_sha256=content_sha256, reason=reason, actor=actor, at=datetime.now(UTC)
        )
    )
    custody_log.record(
        session,
        actor=actor,
        action="removed_from_index",
        subject=content_sha256,
        details={"reason": reason},
    )
    return True
