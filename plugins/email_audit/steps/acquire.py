"""Second step: copy an export into the evidence store, byte for byte, and say what it declares."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from email_audit import __version__
from email_audit.errors import RunError, UserError
from email_audit.evidence.store import Blob, hash_stream
from email_audit.exports import count_mail_files, mail_files
from email_audit.ledger import custody_log
from email_audit.ledger.live import is_synced
from email_audit.ledger.models import (
    AcquisitionRow,
    AcquisitionState,
    ChunkRow,
    ExtentRow,
    MemberRow,
)
from email_audit.sources.base import Extent
from email_audit.sources.registry import detect_source
from email_audit.steps.case import Case


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of the export as stored, and how it is to be read."""

    path: str
    blob: Blob
    modified_at: datetime
    format: str
    declared: int
    extents: tuple[Extent, ...]


def acquire(case: Case, acquisition_id: int) -> int:
    """Acquire an export, or check by its hashes that it is still the one acquired before.

    An export that changed since is acquired anew beside the old one, which stays. Returns the id
    of the acquisition that holds the export as it is now.

    Raises:
        RunError: where the export cannot be read or the store not written; the ledger says so.
    """
    with case.database.session() as session:
        if is_synced(session, acquisition_id):
            return acquisition_id  # `email-audit sync` has completed it
    if case.settings.mail is None:
        raise UserError("acquiring needs the mail folder (--mail)")
    with case.database.session() as session:
        row = session.get_one(AcquisitionRow, acquisition_id)
        path, state, known_sha256 = row.path, row.state, row.sha256
    export = case.settings.mail / path
    try:
        if state == AcquisitionState.ACQUIRED:
            current = _listing_sha256(_hashed(export)) if export.is_dir() else _hash(export)
            if current == known_sha256:
                return acquisition_id
            acquisition_id = _acquisition_of(case, acquisition_id, current)
            with case.database.session() as session:
                if session.get_one(AcquisitionRow, acquisition_id).state == state:
                    return acquisition_id
        case.store.discard_incoming(f"acquisition-{acquisition_id}")
        members = [_store(case, acquisition_id, *file) for file in mail_files(export)]
        if len(members) != count_mail_files(export):
            raise RunError(f"{export}: files came or went while it was copied; run again")
        _complete(case, acquisition_id, export, members)
    except (RunError, OSError) as error:
        reason = str(error) if isinstance(error, RunError) else _unreadable(export, error)
        _mark_failed(case, acquisition_id, reason)
        raise RunError(reason) from error
    return acquisition_id


