"""What the two sides of `process.IsolatedProcess` tell each other, as pickles."""

import os
import pickle
import struct
from dataclasses import dataclass
from enum import Enum

from email_audit.errors import EmailAuditError
from email_audit.messages.records import Problem

HEADER = struct.Struct("<Q")
"""Before every message in either direction: its length in bytes."""


class Interruption(Enum):
    """Why there is no next result."""

    DIED = "died"
    LATE = "late"
    MEMORY = "memory"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """Bounds of a child: its address space, and the time until the next result."""

    max_bytes: int
    max_item_seconds: float


@dataclass(frozen=True, slots=True)
class Begun:
    """A message from the child: it has understood what it is to run."""


@dataclass(frozen=True, slots=True)
class More:
    """A message from the child: from now on the next result may take so much longer than usual."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """A message from the child: one result."""

    value: object


@dataclass(frozen=True, slots=True)
class Finished:
    """A message from the child: no more results."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A message from the child: what is to be raised here, for it is not the item's fault."""

    error: EmailAuditError | OSError


@dataclass(frozen=True, slots=True)
class Failed:
    """A message from the child: what is wrong with the item."""

    why: Interruption
    problem: Problem


def send(descriptor: int, message: object) -> None:
    """Write a message; it may hold a large item, so it is not copied once more."""
    data = pickle.dumps(message)
    for part in (HEADER.pack(len(data)), data):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
