"""Which export is whose."""

import os
from pathlib import Path

import pytest

from email_audit.errors import UserError
from email_audit.exports import Export, count_mail_files, mail_files, match_exports, not_files
from email_audit.roster import Roster, read_roster
from tests.test_roster import roster_file


def roster_of(folder: Path, **mailboxes: str) -> Roster:
    rows = [
        f"{officer},Name {officer},Det,{boxes},TF,HSI,," for officer, boxes in mailboxes.items()
    ]
    return read_roster(roster_file(folder, *rows))


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "ann.lee@city.example.pst",
        "ann.lee.mbox",
        "P1.zip",
        "ANN.LEE@CITY.EXAMPLE",
        "ann.lee.tar.gz",
    ],
)
def test_an_address_means_the_export_named_by_address_local_part_or_officer(
    tmp_path: Path, mail: Path, name: str
) -> None:
    (mail / name).write_bytes(b"x")
    plan = match_exports(roster_of(tmp_path, P1="ann.lee@city.example"), mail)
    assert plan.exports == (Export("P1", name),)
    assert plan.unassigned == ()
    assert plan.without_export == ()


def test_the_domain_of_an_address_is_not_taken_for_an_extension(tmp_path: Path, mail: Path) -> None:
    (mail / "ann.lee@other.example").write_bytes(b"x")
    plan = match_exports(roster_of(tmp_path, P1="ann.lee@city.example"), mail)
    assert plan.exports == ()
    assert plan.unassigned == ("ann.lee@other.example",)


def test_a_path_means_that_file_or_folder_and_what_is_beside_it_is_reported(
    tmp_path: Path, mail: Path
) -> None:
    (mail / "box").mkdir()
    for name in ("ann.mbox", "left.mbox", ".DS_Store"):
        (mail / "box" / name).write_bytes(b"x")
    plan = match_exports(roster_of(tmp_path, P1="box/ann.mbox", P2="bob@city.example"), mail)
    assert plan.exports == (Export("P1", "box/ann.mbox"),)
    assert plan.unassigned == ("box/left.mbox",)
    assert plan.without_export == ("P2",)


def test_exports_come_in_order_of_the_roster_then_path(tmp_path: Path, mail: Path) -> None:
    for name in ("bob.mbox", "ann.mbox", "ann.pst"):
        (mail / name).write_bytes(b"x")
    plan = match_exports(roster_of(tmp_path, P2="bob@c.example", P1="ann@c.example"), mail)
    assert [export.path for export in plan.exports] == ["bob.mbox", "ann.mbox", "ann.pst"]


def test_an_export_of_two_officers_or_inside_another_is_refused(tmp_path: Path, mail: Path) -> None:
    (mail / "ann").mkdir()
    (mail / "ann" / "old.mbox").write_bytes(b"x")
    with pytest.raises(UserError, match="fits officers P1 and P2"):
        match_exports(roster_of(tmp_path, P1="ann@a.example", P2="ann@b.example"), mail)
    with pytest.raises(UserError, match="would be counted twice"):
        match_exports(roster_of(tmp_path, P1="ann@a.example", P2="ann/old.mbox"), mail)


def test_a_missing_mail_folder_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: the mail folder cannot be listed: No such file"):
        match_exports(roster_of(tmp_path, P1="a@c.example"), tmp_path / "nowhere")


def test_bookkeeping_and_links_are_no_mail_and_both_counts_agree(shared: Path, mail: Path) -> None:
    (mail / "cur").mkdir()
    (mail / "cur" / "1:2,S").write_bytes(b"x")
    (mail / "dovecot-uidlist").write_bytes(b"x")
    (mail / "link").symlink_to(shared)
    assert [relative for _, relative in mail_files(mail)] == ["cur/1:2,S"]
    assert count_mail_files(mail) == 1
    maildir = shared / "maildir" / "notmuch"
    assert len(list(mail_files(maildir))) == count_mail_files(maildir) == 52


def test_a_pipe_among_the_mail_is_named_and_never_waited_for(mail: Path) -> None:
    box = mail / "box"
    box.mkdir()
    (box / "1.eml").write_bytes(b"x")
    os.mkfifo(box / "pipe")
    (box / "link").symlink_to("/etc")
    assert [relative for _, relative in mail_files(box)] == ["1.eml"]
    assert count_mail_files(box) == 1
    assert list(not_files(box)) == [box / "link", box / "pipe"]
    with pytest.raises(UserError, match="neither a file nor a folder"):
        list(mail_files(box / "pipe"))
