"""Exports that are archives: members in the ledger, evidence of both, and one way to read them."""

import base64
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from email_audit.ledger.balance import balances, total
from email_audit.ledger.exceptions import unread
from email_audit.ledger.models import AcquisitionRow, MemberRow
from email_audit.steps.acquire import acquire
from email_audit.steps.case import Case, open_case
from email_audit.steps.loose import read_loose, threads_of
from email_audit.steps.read import read_chunk, unread_chunks
from email_audit.steps.register import register
from email_audit.steps.verify_evidence import verify_evidence
from tests.audits import Audit, audit_in, fates, mail, mbox


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def tarred(files: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def take_in(audit: Audit, **values: Any) -> list[tuple[str, str, str]]:
    """Acquire and read everything; give (path, fate, reason) of every row."""
    with open_case(audit.settings(**values), create=True) as case:
        for id_ in register(case).acquisition_ids:
            acquire(case, id_)
        for chunk in unread_chunks(case):
            read_chunk(case, chunk)
        with case.database.session() as session:
            for line in balances(session):
                assert line.declared == line.found
        return [(path, fate, reason) for _, path, fate, reason in fates(case)]


def members(case: Case) -> list[tuple[str, str, int, bool]]:
    with case.database.session() as session:
        rows = session.scalars(select(MemberRow).order_by(MemberRow.ordinal))
        return [(r.path, r.format, r.declared, r.container_sha256 is not None) for r in rows]


def test_an_archive_and_what_is_in_it_are_both_evidence(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    inner = tarred({"Maildir/cur/1:2,S": mail("deep"), "Maildir/cur/2:2,S": mail("deeper")})
    outer = zipped({"mail/box": mbox(mail("a"), mail("b")), "more.tgz": inner})
    audit.write("ann.zip", outer)
    assert take_in(audit) == [
        ("mail/box / message 1", "pending", ""),
        ("mail/box / message 2", "pending", ""),
        ("more.tgz/Maildir/cur/1:2,S", "pending", ""),
        ("more.tgz/Maildir/cur/2:2,S", "pending", ""),
    ]
    with open_case(audit.settings()) as case:
        assert members(case) == [
            ("", "zip", 0, False),
            ("mail/box", "mbox", 2, True),
            ("more.tgz", "gzip", 0, True),
            ("more.tgz/Maildir/cur/1:2,S", "eml", 1, True),
            ("more.tgz/Maildir/cur/2:2,S", "eml", 1, True),
        ]
        check = verify_evidence(case)
        assert (check.blobs, check.faults) == (5, ())
        with case.database.session() as session:
            (row,) = session.scalars(select(AcquisitionRow))
            assert row.size_bytes == len(outer)


def test_in_a_folder_members_have_the_archives_path_before_theirs(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann")
    audit.write("ann/2024/a.zip", zipped({"x.eml": mail("x")}))
    audit.write("ann/b.eml", mail("b"))
    assert [path for path, _, _ in take_in(audit)] == ["2024/a.zip/x.eml", "b.eml"]


def test_running_again_takes_nothing_twice(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann.zip", zipped({"x.eml": mail("x")}))
    first = take_in(audit)
    assert take_in(audit) == first
    audit.write("ann.zip", zipped({"x.eml": mail("x"), "y.eml": mail("y")}))
    assert len(take_in(audit)) == 3  # the changed export beside the one acquired before


def test_what_cannot_be_taken_out_is_a_row_with_its_reason(tmp_path: Path, shared: Path) -> None:
    audit = audit_in(tmp_path, P1="ann")
    attachments = shared / "attachments"
    audit.write("ann/1.zip", (attachments / "tika__testZipEncrypted.zip").read_bytes())
    damaged = bytearray(zipped({"a.mbox": mbox(mail("one"), mail("two")), "b.eml": mail("b")}))
    damaged[damaged.index(b"Subject: two") + 10] ^= 1
    audit.write("ann/2.zip", bytes(damaged))
    take_in(audit)
    with open_case(audit.settings()) as case, case.database.session() as session:
        lines = [
            (line["path_in_source"], line["status"], line["reason"]) for line in unread(session)
        ]
    assert ("1.zip/encrypted.txt", "unreadable", "encrypted: it is encrypted") in lines
    rows = [(path, status) for path, status, _ in lines if path.startswith("2.zip")]
    assert rows == [
        ("2.zip/a.mbox / message 1", "partial"),
        ("2.zip/a.mbox / message 2", "partial"),
        ("2.zip/a.mbox", "unreadable"),
    ]
    assert all("CRC-32" in reason for path, _, reason in lines if path.startswith("2.zip"))


def test_limits_are_settings_and_what_they_cost_is_in_the_ledger(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann.zip", zipped({"a.zip": zipped({"b.eml": mail("b")}), "c.eml": mail("c")}))
    rows = take_in(audit, max_archive_depth=0)
    assert rows == [
        ("a.zip", "unreadable", "limited: archives are nested over 0 levels deep"),
        ("c.eml", "pending", ""),
    ]


def test_loose_reading_expands_as_an_audit_does(tmp_path: Path) -> None:
    file = tmp_path / "box.tgz"
    file.write_bytes(tarred({"in.zip": zipped({"a.mbox": mbox(mail("a"), mail("b"))})}))
    found = [
        (item.source, item.path_in_source, item.message.subject) for item in read_loose([file])
    ]
    assert found == [
        (str(file), "in.zip/a.mbox / message 1", "a"),
        (str(file), "in.zip/a.mbox / message 2", "b"),
    ]
    assert len(list(threads_of([file]))) == 2
    assert list(tmp_path.iterdir()) == [file]


def test_a_message_that_needs_more_memory_than_allowed_is_a_row_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    huge = mail(
        "scan",
        base64.encodebytes(bytes(60 << 20)).decode(),
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Transfer-Encoding": "base64",
        },
    )
    audit.write("ann.mbox", mbox(mail("one"), huge, mail("three")))
    rows = take_in(audit, max_reader_bytes=512 << 20)
    assert sorted(fate for _, fate, _ in rows) == ["pending", "pending", "unreadable"]
    (reason,) = (reason for _, fate, reason in rows if fate == "unreadable")
    assert reason.startswith("limited: reading needs more memory than 536870912 bytes")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_whole_run_over_an_archive_balances(tmp_path: Path, processes: int) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example", P2="bob@city.example")
    same = mail("same", message_id="<1@x>")
    audit.write("ann.zip", zipped({"x.eml": same, "secret/y.mbox": mbox(mail("y"))}))
    audit.write("bob.mbox", mbox(same))
    report = audit.run(processes=processes)
    totals = total(list(report.balances))
    assert (totals.declared, totals.found, totals.duplicates) == (3, 3, 1)
    assert totals.is_balanced
