"""Sends documents in bulk requests: bounded in bytes, repeated where refused for the moment.

A bulk answer has one result for each operation, in order. What was refused for now (429 as the
queue is full or the disk is, 503 as a shard is away) is sent again, alone; what was refused for
good is given back with its reason; nothing else counts as done.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch

from email_audit.errors import RunError
from email_audit.search.elasticsearch.connection import clear_errors, error_reason, full_disk
from email_audit.search.elasticsearch.patience import (
    TRANSIENT_STATUSES,
    Patience,
    Waits,
    is_transient,
)
from email_audit.search.interface import Refusal

_BLOCKED = "cluster_block_exception"
_TOO_LARGE = 413
_NOT_FOUND = 404
_SERVER_FAULT = 500
_FAULTS_AT_MOST = 3
_FIELD = re.compile(r"field \[([A-Za-z_.]+)\]|introduction of \[([A-Za-z_.]+)\] within")


@dataclass(frozen=True, slots=True)
class Operation:
    """One line or two of a bulk request: write `source` (JSON in UTF-8), or delete if None."""

    id: str
    source: bytes | None

    @property
    def lines(self) -> tuple[bytes, ...]:
        """The lines as sent."""
        verb = b"delete" if self.source is None else b"index"
        action = b'{"%b":{"_id":%b}}' % (verb, json.dumps(self.id).encode("ascii"))
        return (action,) if self.source is None else (action, self.source)


class BulkSender:
    """Sends operations to one index until each is done or refused for good.

    `confirm` is called before each request, repeated ones too, and raises where it must not be
    sent; an error of the client in it is met as one of the request itself.
    """

    def __init__(
        self, client: Elasticsearch, index: str, patience: Patience, confirm: Callable[[], None]
    ) -> None:
        self._client = client
        self._index = index
        self._patience = patience
        self._confirm = confirm

    def send(self, operations: Sequence[Operation]) -> tuple[Refusal, ...]:
        """Carry out `operations` (each id once); give those that never will be.

        Raises:
            RunError: where the server refuses for longer than the patience lasts, or `confirm`
                does.
            UserError: where a setting is wrong.
        """
        refusals: list[Refusal] = []
        faults: dict[str, int] = {}
        waits = Waits(self._patience, f"writing {len(operations)} documents")
        pending = list(operations)
        while pending:
            lines: list[Any] = [line for operation in pending for line in operation.lines]
            try:
                self._confirm()
                answer = self._client.bulk(
                    operations=lines,
                    index=self._index,
                    filter_path="items.*.status,items.*.error",
                )
            except (ApiError, TransportError) as error:
                if isinstance(error, ApiError) and error.meta.status == _TOO_LARGE:
                    return (*refusals, *self._split(pending))
                self._wait(waits, error)
                continue
            results = [next(iter(item.values())) for item in answer.body.get("items", ())]
            if len(results) != len(pending):
                raise RunError(
                    f"{self._patience.url}: Elasticsearch answered {len(results)} of "
                    f"{len(pending)} documents; what it confirmed is kept, run again"
                )
            again: list[Operation] = []
            reason: dict[str, Any] = {}
            for operation, result in zip(pending, results, strict=True):
                outcome = _judge(operation, result, faults)
                if outcome is None:
                    continue
                if isinstance(outcome, Refusal):
                    refusals.append(outcome)
                else:
                    reason = outcome
                    again.append(operation)
            if len(again) < len(pending):
                waits.progress()
            pending = again
            if pending and not waits.wait(_logged(reason, len(pending))):
                raise self._out_of_patience(reason, len(pending))
        return tuple(refusals)

    def _wait(self, waits: Waits, error: ApiError | TransportError) -> None:
        with clear_errors(self._patience.url):
            if not is_transient(error) or not waits.wait(_brief(error)):
                raise error

    def _split(self, pending: list[Operation]) -> Iterator[Refusal]:
        """Send a request that was too large in two halves; refuse a document that alone is."""
        if len(pending) == 1:
            yield Refusal(pending[0].id, "too_large: the server takes no request of this size")
            return
        middle = len(pending) // 2
        yield from self.send(pending[:middle])
        yield from self.send(pending[middle:])

    def _out_of_patience(self, reason: dict[str, Any], count: int) -> RunError:
        url = self._patience.url
        if _is_full_disk(reason):
            return RunError(full_disk(url))
        return RunError(
            f"{url}: Elasticsearch kept refusing {count} documents ({_logged(reason, count)}). "
            "What it confirmed is kept; run again when it has room"
        )


def _judge(
    operation: Operation, result: dict[str, Any], faults: dict[str, int]
) -> Refusal | dict[str, Any] | None:
    """Say what became of one operation: done (None), refused for good, or (its error) for now.

    Raises:
        RunError: where the whole index is concerned.
    """
    status, error = result["status"], result.get("error", {})
    if status < 300 or (status == _NOT_FOUND and operation.source is None and not error):
        return None
    if status in TRANSIENT_STATUSES or error.get("type") == _BLOCKED:
        return dict(error)
    if error.get("type") == "index_not_found_exception":
        raise RunError("the index was deleted while it was written; run again to build it anew")
    if status >= _SERVER_FAULT:
        faults[operation.id] = faults.get(operation.id, 0) + 1
        if faults[operation.id] < _FAULTS_AT_MOST:
            return dict(error)
    return Refusal(operation.id, _kind(error, status))


def _kind(error: dict[str, Any], status: int) -> str:
    """Name why a document was refused: kinds of error and field, never a value."""
    kinds = []
    cause: Any = error
    while isinstance(cause, dict) and cause.get("type"):
        kinds.append(str(cause["type"]))
        cause = cause.get("caused_by")
    told = " < ".join(kinds) or f"status {status}"
    found = _FIELD.search(str(error.get("reason", "")))
    return f"{told} in field {found[1] or found[2]}" if found else told


def _is_full_disk(error: dict[str, Any]) -> bool:
    reason = str(error.get("reason", ""))
    return error.get("type") == _BLOCKED and ("flood-stage" in reason or "read-only" in reason)


def _logged(error: dict[str, Any], count: int) -> str:
    if _is_full_disk(error):
        return f"{count} documents refused, the index is read-only as the server's disk is full"
    if error.get("type") == _BLOCKED:
        return f"{count} documents refused, {error_reason(error)}"
    return f"{count} documents refused for now, {error.get('type', 'no reason given')}"


def _brief(error: ApiError | TransportError) -> str:
    if isinstance(error, ApiError):
        return f"status {error.meta.status}"
    return type(error).__name__
