"""Hands documents to the worker process, and lives on when it dies."""

import atexit
import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from email_audit.documents.limits import DocumentLimits
from email_audit.documents.worker import (
    GRACE_SECONDS,
    MEMORY_EXIT,
    config,
    read_answer,
    request_bytes,
)
from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus

_PACKAGES = str(Path(__file__).resolve().parents[2])
_LINE_BYTES = 64


class _WorkerDiedError(Exception):
    """The worker ended without an answer; says how."""


class _WorkerSlowError(_WorkerDiedError):
    """The worker took too long and was killed."""


@dataclass(slots=True)
class _Worker:
    process: "subprocess.Popen[bytes]"
    exchange: IO[bytes]
    owner: int
    served: int = 0


class DocumentWorker:
    """A worker process that is started when first needed, reused, and replaced when it dies."""

    def __init__(self, limits: DocumentLimits) -> None:
        self.limits = limits
        self._worker: _Worker | None = None
        self._lock = threading.Lock()
        atexit.register(self.close)

    def read(self, data: bytes, content_type: str, filename: str) -> Extracted:
        """Give the text of a document; what kills the worker is `failed` with how it died."""
        with self._lock:
            try:
                worker = self._running()
                try:
                    return self._ask(worker, data, content_type, filename)
                except _WorkerSlowError:
                    raise
                except _WorkerDiedError:
                    if worker.served == 0:
                        raise
                # Those before it may have left too little memory: a document is judged alone.
                return self._ask(self._running(), data, content_type, filename)
            except _WorkerDiedError as error:
                return Extracted(AttachmentStatus.FAILED, str(error))

    def close(self) -> None:
        """End the worker."""
        worker, self._worker = self._worker, None
        if worker is None or worker.owner != os.getpid():
            return
        _kill(worker)

    @property
    def process_id(self) -> int | None:
        """The worker's process id, None where none runs."""
        return None if self._worker is None else self._worker.process.pid

    def _running(self) -> _Worker:
        worker = self._worker
        if worker is not None and worker.owner == os.getpid() and worker.process.poll() is None:
            return worker
        # A worker of the process that this one was forked from is not ours to talk to.
        self.close()
        self._worker = self._started()
        return self._worker

    def _started(self) -> _Worker:
        exchange = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        descriptor = exchange.fileno()
        path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH", ""))))
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "email_audit.documents.worker", config(self.limits, descriptor)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=(descriptor,),
            start_new_session=True,
        )
        return _Worker(process, exchange, os.getpid())

    def _ask(self, worker: _Worker, data: bytes, content_type: str, filename: str) -> Extracted:
        try:
            answer = self._exchange(worker, request_bytes(data, content_type, filename))
            extracted = read_answer(answer)
        except (ValueError, KeyError, OSError) as error:
            self.close()
            raise _WorkerDiedError("the reader gave no answer") from error
        except _WorkerDiedError:
            self.close()
            raise
        worker.served += 1
        return extracted

    def _exchange(self, worker: _Worker, request: bytes) -> bytes:
        exchange, process = worker.exchange, worker.process
        if process.stdin is None or process.stdout is None:  # both are pipes, see _started
            raise OSError("no pipes")
        exchange.seek(0)
        exchange.truncate()
        exchange.write(request)
        exchange.flush()
        try:
            process.stdin.write(b"%d\n" % len(request))
        except BrokenPipeError:
            raise _WorkerDiedError(_how_it_ended(worker)) from None
        # Both wait: the worker for its own alarm, this side in case even that does not come.
        most = self.limits.seconds + 2 * GRACE_SECONDS
        until = time.monotonic() + most
        while True:
            line = self._line(worker, process.stdout, until)
            if line == b"progress\n":
                until = time.monotonic() + most + self.limits.ocr_seconds
                continue
            exchange.seek(0)
            answer = exchange.read(int(line))
            exchange.truncate(0)
            return answer

    def _line(self, worker: _Worker, answers: IO[bytes], until: float) -> bytes:
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        line = b""
        while not line.endswith(b"\n"):
            milliseconds = max(until - time.monotonic(), 0) * 1000
            if not poll.poll(milliseconds):
                raise _WorkerSlowError(self._too_slow())
            byte = answers.read(1)
            if not byte:
                ended = _how_it_ended(worker)
                if worker.process.returncode == -signal.SIGALRM:
                    raise _WorkerSlowError(self._too_slow())
                raise _WorkerDiedError(ended)
            line += byte
            if len(line) > _LINE_BYTES:
                raise _WorkerDiedError("the reader gave no answer")
        return line

    def _too_slow(self) -> str:
        return f"reading took longer than {self.limits.seconds} seconds"


def _how_it_ended(worker: _Worker) -> str:
    code = worker.process.wait()
    if code == MEMORY_EXIT:
        return "reading needs more memory than it may use"
    if code < 0:
        return f"the reader died ({signal.Signals(-code).name})"
    return f"the reader ended with exit code {code}"


def _kill(worker: _Worker) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    for stream in (worker.process.stdin, worker.process.stdout, worker.exchange):
        if stream is not None:
            stream.close()
