"""The same file read by another reader, libpff, and where the two disagree.

libpff (LGPL) is an optional extra, `second-reader`. It runs as a process of its own: it has been
seen to crash on damaged files, and then the disagreement says so.
"""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import BinaryIO, cast

from email_audit.errors import UserError
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import AnsiText, MapiItem, MapiValue
from email_audit.messages.limits import ReadLimits
from email_audit.pst.file import PstFile, ReadMessage
from email_audit.pst.second_reader_process import NO_FILE, Line

_PROCESS = "email_audit.pst.second_reader_process"
_SECONDS_MAX = 3600
_PREFIX_MARK = "\x01"
Found = str | int | list[int | None] | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing the readers see differently: `ours` and `theirs` are numbers and hashes only.

    `what` is `only_ours`, `only_theirs`, `subject`, `header`, `attachment_bytes`, `unread` (how
    many items or folders' lists libpff says that it cannot read), `failed` (libpff as a whole), or
    `folder_count`: not libpff but the folder itself declares another number of messages than the
    node tree holds for it.
    """

    source: str
    path_in_source: str
    what: str
    ours: Found
    theirs: Found


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is compared of an item; None in `attachment_bytes` stands for what has no bytes."""

    path: str
    subject: str | None
    header: str | None
    attachment_bytes: list[int | None]


def require_second_reader() -> None:
    """Make sure that libpff is installed.

    Raises:
        UserError: where it is not.
    """
    if find_spec("pypff") is None:
        raise UserError(
            "--second-reader needs libpff: pip install 'email-audit[second-reader]' and run again"
        )


def disagreements(path: Path, *, max_item_bytes: int) -> Iterator[Disagreement]:
    """Read a PST or OST file with both readers and yield each difference, items by nid."""
    source = str(path)
    with path.open("rb") as blob:
        file = PstFile(
            cast("BinaryIO", blob),
            max_item_bytes=max_item_bytes,
            max_depth=ReadLimits().max_depth,
        )
        ours, per_folder = {}, Counter[int]()
        for node in file.messages():
            ours[node.nid] = _facts(file.read(node))
            per_folder[node.parent] += 1
        for nid, name, declared in file.folders.declared_counts():
            if declared != per_folder[nid]:
                yield Disagreement(source, name, "folder_count", per_folder[nid], declared)
    theirs, unread, failure = _read_apart(path)
    if failure:
        yield Disagreement(source, "", "failed", len(ours), failure)
        if not theirs:
            return
    if unread:
        yield Disagreement(source, "", "unread", 0, unread)
    for nid in sorted(ours.keys() | theirs.keys()):
        yield from _compare(source, nid, ours.get(nid), theirs.get(nid))


def _compare(
    source: str, nid: int, ours: _Facts | None, theirs: _Facts | None
) -> Iterator[Disagreement]:
    if ours is None or theirs is None:
        path, what = (f"#{nid:x}", "only_theirs") if ours is None else (ours.path, "only_ours")
        yield Disagreement(source, path, what, int(ours is not None), int(theirs is not None))
        return
    if ours.subject != theirs.subject:
        yield Disagreement(source, ours.path, "subject", ours.subject, theirs.subject)
    if ours.header != theirs.header:
        yield Disagreement(source, ours.path, "header", ours.header, theirs.header)
    if not _same_sizes(ours.attachment_bytes, theirs.attachment_bytes):
        yield Disagreement(
            source,
            ours.path,
            "attachment_bytes",
            ours.attachment_bytes,
            theirs.attachment_bytes,
        )


def _same_sizes(ours: list[int | None], theirs: list[int | None]) -> bool:
    """Compare sizes; an embedded item has none here, libpff gives that of its property table."""
    return len(ours) == len(theirs) and all(
        here is None or here == there for here, there in zip(ours, theirs, strict=True)
    )


def _facts(message: ReadMessage) -> _Facts:
    path = f"{message.folder} #{message.node.nid:x}"
    item = message.item or MapiItem({})
    subject = _text(item.properties.get(Tag.SUBJECT))
    if subject is not None and subject.startswith(_PREFIX_MARK):
        subject = subject[2:]
    header = _text(item.properties.get(Tag.TRANSPORT_MESSAGE_HEADERS))
    sizes = [None if part.data is None else len(part.data) for part in item.attachments]
    return _Facts(path, _digest(subject), _digest(header), sizes)


def _text(value: MapiValue | None) -> str | None:
    """Give text as libpff does without being told a code page."""
    if isinstance(value, AnsiText):
        return value.data.decode("cp1252", "replace")
    return value if isinstance(value, str) else None


def _digest(text: str | None) -> str | None:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() if text else None


def _read_apart(path: Path) -> tuple[dict[int, _Facts], int, str]:
    """Give what libpff finds by nid, how many items it could not read, and how it failed."""
    found: dict[int, _Facts] = {}
    unread, failure = 0, ""
    command = [sys.executable, "-m", _PROCESS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        watch = Timer(_SECONDS_MAX, process.kill)
        watch.start()
        for text in process.stdout or ():
            line = _parsed(text)
            if "nid" in line:
                found[line["nid"]] = _Facts(
                    "",
                    line["subject_sha256"],
                    line["header_sha256"],
                    line["attachment_bytes"],
                )
            elif line["error"] == NO_FILE:
                failure = "libpff cannot open the file"
            else:
                unread += 1
        watch.cancel()
    if process.returncode:
        failure = f"libpff's process ended with {process.returncode}"
    return found, unread, failure


def _parsed(text: str) -> Line:
    """Take a line apart; one that a crash cut off stands for an item that was not read."""
    try:
        line: Line = json.loads(text)
    except json.JSONDecodeError:
        return {"error": "an item"}
    return line
