"""Live mailboxes: everything is taken once, and what happens between syncs is accounted for."""

import gzip
import json
import mailbox
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import select

from email_audit.errors import RunError, UserError
from email_audit.evidence.store import EvidenceStore
from email_audit.ledger import custody_log
from email_audit.ledger.balance import balances, total
from email_audit.ledger.exceptions import unread
from email_audit.ledger.models import (
    AcquisitionRow,
    ItemRow,
    LiveCopyRow,
    LiveItemRow,
    LiveItemState,
    MemberRow,
)
from email_audit.steps.case import open_case
from email_audit.steps.register import register, register_mailboxes
from email_audit.steps.run import check_ledger
from email_audit.steps.verify_evidence import verify_evidence
from tests.audits import database_text, fates
from tests.exchange.conftest import ADDRESS, NOON, Live, message
from tests.exchange.server import FakeMailbox, Fault, sent_date

pytestmark = pytest.mark.usefixtures("backend")


def members(live: Live) -> list[tuple[str, str, bytes]]:
    """List (folder, format, content) of everything acquired, in order."""
    settings = live.audit.settings()
    store = EvidenceStore(settings.evidence)
    with open_case(settings) as case, case.database.session() as session:
        rows = session.scalars(select(MemberRow).order_by(MemberRow.id)).all()
        return [
            (row.path.rpartition("/")[0], row.format, store.open(row.sha256).read()) for row in rows
        ]


def mail_of(live: Live) -> list[bytes]:
    return [content for _, kind, content in members(live) if kind == "eml"]


def properties_of(live: Live) -> list[dict[str, object]]:
    return [json.loads(content) for _, kind, content in members(live) if kind == "properties"]


def live_items(live: Live) -> list[LiveItemRow]:
    with open_case(live.audit.settings()) as case, case.database.session() as session:
        rows = session.scalars(select(LiveItemRow).order_by(LiveItemRow.id)).all()
        session.expunge_all()
        return list(rows)


def actions(live: Live) -> list[tuple[str, dict[str, object]]]:
    with open_case(live.audit.settings()) as case, case.database.session() as session:
        return [(e.action, dict(e.details)) for e in custody_log.entries(session)]


def test_every_folder_of_mailbox_archive_and_recoverable_items_is_taken_byte_for_byte(
    live: Live,
) -> None:
    box = live.server.mailboxes[ADDRESS] = FakeMailbox(has_archive=True)
    nested = box.folder("Cases/2025", box.folder("Projects").id)
    places = [
        (box.folders[box.roots["msgfolderroot"]], "(top)"),
        (box.folder("Inbox"), "Inbox"),
        (box.folder("Sent Items"), "Sent Items"),
        (nested, "Projects/Cases_2025"),
        (box.folder("Deletions", "recoverableitemsroot"), "Recoverable Items/Deletions"),
        (box.folder("Purges", "recoverableitemsroot"), "Recoverable Items/Purges"),
        (box.folder("Versions", "recoverableitemsroot"), "Recoverable Items/Versions"),
        (box.folder("Old", "archivemsgfolderroot"), "Archive mailbox/Old"),
        (
            box.folder("Deletions", "archiverecoverableitemsroot"),
            "Archive mailbox/Recoverable Items/Deletions",
        ),
    ]
    expected = {}
    for number, (folder, path) in enumerate(places):
        expected[path] = message(number) + bytes(range(256))
        box.add(folder, expected[path])
    report = live.sync()
    assert report.findings == ()
    taken = {folder: content for folder, kind, content in members(live) if kind == "eml"}
    assert taken == expected


def test_what_mime_loses_is_kept_beside_the_message(live: Live) -> None:
    box = live.mailbox
    item = box.add(
        box.folder("Sent Items"),
        message(1),
        bcc=("hidden@city.example",),
        categories=("Case 7",),
        received=NOON - timedelta(days=9),
    )
    live.sync()
    (record,) = properties_of(live)
    assert record["mailbox"] == ADDRESS
    assert record["folder"] == "Sent Items"
    assert record["item_id"] == item.id
    properties = record["item"]["Message"]  # type: ignore[index]
    assert properties["ItemId"] == {"@Id": item.id, "@ChangeKey": "ck1"}
    assert properties["BccRecipients"] == {"Mailbox": [{"EmailAddress": "hidden@city.example"}]}
    assert properties["Categories"] == {"String": ["Case 7"]}
    assert properties["Importance"] == "High"
    assert properties["Flag"] == {"FlagStatus": "Flagged"}
    assert properties["ItemClass"] == "IPM.Note"
    assert properties["DateTimeReceived"] == "2026-11-16T12:00:00Z"
    assert "MimeContent" not in properties


