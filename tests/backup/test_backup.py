"""A backup brings back the same audit, is checkable without us, and is whole or no backup."""

import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
from sqlalchemy import make_url, text

from email_audit.backup.database import copier_for
from email_audit.backup.make import BackupReport, make_backup
from email_audit.backup.manifest import file_sha256
from email_audit.backup.restore import RestoreReport, restore_backup
from email_audit.errors import RunError, UserError
from email_audit.evidence.store import EvidenceStore
from email_audit.ledger import custody_log
from email_audit.ledger.balance import balances
from email_audit.ledger.database import CaseDatabase
from email_audit.search.embedded import EmbeddedIndex
from email_audit.settings import Settings
from email_audit.steps.case import open_case
from email_audit.steps.resolve import resolve
from email_audit.steps.verify_evidence import verify_evidence
from tests.audits import Audit, audit_in, everything, mail, silent
from tests.backup.conftest import HIT, PASSWORD, make_audit, new_database


def back_up(settings: Settings, to: Path) -> BackupReport:
    with open_case(settings) as case:
        return make_backup(case, to, progress=silent)


def restore(source: Path, workspace: Path, **values: Any) -> RestoreReport:
    settings = Settings.create(workspace=workspace, actor="tester", **values)
    return restore_backup(source, settings, progress=silent)


def account(settings: Settings) -> dict[str, Any]:
    """Give all that must be the same: ledger, tags, index; not the custody log, which grows."""
    return {name: value for name, value in everything(settings).items() if name != "custody"}


def actions(settings: Settings) -> list[str]:
    with open_case(settings) as case, case.database.session() as session:
        return [entry.action for entry in custody_log.entries(session)]


def blob_files(store: Path) -> dict[str, Path]:
    return {path.name: path for path in (store / "sha256").rglob("*") if path.is_file()}


def test_a_restored_audit_is_the_audit(audit: Audit, tmp_path: Path) -> None:
    before = account(audit.settings())
    history = actions(audit.settings())
    report = back_up(audit.settings(), tmp_path / "backup")
    shutil.rmtree(audit.workspace)
    bundle = tmp_path / "restored" / "bundles" / "case-7" / "bundle.json"
    bundle.parent.mkdir(parents=True)  # a mounted folder, which a new workspace finds as it was
    bundle.write_text("{}")
    restored = restore(tmp_path / "backup", tmp_path / "restored")
    settings = Settings.create(workspace=tmp_path / "restored", actor="tester")
    assert restored.faults == ()
    assert account(settings) == before
    assert EmbeddedIndex(settings.index_folder).search("subject:detainer").total == 1
    assert actions(settings) == [*history, "restored", "evidence_verified"]
    with open_case(settings) as case:
        assert verify_evidence(case).faults == ()
    assert bundle.read_text() == "{}"
    assert report.manifest.ledger["hits"] + report.manifest.ledger["non_hits"] == 3


