"""All 72 MSG files, beside python-oxmsg and olefile: the same values, every difference named."""

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path

import olefile
import pytest
from oxmsg import Message as OxMessage

from email_audit.mapi.eml import render_item
from email_audit.mapi.header import subject
from email_audit.mapi.people import recipient
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import MapiItem
from email_audit.mapi.values import Values, item_values
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.problems import Problems
from email_audit.messages.records import Message, ReadStatus
from email_audit.msg.compound import CompoundError, CompoundFile, Entry
from email_audit.msg.reader import read_msg
from email_audit.sources.msg import MsgSource

LIMITS = ReadLimits()
HEAD_BYTES = 1 << 16

THEIRS_IS_WRONG = {
    ("poi__ASCII_CP1251_LCID1049.msg", "subject"): "its locale says Cyrillic, oxmsg reads Western",
    ("Aspose.Email-for-.NET__Message~2.msg", "body"): "bytes of UTF-16 are shown as characters",
}
"""What differs from python-oxmsg beyond a closing NUL, which it keeps and we drop."""


def files(shared: Path) -> list[Path]:
    return sorted((shared / "msg").glob("*.msg"))


@cache
def read(path: Path) -> tuple[MapiItem, Values]:
    item = read_msg(path.read_bytes(), LIMITS)
    return item, item_values(item, Problems())


@cache
def message(path: Path) -> Message:
    rendered = render_item(read(path)[0])
    return parse_message(rendered.original, limits=LIMITS, container_problems=rendered.problems)


