"""The two kinds of failure a person sees, and the exit codes they end with."""


class EmailAuditError(Exception):
    """A failure with one clear message for the person at the keyboard, never a traceback."""

    exit_code = 1


class UserError(EmailAuditError):
    """Bad usage or bad input: names the file, line or field, the value seen, and the cure."""

    exit_code = 2


class RunError(EmailAuditError):
    """The work could not be finished: says what was kept and how to go on."""

    exit_code = 1
