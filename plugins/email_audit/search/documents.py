"""Documents of the index as JSON, as values by field, and as the contract of `search --json`.

What is made here is the same for every back end.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeAlias

from email_audit.messages.records import Address
from email_audit.search.analysis import LONGEST_KEYWORD, keyword
from email_audit.search.fields import Field, FieldType, field_named
from email_audit.search.interface import HitDocument, SearchHit
from email_audit.tagging.records import Signal

JsonValue: TypeAlias = "str | float | list[JsonValue] | dict[str, JsonValue] | None"

_LONGEST_BYTES = 2 * LONGEST_KEYWORD  # in UTF-16
_PEOPLE = ("to", "cc", "bcc")
_LISTS = (
    "custodians",
    "task_forces",
    "partner_agencies",
    "attachment_names",
    "kinds",
    "sources",
)


def as_json(document: HitDocument) -> bytes:
    """Give the document as JSON in ASCII; equal documents give equal bytes."""
    record = asdict(document)
    record["date"] = None if document.date is None else document.date.isoformat()
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode("ascii")


def from_json(data: bytes) -> HitDocument:
    """Read back what `as_json` wrote."""
    record = json.loads(data)
    for name in _PEOPLE:
        record[name] = tuple(Address(**person) for person in record[name])
    for name in _LISTS:
        record[name] = tuple(record[name])
    record["signals"] = tuple(Signal(**signal) for signal in record["signals"])
    if record["sender"] is not None:
        record["sender"] = Address(**record["sender"])
    if record["date"] is not None:
        record["date"] = datetime.fromisoformat(record["date"])
    return HitDocument(**record)


def digest(document_json: bytes) -> str:
    """Give the SHA-256 of a document's JSON, by which a changed document is told."""
    return hashlib.sha256(document_json).hexdigest()


def text_values(document: HitDocument) -> dict[str, tuple[str, ...]]:
    """Give what can be looked for in every text and keyword field that has any such value."""
    findable = {
        name: tuple(value for value in values if is_findable(field_named(name), value))
        for name, values in field_values(document).items()
    }
    return {name: values for name, values in findable.items() if values}


def is_findable(field: Field, value: str) -> bool:
    """Say whether an index takes a value: an overlong keyword it keeps but cannot look for."""
    if field.type is not FieldType.KEYWORD:
        return True
    return has_term(field, value) and len(value.encode("utf-16-le", "replace")) <= _LONGEST_BYTES


def has_term(field: Field, value: str) -> bool:
    """Say whether a value has anything to look for: a keyword may be what its form leaves out."""
    return field.type is not FieldType.KEYWORD or bool(keyword(value, field.form))


def field_values(document: HitDocument) -> dict[str, tuple[str, ...]]:
    """Give the values of every text and keyword field that has any, by the field's name."""
    sender = (document.sender,) if document.sender else ()
    recipients = (*document.to, *document.cc, *document.bcc)
    people = _addresses((*sender, *recipients))
    from_address, to_addresses = _addresses(sender), _addresses(recipients)
    values: dict[str, tuple[str | None, ...]] = {
        "subject": (document.subject,),
        "own_text": (document.own_text,),
        "quoted_text": (document.quoted_text,),
        "attachment_text": (document.attachment_text,),
        "attachment_names": document.attachment_names,
        "from": _people(sender),
        "to": _people(document.to),
        "cc": _people(document.cc),
        "bcc": _people(document.bcc),
        "people": people,
        "from_address": from_address,
        "to_addresses": to_addresses,
        "domains": _domains(people),
        "from_domain": _domains(from_address),
        "to_domains": _domains(to_addresses),
        "date_written": (document.date_written,),
        "custodians": document.custodians,
        "task_forces": document.task_forces,
        "partner_agencies": document.partner_agencies,
        "kinds": document.kinds,
        "signals": tuple(signal.text for signal in document.signals),
        "signal_labels": tuple(dict.fromkeys(signal.label for signal in document.signals)),
        "review_state": (document.review_state,),
        "answered": ("yes" if document.is_answered else "no",),
        "message_id": (document.message_id and document.message_id.strip(),),
        "mih": (document.mih,),
        "content_sha256": (document.id,),
        "thread": (document.thread,),
        "sources": document.sources,
        "model": (document.model,),
    }
    present = {name: tuple(filter(None, several)) for name, several in values.items()}
    return {name: several for name, several in present.items() if several}


def search_contract(hit: SearchHit) -> dict[str, JsonValue]:
    """Give the JSON object that `email-audit search --json` prints for one hit.

    `date` is UTC, ISO 8601, null where unknown; `from` is one `{name, address}` or null and `to`
    a list of them; `highlights` maps field names to lists of HTML passages.
    """
    document = hit.document
    return {
        "message_id": document.message_id,
        "custodians": list(document.custodians),
        "date": None if document.date is None else _utc(document.date),
        "from": None if document.sender is None else _person(document.sender),
        "to": [_person(person) for person in document.to],
        "subject": document.subject,
        "kinds": list(document.kinds),
        "score": document.score,
        "thread": document.thread,
        "highlights": {name: list(passages) for name, passages in hit.highlights.items()},
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _person(person: Address) -> dict[str, JsonValue]:
    return {"name": person.name, "address": person.address}


def _people(people: tuple[Address, ...]) -> tuple[str, ...]:
    return tuple(
        f"{person.name} <{person.address}>" for person in people if person.name or person.address
    )


def _addresses(people: Iterable[Address]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (person.address.strip().lower() for person in people))))


def _domains(addresses: Iterable[str]) -> tuple[str, ...]:
    """Give what stands behind the last @ of each address (RFC 5321 4.1.2), each once."""
    domains = (address.rpartition("@")[2] for address in addresses if "@" in address)
    return tuple(dict.fromkeys(filter(None, (domain.rstrip(".") for domain in domains))))
