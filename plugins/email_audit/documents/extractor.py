"""The reader of attachments that the steps use: the worker, and each result kept."""

import atexit
import hashlib
import json
import logging
from collections import OrderedDict
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from typing import Protocol

from email_audit.documents import ocr
from email_audit.documents.client import DocumentWorker
from email_audit.documents.kinds import HEAD, Kind, kind_of
from email_audit.documents.limits import DocumentLimits
from email_audit.errors import RunError
from email_audit.evidence.store import EvidenceStore
from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus

log = logging.getLogger(__name__)

_READERS = 2
"""Raised by hand when the readers here give other text than before."""
_LIBRARIES = ("pillow", "py7zr", "pypdfium2", "python-calamine")
_MOST_CHARS_IN_MEMORY = 32_000_000


@lru_cache(maxsize=8)
def extractor_version(limits: DocumentLimits) -> str:
    """Name everything that a document's text depends on: readers, libraries, tesseract, limits."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    recognition = "no text recognition"
    if names := ocr.languages(limits.ocr_languages):
        recognition = f"{ocr.tesseract_version()} ({names})"
    bounds = json.dumps(asdict(limits), sort_keys=True)
    return f"readers {_READERS}, {libraries}, {recognition}, {bounds}"


class Kept(Protocol):
    """Where results are kept, by a key that names content, kind and version."""

    def get(self, key: str) -> Extracted | None:
        """Give a kept result."""

    def put(self, key: str, extracted: Extracted) -> None:
        """Keep a result."""


class KeptInMemory:
    """Keeps the latest results, up to a total length of their texts."""

    def __init__(self, most_chars: int = _MOST_CHARS_IN_MEMORY) -> None:
        self._most_chars = most_chars
        self._chars = 0
        self._results: OrderedDict[str, Extracted] = OrderedDict()

    def get(self, key: str) -> Extracted | None:
        """Give a kept result."""
        found = self._results.get(key)
        if found is not None:
            self._results.move_to_end(key)
        return found

    def put(self, key: str, extracted: Extracted) -> None:
        """Keep a result; the oldest make room."""
        self._results[key] = extracted
        self._chars += len(extracted.text or "")
        while self._chars > self._most_chars and self._results:
            _, gone = self._results.popitem(last=False)
            self._chars -= len(gone.text or "")


class KeptInStore:
    """Keeps results beside the evidence, for all steps and workers of a case.

    Failures are kept too: a later step must not read another text than the ledger speaks of.
    """

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store

    def get(self, key: str) -> Extracted | None:
        """Give a kept result; one that cannot be read counts as none."""
        data = self._store.derived(key)
        try:
            return None if data is None else _from_json(data)
        except (ValueError, KeyError):
            return None

    def put(self, key: str, extracted: Extracted) -> None:
        """Keep a result; where there is no room the document is read again later."""
        try:
            self._store.put_derived(key, _as_json(extracted))
        except RunError as error:
            log.warning("a document's text is not kept: %s", error)


def _as_json(extracted: Extracted) -> bytes:
    return json.dumps(asdict(extracted)).encode()


def _from_json(data: bytes) -> Extracted:
    told = json.loads(data)
    return Extracted(AttachmentStatus(told["status"]), str(told["reason"]), told["text"])


class DocumentExtractor:
    """Reads each document once: same content, kind and version give the kept result."""

    def __init__(self, worker: DocumentWorker, kept: Kept) -> None:
        self._worker = worker
        self._kept = kept

    def __call__(self, data: bytes, content_type: str, filename: str) -> Extracted:
        """Give the text of a document (see `TextExtractor`)."""
        kind = kind_of(data[:HEAD], content_type, filename)
        key = self._key(data, kind)
        extracted = self._kept.get(key)
        if extracted is None:
            extracted = self._worker.read(data, content_type, filename)
            self._kept.put(key, extracted)
        return extracted

    def _key(self, data: bytes, kind: Kind) -> str:
        told = hashlib.sha256(extractor_version(self._worker.limits).encode()).hexdigest()[:16]
        content = hashlib.sha256(data).hexdigest()
        return f"text/{told}/{content[:2]}/{content}-{kind}.json"


@lru_cache(maxsize=4)
def worker_of_process(limits: DocumentLimits) -> DocumentWorker:
    """Give this process's worker for these limits; it is started when the first document comes."""
    worker = DocumentWorker(limits)
    atexit.register(worker.close)
    return worker


@lru_cache(maxsize=4)
def loose_extractor(limits: DocumentLimits) -> DocumentExtractor:
    """Give the extractor for reading without an audit around it."""
    return DocumentExtractor(worker_of_process(limits), KeptInMemory())
