"""What the header of a message says: people, dates, subject, and the identifiers of threads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from email_audit.messages.addresses import parse_addresses
from email_audit.messages.dates import parse_date, received_date
from email_audit.messages.headers import Headers, decode_words, unfolded
from email_audit.messages.problems import Problems
from email_audit.messages.records import Address, Message, ProblemCode

_IDENTIFIER = re.compile(r"<[^<>]*>")
_WHITE = re.compile(r"\s+")
_MOST_REFERENCES = 1000


@dataclass(frozen=True, slots=True)
class Envelope:
    """The header's fields as the record has them (see `Message`)."""

    subject: str
    sender: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    date: datetime | None
    zone_minutes: int | None
    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    transport_dates: tuple[datetime, ...]


def read_envelope(headers: Headers, problems: Problems) -> Envelope:
    """Read the header fields an audit needs; what is missing or unusable becomes a problem."""
    sender = _people(headers, b"from") or _people(headers, b"sender")
    date, zone_minutes = _date(headers, problems)
    message_id = _message_id(headers)
    if message_id is None:
        problems.add(ProblemCode.NO_MESSAGE_ID, "the message has no Message-ID")
    subject = headers.first(b"subject")
    return Envelope(
        subject=decode_words(subject) if "=?" in subject else subject,
        sender=sender[0] if sender else None,
        to=_people(headers, b"to"),
        cc=_people(headers, b"cc"),
        bcc=_people(headers, b"bcc"),
        date=date,
        zone_minutes=zone_minutes,
        message_id=message_id,
        in_reply_to=_identifiers(headers, b"in-reply-to"),
        references=_identifiers(headers, b"references"),
        transport_dates=_transport_dates(headers),
    )


def _people(headers: Headers, name: bytes) -> tuple[Address, ...]:
    if name not in headers:
        return ()
    values = headers.all_raw(name)
    if len(values) == 1:
        return parse_addresses(unfolded(values[0]))
    return tuple(person for value in values for person in parse_addresses(unfolded(value)))


def _date(headers: Headers, problems: Problems) -> tuple[datetime | None, int | None]:
    value = headers.first(b"date")
    if not value:
        problems.add(ProblemCode.NO_DATE, "the message has no Date")
        return None, None
    parsed = parse_date(value)
    if parsed is None:
        problems.add(ProblemCode.BAD_DATE, "the Date is no date between 1980 and 2100")
        return None, None
    return parsed


def _message_id(headers: Headers) -> str | None:
    """Give the Message-ID as found: its first `<...>`, without one its first word."""
    value = headers.first(b"message-id")
    if not value:
        return None
    found = _IDENTIFIER.search(value)
    return _WHITE.sub("", found[0]) if found else value.split(None, 1)[0]


def _identifiers(headers: Headers, name: bytes) -> tuple[str, ...]:
    if name not in headers:
        return ()
    found: list[str] = []
    for value in headers.all_raw(name):
        found += _IDENTIFIER.findall(unfolded(value))
    return tuple(_WHITE.sub("", identifier) for identifier in found[-_MOST_REFERENCES:])


def _transport_dates(headers: Headers) -> tuple[datetime, ...]:
    if b"received" not in headers:
        return ()
    dates = (received_date(unfolded(value)) for value in headers.all_raw(b"received"))
    return tuple(date for date in dates if date is not None)


def header_text(envelope: Envelope | Message) -> str:
    """Give an embedded message's header as its reader would see it."""
    lines = [
        ("From", _shown([envelope.sender] if envelope.sender else [])),
        ("To", _shown(envelope.to)),
        ("Cc", _shown(envelope.cc)),
        ("Date", envelope.date.isoformat() if envelope.date else ""),
        ("Subject", envelope.subject),
    ]
    return "\n".join(f"{label}: {value}" for label, value in lines if value)


def _shown(people: Sequence[Address]) -> str:
    return ", ".join(
        f"{person.name} <{person.address}>"
        if person.name and person.address
        else person.name or person.address
        for person in people
    )