def test_a_synced_mailbox_goes_through_the_audit_and_balances(live: Live) -> None:
    box = live.mailbox
    for number in range(5):
        box.add(box.folder("Inbox"), message(number))
    report = live.sync()
    assert (report.taken, report.server, report.known) == (5, 5, 5)
    live.audit.run()
    with open_case(live.audit.settings()) as case:
        with case.database.session() as session:
            (line,) = balances(session)
        assert verify_evidence(case).faults == ()
    assert line.is_balanced
    assert (line.source, line.declared) == ("exchange:ann@city.example@2026-11-25T12:00Z", 5)


def test_without_mail_folder_an_audit_of_live_mailboxes_runs(live: Live) -> None:
    live.mailbox.add(live.mailbox.folder("Inbox"), message(1))
    live.audit.mail.rmdir()
    settings = live.audit.settings(mail=None)
    with open_case(settings, create=True) as case:
        with pytest.raises(UserError, match="email-audit sync"):
            register(case)
        live.sync()
        assert register(case).without_export == ()
    live.read()
    with open_case(settings) as case:
        assert [fate for _, _, fate, _ in fates(case)] == ["pending"]


def test_a_second_sync_takes_nothing_and_makes_no_acquisition(live: Live) -> None:
    box = live.mailbox
    for number in range(20):
        box.add(box.folder("Inbox"), message(number))
    assert live.sync().taken == 20
    live.server.calls.clear()
    report = live.sync(at=NOON + timedelta(days=1))
    assert (report.taken, report.acquisition, report.findings) == (0, None, ())
    assert "GetItem" not in live.server.calls
    with open_case(live.audit.settings()) as case, case.database.session() as session:
        assert len(session.scalars(select(AcquisitionRow)).all()) == 1


def test_new_mail_is_an_acquisition_of_its_own_and_the_old_one_stays(live: Live) -> None:
    box = live.mailbox
    box.add(box.folder("Inbox"), message(1))
    live.sync()
    before = members(live)
    box.add(box.folder("Inbox"), message(2))
    report = live.sync(at=NOON + timedelta(days=1))
    assert report.acquisition == "exchange:ann@city.example@2026-11-26T12:00Z"
    assert members(live)[: len(before)] == before
    live.read()
    with open_case(live.audit.settings()) as case, case.database.session() as session:
        lines = balances(session)
    assert [(line.declared, line.found) for line in lines] == [(1, 1), (1, 1)]


