"""What a backup says of itself: backup.json, written last.

A backup folder holds one copy of every stored byte and any number of backups of the case database:

    evidence/sha256/ab/cd/abcd...      the blobs, each under its own SHA-256
    backups/20261126T024500.000000Z/
        case.sqlite3 or case.pgdump    the case database at that moment
        evidence.sha256                the blobs that belong to it; `sha256sum -c` reads it
        backup.json                    this record
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from email_audit.errors import UserError
from email_audit.evidence.store import hash_stream

FORMAT = "email-audit backup 1"
MANIFEST = "backup.json"
EVIDENCE_LIST = "evidence.sha256"
PARTIAL = ".partial"
"""Suffix of the folder of a backup that is being made; without it, it is complete."""


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """One backup. Sizes are bytes, `made_at` is UTC ISO 8601, hashes SHA-256 in hexadecimal.

    `schema` is the database's migration. `custody_entries` and `custody_last_hash` say how far the
    custody log reached, `ledger` is the last line of `email-audit ledger --json`. `damaged` names
    blobs that the ledger names and that no copy was left of.
    """

    made_at: str
    tool: str
    database_kind: str
    database_file: str
    database_sha256: str
    database_bytes: int
    schema: str
    evidence_sha256: str
    evidence_blobs: int
    evidence_bytes: int
    custody_entries: int
    custody_last_hash: str
    ledger: dict[str, Any]
    damaged: tuple[str, ...]

    def write(self, folder: Path) -> str:
        """Write backup.json; give its SHA-256."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2, sort_keys=True) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(folder: Path) -> BackupManifest:
    """Read the record of one backup.

    Raises:
        UserError: where it is not there or is none of this version's.
    """
    path = folder / MANIFEST
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.pop("format") != FORMAT:
            raise ValueError("another format")
        return BackupManifest(**record | {"damaged": tuple(record["damaged"])})
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: is no record of a backup that this version ({FORMAT}) can read"
        ) from error


def file_sha256(path: Path) -> str:
    """Hash a file, in constant memory."""
    with path.open("rb") as stream:
        return hash_stream(stream).sha256
