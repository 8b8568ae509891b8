"""One worker for all tests of documents, and what needs text recognition."""

from collections.abc import Callable, Iterator

import pytest

from email_audit.documents import ocr
from email_audit.documents.client import DocumentWorker
from email_audit.documents.limits import DocumentLimits
from email_audit.messages.extraction import Extracted

Read = Callable[..., Extracted]


@pytest.fixture(scope="session")
def worker() -> Iterator[DocumentWorker]:
    found = DocumentWorker(DocumentLimits())
    yield found
    found.close()


@pytest.fixture
def read(worker: DocumentWorker) -> Read:
    """Read a document in the worker: `read(data, filename="", content_type=...)`."""

    def read_in_worker(
        data: bytes, filename: str = "", content_type: str = "application/octet-stream"
    ) -> Extracted:
        return worker.read(data, content_type, filename)

    return read_in_worker


@pytest.fixture
def tesseract() -> None:
    """Skip where no text recognition is installed."""
    if not ocr.languages("eng"):
        pytest.skip("tesseract with English is not installed (apt-get install tesseract-ocr)")
