"""When a custodian was assigned: which moments are in scope."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from email_audit.ledger.models import AssignmentRow
from email_audit.settings import Settings


def assignment_periods(
    session: Session, settings: Settings, custodian: str, *, extra_days: int = 0
) -> Iterator[tuple[datetime | None, datetime | None]]:
    """Yield the custodian's assignments as half-open spans, the margin and `extra_days` included.

    Roster days are days of the roster's time zone, both inclusive. None is an open end.
    """
    margin = timedelta(days=settings.margin_days + extra_days)
    rows = session.execute(
        select(AssignmentRow.assigned_from, AssignmentRow.assigned_to).where(
            AssignmentRow.officer_id == custodian
        )
    )
    zone = settings.zone
    for first, last in rows:
        begin = None if first is None else datetime.combine(first - margin, time(), zone)
        end = (
            None
            if last is None
            else datetime.combine(last + margin + timedelta(days=1), time(), zone)
        )
        yield begin, end
