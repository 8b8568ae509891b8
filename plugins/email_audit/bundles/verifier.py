"""Check a case bundle with nothing but the bundle and Python 3.8 or later.

This file is part of the e-mail audit program and is copied into every bundle as verify.py. It is
one file and imports only Python's standard library, so that a stranger can read all of it and run
it offline:

    python3 verify.py [FOLDER] [--expect SHA256]

It reads and compares; it never mends. What its answer proves and what not is in README.txt.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import json
import os
import re
import stat
import sys
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORMAT = "email-audit bundle 1"
MANIFEST = "manifest-sha256.txt"
RECORDS = (
    "README.txt",
    "bundle.json",
    "copies.csv",
    "custody.jsonl",
    "readable/index.html",
    "timeline.csv",
    "verify.py",
)

_GENESIS = "0" * 64
_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 1 << 24
_CELL_CHARACTERS = 1 << 30
_MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f\x7f]+)")
_PLAIN_ID = re.compile(r"<[!-;=?-\[\]-~]+>")
_ENCODED_ID = re.compile(rb"(?im)^message-id[ \t]*:(?:[^\n]|\n[ \t])*=\?")
_INDEX_ROW = re.compile(rb'<tr data-number="(\d+)">')
_MALFORMED = (OSError, ValueError, KeyError, RecursionError, csv.Error)


class Kind(str, Enum):  # noqa: UP042 - StrEnum came with Python 3.11
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    UNREADABLE = "unreadable"
    NOT_A_PLAIN_FILE = "not_a_plain_file"
    UNSAFE_PATH = "unsafe_path"
    BAD_MANIFEST_LINE = "bad_manifest_line"
    BAD_RECORD = "bad_record"
    CHAIN_BROKEN = "chain_broken"
    COUNT_MISMATCH = "count_mismatch"
    EML_MISMATCH = "eml_mismatch"


@dataclass(frozen=True)
class Finding:
    """One difference: what kind, in which file of the bundle, and a sentence about it."""

    kind: Kind
    path: str
    detail: str

    def __str__(self) -> str:
        """Give one line of printable ASCII, whatever characters a file name holds."""
        return ascii(f"{self.kind.value}: {self.path}: {self.detail}")[1:-1]


def verify(bundle: Path, expected_manifest: str | None = None) -> list[Finding]:
    """Find every difference between the bundle and what it says of itself.

    `expected_manifest` is the SHA-256 of the manifest as it was told outside the bundle.
    """
    present: dict[str, Path] = {}
    findings = list(_walk(bundle, "", present))
    if MANIFEST in present:
        if expected_manifest is not None:
            findings += _compare(present[MANIFEST], MANIFEST, expected_manifest.lower())
        listed: dict[str, str] = {}
        findings += _read_manifest(present[MANIFEST], listed)
        findings += _compare_files(listed, present)
    for path in (MANIFEST, *RECORDS):
        if path not in present:
            findings.append(Finding(Kind.MISSING, path, "belongs to every bundle"))
    if "bundle.json" in present:
        findings += _check_records(present)
    return findings


def manifest_sha256(bundle: Path) -> str:
    """Give the hash to compare with the one told outside the bundle.

    Raises:
        OSError: where there is no manifest to read.
    """
    return _sha256(bundle / MANIFEST)


def _walk(folder: Path, prefix: str, present: dict[str, Path]) -> Iterator[Finding]:
    """Enter each plain file by its path in the bundle; a link is never followed or opened."""
    try:
        with os.scandir(str(folder)) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Finding(Kind.UNREADABLE, prefix or ".", _reason(error))
        return
    if not entries:
        yield Finding(Kind.UNEXPECTED, prefix or ".", "is an empty folder")
    for entry in entries:
        path = prefix + entry.name
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(folder / entry.name, path + "/", present)
        elif stat.S_ISREG(mode):
            present[path] = folder / entry.name
        else:
            detail = "is a link or device; a bundle holds plain files and folders only"
            yield Finding(Kind.NOT_A_PLAIN_FILE, path, detail)


def _read_manifest(file: Path, listed: dict[str, str]) -> Iterator[Finding]:
    """Enter each listed path with its SHA-256; yield what is wrong with the lines themselves."""
    try:
        lines = file.read_bytes().decode("utf-8", "backslashreplace").split("\n")
    except OSError as error:
        yield Finding(Kind.UNREADABLE, MANIFEST, _reason(error))
        return
    if lines[-1]:
        yield Finding(Kind.BAD_MANIFEST_LINE, MANIFEST, "the last line is cut off")
    for number, line in enumerate(lines[:-1], 1):
        match = _MANIFEST_LINE.fullmatch(line)
        if match is None:
            detail = f"line {number} is not a SHA-256, two spaces and a path"
            yield Finding(Kind.BAD_MANIFEST_LINE, MANIFEST, detail)
            continue
        digest, path = match.groups()
        if not _is_inside(path):
            yield Finding(Kind.UNSAFE_PATH, path, f"manifest line {number} leads out of the bundle")
        elif path in listed:
            yield Finding(Kind.BAD_MANIFEST_LINE, MANIFEST, f"line {number} lists {path} again")
        else:
            listed[path] = digest


def _is_inside(path: str) -> bool:
    """Say whether a listed path stays in the bundle on every operating system."""
    parts = path.split("/")
    return not ({"", ".", ".."} & set(parts) or re.search(r"[\\:]", path))


def _compare_files(listed: dict[str, str], present: dict[str, Path]) -> Iterator[Finding]:
    for path in sorted(listed):
        if path in present:
            yield from _compare(present[path], path, listed[path])
        elif path not in RECORDS:
            yield Finding(Kind.MISSING, path, "is in the manifest but not in the bundle")
    for path in sorted(set(present) - set(listed) - {MANIFEST}):
        yield Finding(Kind.UNEXPECTED, path, "is in the bundle but not in the manifest")


def _compare(file: Path, path: str, expected: str) -> Iterator[Finding]:
    try:
        found = _sha256(file)
    except OSError as error:
        yield Finding(Kind.UNREADABLE, path, _reason(error))
        return
    if found != expected:
        yield Finding(Kind.CHANGED, path, f"SHA-256 should be {expected}, is {found}")


def _check_records(present: dict[str, Path]) -> Iterator[Finding]:
    """Check that the bundle's records agree with each other and with its files."""
    try:
        record = _json_object(present["bundle.json"].read_bytes())
        counts = _json_dict(record["counts"])
        last_hash = record["custody_last_hash"]
    except _MALFORMED as error:
        yield Finding(Kind.BAD_RECORD, "bundle.json", _reason(error))
        return
    if record.get("format") != FORMAT:
        yield Finding(Kind.BAD_RECORD, "bundle.json", f"the format is not {FORMAT!r}")
        return
    labels = _labels(present, r"originals/(\d{4,})\.eml")
    sources = _labels(present, r"originals/(\d{4,})\.source(?:\.[a-z0-9-]{1,20})?")
    pages = _labels(present, r"readable/(\d{4,})\.html")
    yield from _count("originals/*.eml", "messages", counts.get("messages"), len(labels))
    yield from _same_messages("originals/*.source*", labels, sources)
    yield from _same_messages("readable/*.html", labels, pages)
    files = len(present) - (MANIFEST in present)
    yield from _count(MANIFEST, "files", counts.get("files"), files)
    if "readable/index.html" in present:
        yield from _check_index(present["readable/index.html"], labels)
    if "timeline.csv" in present:
        yield from _check_timeline(present["timeline.csv"], labels, present)
    if "copies.csv" in present:
        yield from _check_copies(present["copies.csv"], labels, counts.get("copies"))
    if "custody.jsonl" in present:
        custody = present["custody.jsonl"]
        yield from _check_custody(custody, counts.get("custody_entries"), last_hash)