def test_deletions_between_syncs_are_recorded_and_the_copies_stay(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    items = [box.add(inbox, message(number)) for number in range(3)]
    live.sync()
    box.delete(inbox, items[1])
    later = NOON + timedelta(days=1)
    report = live.sync(at=later)
    assert (report.deleted, report.taken, report.findings) == (1, 0, ())
    assert [row.deleted_at for row in live_items(live)] == [None, later, None]
    (noticed,) = [details for action, details in actions(live) if action == "deletion_noticed"]
    assert noticed["items"] == 1
    assert len(mail_of(live)) == 3


def test_a_folder_that_is_deleted_takes_its_items_with_it_in_the_record_only(live: Live) -> None:
    box = live.mailbox
    folder = box.folder("Temporary")
    box.add(folder, message(1))
    live.sync()
    del box.folders[folder.id]
    report = live.sync()
    assert (report.deleted, report.findings) == (1, ())
    assert len(mail_of(live)) == 1
    box.folders[folder.id] = folder
    report = live.sync()
    assert (report.taken, report.findings) == (0, ())
    assert [row.deleted_at for row in live_items(live)] == [None]


def test_a_moved_item_has_a_new_id_and_is_the_same_message(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    item = box.add(inbox, message(1))
    live.sync()
    box.move(item, inbox, box.folder("Deletions", "recoverableitemsroot"))
    report = live.sync(at=NOON + timedelta(hours=1))
    assert (report.deleted, report.taken) == (1, 1)
    live.read()
    with open_case(live.audit.settings()) as case:
        assert sorted(fate for _, _, fate, _ in fates(case)) == ["duplicate", "pending"]


def test_a_changed_message_is_taken_again_and_one_only_marked_is_not(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    edited, marked = box.add(inbox, message(1)), box.add(inbox, message(2))
    live.sync()
    box.change(inbox, edited, message(3))
    box.change(inbox, marked)
    report = live.sync(at=NOON + timedelta(hours=1))
    assert (report.taken, report.findings) == (1, ())
    assert mail_of(live) == [message(1), message(2), message(3)]
    assert live.sync().acquisition is None
    live.read()


def test_only_items_of_the_assignment_and_its_margin_are_taken(live: Live) -> None:
    live.audit.write_roster(f"P1,Ann,Det,{ADDRESS},TF,HSI,2025-03-01,2025-03-31")
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")

    def at(month: int, day: int) -> datetime:
        return datetime(2025, month, day, 15, tzinfo=UTC)

    dates = {
        "inside": (at(3, 10), at(3, 10)),
        "received late": (at(5, 9), at(3, 31)),
        "in the margin": (at(4, 5), at(4, 5)),
        "before": (at(2, 1), at(2, 1)),
        "after": (at(4, 20), at(4, 20)),
        "draft inside": (None, None),
    }
    for name, (received, sent) in dates.items():
        box.add(
            inbox,
            message(1, headers={"X-Name": name}),
            received=received,
            sent=sent,
            created=at(3, 2) if received is None else at(6, 1),
        )
    report = live.sync(range="assignment", range_margin_days=7)
    assert report.findings == ()
    assert (report.taken, report.outside, report.server) == (4, 2, 4)
    names = {str(message_from_bytes(content)["X-Name"]) for content in mail_of(live)}
    assert names == {"inside", "received late", "in the margin", "draft inside"}
    live.audit.write_roster(f"P1,Ann,Det,{ADDRESS},TF,HSI,2025-02-01,2025-03-31")
    report = live.sync(range="assignment", range_margin_days=7)
    assert (report.taken, report.outside, report.findings) == (1, 1, ())
    report = live.sync()
    assert (report.taken, report.outside, report.findings) == (1, 0, ())
    live.read()


def test_since_bounds_what_is_taken(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    for day in (1, 20):
        moment = datetime(2025, 3, day, 15, tzinfo=UTC)
        box.add(inbox, message(day), received=moment, sent=moment)
    report = live.sync(since=datetime(2025, 3, 10, tzinfo=UTC).date())
    assert (report.taken, report.outside, report.server, report.findings) == (1, 1, 1, ())


def test_an_item_deleted_between_listing_and_fetching_is_recorded_as_gone(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    box.add(inbox, message(1))
    doomed = box.add(inbox, message(2), error="ErrorItemNotFound")
    live.server.faults.append(
        Fault("GetItem", before=lambda: box.delete(inbox, doomed)),
    )
    report = live.sync()
    assert (report.taken, report.deleted, report.findings) == (1, 1, ())
    assert [row.state for row in live_items(live)] == [LiveItemState.TAKEN, LiveItemState.GONE]
    live.read()


def test_an_item_without_mime_is_read_from_its_text_and_says_what_is_missing(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    box.add(
        inbox,
        None,
        item_class="IPM.Note.Custom",
        subject="The\u00fc list",
        body="ICE detainer for him.",
        mime_error="ErrorMimeContentConversionFailed",
        attachments=("a.pdf", "b.pdf"),
    )
    report = live.sync()
    assert (report.taken, report.findings) == (1, ())
    live.read()
    with open_case(live.audit.settings()) as case, case.database.session() as session:
        (row,) = session.scalars(select(ItemRow))
        assert (row.status, row.item_class) == ("partial", "IPM.Note.Custom")
        (exception,) = unread(session)
    assert "withheld" in exception["reason"]
    assert "its 2 attachments were not" in exception["reason"]


def test_an_item_that_the_server_refuses_altogether_is_an_unreadable_row(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    box.add(inbox, message(1), error="ErrorItemCorrupt")
    report = live.sync()
    assert (report.taken, report.findings) == (1, ())
    live.read()
    with open_case(live.audit.settings()) as case:
        ((_, _, fate, reason),) = fates(case)
    assert fate == "unreadable"
    assert reason == "withheld: the server did not give the item: ErrorItemCorrupt"


def test_what_the_server_counts_and_does_not_list_fails_the_balance_by_name(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    box.add(inbox, message(1))
    box.add(inbox, message(2), is_lost=True)
    report = live.sync()
    assert report.findings == ("ann@city.example: the server counts 2 items in Inbox, 1 are taken",)
    live.read()
    with open_case(live.audit.settings()) as case:
        with pytest.raises(RunError, match="declares 2 items, 1 found"):
            check_ledger(case)


def test_mail_that_arrives_during_a_sync_is_taken_by_it(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    box.add(inbox, message(1))
    live.server.faults.append(Fault("GetItem", before=lambda: box.add(inbox, message(2))))
    report = live.sync()
    assert (report.taken, report.server, report.findings) == (2, 2, ())


def test_a_sync_state_the_server_forgot_starts_a_new_listing_that_takes_nothing_twice(
    live: Live,
) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    items = [box.add(inbox, message(number)) for number in range(20)]
    live.sync()
    del inbox.items[items[7].id]
    inbox.log = [("Create", item_id) for item_id in inbox.items]
    inbox.epoch += 1
    box.add(inbox, message(1000))
    report = live.sync()
    assert (report.taken, report.deleted, report.findings) == (1, 1, ())


def test_an_export_and_the_live_mailbox_may_coexist_and_share_their_messages(live: Live) -> None:
    box = live.mailbox
    same = message(1)
    box.add(box.folder("Inbox"), same)
    live.audit.write("ann/1.eml", same)
    settings = live.audit.settings()
    with open_case(settings, create=True) as case:
        assert register_mailboxes(case) == []
        assert len(register_mailboxes(case, [ADDRESS])) == 1
        with pytest.raises(UserError, match="no officer has the mailbox nobody@city.example"):
            register_mailboxes(case, ["nobody@city.example"])
    (live.audit.mail / "ann" / "1.eml").rename(live.audit.folder / "kept.eml")
    (live.audit.mail / "ann").rmdir()
    live.sync()
    live.audit.write("ann/1.eml", same)
    live.read()
    with open_case(settings) as case, case.database.session() as session:
        totals = total(balances(session))
    assert (totals.found, totals.duplicates) == (2, 1)


def test_two_officers_are_synced_apart(live: Live) -> None:
    live.audit.write_roster(
        f"P1,Ann,Det,{ADDRESS},TF,HSI,,", "P2,Bob,Det,bob@city.example,TF,HSI,,"
    )
    live.server.mailboxes["bob@city.example"] = FakeMailbox()
    for address in (ADDRESS, "bob@city.example"):
        box = live.server.mailboxes[address]
        box.add(box.folder("Inbox"), message(1))
    reports = live.sync_all()
    assert [(r.custodian, r.taken) for r in reports] == [("P1", 1), ("P2", 1)]


def test_a_huge_item_is_asked_for_alone_and_kept_whole(live: Live) -> None:
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    huge = message(1) + b"x" * (5 << 20)
    box.add(inbox, message(0))
    item = box.add(inbox, huge)
    box.add(inbox, message(2))
    live.sync(batch_bytes=1 << 20)
    assert [item.id] in live.server.asked_items
    assert huge in mail_of(live)


def test_folders_that_are_skipped_are_named_in_the_custody_log(live: Live) -> None:
    box = live.mailbox
    box.add(box.folder("Audits", "recoverableitemsroot"), message(1))
    box.add(box.folder("Inbox"), message(2))
    report = live.sync()
    assert (report.taken, report.findings) == (1, ())
    (acquired,) = [details for action, details in actions(live) if action == "acquired"]
    assert acquired["skipped_folders"] == ["Recoverable Items/Audits"]


def test_a_folder_skipped_or_hidden_from_now_on_does_not_count_as_deleted(live: Live) -> None:
    box = live.mailbox
    purges = box.folder("Purges", "recoverableitemsroot")
    box.add(purges, message(1))
    assert live.sync().taken == 1
    report = live.sync(skip_folders=("Recoverable Items/Purges",))
    assert (report.deleted, report.findings) == (0, ())
    root = box.roots.pop("recoverableitemsroot")
    report = live.sync()
    assert report.deleted == 0
    assert report.findings == (
        "ann@city.example: Recoverable Items cannot be listed: ErrorFolderNotFound",
    )
    box.roots["recoverableitemsroot"] = root
    assert live.sync().findings == ()


def test_the_ledger_names_no_subject_and_every_copy_has_its_member(live: Live) -> None:
    box = live.mailbox
    box.add(box.folder("Inbox"), message(77))
    live.sync()
    assert "case 77" not in database_text(live.audit.settings())
    with open_case(live.audit.settings()) as case, case.database.session() as session:
        (copy,) = session.scalars(select(LiveCopyRow))
        member = session.get_one(MemberRow, copy.member_id)
        assert (member.sha256, member.format) == (copy.sha256, "eml")


def test_real_mail_comes_back_as_the_server_holds_it(
    live: Live, shared: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "ham.mbox"
    corpus.write_bytes(
        gzip.decompress((shared / "corpora/spamassassin-ham-700.mbox.gz").read_bytes())
    )
    messages = mailbox.mbox(corpus)
    contents = [messages.get_bytes(key) for key in range(0, 700, 10)]
    contents += [file.read_bytes() for file in sorted((shared / "eml").glob("*.eml"))[:70]]
    box, inbox = live.mailbox, live.mailbox.folder("Inbox")
    for content in contents:
        moment = sent_date(content)
        box.add(inbox, content, sent=moment, received=moment)
    report = live.sync()
    assert report.findings == ()
    assert report.taken == len(contents) == 140
    assert sorted(mail_of(live)) == sorted(contents)
