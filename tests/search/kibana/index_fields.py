"""The fields that the index has in Elasticsearch, from its mapping."""

from collections.abc import Iterator
from dataclasses import dataclass

from email_audit.search.elasticsearch.mapping import JsonObject, mappings

ALLOWED_VALUES: dict[str, frozenset[str]] = {
    "review_state": frozenset({"unreviewed", "responsive", "not responsive", "unsure"}),
    "answered": frozenset({"yes", "no"}),
}


@dataclass(frozen=True)
class IndexField:
    type: str
    nested_in: str = ""
    is_part: bool = False
    """Another way in which its field is indexed: no field of the document."""

    @property
    def aggregatable(self) -> bool:
        """Text has no doc values: no buckets, no sorting, no list of values."""
        return self.type != "text"


def index_fields() -> dict[str, IndexField]:
    """The searchable fields by their full names, as Kibana lists them."""
    return dict(_fields(mappings()["properties"]))


def _fields(
    properties: JsonObject, prefix: str = "", nested_in: str = ""
) -> Iterator[tuple[str, IndexField]]:
    for name, field in properties.items():
        full = prefix + name
        if field["type"] == "nested":
            yield from _fields(field["properties"], f"{full}.", full)
        elif field.get("index", True) and field.get("enabled", True):
            yield full, IndexField(field["type"], nested_in)
            for part, inner in field.get("fields", {}).items():
                yield f"{full}.{part}", IndexField(inner["type"], nested_in, is_part=True)
