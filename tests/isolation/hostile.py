"""What a child process may be asked to survive; imported by name in a fresh interpreter."""

import os
import signal
import sys
from collections.abc import Iterator

from email_audit.errors import RunError


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def pids() -> Iterator[int]:
    yield os.getpid()


def chatter() -> Iterator[str]:
    sys.stdout.write("not a result")
    sys.stdout.flush()
    yield "a result"


def dies_after(count: int, number: signal.Signals) -> Iterator[int]:
    yield from range(count)
    os.kill(os.getpid(), number)


def leaves_after(count: int) -> Iterator[int]:
    yield from range(count)
    os._exit(3)


def never_ends_after(count: int) -> Iterator[int]:
    yield from range(count)
    while True:
        pass


def eats_memory() -> Iterator[int]:
    yield 0
    hoard = []
    while True:
        hoard.append(bytes(64 << 20))


def fails() -> Iterator[int]:
    yield 0
    raise ZeroDivisionError("words of somebody's mail")


def cannot_go_on() -> Iterator[int]:
    yield 0
    raise RunError("the store is gone; run again")


def cannot_open() -> Iterator[int]:
    yield 0
    raise PermissionError(13, "Permission denied", "/somewhere")
