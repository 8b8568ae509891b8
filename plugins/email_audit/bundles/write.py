"""Writes a case bundle: a folder that anyone can read and check without this program."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from email_audit.bundles.folder import FolderInProgress, folder_appearing_at
from email_audit.bundles.pages import FileHashes, IndexRow, Pages
from email_audit.bundles.records import (
    BUNDLE_FORMAT,
    DEFINITION,
    BundleCase,
    BundleMessage,
    BundleSummary,
)
from email_audit.bundles.tables import (
    BYTE_ORDER_MARK,
    COPIES_COLUMNS,
    TIMELINE_COLUMNS,
    copy_rows,
    csv_line,
    timeline_row,
    utc,
)
from email_audit.bundles.verifier import MANIFEST, manifest_sha256, verify
from email_audit.errors import RunError
from email_audit.evidence.custody import GENESIS, CustodyEntry

_RESOURCES = files("email_audit.bundles")


def write_bundle(
    to: Path,
    case: BundleCase,
    messages: Iterable[BundleMessage],
    custody: Iterable[CustodyEntry],
) -> BundleSummary:
    """Write the bundle of a case, check it, and only then let it appear as the folder `to`.

    Messages come in ascending order of their numbers; one is held at a time, and the next one.
    Equal arguments give equal bytes.

    Raises:
        UserError: where `to` exists and is not an empty folder.
        RunError: where it cannot be written, or does not pass its own verification (for instance
            because the custody log given is broken); nothing is left at `to`.
    """
    with folder_appearing_at(to) as folder:
        rows, copies = _add_messages(folder, case, messages)
        entries, last_hash = _add_custody(folder, custody)
        folder.add("readable/index.html", Pages(case).index(rows, copies))
        folder.add("README.txt", _RESOURCES.joinpath("templates", "README.txt").read_bytes())
        folder.add("verify.py", _RESOURCES.joinpath("verifier.py").read_bytes())
        counts = {
            "messages": len(rows),
            "copies": copies,
            "custody_entries": entries,
            "files": len(folder.hashes) + 1,
        }
        folder.add("bundle.json", _record(case, counts, last_hash))
        file_count = len(folder.hashes)
        folder.add(MANIFEST, folder.manifest())
        findings = verify(folder.root)
        if findings:
            raise RunError(
                f"{to}: the bundle does not pass its own verification, so it was not written: "
                f"{findings[0]}" + (f" (and {len(findings) - 1} more)" if findings[1:] else "")
            )
        manifest = manifest_sha256(folder.root)
    return BundleSummary(to, len(rows), file_count, manifest)


def _add_messages(
    folder: FolderInProgress, case: BundleCase, messages: Iterable[BundleMessage]
) -> tuple[list[IndexRow], int]:
    pages, zone = Pages(case), ZoneInfo(case.time_zone)
    rows, copies = [], 0
    with ExitStack() as stack:
        timeline = stack.enter_context(folder.appending("timeline.csv"))
        copy_table = stack.enter_context(folder.appending("copies.csv"))
        timeline.append(BYTE_ORDER_MARK + csv_line(TIMELINE_COLUMNS))
        copy_table.append(BYTE_ORDER_MARK + csv_line(COPIES_COLUMNS))
        for previous, entry, following in _with_neighbours(messages):
            hashes = FileHashes(
                eml=folder.add(entry.eml_path, entry.original),
                source=folder.add(entry.source_path, entry.source_bytes),
            )
            folder.add(entry.page_path, pages.message(entry, hashes, previous, following))
            timeline.append(csv_line(timeline_row(entry, zone)))
            for copy_row in copy_rows(entry):
                copy_table.append(csv_line(copy_row))
            rows.append(pages.index_row(entry))
            copies += len(entry.copies)
    return rows, copies


def _with_neighbours(
    messages: Iterable[BundleMessage],
) -> Iterator[tuple[str | None, BundleMessage, str | None]]:
    """Yield each message between the labels of the one before and the one after it."""
    before: str | None = None
    current: BundleMessage | None = None
    for following in messages:
        if current is not None:
            if following.number <= current.number:
                raise ValueError(f"message {following.number} comes after {current.number}")
            yield before, current, following.label
            before = current.label
        current = following
    if current is not None:
        yield before, current, None


def _add_custody(folder: FolderInProgress, custody: Iterable[CustodyEntry]) -> tuple[int, str]:
    """Write the log, one JSON object a line; give the number of entries and the last hash."""
    entries, last_hash = 0, GENESIS
    with folder.appending("custody.jsonl") as log:
        for entry in custody:
            log.append(json.dumps(entry.as_json(), sort_keys=True).encode() + b"\n")
            entries, last_hash = entries + 1, entry.hash
    return entries, last_hash


def _record(case: BundleCase, counts: dict[str, int], custody_last_hash: str) -> bytes:
    record = {
        "format": BUNDLE_FORMAT,
        "case": case.name,
        "created_at": utc(case.created_at),
        "tool_version": case.tool_version,
        "model_version": case.model_version,
        "definition": DEFINITION,
        "scope": case.scope,
        "time_zone": case.time_zone,
        "officers": [
            {
                **asdict(officer),
                "assigned_from": officer.assigned_from and officer.assigned_from.isoformat(),
                "assigned_to": officer.assigned_to and officer.assigned_to.isoformat(),
            }
            for officer in case.officers
        ],
        "run_totals": asdict(case.totals),
        "counts": counts,
        "custody_last_hash": custody_last_hash,
    }
    return json.dumps(record, indent=2, ensure_ascii=True).encode() + b"\n"
