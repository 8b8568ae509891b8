"""Bring an audit back: evidence first, the database last, then check and index."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from email_audit.backup.database import DatabaseCopier, copier_for
from email_audit.backup.manifest import (
    EVIDENCE_LIST,
    MANIFEST,
    PARTIAL,
    BackupManifest,
    file_sha256,
    read_manifest,
)
from email_audit.errors import RunError, UserError
from email_audit.evidence.store import Damage, EvidenceStore
from email_audit.ledger import custody_log
from email_audit.ledger.balance import balances, total
from email_audit.ledger.database import MIGRATIONS
from email_audit.settings import Settings
from email_audit.steps.case import open_case
from email_audit.steps.hits import undecided
from email_audit.steps.index import index_hits, not_indexed
from email_audit.steps.verify_evidence import verify_evidence

Progress = Callable[[str, int, int], None]
_BATCH = "restore"
_MARKER = "restoring.json"
"""Lies in a workspace that is being restored, and says from what."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored, and a sentence for everything that is not as it was.

    `unindexed` says why the search index was not written: the audit was in the middle of its work
    when the backup was made. None where it was.
    """

    backup: Path
    manifest: BackupManifest
    documents: int
    faults: tuple[str, ...]
    unindexed: str | None

    def as_json(self) -> dict[str, Any]:
        """Give the result as one JSON object."""
        return {
            "backup": str(self.backup),
            "documents": self.documents,
            "faults": list(self.faults),
            "unindexed": self.unindexed,
            **asdict(self.manifest),
        }


def restore_backup(source: Path, settings: Settings, *, progress: Progress) -> RestoreReport:
    """Restore the backup in the folder `source` to where `settings` say, which must be empty.

    `source` is a backup folder, of which the latest backup is taken, or one below its `backups/`.
    Every byte is hashed before it is written and, by the ledger's own verification, after. The
    database comes after that and as a whole, so that an audit whose evidence is not there yet
    cannot be opened. A restore that was interrupted, at whatever step, goes on when it is called
    again. The search index is derived: it is not in a backup but written anew.

    Raises:
        UserError: where there is no complete backup, or the target is not empty.
        RunError: where the backup's own files are damaged, or something cannot be written.
    """
    backup = _chosen(source)
    manifest = read_manifest(backup)
    copier = copier_for(settings.database)
    _require_fitting(backup, manifest, copier, settings)
    names = _evidence_list(backup)
    copies = EvidenceStore(str(backup.parent.parent / "evidence"))
    store = EvidenceStore(settings.evidence)
    with _marked(settings, file_sha256(backup / MANIFEST), copier, store):
        store.discard_incoming(_BATCH)
        damaged = []
        for done, name in enumerate(names, start=1):
            if isinstance(store.take(copies, name, batch=_BATCH), Damage):
                damaged.append(name)
            progress("restore", done, len(names))
        if copier.is_empty():  # it is restored as a whole: one that is there is complete
            copier.restore(backup / manifest.database_file)
        # Still within: without its check and its index a restore is not finished.
        return _checked(backup, manifest, settings, damaged)


def _checked(
    backup: Path, manifest: BackupManifest, settings: Settings, damaged: list[str]
) -> RestoreReport:
    """Upgrade the restored database, compare it with the backup's record, verify, and index."""
    faults = [f"evidence {name} is damaged in the backup too" for name in damaged]
    with open_case(settings, create=True) as case:
        with case.database.session() as session:
            ledger = total(balances(session)).as_contract()
            faults += _custody_faults(session, manifest)
        if ledger != manifest.ledger:
            faults.append(f"the ledger's totals are {ledger}, they were {manifest.ledger}")
        with case.database.session() as session:
            custody_log.record(
                session,
                actor=settings.actor,
                action="restored",
                subject=file_sha256(backup / MANIFEST),
                details={"made_at": manifest.made_at, "blobs": manifest.evidence_blobs},
            )
        faults += verify_evidence(case).faults
        documents, unindexed = 0, undecided(case)
        if unindexed is None:
            change = index_hits(case)
            documents = change.written + change.unchanged
            if missing := not_indexed(change):
                faults.append(missing)
    return RestoreReport(backup, manifest, documents, tuple(faults), unindexed)


