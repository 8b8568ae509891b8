"""The two kinds of failure a person sees, and the exit codes they end with."""

import traceback
from pathlib import Path

_FRAMES = 6


class EmailAuditError(Exception):
    """A failure with one clear message for the person at the keyboard, never a traceback."""

    exit_code = 1


class UserError(EmailAuditError):
    """Bad usage or bad input: names the file, line or field, the value seen, and the cure."""

    exit_code = 2


class RunError(EmailAuditError):
    """The work could not be finished: says what was kept and how to go on."""

    exit_code = 1


def failure_place(error: BaseException) -> str:
    """Name a failure's kind and where it happened, for a log.

    Without its message and the values around it: they may quote mail.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{type(error).__name__} at {places}"
