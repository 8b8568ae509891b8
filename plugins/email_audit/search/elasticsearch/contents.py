"""What one index holds, asked in pages and batches so that its size does not matter."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from elastic_transport import ApiResponseMeta
from elasticsearch import ApiError, Elasticsearch, NotFoundError
from elasticsearch.exceptions import HTTP_EXCEPTIONS

from email_audit.search.elasticsearch.connection import error_type
from email_audit.search.elasticsearch.patience import Patience

IdArray: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bytes_]]"

_ID = re.compile("[0-9a-f]{64}")
_ID_BYTES = 32
_IDS_A_PAGE = 10_000
_FORBIDDEN = 403
_UNAVAILABLE = 503


class Contents:
    """The documents of one index, by their ids and fingerprints. Each call is repeated if need be.

    Raises of every method: RunError where the server stays out of reach, UserError where a setting
    is wrong.
    """

    def __init__(self, client: Elasticsearch, index: str, patience: Patience) -> None:
        self._client = client
        self._index = index
        self._call = patience.call

    def count(self) -> int:
        """Count the visible documents."""
        answer = self._call("counting documents", lambda: self._client.count(index=self._index))
        count: int = answer.body["count"]
        return count

    def fingerprints(self, ids: Sequence[str]) -> dict[str, str]:
        """Give the fingerprints of those of `ids` that are visible; ten thousand at most."""
        answer = self._call(
            "looking documents up",
            lambda: self._client.search(
                index=self._index,
                query={"ids": {"values": list(ids)}},
                size=len(ids),
                source=False,
                docvalue_fields=[{"field": "fingerprint"}],
                track_total_hits=False,
                allow_partial_search_results=False,
                filter_path="hits.hits._id,hits.hits.fields",
            ),
        )
        hits = answer.body.get("hits", {}).get("hits", ())
        return {hit["_id"]: hit.get("fields", {}).get("fingerprint", [""])[0] for hit in hits}

    def present(self, ids: Sequence[str]) -> set[str]:
        """Give those of `ids` that the index holds, visible or not."""

        def look_up() -> set[str]:
            answer = self._client.mget(index=self._index, ids=list(ids), source=False)
            documents = answer.body["docs"]
            if failed := next((one for one in documents if "error" in one), None):
                raise _failed_lookup(answer.meta, failed)
            return {found["_id"] for found in documents if found.get("found")}

        return self._call("looking documents up", look_up)

    def others(self, ids: IdArray) -> Iterator[list[str]]:
        """Yield, in pages, the ids of visible documents that are not among `ids` (sorted)."""
        for page in self._pages():
            # What somebody put there by hand has no id of ours, and is none of them.
            digests = [bytes.fromhex(one) if _ID.fullmatch(one) else b"" for one in page]
            found = np.array(digests, dtype=ids.dtype)
            places = np.minimum(np.searchsorted(ids, found), max(0, len(ids) - 1))
            is_among = ids[places] == found if len(ids) else np.zeros(len(found), dtype=bool)
            if others := [one for one, is_ours in zip(page, is_among, strict=True) if not is_ours]:
                yield others

    def refresh(self) -> None:
        """Make everything written visible."""
        self._call(
            "making the write visible", lambda: self._client.indices.refresh(index=self._index)
        )

    def _pages(self) -> Iterator[list[str]]:
        pit: str = self._call(
            "listing documents",
            lambda: self._client.open_point_in_time(index=self._index, keep_alive="5m").body["id"],
        )
        after: list[Any] | None = None
        try:
            while hits := self._page(pit, after):
                yield [hit["_id"] for hit in hits]
                after = hits[-1]["sort"]
        finally:
            self._call("listing documents", lambda: self._close(pit))

    def _page(self, pit: str, after: list[Any] | None) -> list[dict[str, Any]]:
        answer = self._call(
            "listing documents",
            lambda: self._client.search(
                pit={"id": pit, "keep_alive": "5m"},
                size=_IDS_A_PAGE,
                sort=["_shard_doc"],
                search_after=after,
                source=False,
                track_total_hits=False,
                allow_partial_search_results=False,
            ),
        )
        hits: list[dict[str, Any]] = answer.body["hits"]["hits"]
        return hits

    def _close(self, pit: str) -> None:
        with suppress(NotFoundError):  # it ran out by itself
            self._client.close_point_in_time(id=pit)


def _failed_lookup(meta: ApiResponseMeta, document: dict[str, Any]) -> ApiError:
    """Give the error that a request for this document alone would meet.

    A multiple get answers 200 although a shard is away; only a missing privilege does not pass.
    """
    status = _FORBIDDEN if error_type(document) == "security_exception" else _UNAVAILABLE
    kind = HTTP_EXCEPTIONS.get(status, ApiError)
    return kind(error_type(document), replace(meta, status=status), document)


def id_array(ids: bytearray) -> IdArray:
    """Sort ids that lie one after another, 32 bytes each: a million take 32 MB.

    Raises:
        ValueError: where one was given twice.
    """
    array = np.sort(np.frombuffer(bytes(ids), dtype=f"S{_ID_BYTES}"))
    if (twice := np.flatnonzero(array[1:] == array[:-1])).size:
        one = bytes(array[twice[0]]).ljust(_ID_BYTES, b"\0").hex()
        raise ValueError(f"document {one} was given twice")
    return array
