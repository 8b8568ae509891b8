"""Runs a script of this folder, so that a user's mistake is one message and no traceback."""

import sys
from collections.abc import Callable

from email_audit.errors import EmailAuditError


def run(main: Callable[[], None]) -> None:
    """Call `main`; an error that names what to do goes to standard error, with its exit status."""
    try:
        main()
    except EmailAuditError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
