"""The whole audit: accounted for, repeatable, and right about scope and duplicates."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from email_audit.errors import RunError, UserError
from email_audit.ledger.balance import balances, total
from email_audit.ledger.models import AcquisitionRow, ItemRow
from email_audit.settings import Settings
from email_audit.steps.acquire import acquire
from email_audit.steps.case import open_case
from email_audit.steps.hits import reused_message_ids
from email_audit.steps.register import register
from email_audit.steps.run import check_ledger, run_audit
from tests.audits import audit_in, everything, fates, mail, mbox, sample_settings, silent
from tests.servers.databases import SQLITE, Backend

pytestmark = [pytest.mark.usefixtures("backend"), pytest.mark.long]


@pytest.fixture(scope="session")
def sample(
    request: pytest.FixtureRequest,
    repository: Path,
    tmp_path_factory: pytest.TempPathFactory,
    backend: Backend,
) -> Settings:
    """The bundled sample, audited once on each back end for all tests that only look."""
    if backend is SQLITE:
        sampled: Settings = request.getfixturevalue("sampled")
        return sampled
    settings = sample_settings(repository, tmp_path_factory.mktemp("sample"), backend)
    run_audit(settings, processes=1, progress=silent)
    return settings


def test_the_sample_balances_and_every_copy_has_its_fate(sample: Settings) -> None:
    with open_case(sample) as case, case.database.session() as session:
        lines = balances(session)
    counts = {
        line.custodian: (line.declared, line.found, line.duplicates, line.out_of_scope)
        for line in lines
    }
    assert counts == {
        "P-1041": (59, 59, 0, 0),
        "P-1187": (48, 48, 14, 2),
        "P-1263": (54, 54, 16, 7),
        "P-1322": (54, 54, 14, 4),
        "P-1408": (66, 66, 32, 0),
    }
    assert all(line.is_balanced for line in lines)
    assert total(lines).unreadable == 0


def test_most_labelled_hits_of_the_sample_are_found(sample: Settings, repository: Path) -> None:
    labelled = [
        json.loads(line)
        for path in sorted((repository / "sample" / "messages").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    with open_case(sample) as case, case.database.session() as session:
        found = total(balances(session)).hits
    expected = sum(message["enforcement"] for message in labelled)
    assert expected / 2 <= found <= expected * 2


def test_running_again_changes_nothing(sample: Settings) -> None:
    before = everything(sample)
    report = run_audit(sample, processes=1, progress=silent)
    assert (report.messages_read, report.messages_tagged) == (0, 0)
    assert (report.index.written, report.index.removed) == (0, 0)
    assert everything(sample) == before


def test_several_processes_and_small_chunks_give_the_same_result(
    sample: Settings, backend: Backend, tmp_path: Path
) -> None:
    other = Settings.create(
        **sample.model_dump(exclude={"workspace", "chunk_items", "database_url"}),
        workspace=tmp_path,
        database_url=backend.url(tmp_path),
        chunk_items=7,
    )
    run_audit(other, processes=2, progress=silent)
    assert everything(other) == everything(sample)


def test_a_duplicate_is_counted_at_its_first_copy_in_order_of_the_roster(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P2="bob@city.example", P1="ann@city.example")
    same = mail("same", message_id="<1@x>")
    audit.write("ann.mbox", mbox(same, mail("other")))
    audit.write("bob.mbox", mbox(mail("third"), same, same))
    audit.run()
    with open_case(audit.settings()) as case:
        assert [(custodian, path, fate) for custodian, path, fate, _ in fates(case)] == [
            ("P1", "message 1", "duplicate"),
            ("P1", "message 2", "judged"),
            ("P2", "message 1", "judged"),
            ("P2", "message 2", "judged"),
            ("P2", "message 3", "duplicate"),
        ]


def test_scope_is_decided_for_each_copy_before_duplicates(tmp_path: Path) -> None:
    audit = audit_in(tmp_path)
    audit.write_roster(
        "P1,Ann,Det,ann@city.example,TF,HSI,2025-04-01,",
        "P2,Bob,Det,bob@city.example,TF,HSI,2025-01-01,2025-12-31",
    )
    same = mail("same", message_id="<1@x>")
    audit.write("ann.mbox", mbox(same))
    audit.write("bob.mbox", mbox(same))
    audit.run()
    with open_case(audit.settings()) as case:
        assert [(custodian, fate) for custodian, _, fate, _ in fates(case)] == [
            ("P1", "out_of_scope"),
            ("P2", "judged"),
        ]


@pytest.mark.parametrize(
    ("date", "in_scope"),
    [
        ("Sat, 01 Mar 2025 04:59:59 +0000", False),  # still February in New York
        ("Sat, 01 Mar 2025 05:00:00 +0000", True),
        ("Mon, 31 Mar 2025 23:59:59 -0400", True),
        ("Tue, 01 Apr 2025 00:00:00 -0400", False),
        (None, True),
        ("Thu, 03 Mar 2097 10:00:00 -0500", True),  # a date after the acquisition says nothing
        ("not a date", True),
    ],
)
def test_a_message_is_in_scope_on_the_days_of_the_assignment_in_the_rosters_zone(
    tmp_path: Path, date: str | None, in_scope: bool
) -> None:
    audit = audit_in(tmp_path)
    audit.write_roster("P1,Ann,Det,ann@city.example,TF,HSI,2025-03-01,2025-03-31")
    audit.write("ann.mbox", mbox(mail(date=date)))
    audit.run()
    with open_case(audit.settings()) as case:
        ((_, _, fate, _),) = fates(case)
    assert (fate == "judged") is in_scope


def test_another_roster_or_margin_decides_anew_without_reading_again(tmp_path: Path) -> None:
    audit = audit_in(tmp_path)
    audit.write_roster("P1,Ann,Det,ann@city.example,TF,HSI,2025-03-05,2025-03-31")
    audit.write("ann.mbox", mbox(mail(), mail("b", date="Thu, 06 Mar 2025 10:00:00 -0500")))
    assert total(list(audit.run().balances)).out_of_scope == 1
    report = audit.run(margin_days=2)
    assert (report.messages_read, total(list(report.balances)).out_of_scope) == (0, 0)
    audit.write_roster("P1,Ann,Det,ann@city.example,TF,HSI,2025-05-01,")
    assert total(list(audit.run().balances)).out_of_scope == 2


def test_equal_message_ids_with_different_content_are_kept_apart_and_reported(
    tmp_path: Path,
) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    bodies = ("See everybody at seven.", "See everybody at eight.")
    audit.write("ann.mbox", mbox(*(mail(body=body, message_id="<1@x>") for body in bodies)))
    audit.run()
    with open_case(audit.settings()) as case:
        assert [fate for _, _, fate, _ in fates(case)] == ["judged", "judged"]
        with case.database.session() as session:
            assert reused_message_ids(session) == [("<1@x>", 2)]


def test_an_export_that_changed_is_acquired_anew_and_the_old_one_stays(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann.mbox", mbox(mail("one")))
    audit.run()
    audit.write("ann.mbox", mbox(mail("one"), mail("two")))
    report = audit.run()
    assert [(line.found, line.duplicates) for line in report.balances] == [(1, 0), (2, 1)]
    again = audit.run()
    assert again.messages_read == 0
    assert len(again.balances) == 2


def test_a_format_without_reader_is_a_row_with_its_reason_and_balances(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example", P2="bob@city.example")
    audit.write("ann.pst", bytes(range(256)))
    audit.write("bob.mbox", mbox(mail()))
    audit.run()
    with open_case(audit.settings()) as case:
        (_, _, fate, reason), _ = fates(case)
    assert fate == "unreadable"
    assert "no reader knows its content" in reason


def test_a_folder_may_mix_formats_and_hold_empty_files(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann/Inbox/1.eml", mail("eml").replace("\n", "\r\n"))
    audit.write("ann/cur/2:2,S", mail("maildir"))
    audit.write("ann/archive", mbox(mail("a"), mail("b")))
    audit.write("ann/empty.eml", b"")
    audit.write("ann/dovecot-uidlist", b"3 V1")
    (line,) = audit.run().balances
    assert (line.declared, line.found, line.hits + line.non_hits, line.unreadable) == (5, 5, 4, 1)
    with open_case(audit.settings()) as case:
        assert [path for _, path, _, _ in fates(case)] == [
            "Inbox/1.eml",
            "archive / message 1",
            "archive / message 2",
            "cur/2:2,S",
            "empty.eml",
        ]


def test_an_export_that_cannot_be_acquired_fails_the_run_by_name_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example", P2="bob@city.example")
    audit.write("bob.mbox", mbox(mail()))
    (audit.mail / "ann").mkdir()
    (audit.mail / "ann" / "gone.eml").mkdir()
    (audit.mail / "ann" / "pipe.eml").symlink_to("/nonexistent")
    lines = audit.run().balances  # links are not followed, an empty folder declares nothing
    assert [line.declared for line in lines] == [0, 1]
    with open_case(audit.settings()) as case, case.database.session() as session:
        session.execute(
            update(AcquisitionRow)
            .where(AcquisitionRow.custodian == "P1")
            .values(state="failed", problem="ann: cannot be read: Permission denied")
        )
    with open_case(audit.settings()) as case:
        with pytest.raises(RunError, match="ann .custodian P1.: ann: cannot be read"):
            check_ledger(case)


def test_two_attempts_at_one_export_do_not_remove_each_others_files(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann.mbox", mbox(mail()))
    with open_case(audit.settings(), create=True) as case:
        (acquisition_id,) = register(case).acquisition_ids
        other = audit.workspace / "evidence" / "incoming" / f"acquisition-{acquisition_id}" / "1-a"
        other.parent.mkdir(parents=True)
        other.write_bytes(b"half")
        acquire(case, acquisition_id)
        register(case)
        assert other.exists()
        two_days_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
        os.utime(other, (two_days_ago, two_days_ago))
        register(case)
        assert not other.exists()


def test_a_ledger_with_a_row_missing_does_not_balance_and_names_the_container(
    tmp_path: Path,
) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann.mbox", mbox(mail("a"), mail("b")))
    audit.run()
    with open_case(audit.settings()) as case:
        with case.database.session() as session:
            last = select(ItemRow.id).order_by(ItemRow.id.desc()).limit(1).scalar_subquery()
            session.execute(delete(ItemRow).where(ItemRow.id == last))
        with pytest.raises(RunError, match=r"ann.mbox \(custodian P1\): declares 2 items, 1 found"):
            check_ledger(case)


def test_a_run_without_its_inputs_says_which(tmp_path: Path) -> None:
    settings = Settings.create(workspace=tmp_path / "w")
    with pytest.raises(UserError, match="--roster, --mail"):
        run_audit(settings, processes=1, progress=silent)


def test_the_ledger_of_a_workspace_without_audit_is_a_clear_error(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="holds no audit yet"),
        open_case(Settings.create(workspace=tmp_path)),
    ):
        pass


def test_dates_are_kept_in_utc(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann.mbox", mbox(mail(date="Mon, 03 Mar 2025 22:30:00 -0500")))
    audit.run()
    with open_case(audit.settings()) as case, case.database.session() as session:
        assert session.scalars(select(ItemRow.sent_at)).one() == datetime(
            2025, 3, 4, 3, 30, tzinfo=UTC
        )
