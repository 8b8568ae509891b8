"""Invented cases for the bundle's tests: nobody's mail."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from email_audit.bundles.records import BundleCase, BundleMessage, CaseOfficer, CopyOf, RunTotals
from email_audit.evidence.custody import CustodyEntry, next_entry
from email_audit.messages.records import (
    Address,
    Attachment,
    AttachmentStatus,
    ContentHash,
    Message,
    ReadStatus,
    Segment,
    SegmentKind,
)
from email_audit.tagging.records import Kind, Signal, Tag

SENT = datetime(2025, 3, 6, 14, 5, 9, tzinfo=UTC)
AGENT = Address("Lyle Forsgren", "lyle.forsgren@fed.example")
OFFICER = Address("Dana Ruiz", "dana.ruiz@pd.example")

OWN = SegmentKind.OWN
QUOTED = SegmentKind.QUOTED
FORWARDED = SegmentKind.FORWARDED
SIGNATURE = SegmentKind.SIGNATURE
FOOTER = SegmentKind.FOOTER

Parts = Sequence[tuple[SegmentKind, str]]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def message(
    parts: Parts,
    *,
    subject: str = "Release time",
    number: int = 1,
    attachments: tuple[Attachment, ...] = (),
    judged: frozenset[SegmentKind] = frozenset({OWN}),
) -> Message:
    """A message whose body is made of `parts`; own text is joined as the segmenter does it."""
    segments, position = [], 0
    for kind, text in parts:
        segments.append(Segment(kind, position, position + len(text)))
        position += len(text)
    body = "".join(text for _, text in parts)
    message_id = f"<{number}.a@fed.example>"
    return Message(
        subject=subject,
        sender=AGENT,
        to=(OFFICER,),
        cc=(),
        bcc=(),
        date=SENT + timedelta(days=number - 1),
        zone_minutes=-300,
        message_id=message_id,
        in_reply_to=(),
        references=(),
        body=body,
        segments=tuple(segments),
        own_text="\n".join(text for kind, text in parts if kind in judged).strip(),
        quoted_text="\n".join(text for kind, text in parts if kind is QUOTED).strip(),
        signature="",
        attachments=attachments,
        content_sha256=ContentHash(sha256(f"{number}{subject}{body!a}".encode())),
        mih=hashlib.md5(message_id.encode()).hexdigest(),
        status=ReadStatus.OK,
    )


def as_eml(content: Message) -> bytes:
    eml = EmailMessage()
    if content.message_id is not None:
        eml["Message-ID"] = content.message_id
    if content.date is not None:
        eml["Date"] = format_datetime(content.date)
    eml["From"] = str(AGENT.address)
    eml["To"] = str(OFFICER.address)
    eml["Subject"] = "as read"
    eml.set_content(content.body.encode("utf-8", "replace").decode())
    return eml.as_bytes()


def signal(content: Message, text: str, label: str, part: str = "own_text") -> Signal:
    if part == "subject":
        whole = content.subject
    elif part == "own_text":
        whole = content.own_text
    else:
        whole = content.attachments[int(part.partition(":")[2])].text or ""
    start = whole.index(text)
    return Signal(text, start, start + len(text), part, label)


def entry(
    content: Message, *, number: int = 1, signals: tuple[Signal, ...] = (), copies: int = 1
) -> BundleMessage:
    original = as_eml(content)
    source = b"From lyle Thu Mar  6 14:05:09 2025\n" + original + b"\n"
    return BundleMessage(
        number=number,
        message=content,
        original=original,
        source_bytes=source,
        source_suffix=".mbox-item",
        copies=tuple(
            CopyOf(
                custodian=f"{4711 + copy}",
                custodian_name=("Dana Ruiz", "Tom Adeyemi")[copy % 2],
                source=f"{4711 + copy}.mbox",
                path_in_source=f"message {number}",
                evidence_sha256=sha256(f"export {copy}".encode()),
                start=1000 * number,
                stop=1000 * number + len(source),
                acquired_at=datetime(2025, 6, 1, 9, 0, tzinfo=UTC),
            )
            for copy in range(copies)
        ),
        tag=Tag(True, 0.9731, (Kind.REQUEST, Kind.CUSTODY), signals),
        model="en_email_audit-0.1.0+abc1234",
        thread="00000000deadbeef",
    )


def messages(count: int = 3) -> list[BundleMessage]:
    result = []
    for number in range(1, count + 1):
        content = message(
            [
                (OWN, f"Can you hold him until we get there, case {number}?\n\n"),
                (SIGNATURE, "-- \nLyle\n"),
                (QUOTED, "On Monday Dana Ruiz wrote:\n> He is out at 9.\n"),
            ],
            number=number,
        )
        found = signal(content, "hold him until we get there", "asks to hold a person")
        result.append(entry(content, number=number, signals=(found,), copies=1 + number % 2))
    return result


CASE = BundleCase(
    name="2025-014 Release times",
    created_at=datetime(2025, 7, 1, 12, 30, tzinfo=UTC),
    tool_version="email-audit 0.1.0",
    model_version="en_email_audit-0.1.0+abc1234",
    officers=(
        CaseOfficer(
            "4711", "Dana Ruiz", "Detective", "Task Force 3", "HSI", date(2024, 1, 1), None
        ),
        CaseOfficer("4712", "Tom Adeyemi", "Sergeant", "Task Force 3", "HSI", None, None),
    ),
    scope="Messages of two officers from 1 January 2024 on, decided responsive.",
    totals=RunTotals(1210, 1210, 14, 1100, 60, 35, 1),
)


def custody(count: int = 4) -> list[CustodyEntry]:
    log: list[CustodyEntry] = []
    for number in range(count):
        log.append(
            next_entry(
                log[-1] if log else None,
                at=f"2025-06-01T09:00:{number:02d}Z",
                actor="operator",
                action="acquired",
                subject=f"export {number}",
                details={"bytes": 1000 + number, "name": "Ñandú"},
            )
        )
    return log


def attachment(text: str | None, **changes: object) -> Attachment:
    data = (text or "").encode("utf-8", "replace")
    base = Attachment(
        filename="list.csv",
        content_type="text/csv",
        size=len(data),
        sha256=sha256(data),
        identity=sha256(data),
        status=AttachmentStatus.OK,
        text=text,
    )
    return replace(base, **changes)  # type: ignore[arg-type]
