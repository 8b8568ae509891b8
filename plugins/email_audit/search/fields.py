"""The documented fields of the search index: the one list from which everything else derives.

The embedded schema, the query parser's idea of a field, the Elasticsearch mapping and the table in
`docs/fields.md` are all made from `FIELDS`.
"""

from dataclasses import dataclass
from enum import StrEnum

from email_audit.errors import UserError

GENERATION = 2
"""Goes up when fields, words or stored documents change; older indexes are then built anew."""


class FieldType(StrEnum):
    """How a field's values are indexed and what a query may ask of them."""

    TEXT = "text"
    KEYWORD = "keyword"
    DATE = "date"
    FLOAT = "float"


class KeywordForm(StrEnum):
    """In what form a keyword field's values are compared."""

    EXACT = "exact"
    CASELESS = "caseless"
    MESSAGE_ID = "message-id"
    """Exact, but for the angle brackets of RFC 5322 3.6.4, which do not count."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `searched` when a query names no field; `highlighted` gives passages with hits.

    `several`: a message can have more than one value.
    """

    name: str
    type: FieldType
    description: str
    searched: bool = False
    sortable: bool = False
    highlighted: bool = False
    several: bool = False
    form: KeywordForm = KeywordForm.EXACT


_TEXT, _KEYWORD = FieldType.TEXT, FieldType.KEYWORD
_CASELESS = KeywordForm.CASELESS

FIELDS: tuple[Field, ...] = (
    Field("subject", _TEXT, "Subject line.", searched=True, highlighted=True),
    Field(
        "own_text",
        _TEXT,
        "What the sender wrote in this message.",
        searched=True,
        highlighted=True,
    ),
    Field(
        "quoted_text",
        _TEXT,
        "History that the message carries: quoted and forwarded text.",
        searched=True,
        highlighted=True,
    ),
    Field(
        "attachment_text",
        _TEXT,
        "Text read from the attachments, at any depth.",
        searched=True,
        highlighted=True,
    ),
    Field("attachment_names", _TEXT, "File names of the attachments.", searched=True, several=True),
    Field("from", _TEXT, "Sender: words of name and address, or the address.", searched=True),
    Field("to", _TEXT, "Recipients, in the same way as `from`.", searched=True, several=True),
    Field("cc", _TEXT, "Copy recipients, in the same way as `from`.", searched=True, several=True),
    Field(
        "bcc",
        _TEXT,
        "Blind copy recipients, in the same way as `from`.",
        searched=True,
        several=True,
    ),
    Field(
        "people",
        _KEYWORD,
        "Every address of sender and recipients, lower-case.",
        form=_CASELESS,
        several=True,
    ),
    Field("from_address", _KEYWORD, "The sender's address.", form=_CASELESS),
    Field("to_addresses", _KEYWORD, "Addresses of to, cc and bcc.", form=_CASELESS, several=True),
    Field("domains", _KEYWORD, "Every domain of `people`.", form=_CASELESS, several=True),
    Field("from_domain", _KEYWORD, "The domain of `from_address`.", form=_CASELESS),
    Field("to_domains", _KEYWORD, "The domains of `to_addresses`.", form=_CASELESS, several=True),
    Field("date", FieldType.DATE, "When it was sent, UTC.", sortable=True),
    Field(
        "date_written",
        _KEYWORD,
        "When it was sent by the sender's own clock and zone, `2025-03-04T09:12:00-05:00`.",
    ),
    Field(
        "custodians",
        _KEYWORD,
        "Officers in whose mailboxes a copy was found.",
        form=_CASELESS,
        several=True,
    ),
    Field(
        "task_forces", _KEYWORD, "Task forces of the custodians then.", form=_CASELESS, several=True
    ),
    Field(
        "partner_agencies",
        _KEYWORD,
        "Agencies that lead those task forces.",
        form=_CASELESS,
        several=True,
    ),
    Field(
        "kinds",
        _KEYWORD,
        "What the mention does, from the annotation guide.",
        form=_CASELESS,
        several=True,
    ),
    Field(
        "score",
        FieldType.FLOAT,
        "Calibrated probability that it mentions civil immigration enforcement, 0 to 1.",
        sortable=True,
    ),
    Field("signals", _TEXT, "The words that speak for the tag.", several=True),
    Field("signal_labels", _KEYWORD, "What those words show.", form=_CASELESS, several=True),
    Field(
        "review_state",
        _KEYWORD,
        "`unreviewed`, until it was decided on.",
        form=_CASELESS,
    ),
    Field(
        "answered",
        _KEYWORD,
        "`yes` where somebody else wrote in the thread later or replied to it, else `no`.",
    ),
    Field(
        "message_id",
        _KEYWORD,
        "Message-ID, with or without its angle brackets.",
        form=KeywordForm.MESSAGE_ID,
    ),
    Field("mih", _KEYWORD, "EDRM message identification hash."),
    Field("content_sha256", _KEYWORD, "SHA-256 of the content; the document's id."),
    Field("thread", _KEYWORD, "The conversation it belongs to."),
    Field("sources", _KEYWORD, "Where its copies were found.", several=True),
    Field("model", _KEYWORD, "Name and version of the classifier that tagged it."),
)

_BY_NAME = {field.name: field for field in FIELDS}

SEARCHED: tuple[str, ...] = tuple(field.name for field in FIELDS if field.searched)
"""The fields that a query without a field name looks into; all are text."""

HIGHLIGHTED: tuple[str, ...] = tuple(field.name for field in FIELDS if field.highlighted)


def field_named(name: str) -> Field:
    """Give a documented field.

    Raises:
        UserError: naming the field and listing those there are.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(sorted(_BY_NAME))
        raise UserError(f"{name!r} is not a field of the index; the fields are {known}") from None


def fields_markdown() -> str:
    """Write the table of `docs/fields.md`."""
    rows = [
        "| field | type | searched by default | sortable | holds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for field in FIELDS:
        kind: str = field.type.value
        if field.type is FieldType.KEYWORD and field.form is KeywordForm.CASELESS:
            kind = "keyword, any case"
        searched = "yes" if field.searched else ""
        sortable = "yes" if field.sortable else ""
        rows.append(f"| `{field.name}` | {kind} | {searched} | {sortable} | {field.description} |")
    return "\n".join(rows) + "\n"
