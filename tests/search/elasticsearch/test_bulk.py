"""Single bulk requests: what is sent again, what is given up.

No node says 413 below 100 MB, nor 500 for one document, when asked to: prepared answers stand in.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from email_audit.errors import RunError
from email_audit.search.elasticsearch.bulk import BulkSender, Operation
from email_audit.search.elasticsearch.connection import connect
from email_audit.search.elasticsearch.patience import Patience, Waits
from email_audit.search.interface import Refusal
from email_audit.settings import Settings
from tests.search.elasticsearch.servers import PRODUCT, Answer, answering


@dataclass
class Server:
    """Takes requests of three operations at most; gives each the results prepared for it."""

    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seen: list[list[str]] = field(default_factory=list)

    def __call__(self, _path: str, body: bytes) -> Answer:
        ids = [json.loads(line)["index"]["_id"] for line in body.split(b"\n")[:-1:2]]
        self.seen.append(ids)
        if len(ids) > 3 or "huge" in ids:
            return 413, PRODUCT, {"error": "request entity too large"}
        items = [{"index": (self.results.get(one) or [{"status": 201}]).pop(0)} for one in ids]
        return 200, PRODUCT, {"items": items}


def send(server: Any, *ids: str, confirm: Callable[[], None] = lambda: None) -> tuple[Refusal, ...]:
    with answering(server) as url:
        client = connect(Settings.create(workspace=Path("unused"), elasticsearch_url=url))
        patience = Patience(url, limit_s=5, first_wait_s=0.001, longest_wait_s=0.002)
        sender = BulkSender(client, "index", patience, confirm)
        return sender.send([Operation(one, b"{}") for one in ids])


def failed(status: int, kind: str, reason: str = "hush") -> dict[str, Any]:
    return {"status": status, "error": {"type": kind, "reason": reason}}


def test_a_request_too_large_is_halved_until_it_fits() -> None:
    server = Server()
    refused = send(server, "a", "b", "c", "d", "huge", "e")
    assert refused == (Refusal("huge", "too_large: the server takes no request of this size"),)
    taken = [ids for ids in server.seen if len(ids) <= 3 and "huge" not in ids]
    assert sorted(one for ids in taken for one in ids) == ["a", "b", "c", "d", "e"]


def test_only_what_was_refused_for_now_is_sent_again() -> None:
    busy = failed(429, "es_rejected_execution_exception")
    server = Server({"b": [busy, busy, {"status": 201}]})
    assert send(server, "a", "b", "c") == ()
    assert server.seen == [["a", "b", "c"], ["b"], ["b"]]


def test_a_document_that_breaks_the_server_is_refused_after_three_times() -> None:
    server = Server({"b": [failed(500, "null_pointer_exception")] * 3})
    assert send(server, "a", "b") == (Refusal("b", "null_pointer_exception"),)
    assert server.seen == [["a", "b"], ["b"], ["b"]]


@pytest.mark.parametrize("ids", [("busy",), ("a", "b", "c", "d")], ids=["repeated", "halved"])
def test_no_request_is_sent_once_the_lock_is_lost(ids: tuple[str, ...]) -> None:
    server = Server({"busy": [failed(429, "es_rejected_execution_exception"), {"status": 201}]})

    def confirm() -> None:
        if server.seen:
            raise RunError("taken over")

    with pytest.raises(RunError, match="taken over"):
        send(server, *ids, confirm=confirm)
    assert server.seen == [list(ids)]


def test_a_reason_names_kinds_and_field_but_no_value() -> None:
    result = failed(400, "document_parsing_exception", "failed to parse field [date] of type [x]")
    result["error"]["caused_by"] = {"type": "illegal_argument_exception", "reason": "[hush]"}
    assert send(Server({"a": [result]}), "a") == (
        Refusal("a", "document_parsing_exception < illegal_argument_exception in field date"),
    )


def test_an_answer_for_fewer_documents_than_were_sent_is_no_success() -> None:
    def short(_path: str, _body: bytes) -> Answer:
        return 200, PRODUCT, {"items": [{"index": {"status": 201}}]}

    with pytest.raises(RunError, match="answered 1 of 2 documents"):
        send(short, "a", "b")


def test_a_failure_elsewhere_ends_all_waiting() -> None:
    patience = Patience("url", first_wait_s=600, longest_wait_s=600)
    threading.Timer(0.01, patience.stopped.set).start()
    assert not Waits(patience, "waiting").wait("no reason")


def test_waits_grow_and_differ(caplog: pytest.LogCaptureFixture) -> None:
    patience = Patience("url", first_wait_s=0.0001, longest_wait_s=0.0008)
    waits = Waits(patience, "x")
    with caplog.at_level(logging.WARNING):
        assert all(waits.wait("y") for _ in range(5))
    assert [record.args[1] for record in caplog.records if isinstance(record.args, tuple)] == [
        1,
        2,
        3,
        4,
        5,
    ]
    spans = [record.args[2] for record in caplog.records if isinstance(record.args, tuple)]
    for span, longest in zip(spans, (0.0001, 0.0002, 0.0004, 0.0008, 0.0008), strict=True):
        assert isinstance(span, float)
        assert longest / 2 <= span <= longest