def _check_index(file: Path, labels: list[str]) -> Iterator[Finding]:
    try:
        with file.open("rb") as lines:
            found = [match.decode() for line in lines for match in _INDEX_ROW.findall(line)]
    except OSError as error:
        yield Finding(Kind.UNREADABLE, "readable/index.html", _reason(error))
        return
    yield from _same_messages("readable/index.html", labels, found)


def _check_timeline(file: Path, labels: list[str], present: dict[str, Path]) -> Iterator[Finding]:
    found = []
    try:
        for row in _table(file):
            label, eml = row["number"].zfill(4), row["eml"]
            found.append(label)
            if eml != f"originals/{label}.eml":
                detail = f"message {label} points to {eml}"
                yield Finding(Kind.EML_MISMATCH, "timeline.csv", detail)
            elif eml in present:
                yield from _check_identity(row["message_id"], row["mih"], eml, present[eml])
    except _MALFORMED as error:
        yield Finding(Kind.BAD_RECORD, "timeline.csv", _reason(error))
        return
    yield from _same_messages("timeline.csv", labels, found)


def _check_identity(message_id: str, mih: str, path: str, eml: Path) -> Iterator[Finding]:
    """Compare the Message-ID with its EDRM hash (MD5 of the id with its brackets) and its message.

    Only identifiers of printable ASCII are compared: the table writes others in another form.
    """
    if mih and not message_id:
        yield Finding(Kind.EML_MISMATCH, path, "timeline.csv has a MIH but no Message-ID")
    if not _PLAIN_ID.fullmatch(message_id):
        return
    if _md5(message_id.encode()) != mih:
        detail = f"the MIH in timeline.csv is not the MD5 of {message_id}"
        yield Finding(Kind.EML_MISMATCH, path, detail)
    with eml.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not _holds(head, message_id.encode()) and not _ENCODED_ID.search(head):
        detail = f"does not hold {message_id}, its Message-ID in timeline.csv"
        yield Finding(Kind.EML_MISMATCH, path, detail)


