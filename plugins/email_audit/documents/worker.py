"""The process that reads documents: `python -m email_audit.documents.worker LIMITS`.

A document may make a library crash, hang or take all memory; here that costs this process and
nothing else. `client.py` starts it, hands it documents and tells what became of them.

The client writes a request into a temporary file that both have open, and a line with its length
to standard input; the answer comes back the same way, its length on standard output. So no side
waits for the other to empty a pipe. A line `progress` asks for more time, before each page of text
recognition.
"""

import json
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import BinaryIO

from email_audit.archives.bounded import ArchiveLimits
from email_audit.documents import ocr
from email_audit.documents.limits import DocumentLimits
from email_audit.documents.reading import Work
from email_audit.documents.registry import read_document
from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus

GRACE_SECONDS = 2
"""How much longer than its limit a document may take before the process is killed."""

MEMORY_EXIT = 66
"""The exit code that says: the memory was not enough."""

_REFUSED = frozenset({"os.system", "os.exec", "os.spawn", "os.posix_spawn"})


def refuse_side_effects() -> None:
    """Make every socket, and every program but tesseract, an error: documents get no such thing."""
    allowed = ocr.tesseract()

    def guard(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith("socket.") or event in _REFUSED:
            raise PermissionError(f"a reader of documents may not use {event}")
        if event == "subprocess.Popen" and arguments[0] != allowed:
            raise PermissionError("a reader of documents may not start programs")

    sys.addaudithook(guard)


def request_bytes(data: bytes, content_type: str, filename: str) -> bytes:
    """Give a request: a line that describes the document, then its bytes."""
    told = {"content_type": content_type, "filename": filename}
    return json.dumps(told).encode() + b"\n" + data


def answer_bytes(extracted: Extracted) -> bytes:
    """Give an answer as JSON."""
    return json.dumps(asdict(extracted)).encode()


def read_answer(answer: bytes) -> Extracted:
    """Read an answer.

    Raises:
        ValueError: where it is none.
    """
    told = json.loads(answer)
    return Extracted(AttachmentStatus(told["status"]), str(told["reason"]), told["text"])


def config(limits: DocumentLimits, descriptor: int) -> str:
    """Give the worker's argument."""
    return json.dumps({"limits": asdict(limits), "descriptor": descriptor})


def main(argument: str) -> None:
    """Read documents until standard input ends."""
    told = json.loads(argument)
    archive = ArchiveLimits(**told["limits"].pop("archive"))
    limits = DocumentLimits(**told["limits"], archive=archive)
    # Libraries print what they like: the protocol's channel is not theirs.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    _limit(limits)
    requests: queue.SimpleQueue[int] = queue.SimpleQueue()
    threading.Thread(target=_take_requests, args=(requests,), daemon=True).start()
    while True:
        _serve(requests.get(), told["descriptor"], limits, answers)


def _limit(limits: DocumentLimits) -> None:
    ocr.languages(limits.ocr_languages)  # asks the program once, before programs are refused
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    refuse_side_effects()


def _take_requests(requests: "queue.SimpleQueue[int]") -> None:
    """Hand on requests; when the parent is gone, leave at once, whatever is being read."""
    for line in sys.stdin.buffer:
        requests.put(int(line))
    os.killpg(0, signal.SIGKILL)


def _serve(length: int, descriptor: int, limits: DocumentLimits, answers: BinaryIO) -> None:
    seconds = limits.seconds + GRACE_SECONDS

    def progress() -> None:
        signal.alarm(seconds + limits.ocr_seconds)
        answers.write(b"progress\n")

    # The default action ends the process even where a library never returns to Python.
    signal.alarm(seconds)
    try:
        extracted = _read(_whole(descriptor, length), limits, progress)
        answer = answer_bytes(extracted)
        os.ftruncate(descriptor, 0)
        _write(descriptor, answer)
    except MemoryError:
        # What was taken may never be given back: the client starts another process.
        os._exit(MEMORY_EXIT)
    signal.alarm(0)
    answers.write(b"%d\n" % len(answer))


def _read(request: bytes, limits: DocumentLimits, progress: Callable[[], None]) -> Extracted:
    line, _, data = request.partition(b"\n")
    told = json.loads(line)
    del request
    return read_document(data, told["content_type"], told["filename"], Work(limits, progress))


def _whole(descriptor: int, length: int) -> bytes:
    parts = []
    position = 0
    while position < length:
        part = os.pread(descriptor, min(length - position, 1 << 24), position)
        if not part:
            break
        parts.append(part)
        position += len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    position = 0
    view = memoryview(data)
    while position < len(view):
        position += os.pwrite(descriptor, view[position : position + (1 << 24)], position)


if __name__ == "__main__":
    main(sys.argv[1])
