"""Fills an Elasticsearch index by the product's template, for tests of what reads it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from elasticsearch import Elasticsearch

from email_audit.search.elasticsearch.documents import to_source
from email_audit.search.elasticsearch.index import ElasticsearchIndex
from email_audit.search.elasticsearch.template import templates
from email_audit.search.fields import GENERATION
from email_audit.search.interface import CaseIdentity, HitDocument
from email_audit.settings import Settings


def make_index(client: Elasticsearch, documents: Iterable[HitDocument] = ()) -> str:
    """Make an index as the writer does, with its documents; give its alias."""
    alias = f"test-{uuid4().hex[:12]}"
    made = templates(alias)
    for name, body in made.components.items():
        client.cluster.put_component_template(name=name, **body)
    client.indices.put_index_template(name=made.name, **made.index_template)
    index = f"{alias}-000001-{GENERATION}"
    client.indices.create(index=index)
    fill(client, index, documents)
    client.indices.put_alias(index=index, name=alias)
    return alias


def fill(client: Elasticsearch, index: str, documents: Iterable[HitDocument]) -> None:
    """Write documents and let them be found."""
    operations: list[Any] = []
    for document in documents:
        operations += [{"index": {"_id": document.id}}, to_source(document)]
    if operations:
        answer = client.bulk(index=index, operations=operations, refresh=True)
        assert not answer["errors"], answer


def drop_index(client: Elasticsearch, alias: str) -> None:
    """Remove what `make_index` made."""
    made = templates(alias)
    client.indices.delete(index=f"{alias}-000001-{GENERATION}")
    client.indices.delete_index_template(name=made.name)
    for name in made.components:
        client.cluster.delete_component_template(name=name)


class NamedIndex(ElasticsearchIndex):
    """An index that knows its alias, for tests that look behind it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, CaseIdentity("case-1"))
        self.alias = settings.elasticsearch_alias


@contextmanager
def index_on(url: str) -> Iterator[NamedIndex]:
    """Give an index on a server under a name of its own; removed afterwards."""
    index = NamedIndex(
        Settings.create(
            workspace=Path("unused"),
            elasticsearch_url=url,
            elasticsearch_alias=f"test-{uuid4().hex[:12]}",
        )
    )
    yield index
    with Elasticsearch(url) as client:
        for name in client.indices.get(index=f"{index.alias}-*", expand_wildcards="all"):
            client.indices.delete(index=name)
        made = templates(index.alias)
        client.indices.delete_index_template(name=made.name)
        for name in made.components:
            client.cluster.delete_component_template(name=name)
