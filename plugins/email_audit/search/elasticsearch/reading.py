"""Searches an Elasticsearch server: the same pages, totals, order and highlights as embedded.

A page of many hits, and a walk over pages, read from a point in time: the index as it was when
the walk began, whatever is written or replaced meanwhile.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, BadRequestError, Elasticsearch

from email_audit.errors import RunError, UserError
from email_audit.search.analysis import value_tokens
from email_audit.search.elasticsearch.connection import error_reason
from email_audit.search.elasticsearch.documents import from_source, values_in
from email_audit.search.elasticsearch.mapping import JsonObject, mapping_hash
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.elasticsearch.requests import ID, search_request, sort_values
from email_audit.search.elasticsearch.translate import (
    PatternSequence,
    having_terms,
    pattern_sequences,
)
from email_audit.search.highlight import Highlighter
from email_audit.search.interface import (
    BY_RELEVANCE,
    HitDocument,
    SearchHit,
    SearchPage,
    Snapshot,
    SortKey,
    SortValue,
)
from email_audit.search.nodes import Node
from email_audit.search.paging import check_page
from email_audit.search.query import parse
from email_audit.search.sequences import having_sequence

log = logging.getLogger(__name__)

_HITS_A_REQUEST = 100
"""Of whole documents: one may hold megabytes of attachments' text."""

_IDS_A_REQUEST = 10_000
_IDS_IN_A_QUERY = 65_536
"""Of a `terms` query: index.max_terms_count."""

_KEEP_ALIVE = "10m"
_GONE = frozenset({404, 503})
"""Of a point in time: it is no more, or the shards that it stands for."""


