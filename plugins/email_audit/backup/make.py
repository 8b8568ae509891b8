"""Make a backup: the database first, then every stored byte that is not in it yet."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy.orm import Session

from email_audit import __version__
from email_audit.backup.database import copier_for
from email_audit.backup.manifest import (
    EVIDENCE_LIST,
    PARTIAL,
    BackupManifest,
    file_sha256,
)
from email_audit.errors import RunError, UserError
from email_audit.evidence.custody import GENESIS
from email_audit.evidence.store import Blob, EvidenceStore
from email_audit.ledger import custody_log
from email_audit.ledger.balance import balances, total
from email_audit.ledger.evidence_names import evidence_names
from email_audit.steps.case import Case

Progress = Callable[[str, int, int], None]
_BATCH = "backup"


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A complete backup: its folder, the SHA-256 of its backup.json, and that record."""

    folder: Path
    manifest_sha256: str
    manifest: BackupManifest

    def as_json(self) -> dict[str, Any]:
        """Give the result as one JSON object."""
        return {
            "folder": str(self.folder),
            "manifest_sha256": self.manifest_sha256,
            **asdict(self.manifest),
        }


@dataclass(slots=True)
class _Facts:
    """What the copied state of the database says."""

    schema: str = ""
    names: set[str] = field(default_factory=set)
    custody_entries: int = 0
    custody_last_hash: str = GENESIS
    ledger: dict[str, Any] = field(default_factory=dict)

    def read(self, session: Session) -> None:
        context = MigrationContext.configure(session.connection())
        self.schema = context.get_current_revision() or ""
        self.names = set(evidence_names(session))
        if (last := custody_log.last_entry(session)) is not None:
            self.custody_entries, self.custody_last_hash = last.seq, last.hash
        self.ledger = total(balances(session)).as_contract()


def make_backup(case: Case, to: Path, *, progress: Progress) -> BackupReport:
    """Back the audit up into the folder `to`, which may hold earlier backups of it.

    The database is copied before the evidence: blobs are never changed or removed, so everything
    that the copied ledger names is there, whatever is added meanwhile. Blobs that `to` has already
    are hashed again, and taken anew where they are damaged. A backup counts once its folder has
    its final name; an interrupted one leaves blobs, which the next one need not copy. The custody
    log of the audit gets an entry with the hash of backup.json.

    Raises:
        UserError: where `to` is, lies in, or holds the audit's own folders.
        RunError: where something cannot be read or written, or another backup is being made there.
    """
    _require_apart(case, to)
    copier, facts = copier_for(case.settings.database), _Facts()
    copier.require_programs()
    copies = EvidenceStore(str(to.resolve() / "evidence"))
    with _only_one(to):
        for rest in to.glob(f"backups/*{PARTIAL}"):
            shutil.rmtree(rest)
        copies.discard_incoming(_BATCH)
        made_at = datetime.now(UTC)
        final = to / "backups" / made_at.strftime("%Y%m%dT%H%M%S.%fZ")
        folder = final.with_name(final.name + PARTIAL)
        folder.mkdir(parents=True)
        database = folder / copier.file
        copier.copy(database, facts.read)
        blobs, damaged = _copy_evidence(case, copies, facts.names, progress)
        evidence_list = folder / EVIDENCE_LIST
        with evidence_list.open("w", encoding="utf-8") as out:
            out.writelines(
                f"{blob.sha256}  ../../evidence/sha256/{blob.sha256[:2]}/{blob.sha256[2:4]}/"
                f"{blob.sha256}\n"
                for blob in blobs
            )
        manifest = BackupManifest(
            made_at=made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            tool=f"email-audit {__version__}",
            database_kind=copier.kind,
            database_file=copier.file,
            database_sha256=file_sha256(database),
            database_bytes=database.stat().st_size,
            schema=facts.schema,
            evidence_sha256=file_sha256(evidence_list),
            evidence_blobs=len(blobs),
            evidence_bytes=sum(blob.size for blob in blobs),
            custody_entries=facts.custody_entries,
            custody_last_hash=facts.custody_last_hash,
            ledger=facts.ledger,
            damaged=tuple(damaged),
        )
        manifest_sha256 = manifest.write(folder)
        _make_durable(folder)
        folder.rename(final)
        _make_durable(final.parent)
    with case.database.session() as session:
        custody_log.record(
            session,
            actor=case.settings.actor,
            action="backed_up",
            subject=manifest_sha256,
            details={
                "blobs": manifest.evidence_blobs,
                "bytes": manifest.evidence_bytes,
                "damaged": len(damaged),
                "custody_entries": manifest.custody_entries,
                "custody_last_hash": manifest.custody_last_hash,
            },
        )
    return BackupReport(final, manifest_sha256, manifest)


def _copy_evidence(
    case: Case, copies: EvidenceStore, named: set[str], progress: Progress
) -> tuple[list[Blob], list[str]]:
    """Take every blob of the store; give what is there, and what the ledger names in vain."""
    names = sorted(named.union(case.store.names()))
    blobs: list[Blob] = []
    damaged: list[str] = []
    for done, name in enumerate(names, start=1):
        taken = copies.take(case.store, name, batch=_BATCH)
        if isinstance(taken, Blob):
            blobs.append(taken)
        else:
            damaged.append(name)
        progress("backup", done, len(names))
    return blobs, damaged


def _require_apart(case: Case, to: Path) -> None:
    """Refuse a folder whose backup would hold itself, or that an audit would be lost with."""
    target = to.resolve()
    own = [case.settings.workspace.resolve()]
    if "://" not in case.settings.evidence:
        own.append(Path(case.settings.evidence).resolve())
    if case.settings.mail is not None:
        own.append(case.settings.mail.resolve())
    for folder in own:
        if target == folder or folder in target.parents or target in folder.parents:
            raise UserError(
                f"{to}: a backup there would lie in {folder} or hold it; name a folder apart from "
                "it, on another disk (--to)"
            )
    if to.exists() and not to.is_dir():
        raise UserError(f"{to}: is no folder (--to)")


@contextmanager
def _only_one(to: Path) -> Iterator[None]:
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (to / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(f"{to}: another backup is being made there") from error
            yield
    except OSError as error:
        raise RunError(
            f"{to}: the backup cannot be written: {error.strerror or error}. It is not complete; "
            "mend the cause (disk space, permissions) and run again, what was copied is kept"
        ) from error


def _make_durable(folder: Path) -> None:
    """Flush a folder and the files in it to the disk."""
    for path in (*filter(Path.is_file, folder.iterdir()), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
