"""Named facts about the case database itself."""

from sqlalchemy.orm import Session

from email_audit.ledger.models import StateRow


def read_state(session: Session, name: str) -> str | None:
    """Give the value of a fact, None where it was never written."""
    row = session.get(StateRow, name)
    return None if row is None else row.value


def write_state(session: Session, name: str, value: str) -> None:
    """Set the value of a fact."""
    session.merge(StateRow(name=name, value=value))
