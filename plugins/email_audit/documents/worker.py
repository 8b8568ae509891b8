"""What the process that reads documents runs; `client.py` asks it.

A document may make a library crash, hang or take all memory: there that costs one process and
nothing else (see `isolation`).
"""

import os
import sys
from collections.abc import Iterator
from functools import lru_cache

from email_audit.documents import ocr
from email_audit.documents.limits import DocumentLimits
from email_audit.documents.reading import Work
from email_audit.documents.registry import read_document
from email_audit.isolation.child import more_time
from email_audit.messages.extraction import Extracted

_REFUSED = frozenset({"os.system", "os.exec", "os.spawn", "os.posix_spawn"})


def read(
    data: bytes, content_type: str, filename: str, limits: DocumentLimits
) -> Iterator[Extracted]:
    """Give the text of one document; each page of text recognition has time of its own."""
    _prepare(limits.ocr_languages)
    yield read_document(
        data, content_type, filename, Work(limits, lambda: more_time(limits.ocr_seconds))
    )


@lru_cache(maxsize=1)
def _prepare(ocr_languages: str) -> None:
    """Make this process, once, one that is fit for hostile bytes."""
    ocr.languages(ocr_languages)  # asks the program once, before programs are refused
    # Libraries print what they like, also words of the document.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    refuse_side_effects()
    more_time(0)  # the document's own time begins here


def refuse_side_effects() -> None:
    """Make every socket, and every program but tesseract, an error: documents get no such thing."""
    allowed = ocr.tesseract()

    def guard(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith("socket.") or event in _REFUSED:
            raise PermissionError(f"a reader of documents may not use {event}")
        if event == "subprocess.Popen" and arguments[0] != allowed:
            raise PermissionError("a reader of documents may not start programs")

    sys.addaudithook(guard)
