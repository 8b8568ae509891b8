"""What is gathered while one document is read: its text, and what of it could not be read."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from email_audit.archives.bounded import Budget
from email_audit.documents.limits import DocumentLimits
from email_audit.messages.extraction import Extracted
from email_audit.messages.records import AttachmentStatus, Problem, ProblemCode

_MOST_NAMED = 20
_LONGEST_NAME = 120
_SOFT_SHARE = 0.8
# Where several things were not read, the record's status is the first of these.
_PRECEDENCE = (
    AttachmentStatus.ENCRYPTED,
    AttachmentStatus.FAILED,
    AttachmentStatus.TOO_LARGE,
    AttachmentStatus.NEEDS_OCR,
    AttachmentStatus.UNSUPPORTED,
)
_BY_PROBLEM = {
    ProblemCode.ENCRYPTED: AttachmentStatus.ENCRYPTED,
    ProblemCode.LIMITED: AttachmentStatus.TOO_LARGE,
    ProblemCode.TOO_LARGE: AttachmentStatus.TOO_LARGE,
    ProblemCode.UNSUPPORTED_FORMAT: AttachmentStatus.UNSUPPORTED,
}


class OutOfTime(Exception):  # noqa: N818 - an event, handled by the door all documents go through
    """Raised where the time for a document is nearly over, while its text can still be given."""


@dataclass(slots=True)
class Work:
    """What an outermost document and all that is nested in it share: limits and what is spent.

    `progress` is called before each page of text recognition, which has time of its own.
    """

    limits: DocumentLimits
    progress: Callable[[], None] = lambda: None
    budget: Budget = field(init=False)
    deadline: float = field(init=False)
    ocr_pages: int = field(default=0, init=False)
    seen: set[bytes] = field(default_factory=set, init=False)
    """Hashes of what was read inside: the same picture on every slide is read once."""
    chars: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self.limits.archive)
        self.deadline = time.monotonic() + _SOFT_SHARE * self.limits.seconds

    def check_time(self) -> None:
        """Stop while what was read can still be given.

        Raises:
            OutOfTime: where the time is nearly over.
        """
        if time.monotonic() > self.deadline:
            raise OutOfTime


class Reading:
    """The text of one document as it is found, and the gaps in it."""

    def __init__(self, work: Work, depth: int = 0) -> None:
        self.work = work
        self.depth = depth
        self._pieces: list[str] = []
        self._gaps: dict[AttachmentStatus, list[str]] = {}

    def add(self, text: str) -> None:
        """Take a stretch of text; what is over the limit is a gap."""
        text = text.strip("\n")
        if not text.strip():
            return
        left = self.work.limits.max_text_chars - self.work.chars
        if len(text) > left:
            most = self.work.limits.max_text_chars
            self.gap(AttachmentStatus.TOO_LARGE, f"its text is cut at {most} characters")
            text = text[: max(left, 0)]
        self.work.chars += len(text)
        if text:
            self._pieces.append(text)

    def gap(self, status: AttachmentStatus, reason: str) -> None:
        """Note that something was not read: a sentence without content."""
        reasons = self._gaps.setdefault(status, [])
        if reason not in reasons:
            reasons.append(reason)

    def problem(self, problem: Problem, name: str = "") -> None:
        """Note what an archive's reader says of a member."""
        status = _BY_PROBLEM.get(problem.code, AttachmentStatus.FAILED)
        self.gap(status, f"{_short(name)}: {problem.detail}" if name else problem.detail)

    def nested(self, data: bytes, content_type: str, name: str) -> None:
        """Read what is inside this document, under its name."""
        from email_audit.documents.registry import read_into

        child = Reading(self.work, self.depth + 1)
        if self.depth >= self.work.limits.archive.max_depth:
            child.gap(AttachmentStatus.TOO_LARGE, "it is nested too deep")
        elif len(data) > self.work.limits.max_bytes:
            child.gap(
                AttachmentStatus.TOO_LARGE,
                f"it has {len(data)} bytes, the limit is {self.work.limits.max_bytes}",
            )
        elif data and self._is_new(data):
            read_into(child, data, content_type, name)
        elif data:
            child.add("(the same content as before)")
        self.take(child.result(), name)

    def _is_new(self, data: bytes) -> bool:
        digest = hashlib.sha256(data).digest()
        if digest in self.work.seen:
            return False
        self.work.seen.add(digest)
        return True

    def take(self, extracted: Extracted, name: str) -> None:
        """Add the text of something inside under its name, and its gaps."""
        if extracted.text:
            # Its length is counted already.
            self._pieces.append(f"[{name}]\n{extracted.text}")
        if extracted.status not in {AttachmentStatus.OK, AttachmentStatus.EMPTY}:
            self.gap(extracted.status, f"{_short(name)}: {extracted.reason}")

    def result(self) -> Extracted:
        """Give the text and, where there are gaps, the status of the gravest and all reasons."""
        text = "\n\n".join(self._pieces)
        for status in _PRECEDENCE:
            if status in self._gaps:
                return Extracted(status, self._reasons(), text or None)
        if not text:
            return Extracted(AttachmentStatus.EMPTY, "it holds no text")
        return Extracted(AttachmentStatus.OK, "", text)

    def _reasons(self) -> str:
        told: list[str] = []
        for status in _PRECEDENCE:
            reasons = self._gaps.get(status, [])
            told += reasons[:_MOST_NAMED]
            if len(reasons) > _MOST_NAMED:
                told.append(f"and {len(reasons) - _MOST_NAMED} more that are {status}")
        return "; ".join(told)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