class Reader:
    """Reads the index behind `alias`."""

    def __init__(self, client: Elasticsearch, *, alias: str, patience: Patience) -> None:
        self._client = client
        self._alias = alias
        self._patience = patience
        self._is_checked = False

    def search(
        self,
        query: str,
        *,
        sort: Sequence[SortKey] = BY_RELEVANCE,
        size: int = 20,
        search_after: Sequence[SortValue] | None = None,
    ) -> SearchPage:
        """Find hits by Lucene syntax; see `SearchIndex.search` and `query.py`."""
        if size > _HITS_A_REQUEST:
            with self.snapshot() as snapshot:
                return snapshot.search(query, sort=sort, size=size, search_after=search_after)
        keys = tuple(sort) or BY_RELEVANCE
        check_page(keys, size, search_after)
        node = parse(query)
        self._require_ours()
        request = search_request(node, keys, size, search_after)
        try:
            answer = self._ask(request | {"index": self._alias})
        except _TooManyWordsError:
            with self.snapshot() as snapshot:
                return snapshot.search(query, sort=sort, size=size, search_after=search_after)
        return _page(node, keys, answer["hits"]["total"]["value"], answer["hits"]["hits"])

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Give the index as it is now; what is written meanwhile is not seen in it."""
        with self._point_in_time() as point:
            yield point

    def ids(self) -> Iterator[str]:
        """Yield the id of every document, in order."""
        with self._point_in_time() as point:
            after: list[str] | None = None
            while True:
                request: JsonObject = {
                    "query": {"match_all": {}},
                    "sort": [{ID: "asc"}],
                    "size": _IDS_A_REQUEST,
                    "source": False,
                    "track_total_hits": False,
                }
                hits = point.ask(request, after)["hits"]["hits"]
                for hit in hits:
                    yield hit["sort"][0]
                if len(hits) < _IDS_A_REQUEST:
                    return
                after = hits[-1]["sort"][:1]

    @contextmanager
    def _point_in_time(self) -> Iterator["_PointInTime"]:
        self._require_ours()
        opened = self._patience.call(
            "opening a point in time",
            lambda: self._client.open_point_in_time(
                index=self._alias, keep_alive=_KEEP_ALIVE, allow_partial_search_results=False
            ),
        )
        point = _PointInTime(self._ask, opened["id"])
        try:
            yield point
        finally:
            try:
                self._client.close_point_in_time(id=point.id)
            except (ApiError, TransportError) as error:
                # It ends by itself when nobody uses it any more.
                log.info("a point in time was not closed: %s", type(error).__name__)

    def _require_ours(self) -> None:
        """Make sure that the index was made by this version's mapping.

        Raises:
            UserError: where there is none, or one of another version.
        """
        if self._is_checked:
            return
        found = self._patience.call(
            "reading the mapping", lambda: self._client.indices.get_mapping(index=self._alias)
        )
        for entry in found.body.values():
            if entry["mappings"].get("_meta", {}).get("sha256") != mapping_hash():
                raise UserError(
                    f"{self._patience.url}: the index behind {self._alias} was made by another "
                    "version; run `email-audit index` to build it anew"
                )
        self._is_checked = True

    def _ask(self, request: JsonObject) -> JsonObject:
        def send() -> JsonObject:
            try:
                answer: JsonObject = self._client.search(
                    **request, allow_partial_search_results=False if "pit" not in request else None
                ).body
            except BadRequestError as error:
                raise _refused(error) from error
            return answer

        return self._patience.call("searching", send)


class _PointInTime:
    """A `Snapshot`: the index as it was; the server may rename the point with every answer."""

    def __init__(self, ask: Callable[[JsonObject], JsonObject], point_id: str) -> None:
        self._ask = ask
        self._found: dict[PatternSequence, list[str]] = {}
        self.id = point_id

    def search(
        self,
        query: str,
        *,
        sort: Sequence[SortKey] = BY_RELEVANCE,
        size: int = 20,
        search_after: Sequence[SortValue] | None = None,
    ) -> SearchPage:
        """Find hits, as `SearchIndex.search`."""
        keys = tuple(sort) or BY_RELEVANCE
        check_page(keys, size, search_after)
        node = parse(query)
        hits: list[JsonObject] = []
        after = search_after
        while True:
            wanted = min(size - len(hits), _HITS_A_REQUEST)
            try:
                answer = self.ask(search_request(node, keys, wanted, after, self._found))
            except _TooManyWordsError:
                sequences = dict.fromkeys(pattern_sequences(node) if node else ())
                if sequences.keys() <= self._found.keys():
                    raise
                self._found |= {sequence: self._having(sequence) for sequence in sequences}
                continue
            found = answer["hits"]["hits"]
            hits += found
            if len(hits) == size or len(found) < wanted:
                return _page(node, keys, answer["hits"]["total"]["value"], hits)
            after = sort_values(keys, found[-1])

    def _having(self, sequence: PatternSequence) -> list[str]:
        """Find the documents that have a sequence by reading those that have all its words."""
        field, terms = sequence
        request: JsonObject = {
            "query": having_terms(field, terms),
            "sort": [{ID: "asc"}],
            "size": _HITS_A_REQUEST,
            "source_includes": [field, ID],
            "track_total_hits": False,
        }
        ids: list[str] = []
        after: list[str] | None = None
        while True:
            hits = self.ask(request, after)["hits"]["hits"]
            texts = {
                hit["sort"][0]: list(value_tokens(values_in(hit["_source"], field))) for hit in hits
            }
            ids += having_sequence(texts, terms, 0)
            if len(ids) > _IDS_IN_A_QUERY:
                raise _too_many_words()
            if len(hits) < _HITS_A_REQUEST:
                return ids
            after = hits[-1]["sort"][:1]

    def ask(self, request: JsonObject, after: Sequence[Any] | None = None) -> JsonObject:
        """Send one request over the point in time.

        Raises:
            RunError: where the point in time is no more.
        """
        if after is not None:
            request = {**request, "search_after": after}
        point = {"id": self.id, "keep_alive": _KEEP_ALIVE}
        try:
            answer = self._ask({**request, "pit": point})
        except (UserError, RunError) as error:
            cause = error.__cause__
            if isinstance(cause, ApiError) and cause.meta.status in _GONE:
                raise RunError(
                    "the index was replaced or went away while it was read, or nothing was read "
                    f"of it for {_KEEP_ALIVE}; search again"
                ) from error
            raise
        self.id = answer["pit_id"]
        return answer


def _page(
    node: Node | None, keys: Sequence[SortKey], total: int, found: Sequence[JsonObject]
) -> SearchPage:
    if node is None:
        return SearchPage(0, ())
    documents = [_document(hit) for hit in found]
    highlighter = Highlighter(node, documents)
    hits = tuple(
        SearchHit(document, hit["_score"], highlighter.passages(document), sort_values(keys, hit))
        for document, hit in zip(documents, found, strict=True)
    )
    return SearchPage(total, hits)


def _document(hit: JsonObject) -> HitDocument:
    try:
        return from_source(hit["_source"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"document {hit['_id']} of index {hit['_index']} is none that this audit wrote; run "
            "`email-audit index` to put the index right"
        ) from error


class _TooManyWordsError(UserError):
    """The server would have to look for more words at once than it takes."""


def _too_many_words() -> _TooManyWordsError:
    return _TooManyWordsError(
        "query: it stands for more words than Elasticsearch looks for at once; make it shorter, "
        "name a field, or write more of a word before its *"
    )


def _refused(error: BadRequestError) -> UserError:
    """Say why the server refuses a query that is valid: the first cause tells, the top does not."""
    body = error.body
    cause = body.get("error", body) if isinstance(body, dict) else body
    roots = cause.get("root_cause") if isinstance(cause, dict) else None
    reason = error_reason(roots[0] if roots else body)
    if "maxClauseCount" in reason:
        return _too_many_words()
    if "Determinizing" in reason:
        return UserError("query: a pattern in it is too complicated for Elasticsearch")
    return UserError(f"query: Elasticsearch cannot answer it ({reason})")
