"""The index template behind an alias: every version of the index is made by it.

Two component templates: ours, with mappings and analysis (the server checks each component by
itself, so they stand together), and `ALIAS@custom`, which is the operator's: what it says of
shards, replicas or allocation comes last and wins. It need not exist.
"""

from dataclasses import dataclass

from email_audit.search.elasticsearch.mapping import (
    JsonObject,
    index_settings,
    mapping_hash,
    mappings,
)
from email_audit.search.fields import GENERATION

_PRIORITY = 500
"""Above Elastic's own templates (up to 200) and the usual ones of a site."""


@dataclass(frozen=True, slots=True)
class Templates:
    """What to put under `_component_template/NAME` and `_index_template/NAME`, in that order."""

    components: dict[str, JsonObject]
    name: str
    index_template: JsonObject


def templates(alias: str) -> Templates:
    """Give the templates for the indices of `alias`."""
    stamp: JsonObject = {
        "version": GENERATION,
        "_meta": {
            "description": f"Hits of the e-mail audit behind the alias {alias}",
            "generation": GENERATION,
            "sha256": mapping_hash(),
        },
    }
    settings = index_settings()
    settings["index"] |= {
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
    }
    ours, custom = f"{alias}@index", f"{alias}@custom"
    return Templates(
        components={ours: {"template": {"settings": settings, "mappings": mappings()}, **stamp}},
        name=alias,
        index_template={
            "index_patterns": [index_pattern(alias)],
            "composed_of": [ours, custom],
            "ignore_missing_component_templates": [custom],
            "priority": _PRIORITY,
            # A write to an index deleted under it must fail, not make one by guesses.
            "allow_auto_create": False,
            **stamp,
        },
    )


def index_pattern(alias: str) -> str:
    """Give the pattern of the names `ALIAS-NNNNNN-GENERATION`: no other index of ours fits it."""
    return f"{alias}-0*"
