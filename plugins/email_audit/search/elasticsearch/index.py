"""The search index on an Elasticsearch server: a `SearchIndex` of a reading and a writing half."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial

from email_audit.search.elasticsearch.connection import connect
from email_audit.search.elasticsearch.documents import to_source
from email_audit.search.elasticsearch.generations import Layout
from email_audit.search.elasticsearch.mapping import mapping_hash
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.elasticsearch.reading import Reader
from email_audit.search.elasticsearch.template import templates
from email_audit.search.elasticsearch.writing import Writer
from email_audit.search.fields import GENERATION
from email_audit.search.interface import (
    BY_RELEVANCE,
    CaseIdentity,
    HitDocument,
    IndexChange,
    IndexStatus,
    SearchPage,
    Snapshot,
    SortKey,
    SortValue,
)
from email_audit.settings import Settings

LAYOUT = Layout(f"v{GENERATION}-{mapping_hash()[:8]}", templates, to_source)
"""How this version lays hits out."""

_PERSON_WAITS_S = 5
"""Somebody sits in front of a search or a removal and wants one message that it is away."""


class ElasticsearchIndex:
    """The `SearchIndex` that `settings` name; nothing is asked of the server yet.

    Args:
        settings: How the server is reached, and the alias.
        identity: Of the audit that writes; None to read only.

    Raises:
        UserError: where the file of certificates is none.
    """

    def __init__(self, settings: Settings, identity: CaseIdentity | None = None) -> None:
        url, alias = settings.elasticsearch_url, settings.elasticsearch_alias
        client, setup = connect(settings), connect(settings, is_setup=True)
        brief = Patience(url, limit_s=_PERSON_WAITS_S, log_level=logging.INFO)
        self._reader = Reader(client, alias=alias, patience=brief)
        writer = partial(Writer, client, setup, alias=alias, identity=identity, layout=LAYOUT)
        self._writer, self._brief_writer = writer(patience=Patience(url)), writer(patience=brief)

    def synchronise(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Make the index hold exactly `documents`; see `SearchIndex.synchronise`."""
        return self._writer.synchronise(documents)

    def rebuild(self, documents: Iterable[HitDocument]) -> IndexChange:
        """Build the index anew; see `SearchIndex.rebuild`."""
        return self._writer.rebuild(documents)

    def remove(self, ids: Sequence[str]) -> int:
        """Take documents out; see `SearchIndex.remove`."""
        return self._brief_writer.remove(ids)

    def check(self) -> None:
        """See that it is this audit's and will do; see `SearchIndex.check`."""
        self._brief_writer.check()

    def take_over(self, note: Callable[[CaseIdentity], None]) -> CaseIdentity | None:
        """Have another audit's be this one's; see `SearchIndex.take_over`."""
        return self._brief_writer.take_over(note)

    def status(self) -> IndexStatus:
        """Say what there is; see `SearchIndex.status`."""
        return self._brief_writer.status()

    def search(
        self,
        query: str,
        *,
        sort: Sequence[SortKey] = BY_RELEVANCE,
        size: int = 20,
        search_after: Sequence[SortValue] | None = None,
    ) -> SearchPage:
        """Find hits by Lucene syntax; see `SearchIndex.search`."""
        return self._reader.search(query, sort=sort, size=size, search_after=search_after)

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Give the index as it is now; see `SearchIndex.snapshot`."""
        return self._reader.snapshot()

    def ids(self) -> Iterator[str]:
        """Yield the id of every document, in order."""
        return self._reader.ids()
