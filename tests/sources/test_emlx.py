"""EMLX: what Apple Mail keeps, whole and partial, is the message that was received."""

import base64
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.records import AttachmentStatus, ProblemCode
from email_audit.sources.base import Extent, FoundItem, ReadOptions, Unreadable
from email_audit.sources.emlx import EmlxSource, assemble, missing_parts, split_emlx
from email_audit.sources.registry import detect_source
from email_audit.steps.loose import read_loose

OPTIONS = ReadOptions(max_message_bytes=1 << 20)
SOURCE = EmlxSource(OPTIONS)
PLIST = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>'
    b"<key>flags</key><integer>%d</integer></dict></plist>\n"
)
TABLE = b"plate,time\nABC123,07:30\n"
PICTURE = bytes(range(256)) * 9


def emlx(message: bytes, flags: int = 0) -> bytes:
    return b"%-10d\n" % len(message) + message + PLIST % flags


def mixed(*, is_partial: bool) -> bytes:
    """Give a message with a picture in related parts and a table, with or without them."""
    length = b"X-Apple-Content-Length: 1234\n" if is_partial else b""
    picture = b"" if is_partial else base64.encodebytes(PICTURE)
    table = b"" if is_partial else TABLE
    return (
        b"From: ann@city.example\nSubject: plates\nMessage-ID: <1@x>\nMIME-Version: 1.0\n"
        b"Date: Mon, 03 Mar 2025 10:00:00 -0500\n"
        b'Content-Type: multipart/mixed; boundary="m"\n\n'
        b'--m\nContent-Type: multipart/related; boundary="r"\n\n'
        b"--r\nContent-Type: text/html\n\n<p>see below</p>\n"
        b"--r\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n"
        + length
        + b"\n"
        + picture
        + b"\n--r--\n"
        b"--m\nContent-Type: text/csv; name=b.csv\nContent-Disposition: attachment\n"
        + length
        + b"\n"
        + table
        + b"\n--m--\n"
    )


def item(raw: bytes) -> FoundItem | Unreadable:
    (found,) = SOURCE.items(io.BytesIO(raw), Extent(0, len(raw), 0, 1))
    return found


def test_the_real_files_are_read_without_what_is_around_the_message(shared: Path) -> None:
    subjects = {}
    for path in sorted((shared / "emlx").iterdir()):
        blob = io.BytesIO(path.read_bytes())
        source = detect_source(blob, "no-hint", OPTIONS)
        assert source.name == "emlx"
        assert source.declared(blob) == 1
        (extent,) = source.extents(blob, max_items=9, max_bytes=1)
        (found,) = source.items(blob, extent)
        assert isinstance(found, FoundItem)
        assert b"plist" not in found.original
        assert len(found.original) == int(path.read_bytes().split()[0])
        message = source.parse(found)
        assert message.status == "ok"
        subjects[path.name] = message.subject
    assert subjects == {
        "ingest-file__richtext.emlx": "Re: Emlx library",
        "tika__testEMLX.emlx": "[jira] Commented: (TIKA-461) RFC822 messages not parsed",
    }


def test_a_message_that_ends_early_is_partial() -> None:
    raw = emlx(b"From: a@x\nSubject: s\n\nbody that goes on\n")[:40]
    found = item(raw)
    assert isinstance(found, FoundItem)
    assert [problem.code for problem in found.problems] == [ProblemCode.TRUNCATED]
    assert SOURCE.parse(found).status == "partial"


def test_a_message_marked_as_deleted_is_read_and_says_so() -> None:
    found = item(emlx(b"From: a@x\nSubject: s\n\nbody\n", flags=0b10))
    assert isinstance(found, FoundItem)
    assert [problem.code for problem in found.problems] == [ProblemCode.DELETED]
    assert SOURCE.parse(found).status == "ok"


def test_a_text_that_begins_with_a_number_is_no_emlx() -> None:
    assert not SOURCE.recognises(b"42\nis the answer\n", "note.txt")


def test_parts_that_lie_beside_the_message_are_put_where_they_were() -> None:
    partial = emlx(mixed(is_partial=True))
    assert [part.number for part in missing_parts(split_emlx(partial).message)] == ["1.2", "2"]
    whole = assemble(partial, {"1.2": PICTURE, "2": TABLE})
    found = item(whole)
    assert isinstance(found, FoundItem)
    assert found.problems == ()
    message, received = (
        SOURCE.parse(found),
        parse_message(mixed(is_partial=False), limits=ReadLimits()),
    )
    assert [part.sha256 for part in message.attachments] == [
        part.sha256 for part in received.attachments
    ]
    assert message.content_sha256 == received.content_sha256


def test_a_partial_message_alone_says_which_parts_are_missing() -> None:
    found = item(emlx(mixed(is_partial=True)))
    assert isinstance(found, FoundItem)
    (problem,) = found.problems
    assert problem.code is ProblemCode.TRUNCATED
    assert "part 1.2, 2" in problem.detail


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_mailbox_folder_gives_one_message_and_accounts_for_every_file(
    tmp_path: Path, is_whole: bool
) -> None:
    box = tmp_path / "Inbox.mbox" / "F0" / "Data" / "7"
    (box / "Messages").mkdir(parents=True)
    (box / "Messages" / "71.partial.emlx").write_bytes(emlx(mixed(is_partial=True)))
    (box / "Messages" / "72.emlx").write_bytes(emlx(b"From: a@x\nSubject: other\n\nbody\n"))
    files = {"71/1.2/a.png": PICTURE} | ({"71/2/b.csv": TABLE} if is_whole else {})
    for name, content in (files | {"99/2/stray.txt": b"a word"}).items():
        path = box / "Attachments" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    found = {
        item.path_in_source.rpartition("/")[2]: item.message for item in read_loose([tmp_path])
    }
    assert set(found) == {"71.partial.emlx", "72.emlx", "stray.txt"}
    message = found["71.partial.emlx"]
    assert message.status == ("ok" if is_whole else "partial")
    table = next(part for part in message.attachments if part.filename == "b.csv")
    assert (table.text == TABLE.decode()) is is_whole
    assert (table.status is AttachmentStatus.EMPTY) is not is_whole


@given(st.binary(max_size=300), st.integers(0, 10**12))
def test_whatever_the_bytes_reading_never_raises(tail: bytes, count: int) -> None:
    raw = b"%d\n" % count + tail
    found = item(raw)
    assert isinstance(found, FoundItem)
    SOURCE.parse(found)
    assemble(raw, {"1": b"x"})
