"""A writer on the test node with a small mapping of its own, and documents to write."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from email_audit.search.elasticsearch.connection import connect
from email_audit.search.elasticsearch.generations import Layout
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.elasticsearch.template import Templates
from email_audit.search.elasticsearch.writing import Writer
from email_audit.search.interface import CaseIdentity, HitDocument
from email_audit.settings import Settings
from tests.elasticsearch_node.node import ask
from tests.search.conformance import document, identifier


def _source(hit: HitDocument) -> bytes:
    record = {"subject": hit.subject, "score": hit.score, **({"rank": "high"} if hit.mih else {})}
    return json.dumps(record).encode()


def _templates(alias: str) -> Templates:
    properties = {
        "subject": {"type": "text"},
        "score": {"type": "float"},
        "fingerprint": {"type": "keyword", "index": False},
    }
    template = {"mappings": {"dynamic": "strict", "properties": properties}}
    whole = {
        "index_patterns": [f"{alias}-0*"],
        "composed_of": [f"{alias}@index"],
        "priority": 500,
        "allow_auto_create": False,
    }
    return Templates({f"{alias}@index": {"template": template}}, alias, whole)


def layout(generation: str = "1") -> Layout:
    """Give a layout that takes `subject` and `score` only: a document with a MIH is refused."""
    return Layout(generation, _templates, _source)


def writer(
    url: str,
    alias: str,
    *,
    generation: str = "1",
    setup_url: str = "",
    identity: str = "case-1",
    **patience: Any,
) -> Writer:
    """Give a writer as a process of its own would have it; `setup_url` if it sets up elsewhere."""
    settings = Settings.create(
        workspace=Path("unused"), elasticsearch_url=url, elasticsearch_timeout_s=2
    )
    setup = settings.model_copy(update={"elasticsearch_url": setup_url or url})
    quick = {"limit_s": 300, "first_wait_s": 0.01, "longest_wait_s": 0.2}
    client = connect(settings)
    return Writer(
        client,
        connect(setup, is_setup=True),
        alias=alias,
        identity=CaseIdentity(identity),
        layout=layout(generation),
        patience=Patience(url, **quick | patience),
        lease_s=1,
    )


def hits(numbers: Iterable[int], subject: str = "detainer") -> Iterator[HitDocument]:
    """Give documents of the conformance table's numbering."""
    for number in numbers:
        yield document(number, subject=f"{subject} {number}")


def ids(numbers: Iterable[int]) -> set[str]:
    return {identifier(number) for number in numbers}


def visible(url: str, index: str) -> dict[str, Any]:
    """Give every document that a search sees, by its id."""
    found = ask(url, f"{index}/_search?size=10000")["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in found}


def versions(url: str, index: str) -> dict[str, int]:
    """Give how often each document was written."""
    found = ask(url, f"{index}/_search?size=10000&version=true")["hits"]["hits"]
    return {hit["_id"]: hit["_version"] for hit in found}


def indices(url: str, alias: str) -> dict[str, bool]:
    """Give the generations of an alias, and whether it leads to them."""
    found = ask(url, f"{alias}-0*/_alias")
    return {name: alias in entry["aliases"] for name, entry in sorted(found.items())}
