"""The line of `email-audit read` for one message (design, "What others rely on")."""

from typing import TypedDict

from email_audit.messages.records import Address, Message

MessageLine = TypedDict(
    "MessageLine",
    {
        "source": str,
        "path_in_source": str,
        "message_id": str | None,
        "mih": str | None,
        "content_sha256": str,
        "date": str | None,
        "from": dict[str, str] | None,
        "to": list[dict[str, str]],
        "cc": list[dict[str, str]],
        "bcc": list[dict[str, str]],
        "subject": str,
        "own_text": str,
        "quoted_text": str,
        "signature": str,
        "attachments": list[dict[str, str | int | None]],
        "thread": str,
        "item_class": str,
        "status": str,
        "problems": list[dict[str, str]],
    },
)


def as_contract(message: Message, *, source: str, path_in_source: str, thread: str) -> MessageLine:
    """Give the message as JSON-ready values; the date is UTC, ISO 8601, with "Z"."""
    return {
        "source": source,
        "path_in_source": path_in_source,
        "message_id": message.message_id,
        "mih": message.mih,
        "content_sha256": message.content_sha256,
        "date": f"{message.date:%Y-%m-%dT%H:%M:%SZ}" if message.date else None,
        "from": _person(message.sender) if message.sender else None,
        "to": [_person(person) for person in message.to],
        "cc": [_person(person) for person in message.cc],
        "bcc": [_person(person) for person in message.bcc],
        "subject": message.subject,
        "own_text": message.own_text,
        "quoted_text": message.quoted_text,
        "signature": message.signature,
        "attachments": [
            {
                "filename": part.filename,
                "content_type": part.content_type,
                "size": part.size,
                "sha256": part.sha256,
                "text": part.text,
                "status": part.status.value,
            }
            for part in message.attachments
        ],
        "thread": thread,
        "item_class": message.item_class,
        "status": message.status.value,
        "problems": [
            {"code": problem.code.value, "detail": problem.detail} for problem in message.problems
        ],
    }


def _person(person: Address) -> dict[str, str]:
    return {"name": person.name, "address": person.address}
