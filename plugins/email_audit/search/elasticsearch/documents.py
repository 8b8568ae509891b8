"""A hit as Elasticsearch keeps it: one JSON document, by the mapping of `mapping.py`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from email_audit.messages.records import Address
from email_audit.search.documents import as_json, digest, field_values, has_term
from email_audit.search.elasticsearch.mapping import ENVELOPE, FINGERPRINT, NESTED
from email_audit.search.fields import field_named
from email_audit.search.interface import HitDocument
from email_audit.tagging.records import Signal


def to_source(document: HitDocument) -> bytes:
    """Give the document to index, JSON in UTF-8; equal hits give equal bytes.

    A lone surrogate, which has no UTF-8, becomes a question mark, as in the embedded index.
    """
    record: dict[str, Any] = {
        "score": document.score,
        "signals": [asdict(signal) for signal in document.signals],
        ENVELOPE: {
            "message_id": document.message_id,
            "from": None if document.sender is None else asdict(document.sender),
            "to": [asdict(person) for person in document.to],
            "cc": [asdict(person) for person in document.cc],
            "bcc": [asdict(person) for person in document.bcc],
        },
        FINGERPRINT: digest(as_json(document)),
    }
    if document.date is not None:
        record["date"] = document.date.astimezone(UTC).isoformat().replace("+00:00", "Z")
    for name, values in field_values(document).items():
        field = field_named(name)
        kept = [value for value in values if has_term(field, value)]
        if kept and name not in NESTED:
            record[name] = kept if field.several else kept[0]
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def from_source(source: Mapping[str, Any]) -> HitDocument:
    """Read a hit back from the document that `to_source` made."""
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
        signals=tuple(Signal(**signal) for signal in source["signals"]),
        review_state=source["review_state"],
        is_answered=source["answered"] == "yes",
        thread=source.get("thread"),
        sources=_several(source, "sources"),
        model=source.get("model", ""),
    )


def _several(source: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(source.get(name, ()))


def _people(people: list[dict[str, str]]) -> tuple[Address, ...]:
    return tuple(Address(**person) for person in people)
