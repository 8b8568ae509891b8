"""The child's side of `process.IsolatedProcess`: run what is asked for and stream the results."""

import gc
import io
import logging
import os
import pickle
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import cast

from email_audit.errors import EmailAuditError, failure_place
from email_audit.isolation.process import memory_problem
from email_audit.isolation.protocol import (
    HEADER,
    Begun,
    Failed,
    Finished,
    Interruption,
    More,
    Raised,
    Result,
    send,
)
from email_audit.messages.records import Problem, ProblemCode

_BLOCK_BYTES = 1 << 20

log = logging.getLogger(__name__)

Call = tuple[Callable[..., Iterator[object]], tuple[object, ...], dict[str, object]]


_results = -1
"""The descriptor that results go to."""


def main(lifeline: int, max_bytes: int) -> None:
    """Serve calls until the parent closes its end or is gone."""
    global _results
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    requests = os.fdopen(0, "rb", closefd=False)
    # Whatever prints must not be taken for a result.
    _results = os.dup(1)
    os.dup2(2, 1)
    _limit_memory(max_bytes)
    while True:
        try:
            request = _receive(requests)
        except MemoryError:
            send(_results, Failed(Interruption.MEMORY, memory_problem()))
            continue
        if request is None:
            return
        _serve(cast("Call", request))


def more_time(seconds: float) -> None:
    """Tell the parent that from now on the next result may take so much longer than usual."""
    send(_results, More(seconds))


def _serve(call: Call) -> None:
    function, args, kwargs = call
    send(_results, Begun())
    try:
        for value in function(*args, **kwargs):
            send(_results, Result(value))
        send(_results, Finished())
    except BrokenPipeError:
        raise
    except (EmailAuditError, OSError) as error:
        # Not the item's fault: the store or the file cannot be read.
        send(_results, Raised(error))
    except MemoryError:
        # The traceback holds on to what filled the memory.
        gc.collect()
        send(_results, Failed(Interruption.MEMORY, memory_problem()))
    except Exception as error:  # noqa: BLE001 - the boundary that makes it a row
        log.warning("reader failed: %s", failure_place(error))
        detail = f"the reader failed with {type(error).__name__}; please report it"
        send(_results, Failed(Interruption.FAILED, Problem(ProblemCode.READER_FAILED, detail)))


def _limit_memory(max_bytes: int) -> None:
    """Bound the address space: an allocation beyond it fails, and that is a MemoryError.

    The hard limit stays, for a process that this one starts may be given more.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = max_bytes if hard == resource.RLIM_INFINITY else min(max_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    # A crash of a C library must not leave a mailbox on the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _receive(stream: io.BufferedReader) -> object:
    """Take a request, None after the last.

    Raises:
        MemoryError: where there is no room for it; it is taken all the same.
    """
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    try:
        request = bytearray(length)
    except MemoryError:
        while length > 0 and (skipped := stream.read(min(length, _BLOCK_BYTES))):
            length -= len(skipped)
        raise
    stream.readinto(request)
    return pickle.loads(request)  # noqa: S301 - from our own parent


def _end_with_parent(lifeline: int) -> None:
    """Leave when the parent is gone, also in the middle of an item."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)  # what it started too


if __name__ == "__main__":
    # By its own name: a reader that imports `more_time` must not get a second copy of this module.
    from email_audit.isolation import child

    child.main(int(sys.argv[1]), int(sys.argv[2]))