def _holds(head: bytes, message_id: bytes) -> bool:
    """Say whether the id is there: as it is, folded over lines, or in a message kept as UTF-16."""
    return message_id in head or message_id in b"".join(head.replace(b"\0", b"").split())


def _check_copies(file: Path, labels: list[str], expected: object) -> Iterator[Finding]:
    try:
        found = [row["number"].zfill(4) for row in _table(file)]
    except _MALFORMED as error:
        yield Finding(Kind.BAD_RECORD, "copies.csv", _reason(error))
        return
    yield from _count("copies.csv", "copies", expected, len(found))
    yield from _same_messages("copies.csv", labels, sorted(set(found)))


def _check_custody(file: Path, expected: object, last_hash: object) -> Iterator[Finding]:
    """Compute the custody log's hash chain again, entry by entry."""
    number, previous = 0, _GENESIS
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                entry = _json_object(line)
                stored = entry.pop("hash")
                if entry["seq"] != number:
                    yield _broken(number, f"has the number {entry['seq']!r}")
                if entry["previous_hash"] != previous:
                    yield _broken(number, "does not follow from the entry before it")
                if _canonical_hash(entry) != stored:
                    yield _broken(number, "was changed after it was written")
                previous = stored
    except _MALFORMED as error:
        yield _broken(number, _reason(error))
        return
    yield from _count("custody.jsonl", "custody entries", expected, number)
    if previous != last_hash:
        yield _broken(number, "is not the last entry that bundle.json names")


def _broken(number: int, detail: str) -> Finding:
    return Finding(Kind.CHAIN_BROKEN, "custody.jsonl", f"entry {number} {detail}")


def _canonical_hash(entry: dict[str, Any]) -> str:
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _labels(present: Iterable[str], pattern: str) -> list[str]:
    matches = (re.fullmatch(pattern, path) for path in present)
    return [match.group(1) for match in matches if match is not None]


def _count(path: str, what: str, expected: object, found: int) -> Iterator[Finding]:
    if expected != found:
        detail = f"bundle.json counts {expected!r} {what}, here are {found}"
        yield Finding(Kind.COUNT_MISMATCH, path, detail)


def _same_messages(path: str, expected: list[str], found: list[str]) -> Iterator[Finding]:
    """Compare the messages of a part with the originals: each once and none else."""
    want, have = Counter(expected), Counter(found)
    if want - have:
        detail = "lacks message " + ", ".join(sorted(want - have))
        yield Finding(Kind.COUNT_MISMATCH, path, detail)
    if have - want:
        detail = "has too many of message " + ", ".join(sorted(have - want))
        yield Finding(Kind.COUNT_MISMATCH, path, detail)


def _table(file: Path) -> Iterator[dict[str, str]]:
    limit_before = csv.field_size_limit(_CELL_CHARACTERS)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream, strict=True):
                if None in row or None in row.values():
                    raise ValueError("a row has more or fewer cells than the heading")
                yield row
    finally:
        csv.field_size_limit(limit_before)


def _json_object(data: bytes) -> dict[str, Any]:
    return _json_dict(
        json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    )


def _json_dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - bad data, not a bad argument
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key given twice: two programs could read two different records."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("has a JSON key twice")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"holds {name}, which is not JSON")


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


def _md5(data: bytes) -> str:
    """Hash as the EDRM standard does; a FIPS build of Python must be told it is no security."""
    try:
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    except TypeError:  # Python 3.8 does not know the argument
        return hashlib.md5(data).hexdigest()  # noqa: S324 - no security is asked of it


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    if isinstance(error, KeyError):
        return f"lacks the field {error}"
    return str(error)


def _hash_argument(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError("a SHA-256 has 64 hexadecimal digits")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the bundle named on the command line: 0 no difference, 1 differences, 2 bad usage."""
    parser = argparse.ArgumentParser(description="Check a case bundle of the e-mail audit.")
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(__file__).resolve().parent,
        help="the unpacked bundle (default: where this file lies)",
    )
    parser.add_argument(
        "--expect",
        metavar="SHA256",
        type=_hash_argument,
        help=f"what the SHA-256 of {MANIFEST} must be, from the report or letter",
    )
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{str(options.folder)!a} is not a folder; unpack the bundle first")
    findings = verify(options.folder, options.expect)
    out = sys.stdout
    for finding in findings:
        out.write(f"{finding}\n")
    with contextlib.suppress(OSError):
        out.write(f"SHA-256 of {MANIFEST}: {manifest_sha256(options.folder)}\n")
    out.write(f"{len(findings)} differences found\n" if findings else "no difference found\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
