"""winmail.dat inside a message: what it carries is found, its body where the message has none."""

import base64
from pathlib import Path

import pytest

from email_audit.mapi.records import MapiAttachment, MapiItem
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.records import AttachmentStatus, Message, ProblemCode, ReadStatus
from tests.mapi.builders import tnef_bytes

LIMITS = ReadLimits()
ITEM = MapiItem(
    {0x0037: "inside", 0x1000: "words of the TNEF body"},
    attachments=(MapiAttachment({0x3707: "plan.txt"}, data=b"the plan"),),
)


def mail(
    data: bytes, body: str, kind: str = "application/ms-tnef", name: str = "winmail.dat"
) -> Message:
    encoded = base64.encodebytes(data).decode("ascii")
    text = (
        "From: ann@city.example\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
        f"--b\n\n{body}\n--b\nContent-Type: {kind}; name={name}\n"
        f"Content-Transfer-Encoding: base64\n\n{encoded}\n--b--\n"
    )
    return parse_message(text.encode("ascii"), limits=LIMITS)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/ms-tnef", "winmail.dat"),
        ("application/octet-stream", "winmail.dat"),
        ("application/octet-stream", "att00001.bin"),
    ],
)
def test_its_attachments_are_children_of_it(kind: str, name: str) -> None:
    found = mail(tnef_bytes(ITEM), "hello", kind, name)
    outer, inner = found.attachments
    assert (outer.filename, outer.parent, outer.status) == (name, None, AttachmentStatus.OK)
    assert (inner.filename, inner.parent, inner.text) == ("plan.txt", 0, "the plan")
    assert inner.size == len(b"the plan")
    assert outer.text == "words of the TNEF body"
    assert found.body.strip() == "hello"


def test_its_body_is_the_message_s_where_mime_has_none() -> None:
    found = mail(tnef_bytes(ITEM), "")
    assert found.body == found.own_text == "words of the TNEF body"


def test_one_in_an_embedded_item_is_opened_too() -> None:
    outer = MapiItem({0x1000: "outer"}, attachments=(MapiAttachment({}, item=ITEM),))
    names = [one.filename for one in mail(tnef_bytes(outer), "hello").attachments]
    assert names == ["winmail.dat", "inside.eml", "plan.txt"]


def test_a_damaged_one_makes_the_message_partial() -> None:
    found = mail(tnef_bytes(ITEM)[:-5], "hello")
    assert found.status is ReadStatus.PARTIAL


def test_a_file_called_winmail_that_is_no_tnef_is_an_attachment_like_others() -> None:
    (found,) = mail(b"\x00\x01 nothing", "hello").attachments
    assert (found.filename, found.size) == ("winmail.dat", 10)


def test_winmail_in_winmail_is_bounded_by_the_depth_of_reading() -> None:
    data = tnef_bytes(ITEM)
    for _ in range(6):
        data = tnef_bytes(
            MapiItem({}, attachments=(MapiAttachment({0x3707: "winmail.dat"}, data=data),))
        )
    encoded = base64.encodebytes(data)
    original = (
        b"From: a@b.example\nContent-Type: application/ms-tnef\n"
        b"Content-Transfer-Encoding: base64\n\n" + encoded
    )
    shallow = parse_message(original, limits=ReadLimits(max_depth=3))
    whole = parse_message(original, limits=LIMITS)
    assert [one.filename for one in whole.attachments][-1] == "plan.txt"
    assert len(shallow.attachments) < len(whole.attachments)
    assert shallow.status is ReadStatus.PARTIAL
    assert {problem.code for problem in shallow.problems} >= {ProblemCode.TOO_DEEP}


def test_the_real_one_gives_its_song_and_pictures(shared: Path) -> None:
    original = (shared / "eml" / "MimeKit__tnef__rich-text.eml").read_bytes()
    found = parse_message(original, limits=LIMITS)
    assert "Christmas to remember" in found.body
    assert [one.parent for one in found.attachments] == [None, 0, 0, 0, 3]
