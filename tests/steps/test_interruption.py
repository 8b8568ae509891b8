"""Killed, stopped or out of disk: nothing lost, and the next run ends where one would have."""

import base64
import hashlib
import io
import os
import random
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from email_audit.ledger.models import AcquisitionRow
from email_audit.settings import Settings
from email_audit.steps.case import open_case
from email_audit.steps.run import check_ledger
from email_audit.steps.verify_evidence import verify_evidence
from tests.audits import Audit, audit_in, everything, mail, mbox
from tests.servers.databases import Backend

pytestmark = pytest.mark.long

MESSAGES = 600
LARGE_BYTES = 3 << 20


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """An audit of two overlapping mailboxes and a folder, run without interruption."""
    audit = make_audit(tmp_path_factory.mktemp("undisturbed"))
    assert start(audit).wait() == 0
    return audit


def make_audit(folder: Path) -> Audit:
    audit = audit_in(folder, P1="ann@city.example", P2="bob@city.example", P3="cy@city.example")
    messages = [
        mail(
            f"case {n}",
            f"Text {n}. " + ("ICE detainer for him. " if n % 9 == 0 else ""),
            message_id=f"<{n}@x>",
        )
        for n in range(MESSAGES)
    ]
    large = mail(
        "scan",
        base64.encodebytes(bytes(LARGE_BYTES)).decode(),
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Transfer-Encoding": "base64",
            "Content-Disposition": "attachment",
        },
    )
    audit.write("ann.mbox", mbox(*messages[:400]))
    audit.write("bob.mbox", mbox(*messages[200:], large))
    for n in range(0, MESSAGES, 20):
        audit.write(f"cy/{n}.eml", messages[n])
    audit.write("cy/archive.zip", zipped({f"{n}.eml": messages[n] for n in range(0, MESSAGES, 2)}))
    for file in (path for path in audit.mail.rglob("*") if path.is_file()):
        os.utime(file, (0, 0))
    return audit


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def start(
    audit: Audit, *, limit_bytes: int | None = None, out: Path | None = None
) -> subprocess.Popen[str]:
    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "email_audit",
            "run",
            "--roster",
            str(audit.roster),
            "--mail",
            str(audit.mail),
            "--out",
            str(out or audit.workspace),
            "--processes",
            "2",
        ],
        env={
            **os.environ,
            "EMAIL_AUDIT_CHUNK_ITEMS": "40",
            "EMAIL_AUDIT_ACTOR": "tester",
            "EMAIL_AUDIT_DATABASE_URL": settings_of(audit).database_url,
            "EMAIL_AUDIT_EVIDENCE_URL": str(audit.workspace / "evidence"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit_files,
    )


def settings_of(audit: Audit) -> Settings:
    return audit.settings()


@pytest.mark.parametrize(
    ("backend", "seed"),
    [("sqlite", 0), ("sqlite", 1), ("sqlite", 2), ("postgresql", 0)],
    indirect=["backend"],
)
def test_killed_at_random_moments_and_run_again_the_result_is_the_same(
    undisturbed: Audit, tmp_path: Path, backend: Backend, seed: int
) -> None:
    audit = make_audit(tmp_path)
    moments = random.Random(seed)
    for _ in range(3):
        run = start(audit)
        try:
            run.wait(timeout=moments.uniform(0.2, 5.0))
        except subprocess.TimeoutExpired:
            run.kill()
        run.communicate()
    assert start(audit).wait() == 0
    assert everything(settings_of(audit)) == everything(settings_of(undisturbed))
    with open_case(settings_of(audit)) as case:
        check_ledger(case)
        assert verify_evidence(case).faults == ()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_two_machines_that_run_the_same_audit_at_once_do_no_harm(
    undisturbed: Audit, tmp_path: Path, backend: Backend
) -> None:
    audit = make_audit(tmp_path)
    for run in [start(audit, out=tmp_path / f"machine-{n}") for n in range(2)]:
        _, errors = run.communicate()
        assert "Traceback" not in errors
        assert run.returncode == 0 or "run again" in errors
    assert start(audit).wait() == 0
    finished, expected = everything(settings_of(audit)), everything(settings_of(undisturbed))
    finished.pop("custody"), expected.pop("custody")  # one may have met the other's files
    assert finished == expected
    with open_case(settings_of(audit)) as case:
        check_ledger(case)
        assert verify_evidence(case).faults == ()


def test_killed_while_an_archive_is_expanded_the_next_run_expands_it_whole(
    undisturbed: Audit, tmp_path: Path
) -> None:
    audit = make_audit(tmp_path)
    run = start(audit)
    # This file is only in the archive, near its beginning, and long before the ledger is written.
    with zipfile.ZipFile(audit.mail / "cy" / "archive.zip") as archive:
        first = hashlib.sha256(archive.read("2.eml")).hexdigest()
    kept = audit.workspace / "evidence" / "sha256" / first[:2] / first[2:4] / first
    while not kept.exists() and run.poll() is None:
        pass
    run.kill()
    run.communicate()
    with open_case(settings_of(audit)) as case, case.database.session() as session:
        states = {row.path: row.state for row in session.scalars(select(AcquisitionRow))}
    assert states["cy"] == "planned"
    assert start(audit).wait() == 0
    assert everything(settings_of(audit)) == everything(settings_of(undisturbed))


def test_a_run_that_is_told_to_stop_says_how_to_go_on(tmp_path: Path) -> None:
    audit = make_audit(tmp_path)
    run = start(audit)
    assert run.stderr is not None
    first_line = run.stderr.readline()
    run.send_signal(signal.SIGTERM)
    rest = run.stderr.read()
    assert "Acquiring exports" in first_line
    assert run.wait() == 1
    assert "stopped by a signal; everything committed is kept, run again to finish" in rest
    assert "Traceback" not in rest


def test_a_disk_that_fills_up_is_one_clear_message_and_the_next_run_completes(
    undisturbed: Audit, tmp_path: Path
) -> None:
    audit = make_audit(tmp_path)
    # One mailbox is larger than this, the new database is not.
    run = start(audit, limit_bytes=LARGE_BYTES)
    _, errors = run.communicate()
    assert run.returncode == 1
    assert "run again" in errors
    assert "Traceback" not in errors
    assert start(audit).wait() == 0
    finished = everything(settings_of(audit))
    expected = everything(settings_of(undisturbed))
    assert finished.pop("custody") != expected["custody"]  # it tells of the failed attempt
    assert finished == {name: value for name, value in expected.items() if name != "custody"}
