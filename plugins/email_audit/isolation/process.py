"""A child process that runs generators for this one and may die without taking it along.

    with IsolatedProcess(ProcessLimits(max_bytes=1 << 30, max_item_seconds=60)) as process:
        for result in process.stream(function, argument):
            ...

`function` must be importable by name in a fresh interpreter (no fork: threads and database
connections do not survive one) and gives an iterator; arguments and results are pickled. It is a
`subprocess`, not a `multiprocessing.Process`: those may not be started by daemonic workers, which
is what task runners and pools use. The child is started at the first call and kept for the next.

A child may have one of its own: it sets its bound of memory itself, whatever it was started with,
and each ends when the one above it is gone.
"""

import contextlib
import io
import os
import pickle
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, cast

from email_audit.errors import RunError
from email_audit.isolation.protocol import (
    HEADER,
    Failed,
    Finished,
    Interruption,
    More,
    ProcessLimits,
    Raised,
    Result,
    send,
)
from email_audit.messages.records import Problem, ProblemCode

_CHILD = "email_audit.isolation.child"
_BLOCK_BYTES = 1 << 20
_SHUTDOWN_SECONDS = 5
_START_SECONDS = 300

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class InterruptedReadError(Exception):
    """The child could not give the next result, and why."""

    def __init__(self, why: Interruption, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.why = why
        self.problem = problem


class _GoneError(Exception):
    """The child closed its end."""


class _LateError(Exception):
    """The child takes too long."""


class IsolatedProcess:
    """One child, started when needed and again after each death."""

    def __init__(self, limits: ProcessLimits) -> None:
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = -1
        self._lifeline = -1
        self._is_streaming = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return None if self._child is None else self._child.pid

    def stream(
        self,
        function: Callable[_Arguments, Iterator[_Result]],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> Iterator[_Result]:
        """Yield what `function(...)` yields in the child.

        Raises:
            InterruptedReadError: where the child died, took too long for one result, ran out of
                memory, or the generator raised anything else.
            EmailAuditError, OSError: as raised by the generator.
            RunError: where the child could not even begin; that is no item's fault.
        """
        if self._is_streaming:
            self.close()  # the results of an earlier call were not all taken
        child = self._started()
        self._is_streaming = True
        seconds = self._limits.max_item_seconds
        try:
            self._begin(child, (function, args, kwargs))
            while True:
                message = self._receive(child, seconds)
                seconds = self._limits.max_item_seconds
                match message:
                    case Result(value):
                        yield cast("_Result", value)
                    case More(more):
                        seconds += more
                    case Finished():
                        self._is_streaming = False
                        return
                    case Raised(error):
                        self._is_streaming = False
                        raise error
                    case Failed(why, problem):
                        self._is_streaming = False
                        raise InterruptedReadError(why, problem)
        except (_GoneError, BrokenPipeError):
            detail = f"the process that read it {self._end_of(child)}"
            problem = Problem(ProblemCode.READER_FAILED, detail)
            raise InterruptedReadError(Interruption.DIED, problem) from None
        except _LateError:
            self.close()
            detail = (
                f"reading took longer than {self._limits.max_item_seconds:g} seconds "
                "(EMAIL_AUDIT_MAX_ITEM_SECONDS)"
            )
            problem = Problem(ProblemCode.LIMITED, detail)
            raise InterruptedReadError(Interruption.LATE, problem) from None

    def close(self) -> None:
        """End the child and what it started, whatever they do."""
        child, self._child, self._is_streaming = self._child, None, False
        if child is None:
            return
        # After a fork this may be the copy of another process's child.
        if self._owner == os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # bytes for a child that is gone
                    pipe.close()
        os.close(self._lifeline)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None:
            if self._owner == os.getpid() and self._child.poll() is None:
                return self._child
            self.close()
        end, self._lifeline = os.pipe()
        try:
            self._child = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-m", _CHILD, str(end), str(self._limits.max_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(end,),
                start_new_session=True,  # with a group of its own, it ends with all it started
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "OPENBLAS_NUM_THREADS": "1",  # each thread takes address space
                },
            )
        finally:
            os.close(end)
        self._owner = os.getpid()
        return self._child

    def _begin(self, child: subprocess.Popen[bytes], call: object) -> None:
        assert child.stdin is not None
        try:
            send(child.stdin.fileno(), call)
            answer = self._receive(child, _START_SECONDS)
        except (_GoneError, BrokenPipeError):
            raise RunError(
                f"the process that reads mail {self._end_of(child)} before it began. "
                "Everything committed is kept; run again"
            ) from None
        except _LateError:
            self.close()
            raise RunError(
                f"the process that reads mail did not begin within {_START_SECONDS} seconds. "
                "Everything committed is kept; run again"
            ) from None
        if isinstance(answer, Failed):
            self._is_streaming = False
            raise InterruptedReadError(answer.why, answer.problem)

    def _receive(self, child: subprocess.Popen[bytes], seconds: float) -> object:
        deadline = time.monotonic() + seconds
        (length,) = HEADER.unpack(_read(child, HEADER.size, deadline))
        return pickle.loads(_read(child, length, deadline))  # noqa: S301 - from our own child

    def _end_of(self, child: subprocess.Popen[bytes]) -> str:
        """Say how the child ended, and clear it away."""
        try:
            code = child.wait(_SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL  # it closed its end but lives
        self.close()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name} (a crash, or no memory was left)"
        return f"ended with code {code}"


def memory_problem() -> Problem:
    """Say that an item needs more memory than a reader may use."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    detail = f"reading needs more memory than {limit} bytes (EMAIL_AUDIT_MAX_READER_BYTES)"
    return Problem(ProblemCode.LIMITED, detail)


def _read(child: subprocess.Popen[bytes], length: int, deadline: float) -> bytes:
    """Read exactly `length` bytes before the deadline."""
    assert child.stdout is not None
    descriptor = child.stdout.fileno()
    buffer = io.BytesIO()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while (missing := length - buffer.tell()) > 0:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise _LateError
            block = os.read(descriptor, min(missing, _BLOCK_BYTES))
            if not block:
                raise _GoneError
            buffer.write(block)
    return buffer.getvalue()
