"""Whatever a container hands over, rendering gives a message: wrong types, broken structures."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.mapi import description
from email_audit.mapi.eml import render_item
from email_audit.mapi.properties import PropertySet, Tag
from email_audit.mapi.records import AnsiText, MapiAttachment, MapiItem, NamedProperty
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from tests.mapi.builders import times

LIMITS = ReadLimits()
CLASSES = [
    "IPM.Note",
    "IPM.Note.SMIME",
    "IPM.Note.SMIME.MultipartSigned",
    "IPM.Appointment",
    "IPM.Schedule.Meeting.Request",
    "IPM.Contact",
    "IPM.DistList",
    "IPM.Task",
    "IPM.Activity",
    "IPM.StickyNote",
    "REPORT.IPM.Note.NDR",
    "\r\nBcc: x",
    "",
]
SINGLE = (
    st.text(max_size=30)
    | st.sampled_from(["a\r\nb: c", "=?utf-8?q?x?=", '"', "<>", "x@y", "\ud800", "\0", "\x01"])
    | st.binary(max_size=80)
    | st.binary(max_size=20).map(AnsiText)
    | st.integers(-(2**63), 2**64)
    | st.floats()
    | st.booleans()
    | times
    | st.uuids()
)
VALUES = SINGLE | st.lists(SINGLE, max_size=3).map(tuple)
PROPERTIES = st.dictionaries(st.sampled_from(list(Tag)), VALUES, max_size=12)
NAMES = [value for value in vars(description).values() if isinstance(value, NamedProperty)]
NAMES += [name for names in vars(description)["_EMAILS"] for name in names]
NAMES += [NamedProperty(PropertySet.INTERNET_HEADERS, "x-y"), NamedProperty(PropertySet.TASK, "s")]
NAMED = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)


@st.composite
def hostile(draw: st.DrawFn, depth: int = 2) -> MapiItem:
    properties = {**draw(PROPERTIES), Tag.MESSAGE_CLASS: draw(st.sampled_from(CLASSES) | VALUES)}
    attachments = []
    for _ in range(draw(st.integers(0, 2))):
        data = draw(st.none() | st.binary(max_size=60))
        inner = draw(hostile(depth - 1)) if depth and draw(st.booleans()) else None
        attachments.append(MapiAttachment(draw(PROPERTIES), data, inner))
    recipients = draw(st.lists(PROPERTIES, max_size=3))
    return MapiItem(properties, draw(NAMED), tuple(recipients), tuple(attachments))


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile())
def test_any_item_is_rendered_and_the_same_way_twice(item: MapiItem) -> None:
    rendered = render_item(item)
    assert rendered == render_item(item)
    message = parse_message(rendered.original, limits=LIMITS)
    assert "not_a_message" not in {problem.code for problem in message.problems}
    top = [one for one in message.attachments if one.parent is None]
    assert len(top) >= len(item.attachments) or "SMIME" in rendered.item_class


@given(st.text(max_size=30))
def test_no_property_can_add_a_header_field(text: str) -> None:
    """A subject with a line break must not forge a recipient."""
    forged = f"{text}\r\nBcc: evil@x.example\r\n\r\nbody"
    properties = {
        tag: forged
        for tag in Tag
        if tag not in (Tag.TRANSPORT_MESSAGE_HEADERS, Tag.BODY, Tag.HTML, Tag.MESSAGE_CLASS)
    }
    rendered = render_item(MapiItem(properties, recipients=({Tag.DISPLAY_NAME: forged},)))
    header = rendered.original.partition(b"\r\n\r\n")[0]
    fields = [line for line in header.split(b"\r\n") if line[:1] not in b" \t"]
    assert not [field for field in fields if b"evil" in field and field.startswith(b"Bcc: evil")]
