"""What a process that reads mail runs: it hands documents to a process of its own."""

from collections.abc import Iterator

from email_audit.documents.client import DocumentWorker
from email_audit.documents.limits import DocumentLimits
from email_audit.messages.extraction import Extracted
from tests.documents.files import ENDLESS


def read_one(limits: DocumentLimits) -> Iterator[tuple[Extracted, int | None]]:
    worker = DocumentWorker(limits)
    yield worker.read(b"all well", "text/plain", "x.txt"), worker.process_id
    worker.close()


def read_without_end(limits: DocumentLimits) -> Iterator[int | None]:
    worker = DocumentWorker(limits)
    worker.read(b"x", "text/plain", "")
    yield worker.process_id
    worker.read(ENDLESS, "application/pdf", "endless.pdf")
