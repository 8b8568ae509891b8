"""Take-outs and profiles: mail is read where it lies, indexes are named, folders are kept."""

import io
from pathlib import Path

import pytest

from email_audit.sources.base import ReadOptions
from email_audit.sources.registry import detect_source
from email_audit.steps.loose import read_loose
from tests.audits import mail, mbox

MORK = b'// <!-- <mdb:mork:z v="1.4"/> -->\n< <(a=c)> // (f=iso-8859-1)\n'


def format_of(content: bytes, name: str) -> str:
    return detect_source(io.BytesIO(content), name, ReadOptions(max_message_bytes=1)).name


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (MORK, "Inbox.msf", "bookkeeping"),
        (b"\0\1\0\2", "Inbox.mbox/table_of_contents", "bookkeeping"),
        (b"mail without a NUL", "Inbox.mbox/table_of_contents", "text"),
        (b"", "Trash", "bookkeeping"),
        (b"", "Trash.mbox", "bookkeeping"),
        (b"", "1.eml", "eml"),
        (b"", "cur/17:2,S", "eml"),
        (b"", "1.emlx", "unsupported"),
        (b"", "archive.pst", "unsupported"),
    ],
)
def test_only_what_cannot_be_a_message_is_bookkeeping(
    content: bytes, name: str, expected: str
) -> None:
    assert format_of(content, name) == expected


def paths_of(folder: Path, files: dict[str, str | bytes]) -> list[str]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [item.path_in_source for item in read_loose([folder])]


def test_a_thunderbird_profile_is_its_mailboxes(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "Mail/Local Folders/Inbox": mbox(mail("a"), mail("b")),
        "Mail/Local Folders/Inbox.msf": MORK,
        "Mail/Local Folders/Inbox.sbd/2024": mbox(mail("c")),
        "Mail/Local Folders/Inbox.sbd/2024.msf": MORK,
        "Mail/Local Folders/Trash": b"",
    }
    assert paths_of(tmp_path, files) == [
        "Mail/Local Folders/Inbox / message 1",
        "Mail/Local Folders/Inbox / message 2",
        "Mail/Local Folders/Inbox.sbd/2024 / message 1",
    ]


def test_an_apple_mail_export_is_the_mailbox_in_its_folder(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "Inbox.mbox/mbox": mbox(mail("a")),
        "Inbox.mbox/table_of_contents": b"\0\1",
    }
    assert paths_of(tmp_path, files) == ["Inbox.mbox/mbox / message 1"]


def test_an_mh_folder_is_its_numbered_files(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "inbox/1": mail("a"),
        "inbox/2": mail("b"),
        "inbox/.mh_sequences": "unseen: 2\n",
    }
    assert paths_of(tmp_path, files) == ["inbox/1", "inbox/2"]


def test_a_eudora_mailbox_is_read_and_its_index_named(tmp_path: Path) -> None:
    content = "From ???@??? Mon Mar 03 10:00:00 2025\n" + mail("a") + "\n"
    files: dict[str, str | bytes] = {"In.mbx": content, "In.toc": b"\0\x31"}
    assert paths_of(tmp_path, files) == ["In.mbx / message 1"]
