"""The custody log in the case database: append only."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from email_audit.evidence.custody import CustodyEntry, next_entry
from email_audit.ledger.models import CustodyRow


def record(
    session: Session, *, actor: str, action: str, subject: str, details: Mapping[str, Any]
) -> CustodyEntry:
    """Append one entry in the caller's transaction: the act and its entry stand or fall together.

    `details` holds JSON values only and never a word of mail.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Two writers that read the same last entry would fork the chain.
        session.execute(text("LOCK TABLE custody IN EXCLUSIVE MODE"))
    entry = next_entry(
        last_entry(session),
        at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        actor=actor,
        action=action,
        subject=subject,
        details=details,
    )
    session.add(CustodyRow(**entry.as_json()))
    session.flush()
    return entry


def entries(session: Session) -> Iterator[CustodyEntry]:
    """Yield the whole log in order."""
    rows = session.scalars(
        select(CustodyRow).order_by(CustodyRow.seq).execution_options(yield_per=1000)
    )
    for row in rows:
        yield _entry(row)


def last_entry(session: Session) -> CustodyEntry | None:
    """Give the newest entry, None where the log is empty."""
    row = session.scalars(select(CustodyRow).order_by(CustodyRow.seq.desc()).limit(1)).first()
    return None if row is None else _entry(row)


def _entry(row: CustodyRow) -> CustodyEntry:
    return CustodyEntry(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        details=row.details,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )
