"""What a child process may be asked to survive; imported by name in a fresh interpreter."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from email_audit.errors import RunError
from email_audit.isolation.child import more_time


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


def pids() -> Iterator[int]:
    yield os.getpid()


def length_of(data: bytes) -> Iterator[int]:
    yield len(data)


def takes_half_a_second(*, more: float) -> Iterator[int]:
    more_time(more)
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    yield 1


def starts_another() -> Iterator[int]:
    yield subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid


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
