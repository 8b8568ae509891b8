"""Items that are no mail read as lines; recurrences as words."""

import struct
from datetime import UTC, datetime

import pytest

from email_audit.mapi.eml import render_item
from email_audit.mapi.properties import PropertySet, Tag
from email_audit.mapi.records import MapiItem, NamedProperty
from email_audit.mapi.recurrence import recurrence_text
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message

NINE = datetime(2025, 3, 3, 14, 0, tzinfo=UTC)
TEN = datetime(2025, 3, 3, 15, 0, tzinfo=UTC)
MONDAY, WEDNESDAY = 0x02, 0x08


def lines(item: MapiItem) -> list[str]:
    return parse_message(render_item(item).original, limits=ReadLimits()).body.splitlines()


def pattern(
    frequency: int, kind: int, period: int, specific: bytes, end: int = 0x2023, count: int = 0
) -> bytes:
    head = struct.pack("<HHHHHIII", 0x3004, 0x3004, frequency, kind, 0, 0, period, 0)
    dates = struct.pack("<IIIII", end, count, 1, 1, 77) + struct.pack("<I", 0)
    last = int(
        (datetime(2025, 6, 30, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()
    )
    return head + specific + dates + struct.pack("<II", 0, last // 60)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pattern(0x200A, 0, 1440, b""), "every day, without end"),
        (pattern(0x200A, 0, 4320, b"", 0x2022, 5), "every 3 days, 5 times"),
        (
            pattern(0x200B, 1, 2, struct.pack("<I", MONDAY | WEDNESDAY), 0x2021),
            "every 2 weeks on Monday, Wednesday, until 2025-06-30",
        ),
        (pattern(0x200B, 1, 1, struct.pack("<I", 0x3E)), "every week on weekdays, without end"),
        (pattern(0x200C, 2, 1, struct.pack("<I", 12)), "every month on day 12, without end"),
        (
            pattern(0x200C, 3, 1, struct.pack("<II", MONDAY, 5)),
            "every month on the last Monday, without end",
        ),
        (
            pattern(0x200D, 2, 12, struct.pack("<I", 4)),
            "every year on day 4 of the month, without end",
        ),
        (b"", ""),
        (b"\xff" * 60, ""),
    ],
)
def test_simple_recurrences_are_put_in_words(data: bytes, words: str) -> None:
    assert recurrence_text(data) == words


def test_a_meeting_says_what_when_where_who_and_how_often() -> None:
    key = "Eastern Standard Time"
    zone = (
        b"\x02\x01" + struct.pack("<HHH", 6 + 2 * len(key), 2, len(key)) + key.encode("utf-16-le")
    )
    named = {
        NamedProperty(PropertySet.APPOINTMENT, 0x820D): NINE,
        NamedProperty(PropertySet.APPOINTMENT, 0x820E): TEN,
        NamedProperty(PropertySet.APPOINTMENT, 0x8208): "Room 4",
        NamedProperty(PropertySet.APPOINTMENT, 0x825E): zone,
        NamedProperty(PropertySet.APPOINTMENT, 0x8216): pattern(0x200A, 0, 1440, b""),
    }
    people = (("Ann", 1, 0x02, 0), ("Bob", 1, 0, 3), ("Cy", 2, 0, 0), ("Room 4", 3, 0, 0))
    rows = tuple(
        {
            Tag.DISPLAY_NAME: name,
            Tag.EMAIL_ADDRESS: f"{name[:3].lower().strip()}@city.example",
            Tag.RECIPIENT_TYPE: kind,
            Tag.RECIPIENT_FLAGS: flags,
            Tag.RECIPIENT_TRACK_STATUS: answer,
        }
        for name, kind, flags, answer in people
    )
    properties = {
        Tag.MESSAGE_CLASS: "IPM.Schedule.Meeting.Request",
        Tag.SUBJECT: "\x01\x01Task force",
        Tag.BODY: "Bring the list.",
    }
    assert lines(MapiItem(properties, named, rows)) == [
        "What: Task force",
        "When: 2025-03-03 14:00 UTC to 2025-03-03 15:00 UTC",
        "Time zone: Eastern Standard Time",
        "Where: Room 4",
        "Recurrence: every day, without end",
        "Organizer: Ann <ann@city.example>",
        "Required: Bob <bob@city.example> (accepted)",
        "Optional: Cy <cy@city.example>",
        "Resources: Room 4 <roo@city.example>",
        "",
        "Bring the list.",
    ]


def test_a_contact_says_how_to_reach_the_person() -> None:
    named = {
        NamedProperty(PropertySet.ADDRESS, 0x8080): "Bob (work)",
        NamedProperty(PropertySet.ADDRESS, 0x8083): "/O=CITY/CN=BOB",
        NamedProperty(PropertySet.ADDRESS, 0x8084): "bob@city.example",
        NamedProperty(PropertySet.ADDRESS, 0x801B): "1 Main St\r\nNew York",
    }
    properties = {
        Tag.MESSAGE_CLASS: "IPM.Contact",
        Tag.DISPLAY_NAME: "Bob Roe",
        Tag.COMPANY_NAME: "ICE",
        Tag.MOBILE_TELEPHONE_NUMBER: "555 0100",
    }
    assert lines(MapiItem(properties, named))[:5] == [
        "Name: Bob Roe",
        "Company: ICE",
        "Mobile phone: 555 0100",
        "E-mail: Bob (work) <bob@city.example>",
        "Business address: 1 Main St New York",
    ]


def test_a_journal_entry_and_a_task_say_when() -> None:
    named = {
        NamedProperty(PropertySet.LOG, 0x8700): "Phone call",
        NamedProperty(PropertySet.LOG, 0x8706): NINE,
        NamedProperty(PropertySet.LOG, 0x8707): 15,
    }
    assert lines(MapiItem({Tag.MESSAGE_CLASS: "IPM.Activity"}, named))[:3] == [
        "Journal: Phone call",
        "When: 2025-03-03 14:00 UTC",
        "Duration: 15 minutes",
    ]
    named = {
        NamedProperty(PropertySet.TASK, 0x8105): TEN,
        NamedProperty(PropertySet.TASK, 0x8101): 1,
        NamedProperty(PropertySet.TASK, 0x8102): 0.5,
    }
    task = MapiItem({Tag.MESSAGE_CLASS: "IPM.Task", Tag.SUBJECT: "Call"}, named)
    assert lines(task)[:4] == [
        "Task: Call",
        "Due: 2025-03-03",
        "Status: in progress",
        "Complete: 50%",
    ]


def test_a_delivery_report_names_the_recipient_and_the_reason() -> None:
    properties = {
        Tag.MESSAGE_CLASS: "REPORT.IPM.Note.NDR",
        Tag.SUBJECT: "Undeliverable: Plan",
        Tag.ORIGINAL_SUBJECT: "Plan",
        Tag.ORIGINAL_SUBMIT_TIME: NINE,
    }
    row = {
        Tag.DISPLAY_NAME: "Bob",
        Tag.EMAIL_ADDRESS: "bob@city.example",
        Tag.REPORT_TEXT: "The mailbox is full.",
    }
    assert lines(MapiItem(properties, recipients=(row,)))[:4] == [
        "Report: Undeliverable: Plan",
        "Original subject: Plan",
        "Original time: 2025-03-03 14:00 UTC",
        "Recipient: Bob <bob@city.example> The mailbox is full.",
    ]


def test_mail_and_notes_have_no_lines_before_their_text() -> None:
    for kind in ("IPM.Note", "IPM.StickyNote", "IPM.Post"):
        item = MapiItem({Tag.MESSAGE_CLASS: kind, Tag.SUBJECT: "x", Tag.BODY: "text"})
        assert lines(item) == ["text"]
        assert render_item(item).item_class == kind
