"""Repeats what may be repeated while a server is busy, restarting or out of reach: for a while."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from elastic_transport import ConnectionError as ServerConnectionError
from elastic_transport import ConnectionTimeout, SerializationError, TlsError
from elasticsearch import ApiError

from email_audit.errors import RunError
from email_audit.search.elasticsearch.connection import clear_errors

log = logging.getLogger(__name__)

TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Patience:
    """How long and how often a request is repeated; one object for all threads of a run.

    Waits double from `first_wait_s` to `longest_wait_s`, each cut by up to a half at random so
    that many clients do not come back at once. `limit_s` is the time from the first failure in a
    row after which the error is given to the caller. Each failure before that is logged at
    `log_level`. Setting `stopped` ends all waiting.
    """

    url: str
    limit_s: float = 300
    first_wait_s: float = 0.25
    longest_wait_s: float = 20
    log_level: int = logging.WARNING
    random: Random = field(default_factory=Random)
    stopped: threading.Event = field(default_factory=threading.Event)

    def call(self, what: str, action: Callable[[], _Result]) -> _Result:
        """Do `action`, again while its failure is one that passes. It must bear being repeated.

        Raises:
            RunError: where the failure does not pass, as `connection.clear_errors` says.
            UserError: where a setting is wrong.
        """
        waits = Waits(self, what)
        while True:
            try:
                with clear_errors(self.url):
                    return action()
            except RunError as error:
                if not is_transient(error.__cause__) or not waits.wait(str(error)):
                    raise


class Waits:
    """The failures in a row of one piece of work, which the log calls `what`."""

    def __init__(self, patience: Patience, what: str) -> None:
        self._patience = patience
        self._what = what
        self._failures = 0
        self._since = 0.0

    def wait(self, reason: str) -> bool:
        """Wait before the next attempt; say false where there should be none.

        `reason` is logged: it must hold no word of mail.
        """
        patience, now = self._patience, time.monotonic()
        if not self._failures:
            self._since = now
        if now - self._since > patience.limit_s or patience.stopped.is_set():
            return False
        longest = min(
            patience.longest_wait_s, patience.first_wait_s * 2.0 ** min(self._failures, 30)
        )
        wait_s = longest * (1 - patience.random.random() / 2)
        self._failures += 1
        log.log(
            patience.log_level,
            "%s: attempt %d failed, next in %.1f s: %s",
            self._what,
            self._failures,
            wait_s,
            reason,
        )
        return not patience.stopped.wait(wait_s)

    def progress(self) -> None:
        """Forget the failures: something was done."""
        self._failures = 0


def is_transient(error: BaseException | None) -> bool:
    """Say whether the same request may succeed later without anybody mending a setting."""
    if isinstance(error, TlsError):
        return False
    if isinstance(error, ServerConnectionError | ConnectionTimeout | SerializationError):
        return True
    return isinstance(error, ApiError) and error.meta.status in TRANSIENT_STATUSES