def to_second(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(microsecond=0)


def test_all_72_files_are_read_and_nothing_is_lost(shared: Path) -> None:
    assert len(files(shared)) == 72
    for path in files(shared):
        assert message(path).status is ReadStatus.OK, (path.name, message(path).problems)


def test_subjects_bodies_and_classes_are_those_of_another_reader(shared: Path) -> None:
    different = {}
    for path in files(shared):
        _, values = read(path)
        theirs = OxMessage.load(str(path))
        pairs = {
            "subject": (subject(values), " ".join((theirs.subject or "").rstrip("\0").split())),
            "body": (values.text(Tag.BODY), (theirs.body or "").rstrip("\0")),
            "class": (values.text(Tag.MESSAGE_CLASS), theirs.message_class.rstrip("\0")),
            "sent": (to_second(values.time(Tag.CLIENT_SUBMIT_TIME)), to_second(theirs.sent_date)),
            "headers": (
                values.text(Tag.TRANSPORT_MESSAGE_HEADERS),
                (theirs.properties.str_prop_value(0x007D) or "").rstrip("\0"),
            ),
        }
        for what, (ours, other) in pairs.items():
            if ours != other:
                different[(path.name, what)] = (ours, other)
    assert different.keys() == THEIRS_IS_WRONG.keys(), different


def test_recipients_are_those_of_another_reader_by_smtp_address(shared: Path) -> None:
    count = 0
    for path in files(shared):
        item, values = read(path)
        ours = [recipient(values.of(row)) for row in item.recipients]
        theirs = OxMessage.load(str(path)).recipients
        assert len(ours) == len(theirs), path.name
        for our, their in zip(ours, theirs, strict=True):
            assert our is not None
            # Twice a name stands in the property of the address, too: for us it is none.
            told = their.email_address.rstrip("\0")
            assert our.address == ("" if told == our.name else told), path.name
        count += len(ours)
    assert count == 300


def test_attachments_are_those_of_another_reader_byte_for_byte(shared: Path) -> None:
    by_value = embedded = 0
    for path in files(shared):
        item, _ = read(path)
        theirs = [
            hashlib.sha256(one.file_bytes).digest() if one.file_bytes is not None else None
            for one in OxMessage.load(str(path)).attachments
        ]
        ours = [
            hashlib.sha256(one.data).digest() if one.data is not None else None
            for one in item.attachments
        ]
        assert ours == theirs, path.name
        by_value += sum(one is not None for one in ours)
        embedded += sum(one.item is not None for one in item.attachments)
    assert (by_value, embedded) == (34, 8)


def test_every_attachment_reaches_the_message_in_order(shared: Path) -> None:
    signed = "poi__logsat.com_signatures_valid.msg"
    for path in files(shared):
        item, _ = read(path)
        top = [one for one in message(path).attachments if one.parent is None]
        if path.name == signed:
            continue
        assert len(top) == len(item.attachments), path.name
        for ours, found in zip(item.attachments, top, strict=True):
            if ours.item is not None:
                assert found.content_type == "message/rfc822", path.name
            elif ours.data is not None:
                assert found.sha256 == hashlib.sha256(ours.data).hexdigest(), path.name


def test_a_clear_signed_message_is_opened(shared: Path) -> None:
    found = message(shared / "msg" / "poi__logsat.com_signatures_valid.msg")
    assert found.body.strip() == "This is a valid digitally signed email."
    assert [one.size for one in found.attachments] == [6096]


def test_the_plain_body_is_the_message_s_body(shared: Path) -> None:
    """Where a mail has PidTagBody, nothing of it is lost, whatever else stands beside it."""
    for path in files(shared):
        _, values = read(path)
        if path.name == "poi__logsat.com_signatures_valid.msg":
            continue
        words = values.text(Tag.BODY).split()
        assert not set(words) - set(message(path).body.split()), path.name


def test_the_directory_is_olefile_s(shared: Path) -> None:
    def listed(entry: Entry, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        for child in entry.children.values():
            here = (*path, child.name)
            found |= {here} if child.is_stream else listed(child, here)
        return found

    for path in files(shared):
        ours = CompoundFile(path.read_bytes())
        with olefile.OleFileIO(str(path)) as theirs:
            assert listed(ours.root) == {tuple(names) for names in theirs.listdir()}, path.name
            for names in theirs.listdir():
                entry = ours.root
                for name in names:
                    entry = entry.children[name.upper()]
                found = ours.read(entry)
                assert found.is_whole
                assert found.data == theirs.openstream(names).read(), (path.name, names)


def test_the_format_is_told_by_bytes_or_where_the_directory_is_far_by_name(shared: Path) -> None:
    far = []
    for path in files(shared):
        head = path.read_bytes()[:HEAD_BYTES]
        assert MsgSource.recognises(head, path.name)
        if not MsgSource.recognises(head, "noname"):
            far.append(path.name)
    assert far == ["Aspose.Email-for-.NET__RemoveAttachments.msg", "poi__bug66335.msg"]


def test_a_word_document_called_msg_is_not_read_as_one(shared: Path) -> None:
    content = (shared / "attachments" / "tika__testWORD.doc").read_bytes()
    with pytest.raises(CompoundError, match="no properties of an item"):
        read_msg(content, LIMITS)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "Aspose.Email-for-.NET__Test_Meeting.msg",
            [
                "What: Test Meeting",
                "When: 2017-02-13 15:00 UTC to 2017-02-13 18:00 UTC",
                "Time zone: (UTC+05:00) Islamabad, Karachi",
                "Where: Online",
                "Organizer: Maria Shahid <maria.shahid.dev@gmail.com>",
                "Required: attendee1@gmail.com; attendee2@gmail.com",
            ],
        ),
        (
            "Aspose.Email-for-.NET__NewGroup.msg",
            [
                "List: NewGroup",
                "Member: User2 (user2@gmail.com) <user2@gmail.com>",
                "Member: User1 (user1@gmail.com) <user1@gmail.com>",
            ],
        ),
        (
            "tika__testMSG_Task.msg",
            ["Start: 2017-02-19", "Due: 2017-03-10", "Status: in progress"],
        ),
        ("tika__testMSG_StickyNote.msg", []),
    ],
)
def test_what_is_no_mail_is_read_as_lines(shared: Path, name: str, lines: list[str]) -> None:
    body = message(shared / "msg" / name).body
    assert body.strip()
    assert [line for line in lines if line not in body.splitlines()] == []


def test_cyrillic_text_without_unicode_is_read_in_the_code_page_of_its_locale(
    shared: Path,
) -> None:
    found = message(shared / "msg" / "poi__ASCII_CP1251_LCID1049.msg")
    assert found.subject == "Subject автоматически Subject"
    assert found.body == "Body автоматически Body"
