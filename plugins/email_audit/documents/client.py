"""Hands documents to the process that reads them, and lives on when it dies."""

import threading

from email_audit.documents.limits import DocumentLimits
from email_audit.documents.worker import read
from email_audit.errors import RunError
from email_audit.isolation.process import InterruptedReadError, IsolatedProcess
from email_audit.isolation.protocol import Interruption, ProcessLimits
from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus

_GRACE_SECONDS = 2
"""How much longer than its limit a document may take: until then its reader may give up itself."""


class DocumentWorker:
    """A process for documents that is started when first needed, reused, and replaced."""

    def __init__(self, limits: DocumentLimits) -> None:
        self.limits = limits
        self._process = IsolatedProcess(
            ProcessLimits(limits.memory_bytes, limits.seconds + _GRACE_SECONDS)
        )
        self._lock = threading.Lock()
        self._served = 0

    def read(self, data: bytes, content_type: str, filename: str) -> Extracted:
        """Give the text of a document; what ends the process is `failed` with the reason.

        Raises:
            RunError: where the process cannot even begin, whatever the document.
        """
        with self._lock:
            try:
                if self._served:
                    try:
                        return self._ask(data, content_type, filename)
                    except InterruptedReadError as error:
                        if error.why is Interruption.LATE:
                            raise
                    except RunError:
                        pass  # it was gone already
                # Those before it may have left too little memory: a document is judged alone.
                return self._ask(data, content_type, filename)
            except InterruptedReadError as error:
                return Extracted(AttachmentStatus.FAILED, self._reason(error))

    def close(self) -> None:
        """End the process."""
        self._process.close()
        self._served = 0

    @property
    def process_id(self) -> int | None:
        """The process's id, None where none runs."""
        return self._process.pid

    def _ask(self, data: bytes, content_type: str, filename: str) -> Extracted:
        try:
            (extracted,) = self._process.stream(read, data, content_type, filename, self.limits)
        except (InterruptedReadError, RunError):
            self.close()  # what was taken may never be given back
            raise
        self._served += 1
        return extracted

    def _reason(self, error: InterruptedReadError) -> str:
        """Say why there is no text, in terms of the limits of documents."""
        if error.why is Interruption.LATE:
            return f"reading took longer than {self.limits.seconds} seconds"
        if error.why is Interruption.MEMORY:
            return "reading needs more memory than it may use"
        return error.problem.detail