def _custody_faults(session: Session, manifest: BackupManifest) -> list[str]:
    """Compare the entry that was the last at the backup; an earlier try may have added others."""
    seq = manifest.custody_entries
    if not seq:
        return []
    found = custody_log.entry(session, seq)
    if found is None:
        return [f"the custody log has no entry {seq}, with which it ended at the backup"]
    if found.hash != manifest.custody_last_hash:
        was = manifest.custody_last_hash
        return [f"entry {seq} of the custody log has hash {found.hash}, it had {was}"]
    return []


def _chosen(source: Path) -> Path:
    if (source / MANIFEST).is_file() and source.suffix != PARTIAL:
        return source.resolve()
    made = sorted(path for path in source.glob("backups/*") if path.suffix != PARTIAL)
    if not made:
        raise UserError(
            f"{source}: holds no complete backup; name a folder that `email-audit backup --to` "
            "finished, or one below its backups/"
        )
    return made[-1].resolve()


def _require_fitting(
    backup: Path, manifest: BackupManifest, copier: DatabaseCopier, settings: Settings
) -> None:
    """Check all that can be checked before anything is written."""
    if manifest.database_kind != copier.kind:
        raise UserError(
            f"{backup}: is the backup of a {manifest.database_kind} database, and the target is "
            f"{copier.kind}; set EMAIL_AUDIT_DATABASE_URL to an empty {manifest.database_kind} one"
        )
    copier.require_programs()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if manifest.schema not in known:
        raise UserError(
            f"{backup}: was made by {manifest.tool}, which is newer than this version; install "
            "that one or a later one"
        )
    for name, expected in (
        (manifest.database_file, manifest.database_sha256),
        (EVIDENCE_LIST, manifest.evidence_sha256),
    ):
        try:
            found = file_sha256(backup / name)
        except OSError as error:
            raise RunError(f"{backup / name}: cannot be read: {error.strerror or error}") from error
        if found != expected:
            raise RunError(
                f"{backup / name}: has SHA-256 {found}, it should be {expected}; use another "
                f"backup of {backup.parent}, or another copy of this one"
            )
    if (workspace := settings.workspace.resolve()) in (backup, *backup.parents):
        raise UserError(f"{settings.workspace}: holds the backup itself; restore to another folder")
    if backup.parent.parent == workspace or backup.parent.parent in workspace.parents:
        raise UserError(f"{settings.workspace}: lies in the backup; restore to another folder")


def _evidence_list(backup: Path) -> list[str]:
    with (backup / EVIDENCE_LIST).open(encoding="utf-8") as lines:
        return [line.split(" ", 1)[0] for line in lines]


@contextmanager
def _marked(
    settings: Settings, manifest_sha256: str, copier: DatabaseCopier, store: EvidenceStore
) -> Iterator[None]:
    """Refuse a target that is not empty, unless a restore of this very backup was interrupted."""
    marker = settings.workspace / _MARKER
    try:
        is_begun = json.loads(marker.read_text(encoding="utf-8")) == {"manifest": manifest_sha256}
    except (OSError, ValueError):
        is_begun = False
    full = [
        name
        for name, is_free in (
            (str(settings.workspace), is_begun or not _holds_files(settings)),
            ("the evidence store", is_begun or store.is_empty()),
            ("the case database", is_begun or copier.is_empty()),
        )
        if not is_free
    ]
    if full:
        raise UserError(
            f"{' and '.join(full)}: not empty; a backup is only restored to where nothing is. "
            "Name a new folder (--out), database and evidence store"
        )
    try:
        settings.workspace.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps({"manifest": manifest_sha256}), encoding="utf-8")
        yield
        marker.unlink()
    except OSError as error:
        raise RunError(
            f"{settings.workspace}: cannot be restored: {error.strerror or error}. What was "
            "restored is kept; mend the cause (disk space, permissions) and run again"
        ) from error


def _holds_files(settings: Settings) -> bool:
    """Say whether there is anything but folders, and bundles, which outlive an audit's workspace.

    A mounted volume may come with empty folders; the folder of bundles may be a mount of its own.
    """
    folder, bundles = settings.workspace, settings.bundles_folder
    try:
        return any(not path.is_dir() and bundles not in path.parents for path in folder.rglob("*"))
    except OSError as error:
        raise UserError(f"{folder}: cannot be looked into: {error.strerror or error}") from error
