"""The two data views over the index of hits, written from its field list.

A data view with a time field leaves documents without one out of everything that it shows: a hit
whose date is unknown would be nowhere. So the questions are asked of a view without a time field;
only what is drawn over time uses the other.
"""

from email_audit.search.elasticsearch.mapping import ENVELOPE, FINGERPRINT, NESTED
from email_audit.search.fields import FIELDS
from email_audit.search.kibana.objects import Json, ObjectType, Reference, SavedObject, in_string

HITS = "email-audit-hits"
"""Id of the view that every question is asked of: all hits, whatever their date."""
HITS_OVER_TIME = "email-audit-hits-over-time"
"""Id of the view for what is drawn over time: hits with a date."""

TIME_FIELD = "date"

LABELS: dict[str, str] = {
    "subject": "Subject",
    "own_text": "Own text",
    "quoted_text": "Quoted text",
    "attachment_text": "Text of attachments",
    "attachment_names": "Names of attachments",
    "from": "From",
    "to": "To",
    "cc": "Cc",
    "bcc": "Bcc",
    "date": "Sent",
    "date_written": "Sent, as the sender's clock said",
    "custodians": "Officers",
    "task_forces": "Task forces",
    "partner_agencies": "Partner agencies",
    "kinds": "Kinds",
    "score": "Score",
    "signals": "Signal words",
    "signal_labels": "Signals",
    "message_id": "Message-ID",
    "mih": "Message identification hash",
    "content_sha256": "Message",
    "thread": "Thread",
    "sources": "Where it was found",
    "model": "Classifier",
    "people": "Everyone on it",
    "from_address": "From, address",
    "to_addresses": "To, addresses",
    "domains": "Domains",
    "from_domain": "From, domain",
    "to_domains": "To, domains",
    "review_state": "Review",
    "answered": "Answered",
}
"""What each field is called in Kibana; queries use the field's own name."""

HIDDEN = (
    *("*.english", "*.spanish", "*.exact"),
    *("signals.start", "signals.end"),
    *(FINGERPRINT, ENVELOPE, f"{ENVELOPE}.*"),
)
"""Repetitions of other fields, offsets, and the writer's own: noise in a list of documents."""

AS_WRITTEN = ".exact"
"""After a keyword's name: its values as written, not in lower case. For names in charts."""

HASH_PLACE = "{content_sha256}"
"""Where the message's hash belongs in the address of its page for reviewers."""


def data_views(alias: str, review_url: str) -> tuple[SavedObject, ...]:
    """Give the two views of the index `alias`.

    `review_url` is the address of a message's page for reviewers with `{content_sha256}` in it, or
    empty: then hashes are shown and not links.
    """
    return (
        _data_view(HITS, "E-mail audit: all hits", alias, review_url, time_field=None),
        _data_view(
            HITS_OVER_TIME,
            "E-mail audit: hits over time",
            alias,
            review_url,
            time_field=TIME_FIELD,
        ),
    )


def view_reference(view: str, name: str) -> Reference:
    """Give a reference to one of the two views."""
    return Reference(ObjectType.DATA_VIEW, view, name)


def _data_view(
    view: str, name: str, alias: str, review_url: str, *, time_field: str | None
) -> SavedObject:
    attributes: Json = {
        "title": alias,
        "name": name,
        "fields": "[]",  # read from the index when the view is opened
        "sourceFilters": in_string([{"value": pattern} for pattern in HIDDEN]),
        "runtimeFieldMap": "{}",
        "fieldAttrs": in_string(_field_attributes()),
        "fieldFormatMap": in_string(_field_formats(review_url)),
        "allowHidden": False,
    }
    if time_field:
        attributes["timeFieldName"] = time_field
    return SavedObject(ObjectType.DATA_VIEW, view, attributes)


def _field_attributes() -> Json:
    return {
        NESTED.get(field.name, field.name): {
            "customLabel": LABELS[field.name],
            "customDescription": field.description,
        }
        for field in FIELDS
    }


def _field_formats(review_url: str) -> Json:
    formats: Json = {"score": {"id": "number", "params": {"pattern": "0.00"}}}
    if review_url:
        formats["content_sha256"] = {
            "id": "url",
            "params": {
                "type": "a",
                "urlTemplate": review_url.replace(HASH_PLACE, "{{value}}"),
                "labelTemplate": "open",
            },
        }
    return formats
