"""Named facts about the case database itself."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from email_audit.ledger.models import StateRow
from email_audit.ledger.upsert import insert_for

IDENTITY_STATE = "identity"
"""What tells the case from every other; written when its database is made (migration 0006)."""


def read_state(session: Session, name: str) -> str | None:
    """Give the value of a fact, None where it was never written."""
    return session.scalars(select(StateRow.value).where(StateRow.name == name)).first()


def write_state(session: Session, name: str, value: str) -> None:
    """Set the value of a fact, whoever else sets it at the same time."""
    row = insert_for(session, StateRow).values(name=name, value=value)
    session.execute(
        row.on_conflict_do_update(index_elements=["name"], set_={"value": row.excluded.value})
    )
