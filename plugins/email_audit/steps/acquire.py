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
from email_audit.archives.expand import ExportFile, FileRole
from email_audit.errors import RunError, UserError
from email_audit.evidence.store import Blob, EvidenceStore, hash_stream
from email_audit.exports import count_mail_files, mail_files
from email_audit.ledger import custody_log
from email_audit.ledger.live import is_synced
from email_audit.ledger.locks import Lock, take_lock
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
from email_audit.steps.members import archive_limits, export_members
from email_audit.steps.places import REFUSED_FORMAT


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A blob and the store that holds it."""

    store: EvidenceStore
    blob: Blob

    def open(self) -> BinaryIO:
        """Open the blob."""
        return self.store.open(self.blob.sha256)


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of the export as stored, and how it is to be read."""

    file: ExportFile[StoredContent]
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
        batch = f"acquisition-{acquisition_id}"
        files = [_store(case, batch, *file) for file in mail_files(export)]
        if len(files) != count_mail_files(export):
            raise RunError(f"{export}: files came or went while it was copied; run again")
        members = export_members(
            files,
            lambda stream: StoredContent(case.store, case.store.put(stream, batch=batch)),
            archive_limits(case.settings),
            max_message_bytes=case.settings.max_message_bytes,
        )
        _complete(
            case,
            acquisition_id,
            export,
            files,
            [_counted(case, file, export.name) for file in members],
        )
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


def _store(case: Case, batch: str, file: Path, relative: str) -> ExportFile[StoredContent]:
    """Copy one file into the store."""
    before = file.stat()
    with _SourceFile(file) as stream:
        blob = case.store.put(cast("BinaryIO", stream), batch=batch)
    after = file.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RunError(f"{file}: changed while it was copied; run again when it is at rest")
    return ExportFile(
        path=relative,
        content=StoredContent(case.store, blob),
        modified_at=datetime.fromtimestamp(before.st_mtime, UTC),
    )


def _counted(case: Case, file: ExportFile[StoredContent], name: str) -> _Member:
    """Find how a file is to be read and count what it declares, from the stored bytes.

    An archive declares nothing itself: its members do, and one that could not be taken out of it is
    one item.
    """
    if file.role is FileRole.ARCHIVE:
        return _Member(file, file.kind, 0, ())
    if file.role is FileRole.REFUSED:
        return _Member(file, REFUSED_FORMAT, 1, (Extent(0, 0, 0, 1),))
    settings = case.settings
    with file.content.open() as stored:
        source = detect_source(stored, file.path or name, case.reading)
        declared = source.declared(stored)
        extents = source.extents(
            stored, max_items=settings.chunk_items, max_bytes=settings.chunk_bytes
        )
        return _Member(file, source.name, declared, tuple(extents))


def _complete(
    case: Case,
    acquisition_id: int,
    export: Path,
    files: list[ExportFile[StoredContent]],
    members: list[_Member],
) -> None:
    """Write everything about the acquisition in one transaction.

    Its hash and size are those of the files that were handed over, not of what was in them.
    """
    is_folder = export.is_dir()
    if is_folder:
        listing = listing_text((file.path, file.content.blob.sha256) for file in files)
        sha256 = case.store.put(
            io.BytesIO(listing.encode()), batch=f"acquisition-{acquisition_id}"
        ).sha256
    else:
        sha256 = files[0].content.blob.sha256
    size_bytes = sum(file.content.blob.size for file in files)
    declared = sum(member.declared for member in members)
    with case.database.session() as session:
        row = session.get_one(AcquisitionRow, acquisition_id, with_for_update=True)
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
                "files": len(files),
                "members": len(members),
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
        file = member.file
        row = MemberRow(
            acquisition_id=acquisition_id,
            ordinal=ordinal,
            path=file.path,
            sha256=file.content.blob.sha256,
            size_bytes=file.content.blob.size,
            modified_at=file.modified_at,
            format=member.format,
            declared=member.declared,
            container_sha256=file.container and file.container.blob.sha256,
            problem_code=file.problem.code if file.problem else "",
            problem=file.problem.detail if file.problem else "",
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
        row = session.get_one(AcquisitionRow, acquisition_id, with_for_update=True)
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
        take_lock(session, Lock.REGISTRATION)
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
