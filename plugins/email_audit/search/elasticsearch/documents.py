"""A hit as Elasticsearch keeps it: one JSON document, by the mapping of `mapping.py`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from email_audit.messages.records import Address
from email_audit.search.analysis import encodable
from email_audit.search.documents import field_values, has_term
from email_audit.search.elasticsearch.mapping import ENVELOPE, NESTED
from email_audit.search.fields import field_named
from email_audit.search.interface import HitDocument
from email_audit.tagging.records import Signal


def to_source(document: HitDocument) -> bytes:
    """Give the document to index, JSON in UTF-8; equal hits give equal bytes.

    A field without a value is left out. A lone surrogate, which has no UTF-8, becomes a question
    mark, as for the embedded index.
    """
    source: dict[str, Any] = {}
    for name, values in field_values(document).items():
        field = field_named(name)
        kept = [encodable(value) for value in values if has_term(field, value)]
        if kept and name not in NESTED:
            source[name] = kept if field.several else kept[0]
    if document.date is not None:
        source["date"] = document.date.astimezone(UTC).isoformat().replace("+00:00", "Z")
    source["score"] = document.score
    if document.signals:
        source["signals"] = [_signal(signal) for signal in document.signals]
    source[ENVELOPE] = {
        "message_id": None if document.message_id is None else encodable(document.message_id),
        "from": None if document.sender is None else _person(document.sender),
        "to": [_person(person) for person in document.to],
        "cc": [_person(person) for person in document.cc],
        "bcc": [_person(person) for person in document.bcc],
    }
    return json.dumps(source, ensure_ascii=False, separators=(",", ":")).encode()


def from_source(source: Mapping[str, Any]) -> HitDocument:
    """Read a hit back from the document that `to_source` made.

    Raises:
        KeyError, TypeError, ValueError: for any other document.
    """
    envelope = source[ENVELOPE]
    date = source.get("date")
    return HitDocument(
        id=source["content_sha256"],
        message_id=envelope["message_id"],
        mih=source.get("mih"),
        custodians=_several(source, "custodians"),
        task_forces=_several(source, "task_forces"),
        partner_agencies=_several(source, "partner_agencies"),
        date=None if date is None else datetime.fromisoformat(date),
        date_written=source.get("date_written"),
        sender=None if envelope["from"] is None else Address(**envelope["from"]),
        to=_people(envelope["to"]),
        cc=_people(envelope["cc"]),
        bcc=_people(envelope["bcc"]),
        subject=source.get("subject", ""),
        own_text=source.get("own_text", ""),
        quoted_text=source.get("quoted_text", ""),
        attachment_names=_several(source, "attachment_names"),
        attachment_text=source.get("attachment_text", ""),
        kinds=_several(source, "kinds"),
        score=source["score"],
        signals=tuple(Signal(**{"text": ""} | signal) for signal in source.get("signals", ())),
        review_state=source["review_state"],
        is_answered=source["answered"] == "yes",
        thread=source.get("thread"),
        sources=_several(source, "sources"),
        model=source.get("model", ""),
    )


def values_in(source: Mapping[str, Any], name: str) -> list[str]:
    """Give the values of a text field in a document, or in a part of one."""
    found = source.get(name, [])
    if name in NESTED:
        return [signal["text"] for signal in found if "text" in signal]
    return found if isinstance(found, list) else [found]


def _signal(signal: Signal) -> dict[str, Any]:
    text = {"text": encodable(signal.text)} if signal.text else {}
    label, part = encodable(signal.label), signal.part
    return {**text, "label": label, "part": part, "start": signal.start, "end": signal.end}


def _person(person: Address) -> dict[str, str]:
    return {"name": encodable(person.name), "address": encodable(person.address)}


def _several(source: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(source.get(name, ()))


def _people(people: list[dict[str, str]]) -> tuple[Address, ...]:
    return tuple(Address(**person) for person in people)