class _SourceFile(io.RawIOBase):
    """A file of the export while it is copied: tells its own errors from those of the store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stream = path.open("rb")
        except OSError as error:
            raise RunError(_unreadable(path, error)) from error

    def read(self, size: int = -1) -> bytes:
        """Read like any stream; an error names the file."""
        try:
            return self._stream.read(size)
        except OSError as error:
            raise RunError(_unreadable(self._path, error)) from error

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()


def _unreadable(path: Path, error: OSError) -> str:
    return (
        f"{error.filename or path}: cannot be read: {error.strerror or error}. "
        "Mend the file or its permissions and run again"
    )


def _store(case: Case, acquisition_id: int, file: Path, relative: str) -> _Member:
    """Copy one file into the store and count what it declares, from the stored bytes."""
    before = file.stat()
    with _SourceFile(file) as stream:
        blob = case.store.put(cast("BinaryIO", stream), batch=f"acquisition-{acquisition_id}")
    after = file.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RunError(f"{file}: changed while it was copied; run again when it is at rest")
    settings = case.settings
    with case.store.open(blob.sha256) as stored:
        source = detect_source(stored, relative or file.name, case.reading)
        declared = source.declared(stored)
        extents = source.extents(
            stored, max_items=settings.chunk_items, max_bytes=settings.chunk_bytes
        )
        return _Member(
            path=relative,
            blob=blob,
            modified_at=datetime.fromtimestamp(before.st_mtime, UTC),
            format=source.name,
            declared=declared,
            extents=tuple(extents),
        )


def _complete(case: Case, acquisition_id: int, export: Path, members: list[_Member]) -> None:
    """Write everything about the acquisition in one transaction."""
    is_folder = export.is_dir()
    if is_folder:
        listing = listing_text((member.path, member.blob.sha256) for member in members)
        sha256 = case.store.put(
            io.BytesIO(listing.encode()), batch=f"acquisition-{acquisition_id}"
        ).sha256
    else:
        sha256 = members[0].blob.sha256
    size_bytes = sum(member.blob.size for member in members)
    declared = sum(member.declared for member in members)
    with case.database.session() as session:
        row = session.get_one(AcquisitionRow, acquisition_id)
        if row.state == AcquisitionState.ACQUIRED:
            return  # another worker was given the same export and finished first
        row.state, row.problem, row.sha256 = AcquisitionState.ACQUIRED, "", sha256
        row.size_bytes, row.declared, row.is_folder = size_bytes, declared, is_folder
        row.acquired_at = datetime.now(UTC)
        _write_members(session, case, acquisition_id, members)
        custody_log.record(
            session,
            actor=case.settings.actor,
            action="acquired",
            subject=sha256,
            details={
                "custodian": row.custodian,
                "path": row.path,
                "files": len(members),
                "bytes": size_bytes,
                "declared": declared,
                "tool": f"email-audit {__version__}",
            },
        )


def _write_members(
    session: Session, case: Case, acquisition_id: int, members: list[_Member]
) -> None:
    chunks = Chunks(session, case, acquisition_id)
    for ordinal, member in enumerate(members):
        row = MemberRow(
            acquisition_id=acquisition_id,
            ordinal=ordinal,
            path=member.path,
            sha256=member.blob.sha256,
            size_bytes=member.blob.size,
            modified_at=member.modified_at,
            format=member.format,
            declared=member.declared,
        )
        session.add(row)
        session.flush()
        for extent in member.extents:
            chunks.add(row.id, extent)


class Chunks:
    """Gather extents into chunks of about the size one task should read."""

    def __init__(self, session: Session, case: Case, acquisition_id: int) -> None:
        self._session = session
        self._settings = case.settings
        self._acquisition_id = acquisition_id
        self._chunk: ChunkRow | None = None
        self._count = self._items = self._bytes = 0

    def add(self, member_id: int, extent: Extent) -> None:
        """Put an extent into the current chunk, or begin the next one."""
        if (
            self._chunk is None
            or self._chunk.items + extent.items > self._settings.chunk_items
            or self._bytes >= self._settings.chunk_bytes
        ):
            self._chunk = ChunkRow(
                acquisition_id=self._acquisition_id, ordinal=self._count, items=0
            )
            self._session.add(self._chunk)
            self._session.flush()
            self._count, self._bytes = self._count + 1, 0
        self._session.add(
            ExtentRow(
                chunk_id=self._chunk.id,
                member_id=member_id,
                start=extent.start,
                stop=extent.stop,
                first_in_member=extent.first,
                first_in_acquisition=self._items,
                items=extent.items,
            )
        )
        self._chunk.items += extent.items
        self._items += extent.items
        self._bytes += extent.stop - extent.start


def _mark_failed(case: Case, acquisition_id: int, reason: str) -> None:
    with case.database.session() as session:
        row = session.get_one(AcquisitionRow, acquisition_id)
        if row.state == AcquisitionState.ACQUIRED or row.problem == reason:
            return
        row.state, row.problem = AcquisitionState.FAILED, reason
        custody_log.record(
            session,
            actor=case.settings.actor,
            action="acquisition_failed",
            subject=row.path,
            details={"custodian": row.custodian, "reason": reason},
        )


def _acquisition_of(case: Case, previous_id: int, sha256: str) -> int:
    """Give the acquisition of the same export with that content, planning a new one if needed."""
    with case.database.session() as session:
        previous = session.get_one(AcquisitionRow, previous_id)
        same_export = select(AcquisitionRow).where(
            AcquisitionRow.custodian == previous.custodian, AcquisitionRow.path == previous.path
        )
        known = session.scalars(same_export.where(AcquisitionRow.sha256 == sha256)).first()
        if known is None:
            known = session.scalars(
                same_export.where(AcquisitionRow.state != AcquisitionState.ACQUIRED)
            ).first()
        if known is None:
            known = AcquisitionRow(
                custodian=previous.custodian,
                custodian_order=previous.custodian_order,
                path=previous.path,
                state=AcquisitionState.PLANNED,
            )
            session.add(known)
            session.flush()
        return known.id


def _hash(path: Path) -> str:
    with _SourceFile(path) as stream:
        return hash_stream(cast("BinaryIO", stream)).sha256


def _hashed(export: Path) -> Iterator[tuple[str, str]]:
    for file, relative in mail_files(export):
        yield relative, _hash(file)


def _listing_sha256(hashed: Iterator[tuple[str, str]]) -> str:
    return hash_stream(io.BytesIO(listing_text(hashed).encode())).sha256


def listing_text(hashed: Iterator[tuple[str, str]]) -> str:
    """List a folder's files as `sha256sum` prints them, sorted by path."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(hashed))
