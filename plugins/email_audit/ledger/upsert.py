"""Insert rows that another worker may have inserted first."""

from typing import TypeAlias

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

Insert: TypeAlias = postgresql.Insert | sqlite.Insert


def insert_unless_there(session: Session, table: type[DeclarativeBase]) -> Insert:
    """Give an INSERT that leaves rows alone whose keys are there already."""
    return insert_for(session, table).on_conflict_do_nothing()


def insert_for(session: Session, table: type[DeclarativeBase]) -> Insert:
    """Give the back end's own INSERT, which knows `ON CONFLICT`; both write it alike."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
