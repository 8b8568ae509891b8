"""Real mail of the shared folder as bytes, and small messages written by hand."""

import gzip
import re
from pathlib import Path

from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.records import Message, Problem

_SEPARATOR = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\d{4}\r?\n")


def read(
    original: bytes, *, limits: ReadLimits | None = None, problems: tuple[Problem, ...] = ()
) -> Message:
    return parse_message(original, limits=limits or ReadLimits(), container_problems=problems)


def message(body: str, *headers: str) -> bytes:
    """A message of header lines and a body, as CRLF bytes."""
    lines = [*headers, "", *body.split("\n")]
    return "\r\n".join(lines).encode()


def codes(parsed: Message) -> set[str]:
    return {problem.code.value for problem in parsed.problems}


def eml_files(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "eml").rglob("*") if path.is_file())


def split_mbox(data: bytes) -> list[bytes]:
    """The messages of an mbox whose separators are all real, cut at them and nothing undone."""
    return [part for part in _SEPARATOR.split(data) if part.strip()]


def corpus(shared: Path, name: str) -> list[bytes]:
    return split_mbox(gzip.decompress((shared / "corpora" / name).read_bytes()))
