"""What a process that reads mail runs: it hands documents to a process of its own."""

import os
import resource
from collections.abc import Iterator

from email_audit.documents.client import DocumentWorker
from email_audit.documents.limits import DocumentLimits
from email_audit.messages.extraction import Extracted
from tests.documents.files import ENDLESS


def read_one(limits: DocumentLimits) -> Iterator[tuple[Extracted, list[int]]]:
    """Give what was read, and how much memory this process and the one below it may have."""
    worker = DocumentWorker(limits)
    extracted = worker.read(b"all well", "text/plain", "x.txt")
    assert worker.process_id is not None
    processes = (os.getpid(), worker.process_id)
    yield extracted, [resource.prlimit(process, resource.RLIMIT_AS)[0] for process in processes]
    worker.close()


def read_without_end(limits: DocumentLimits) -> Iterator[int | None]:
    worker = DocumentWorker(limits)
    worker.read(b"x", "text/plain", "")
    yield worker.process_id
    worker.read(ENDLESS, "application/pdf", "endless.pdf")
