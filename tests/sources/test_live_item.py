"""Items that a mail server gave no MIME content of: read from their fields, never an exception."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.messages.records import ProblemCode, ReadStatus
from email_audit.sources.base import Extent, FoundItem, ReadOptions, Unreadable
from email_audit.sources.live_item import MARK, LiveItemSource
from email_audit.sources.registry import detect_source

OPTIONS = ReadOptions(max_message_bytes=1 << 20)


def found(record: object) -> FoundItem | Unreadable:
    data = json.dumps(record).encode()
    source = LiveItemSource(OPTIONS)
    (item,) = source.items(io.BytesIO(data), Extent(0, len(data), 0, 1))
    return item


def test_fields_and_text_become_a_partial_message() -> None:
    item = found(
        {
            "format": MARK,
            "item": {
                "Message": {
                    "ItemClass": "IPM.Note.Secure",
                    "Subject": "Grüße\r\nBcc: evil@x",
                    "Body": {"@BodyType": "Text", "#text": "Er ist um 9 da."},
                    "DateTimeSent": "2025-03-03T15:00:00Z",
                    "From": {"Mailbox": [{"Name": "Ann, Lee", "EmailAddress": "a@c.example"}]},
                    "ToRecipients": {"Mailbox": [{"EmailAddress": "b@c.example"}]},
                    "BccRecipients": {"Mailbox": [{"EmailAddress": "d@c.example"}]},
                    "InternetMessageId": "<1@x>",
                }
            },
        }
    )
    assert isinstance(item, FoundItem)
    message = LiveItemSource(OPTIONS).parse(item)
    assert message.subject == "Grüße Bcc: evil@x"
    assert message.own_text.strip() == "Er ist um 9 da."
    assert [person.address for person in (*message.to, *message.bcc)] == [
        "b@c.example",
        "d@c.example",
    ]
    assert (message.sender.name, message.sender.address) == ("Ann, Lee", "a@c.example")  # type: ignore[union-attr]
    assert message.message_id == "<1@x>"
    assert message.date is not None
    assert message.date.isoformat() == "2025-03-03T15:00:00+00:00"
    assert message.item_class == "IPM.Note.Secure"
    assert message.status is ReadStatus.PARTIAL
    assert ProblemCode.WITHHELD in {problem.code for problem in message.problems}


def test_what_we_write_is_recognised_by_its_bytes() -> None:
    blob = io.BytesIO(json.dumps({"format": MARK}).encode())
    assert detect_source(blob, "x.json", OPTIONS).name == "live_item"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("From", "ToRecipients", "Subject", "Body", "DateTimeSent", "Attachments", "ItemClass")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_no_field_of_any_form_stops_the_reader(properties: dict[str, object]) -> None:
    item = found({"format": MARK, "item": {"Message": properties}})
    assert isinstance(item, FoundItem)
    LiveItemSource(OPTIONS).parse(item)


@given(json_values)
def test_no_record_of_any_form_stops_the_reader(record: object) -> None:
    assert found(record) is not None


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[1, 2]"])
def test_a_broken_record_is_an_unreadable_item(data: bytes) -> None:
    source = LiveItemSource(OPTIONS)
    (item,) = source.items(io.BytesIO(data), Extent(0, len(data), 0, 1))
    assert isinstance(item, Unreadable)
