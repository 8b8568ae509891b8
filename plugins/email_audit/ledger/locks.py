"""What only one transaction at a time may do, on a server that lets many write at once.

On SQLite a transaction has the whole database to itself from its first statement (`database.py`),
so a decision that rests on what was read before it is written is safe there. PostgreSQL needs to be
told where such decisions are. Locks are taken in the order of their numbers and end with the
transaction.
"""

from enum import IntEnum

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

_NAMESPACE = 0x656D6169  # any constant number does: "emai"


class Lock(IntEnum):
    """An act that excludes itself."""

    MIGRATION = 0
    REGISTRATION = 1
    """Which exports and mailboxes are known."""
    RESOLUTION = 2
    """Threads, scope and duplicates over all rows."""
    CUSTODY = 3
    """The end of the custody log: two writers after the same entry would fork the chain."""


def take_lock(connection: Connection | Session, lock: Lock) -> None:
    """Wait until no other transaction holds `lock`, and hold it until this one ends."""
    bind = connection.get_bind() if isinstance(connection, Session) else connection
    if bind.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:namespace, :lock)"),
            {"namespace": _NAMESPACE, "lock": int(lock)},
        )
