"""The fields that the index has in Elasticsearch, from the one list of fields."""

from dataclasses import dataclass

from email_audit.search.fields import FIELDS, FieldType

ALLOWED_VALUES: dict[str, frozenset[str]] = {
    "review_state": frozenset({"unreviewed", "responsive", "not responsive", "unsure"}),
    "answered": frozenset({"yes", "no"}),
}


@dataclass(frozen=True)
class IndexField:
    type: str
    nested_in: str = ""

    @property
    def aggregatable(self) -> bool:
        """Text has no doc values: no buckets, no sorting, no list of values."""
        return self.type != "text"


def index_fields() -> dict[str, IndexField]:
    fields = {field.name: IndexField(field.type.value) for field in FIELDS}
    for field in FIELDS:
        if field.type is FieldType.TEXT and field.name != "signals":
            fields |= {
                f"{field.name}.{part}": IndexField("text") for part in ("english", "spanish")
            }
    fields["subject.exact"] = IndexField("keyword")
    del fields["signals"]
    fields |= {
        "signals.text": IndexField("text", "signals"),
        "signals.label": IndexField("keyword", "signals"),
        "signals.part": IndexField("keyword", "signals"),
        "signals.start": IndexField("integer", "signals"),
        "signals.end": IndexField("integer", "signals"),
    }
    return fields
