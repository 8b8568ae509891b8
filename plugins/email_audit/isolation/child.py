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
from typing import BinaryIO, cast

from email_audit.errors import EmailAuditError
from email_audit.isolation.process import (
    HEADER,
    Begun,
    Finished,
    ProcessLimits,
    Raised,
    Result,
    Started,
    memory_problem,
)
from email_audit.messages.records import Problem, ProblemCode

log = logging.getLogger(__name__)

Call = tuple[Callable[..., Iterator[object]], tuple[object, ...], dict[str, object]]


def main(lifeline: int) -> None:
    """Serve calls until the parent closes its end or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when a run stops
    # SIGTERM of a whole process group must not leave us half-way with a traceback.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    requests = os.fdopen(0, "rb", closefd=False)
    # Whatever prints must not be taken for a result.
    results = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    started = cast("Started", _receive(requests))
    _limit_memory(started.limits)
    while (request := _receive(requests)) is not None:
        _serve(cast("Call", request), results)


def _serve(call: Call, results: BinaryIO) -> None:
    function, args, kwargs = call
    _send(results, Begun())
    try:
        for value in function(*args, **kwargs):
            _send(results, Result(value))
        _send(results, Finished())
    except BrokenPipeError:
        raise
    except (EmailAuditError, OSError) as error:
        # Not the item's fault: the store or the file cannot be read.
        _send(results, Raised(error))
    except MemoryError:
        # The traceback holds on to what filled the memory.
        gc.collect()
        _send(results, Raised(None, memory_problem()))
    except Exception as error:
        log.exception("reader failed")
        detail = f"the reader failed with {type(error).__name__}; please report it"
        _send(results, Raised(None, Problem(ProblemCode.READER_FAILED, detail)))


def _limit_memory(limits: ProcessLimits) -> None:
    """Bound the address space: an allocation beyond it fails, and that is a MemoryError."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = limits.max_bytes if hard == resource.RLIM_INFINITY else min(limits.max_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    # A crash of a C library must not leave a mailbox on the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _receive(stream: io.BufferedReader) -> object:
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    return pickle.loads(stream.read(length))  # noqa: S301 - from our own parent


def _send(stream: BinaryIO, message: object) -> None:
    data = pickle.dumps(message)
    rest = memoryview(HEADER.pack(len(data)) + data)
    while rest:
        rest = rest[stream.write(rest) :]


def _end_with_parent(lifeline: int) -> None:
    """Leave when the parent is gone, also in the middle of an item."""
    os.read(lifeline, 1)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