def test_an_audit_goes_on_where_it_was_restored(audit: Audit, tmp_path: Path) -> None:
    back_up(audit.settings(), tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    report = Audit(audit.folder).run(workspace=tmp_path / "restored")
    assert (report.messages_read, report.messages_tagged, report.index.written) == (0, 0, 0)


def test_an_audit_in_the_middle_of_its_work_is_restored_and_indexed_by_its_next_run(
    audit: Audit, tmp_path: Path
) -> None:
    before = account(audit.settings())
    with open_case(audit.settings()) as case:
        resolve(case, "another model")
    back_up(audit.settings(), tmp_path / "backup")
    restored = restore(tmp_path / "backup", tmp_path / "restored")
    assert (restored.faults, restored.documents) == ((), 0)
    assert "3 messages in scope wait" in str(restored.unindexed)
    Audit(audit.folder).run(workspace=tmp_path / "restored")
    assert account(Settings.create(workspace=tmp_path / "restored", actor="tester")) == before


def test_the_custody_log_says_that_a_backup_was_made(audit: Audit, tmp_path: Path) -> None:
    report = back_up(audit.settings(), tmp_path / "backup")
    with open_case(audit.settings()) as case, case.database.session() as session:
        *_, last = custody_log.entries(session)
    assert (last.action, last.subject) == ("backed_up", report.manifest_sha256)
    assert last.details["custody_last_hash"] == report.manifest.custody_last_hash


def test_a_backup_is_checked_with_sha256sum_alone(audit: Audit, tmp_path: Path) -> None:
    report = back_up(audit.settings(), tmp_path / "backup")
    check = ["sha256sum", "--check", "--strict", "evidence.sha256"]
    done = subprocess.run(check, cwd=report.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == report.manifest.evidence_blobs > 0


def test_the_second_backup_copies_only_what_is_new(audit: Audit, tmp_path: Path) -> None:
    first = back_up(audit.settings(), tmp_path / "backup")
    copies = blob_files(tmp_path / "backup" / "evidence")
    before = {name: path.stat().st_mtime_ns for name, path in copies.items()}
    with open_case(audit.settings()) as case:
        new = case.store.put(io.BytesIO(b"more"), batch="x").sha256
    second = back_up(audit.settings(), tmp_path / "backup")
    after = blob_files(tmp_path / "backup" / "evidence")
    assert set(after) == {*before, new}
    assert all(after[name].stat().st_mtime_ns == changed for name, changed in before.items())
    assert {first.folder, second.folder} == set((tmp_path / "backup/backups").iterdir())


def test_a_blob_that_rotted_in_the_backup_is_taken_again(audit: Audit, tmp_path: Path) -> None:
    back_up(audit.settings(), tmp_path / "backup")
    name, path = min(blob_files(tmp_path / "backup" / "evidence").items())
    path.chmod(0o600)
    path.write_bytes(b"rot")
    assert back_up(audit.settings(), tmp_path / "backup").manifest.damaged == ()
    assert list(EvidenceStore(str(tmp_path / "backup/evidence")).verify(iter([name]))) == []


def test_damage_in_the_audit_does_not_reach_a_blob_backed_up_before(
    audit: Audit, tmp_path: Path
) -> None:
    back_up(audit.settings(), tmp_path / "backup")
    path = min(blob_files(audit.workspace / "evidence").values())
    path.chmod(0o600)
    path.write_bytes(b"rot")
    assert back_up(audit.settings(), tmp_path / "backup").manifest.damaged == ()
    assert restore(tmp_path / "backup", tmp_path / "restored").faults == ()


def test_evidence_that_is_lost_is_named_and_the_rest_is_kept(audit: Audit, tmp_path: Path) -> None:
    lost, path = min(blob_files(audit.workspace / "evidence").items())
    path.chmod(0o600)
    path.write_bytes(b"rot")
    report = back_up(audit.settings(), tmp_path / "backup")
    assert report.manifest.damaged == (lost,)
    kept = blob_files(tmp_path / "backup" / "evidence")
    assert lost not in kept
    assert len(kept) == report.manifest.evidence_blobs > 0


def test_damage_in_the_backup_is_found_before_it_is_evidence(audit: Audit, tmp_path: Path) -> None:
    report = back_up(audit.settings(), tmp_path / "backup")
    spoilt = blob_files(tmp_path / "backup" / "evidence")
    with open_case(audit.settings()) as case, case.database.session() as session:
        hits = {line.sha256 for line in balances(session) if not line.hits}
    name = min(hits & set(spoilt))  # the index can be written without it
    spoilt[name].chmod(0o600)
    spoilt[name].write_bytes(b"rot")
    restored = restore(tmp_path / "backup", tmp_path / "restored")
    assert any(name in fault for fault in restored.faults)
    assert name not in blob_files(tmp_path / "restored" / "evidence")
    (report.folder / "case.sqlite3").write_bytes(b"rot")
    with pytest.raises(RunError, match=r"case\.sqlite3: has SHA-256"):
        restore(tmp_path / "backup", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("what", ["file", "evidence"])
def test_nothing_is_restored_over_what_is_there(audit: Audit, tmp_path: Path, what: str) -> None:
    back_up(audit.settings(), tmp_path / "backup")
    target = tmp_path / "restored"
    values = {}
    if what == "file":
        target.mkdir()
        (target / "letter.txt").write_text("keep me")
    else:
        EvidenceStore(str(tmp_path / "store")).put(io.BytesIO(b"other"), batch="1")
        values = {"evidence_url": str(tmp_path / "store")}
    with pytest.raises(UserError, match="not empty"):
        restore(tmp_path / "backup", target, **values)
    assert not (target / "case.db").exists()


def test_a_backup_among_the_audit_is_refused(audit: Audit, tmp_path: Path) -> None:
    for to in (audit.workspace, audit.workspace / "backup", audit.mail, audit.folder):
        with pytest.raises(UserError, match="would lie in"):
            back_up(audit.settings(), to)
    apart = tmp_path / "store"
    with pytest.raises(UserError, match="would lie in"):
        back_up(audit.settings(evidence_url=str(apart)), apart)


def test_what_is_no_backup_is_said_so(audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no complete backup"):
        restore(tmp_path / "empty", tmp_path / "restored")
    report = back_up(audit.settings(), tmp_path / "backup")
    record = report.folder / "backup.json"
    record.write_text(record.read_text().replace("email-audit backup 1", "email-audit backup 9"))
    with pytest.raises(UserError, match="no record of a backup that this version"):
        restore(tmp_path / "backup", tmp_path / "restored")


def test_a_backup_of_a_newer_version_is_refused(audit: Audit, tmp_path: Path) -> None:
    report = back_up(audit.settings(), tmp_path / "backup")
    record = report.folder / "backup.json"
    record.write_text(record.read_text().replace('"schema": "', '"schema": "9'))
    with pytest.raises(UserError, match="is newer than this version"):
        restore(tmp_path / "backup", tmp_path / "restored")


def killed(*arguments: object, after: str, call: int = 2) -> None:
    """Start the command and kill it when `after` is called in it for the `call`-th time."""
    script = (
        "import os, signal, sys\n"
        "from email_audit.evidence.store import EvidenceStore\n"
        "from email_audit.cli import cli\n"
        f"original, calls = EvidenceStore.{after}, []\n"
        "def counted(self, *arguments, **options):\n"
        "    calls.append(1)\n"
        f"    if len(calls) == {call}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return original(self, *arguments, **options)\n"
        f"EvidenceStore.{after} = counted\n"
        "cli.main(sys.argv[1:], standalone_mode=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_killed_backup_is_none_and_the_next_one_goes_on(audit: Audit, tmp_path: Path) -> None:
    killed("backup", "--out", audit.workspace, "--to", tmp_path / "backup", after="take")
    assert [path.suffix for path in (tmp_path / "backup/backups").iterdir()] == [".partial"]
    kept = blob_files(tmp_path / "backup" / "evidence")
    assert kept
    with pytest.raises(UserError, match="holds no complete backup"):
        restore(tmp_path / "backup", tmp_path / "restored")
    before = {path: path.stat().st_mtime_ns for path in kept.values()}
    report = back_up(audit.settings(), tmp_path / "backup")
    assert {path: path.stat().st_mtime_ns for path in kept.values()} == before
    assert list((tmp_path / "backup/backups").iterdir()) == [report.folder]
    assert restore(tmp_path / "backup", tmp_path / "restored").faults == ()


def test_a_killed_restore_is_no_audit_and_the_next_one_goes_on(
    audit: Audit, tmp_path: Path
) -> None:
    back_up(audit.settings(), tmp_path / "backup")
    target = tmp_path / "restored"
    killed("restore", tmp_path / "backup", "--out", target, after="take")
    assert blob_files(target / "evidence")
    with pytest.raises(UserError, match="holds no audit yet"):
        with open_case(Settings.create(workspace=target)):
            pass
    sqlite3.connect(target / "case.db").execute("PRAGMA journal_mode = WAL").close()
    back_up(audit.settings(), tmp_path / "second")
    with pytest.raises(UserError, match="not empty"):
        restore(tmp_path / "second", target)
    assert restore(tmp_path / "backup", target).faults == ()
    assert account(Settings.create(workspace=target)) == account(audit.settings())
    assert not (target / "restoring.json").exists()


def test_a_restore_killed_after_its_database_goes_on_too(audit: Audit, tmp_path: Path) -> None:
    back_up(audit.settings(), tmp_path / "backup")
    target = tmp_path / "restored"
    killed("restore", tmp_path / "backup", "--out", target, after="verify", call=1)
    settings = Settings.create(workspace=target)
    assert actions(settings)[-1] == "restored"  # the log has grown since the backup
    assert not settings.index_folder.exists()
    assert restore(tmp_path / "backup", target).faults == ()
    assert account(settings) == account(audit.settings())
    with pytest.raises(UserError, match="not empty"):
        restore(tmp_path / "backup", target)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM custody", "the custody log has no entry"),
        ("UPDATE custody SET hash = substr('0' || hash, 1, 64)", "of the custody log has hash"),
    ],
)
def test_a_custody_log_that_is_not_the_recorded_one_is_a_fault(
    audit: Audit, tmp_path: Path, change: str, fault: str
) -> None:
    report = back_up(audit.settings(), tmp_path / "backup")
    database, record = report.folder / "case.sqlite3", report.folder / "backup.json"
    with closing(sqlite3.connect(database, isolation_level=None)) as forged:
        for (trigger,) in forged.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'custody'"
        ).fetchall():
            forged.execute(f"DROP TRIGGER {trigger}")
        forged.execute(change)
    new = file_sha256(database)
    record.write_text(record.read_text().replace(report.manifest.database_sha256, new))
    faults = restore(tmp_path / "backup", tmp_path / "restored").faults
    assert any(fault in line for line in faults), faults


def test_a_backup_is_made_while_somebody_writes(audit: Audit, tmp_path: Path) -> None:
    with sqlite3.connect(audit.workspace / "case.db", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO state VALUES ('unfinished', '1')")
        copier_for(audit.settings().database).copy(tmp_path / "copy.sqlite3", lambda _session: None)
        writer.execute("ROLLBACK")
    writer.close()
    with sqlite3.connect(tmp_path / "copy.sqlite3") as copy:
        assert copy.execute("SELECT * FROM state WHERE name = 'unfinished'").fetchall() == []
    copy.close()


def test_evidence_in_object_storage_is_backed_up_and_restored(bucket: str, tmp_path: Path) -> None:
    audit = audit_in(tmp_path / "audit", P1="ann@city.example")
    audit.write("ann/hit.eml", HIT)
    audit.write("ann/lunch.eml", mail("lunch", "Pizza at noon?"))
    first, second = f"{bucket}/first", f"{bucket}/second"
    audit.run(evidence_url=first)
    before = account(audit.settings(evidence_url=first))
    back_up(audit.settings(evidence_url=first), tmp_path / "backup")
    restored = restore(tmp_path / "backup", tmp_path / "restored", evidence_url=second)
    assert restored.faults == ()
    settings = Settings.create(workspace=tmp_path / "restored", evidence_url=second)
    assert account(settings) == before
    assert not (tmp_path / "restored" / "evidence").exists()
    with pytest.raises(UserError, match="the evidence store: not empty"):
        restore(tmp_path / "backup", tmp_path / "again", evidence_url=second)


def test_an_audit_in_postgresql_is_backed_up_and_restored(postgresql: str, tmp_path: Path) -> None:
    if shutil.which("pg_dump") is None or shutil.which("pg_restore") is None:
        pytest.skip("PostgreSQL's pg_dump and pg_restore are not installed here")
    audit = make_audit(tmp_path / "audit")
    first = audit.settings(database_url=new_database(postgresql, "first"))
    audit.run(database_url=first.database_url)
    before = account(first)
    report = back_up(first, tmp_path / "backup")
    assert (report.manifest.database_kind, report.folder.joinpath("case.pgdump").is_file()) == (
        "postgresql",
        True,
    )
    second = new_database(postgresql, "second")
    restored = restore(tmp_path / "backup", tmp_path / "restored", database_url=second)
    assert restored.faults == ()
    settings = Settings.create(workspace=tmp_path / "restored", database_url=second)
    assert account(settings) == before
    database = CaseDatabase(second)
    with pytest.raises(RunError, match="append-only"), database.session() as session:
        session.execute(text("DELETE FROM custody"))
    database.close()
    with pytest.raises(UserError, match="the case database: not empty"):
        restore(tmp_path / "backup", tmp_path / "again", database_url=second)


def test_a_url_without_driver_and_with_passwords_at_its_end_is_as_good(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part that libpq knows may stand in the query; a password there is no less secret."""
    url = make_url(new_database(postgresql, "other_url"))
    query = {"password": str(url.password), "application_name": "audit", "sslpassword": PASSWORD}
    other = url._replace(drivername="postgresql", password=None).set(query=query)
    settings = audit_in(tmp_path / "audit", P1="ann@city.example").settings(
        database_url=other.render_as_string(hide_password=False)
    )
    with open_case(settings, create=True):
        pass
    back_up(settings, tmp_path / "backup")
    arguments = tmp_path / "bin" / "pg_dump"
    arguments.parent.mkdir()
    real = shutil.which("pg_dump")
    arguments.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/seen\ncat "$PGSERVICEFILE" >> {tmp_path}/handed\n'
        f'exec {real} "$@" --no-such\n'
    )
    arguments.chmod(0o755)
    monkeypatch.setenv("PATH", f"{arguments.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(RunError, match="pg_dump") as raised:
        back_up(settings, tmp_path / "backup")
    for shown in (str(raised.value), (tmp_path / "seen").read_text()):
        assert not any(PASSWORD in form for form in (shown, unquote(shown), unquote_plus(shown)))
    assert f"\nsslpassword={PASSWORD}\n" in (tmp_path / "handed").read_text()


@pytest.mark.parametrize(
    "query", ["sslpassword=a%0Ahost%3Devil", "sslpassword=a%20", "sslpassword=a&service=other"]
)
def test_a_keys_password_that_cannot_be_handed_on_is_refused(query: str) -> None:
    with pytest.raises(UserError, match="database_url: sslpassword"):
        copier_for(f"postgresql://audit@db.example/case?{query}")


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_client_programs_of_another_version_are_refused_before_anything_is_written(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    newer = tmp_path / "bin" / program
    newer.parent.mkdir()
    newer.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) 99.1 (Debian 99.1-1)'\n")
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{newer.parent}{os.pathsep}{os.environ['PATH']}")
    audit = audit_in(tmp_path / "audit", P1="ann@city.example")
    settings = audit.settings(database_url=new_database(postgresql, f"versions_{program}"))
    with open_case(settings, create=True):
        pass
    with pytest.raises(RunError, match=rf"PostgreSQL \d+, but {program} here is of version 99"):
        back_up(settings, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_backup_of_the_other_kind_of_database_is_refused(
    audit: Audit, postgresql: str, tmp_path: Path
) -> None:
    back_up(audit.settings(), tmp_path / "backup")
    with pytest.raises(UserError, match="is the backup of a sqlite database"):
        restore(
            tmp_path / "backup",
            tmp_path / "restored",
            database_url=new_database(postgresql, "other"),
        )


def test_a_server_that_is_not_there_is_one_message_without_the_password(
    audit: Audit, tmp_path: Path
) -> None:
    pytest.importorskip("psycopg")
    back_up(audit.settings(), tmp_path / "backup")
    record = next((tmp_path / "backup").glob("backups/*/backup.json"))
    record.write_text(record.read_text().replace('"sqlite"', '"postgresql"'))
    with pytest.raises(RunError) as raised:
        restore(
            tmp_path / "backup",
            tmp_path / "restored",
            database_url="postgresql+psycopg://audit:hush@127.0.0.1:1/case",
        )
    assert "hush" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)
