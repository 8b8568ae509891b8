"""The custody log in the case database: append only."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from email_audit.evidence.custody import CustodyEntry, next_entry
from email_audit.ledger.locks import Lock, take_lock
from email_audit.ledger.models import CustodyRow
from email_audit.ledger.types import holdable


def record(
    session: Session, *, actor: str, action: str, subject: str, details: Mapping[str, Any]
) -> CustodyEntry:
    """Append one entry in the caller's transaction: the act and its entry stand or fall together.

    `details` holds JSON values only and never a word of mail.
    """
    session.flush()  # rows first, then the lock: in one order everywhere, or two would deadlock
    take_lock(session, Lock.CUSTODY)
    entry = next_entry(
        last_entry(session),
        at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        actor=holdable(actor),
        action=action,
        subject=holdable(subject),
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


def entry(session: Session, seq: int) -> CustodyEntry | None:
    """Give the entry with the number `seq` (the first is 1), None where there is none."""
    row = session.get(CustodyRow, seq)
    return None if row is None else _entry(row)


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
