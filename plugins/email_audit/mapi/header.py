"""The header of a rendered item: the transport's own where there is one, else from properties."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from email_audit.mapi import mime
from email_audit.mapi.people import (
    Directory,
    Person,
    author,
    recipient,
    recipient_type,
    reply_to,
    submitter,
)
from email_audit.mapi.properties import PropertySet, RecipientType, Tag
from email_audit.mapi.records import AnsiText, MapiItem, NamedProperty
from email_audit.mapi.values import NamedValues, Values
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode

_STRUCTURE = re.compile(
    rb"(?:content-(?!class\b|language\b)[!-9;-~]*|mime-version)[ \t]*:", re.IGNORECASE
)
_HTML_ONLY = re.compile(rb"^content-type[ \t]*:\s*text/html\b", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")
_MARK = b"Microsoft Mail Internet Headers"
_IMPORTANCE = {0: "low", 2: "high"}
_SENSITIVITY = {1: "Personal", 2: "Private", 3: "Company-Confidential"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FLAG_REQUEST = 0x8530
_PST_PREFIX = "\x01"


def header_fields(
    item: MapiItem, values: Values, named: NamedValues, problems: Problems
) -> list[bytes]:
    """Give the header's fields, each whole and without its line end, MIME structure left out.

    The transport's fields are kept as they are; what they lack is built from properties.
    """
    fields = transport_fields(values, problems)
    present = {_name(field) for field in fields}
    for field in _built_fields(item, values, named):
        if _name(field) not in present and not _STRUCTURE.match(field):
            present.add(_name(field))
            fields.append(field)
    return fields


def was_html_only(values: Values) -> bool:
    """Say whether the message came as nothing but HTML, by the transport's own headers."""
    return _HTML_ONLY.search(_transport_bytes(values)) is not None


def transport_fields(values: Values, problems: Problems) -> list[bytes]:
    """Give the fields of PidTagTransportMessageHeaders up to their first blank line.

    Outlook appends the headers of MIME parts after it; the parts themselves are attachments.
    """
    fields: list[list[bytes]] = []
    for line in _transport_bytes(values).split(b"\n"):
        if not line:
            break
        if line[:1] in b" \t" and fields:
            fields[-1].append(line)
        elif _FIELD.match(line):
            fields.append([line])
        elif not line.startswith(_MARK):
            problems.add(
                ProblemCode.BROKEN_HEADER, "a line of the transport headers is no field: left out"
            )
    return [b"\r\n".join(lines) for lines in fields if not _STRUCTURE.match(lines[0])]


def _transport_bytes(values: Values) -> bytes:
    """Give the transport's headers with line feeds only, up to their first blank line."""
    value = values.properties.get(Tag.TRANSPORT_MESSAGE_HEADERS)
    raw = value.data if isinstance(value, AnsiText) else values.as_text(value).encode("utf-8")
    raw = raw.replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw.lstrip(b"\n").partition(b"\n\n")[0]


def subject(values: Values) -> str:
    """Give the subject on one line; PST marks its prefix's length with two characters.

    MS-PST 2.5.3.1.1.1: U+0001 and then the length.
    """
    text = values.text(Tag.SUBJECT)
    if text.startswith(_PST_PREFIX):
        text = text[2:]
    if not text:
        text = values.text(Tag.SUBJECT_PREFIX) + values.text(Tag.NORMALIZED_SUBJECT)
    return " ".join(text.split())


def shown_date(moment: datetime) -> str:
    """Give a time as RFC 5322 3.3 writes it, in UTC."""
    at = moment.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def _built_fields(item: MapiItem, values: Values, named: NamedValues) -> Iterator[bytes]:
    directory = Directory(values.of(row) for row in item.recipients)
    sender = directory.resolved(submitter(values))
    represented = directory.resolved(author(values))
    if represented is not None:
        yield _people("From", [represented])
    if sender is not None and represented is not None and _differ(sender, represented):
        yield _people("Sender", [sender])
    answers = reply_to(values)
    if answers:
        yield _people("Reply-To", answers)
    yield from _recipient_fields(item, values)
    moment = values.time(Tag.CLIENT_SUBMIT_TIME, Tag.MESSAGE_DELIVERY_TIME)
    if moment is not None:
        yield mime.field("Date", shown_date(moment))
    yield mime.field("Subject", subject(values))
    for name, tag in (
        ("Message-ID", Tag.INTERNET_MESSAGE_ID),
        ("In-Reply-To", Tag.IN_REPLY_TO_ID),
        ("References", Tag.INTERNET_REFERENCES),
    ):
        identifiers = values.text(tag).split()
        if identifiers:
            yield f"{name}: ".encode() + "\r\n ".join(identifiers).encode("utf-8", "replace")
    importance = _IMPORTANCE.get(values.number(Tag.IMPORTANCE, 1))
    if importance:
        yield mime.field("Importance", importance)
    sensitivity = _SENSITIVITY.get(values.number(Tag.SENSITIVITY))
    if sensitivity:
        yield mime.field("Sensitivity", sensitivity)
    keywords = named.text(NamedProperty(PropertySet.PUBLIC_STRINGS, "Keywords"))
    if keywords:
        yield mime.field("Keywords", keywords)
    flag = named.text(NamedProperty(PropertySet.COMMON, _FLAG_REQUEST))
    if flag:
        yield mime.field("X-Message-Flag", flag)
    yield from _named_fields(named)


def _recipient_fields(item: MapiItem, values: Values) -> Iterator[bytes]:
    people: dict[int, list[Person]] = {}
    for properties in item.recipients:
        row = values.of(properties)
        person = recipient(row)
        if person is not None:
            people.setdefault(recipient_type(row), []).append(person)
    for kind, name, shown in (
        (RecipientType.TO, "To", Tag.DISPLAY_TO),
        (RecipientType.CC, "Cc", Tag.DISPLAY_CC),
        (RecipientType.BCC, "Bcc", Tag.DISPLAY_BCC),
    ):
        listed = people.get(kind) or _shown_people(values.text(shown))
        if listed:
            yield _people(name, listed)


def _shown_people(text: str) -> list[Person]:
    """Read PidTagDisplayTo and its like, all there is where a container has no recipients."""
    names = (" ".join(name.split()) for name in text.split(";"))
    return [Person("", name) if "@" in name else Person(name, "") for name in names if name]


def _named_fields(named: NamedValues) -> Iterator[bytes]:
    """Give the header fields that the server kept as named properties (MS-OXCMAIL 2.2.3.2)."""
    for (guid, name), value in sorted(named.items(), key=lambda pair: str(pair[0])):
        is_field = guid == PropertySet.INTERNET_HEADERS and isinstance(name, str)
        if is_field and _FIELD_NAME.fullmatch(str(name)) and isinstance(value, str | AnsiText):
            yield mime.field(str(name), named.text(NamedProperty(guid, name)))


def _people(name: str, people: Sequence[Person]) -> bytes:
    return mime.address_field(name, [mime.mailbox(*person) for person in people])


def _differ(one: Person, other: Person) -> bool:
    return (one.address or one.name).lower() != (other.address or other.name).lower()


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()
