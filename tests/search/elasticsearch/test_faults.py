"""What a failing server costs: time, never a document; and one clear message."""

import logging
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from email_audit.errors import RunError, UserError
from email_audit.search.elasticsearch.connection import check_version, connect
from email_audit.search.interface import HitDocument, IndexChange
from email_audit.settings import Settings
from tests.conftest import REPOSITORY
from tests.elasticsearch_node.node import Node, ask
from tests.search.elasticsearch.servers import PRODUCT, Answer, CuttingProxy, answering, self_signed
from tests.search.elasticsearch.writers import hits, ids, indices, visible, writer

ATTEMPT_FAILED = re.compile(r"writing \d+ documents: attempt \d+ failed, next in \d+\.\d s: ")
COUNT = 4000


class Attempts(logging.Handler):
    """Calls `then` once after so many failed attempts to write."""

    def __init__(self, then: Callable[[], None], *, after: int = 1) -> None:
        super().__init__()
        self._then = then
        self._left = after
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if ATTEMPT_FAILED.match(line):
            self.lines.append(line)
            self._left -= 1
            if not self._left:
                self._then()


@pytest.fixture
def attempts() -> Iterator[Callable[..., Attempts]]:
    logger = logging.getLogger("email_audit.search.elasticsearch.patience")
    added: list[Attempts] = []

    def watch(then: Callable[[], None] = lambda: None, *, after: int = 1) -> Attempts:
        added.append(Attempts(then, after=after))
        logger.addHandler(added[-1])
        return added[-1]

    yield watch
    for handler in added:
        logger.removeHandler(handler)


def interrupted(at: int, by: Callable[[], object]) -> Iterator[HitDocument]:
    """Give COUNT documents, with something happening between two of them."""
    yield from hits(range(at))
    by()
    yield from hits(range(at, COUNT))


def assert_complete(url: str, alias: str, generation: str = "000001-1") -> None:
    assert indices(url, alias) == {f"{alias}-{generation}": True}
    assert visible(url, alias).keys() == ids(range(COUNT))
    assert ask(url, f"{alias}/_count")["count"] == COUNT


def test_a_server_killed_and_started_again_costs_no_document(
    own_node: Node, attempts: Callable[..., Attempts]
) -> None:
    starting = threading.Thread(target=own_node.start)
    watch = attempts(starting.start)
    change = writer(own_node.url, "mail").synchronise(interrupted(1500, own_node.kill))
    starting.join()
    assert change == IndexChange(COUNT, 0, 0)
    assert any("cannot be reached" in line or "ConnectionError" in line for line in watch.lines)
    assert_complete(own_node.url, "mail")
    assert writer(own_node.url, "mail").synchronise(hits(range(COUNT))).unchanged == COUNT


def test_a_server_that_hangs_for_a_while_costs_no_document(
    own_node: Node, attempts: Callable[..., Attempts]
) -> None:
    watch = attempts(own_node.resume)
    change = writer(own_node.url, "mail").synchronise(interrupted(1500, own_node.pause))
    assert change == IndexChange(COUNT, 0, 0)
    assert "ConnectionTimeout" in watch.lines[0]
    assert_complete(own_node.url, "mail")


WRITE = """
import sys
from tests.search.elasticsearch.test_faults import interrupted
from tests.search.elasticsearch.writers import writer

def hang():
    print("half", flush=True)
    sys.stdin.read()

writer(sys.argv[1], sys.argv[2]).synchronise(interrupted(2500, hang))
"""


def test_a_run_killed_half_way_is_finished_by_the_next(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, url, alias],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert indices(url, alias) == {f"{alias}-000001-1": False}
    assert len(writer(url, alias).status().notes) == 2  # half an index, and a lock
    change = writer(url, alias).synchronise(hits(range(COUNT)))
    assert change.written + change.unchanged == COUNT
    assert_complete(url, alias)


def block(url: str, index: str, *, is_on: bool) -> None:
    """Set or lift what Elasticsearch sets where a disk is over the flood-stage watermark."""
    body = {"index.blocks.read_only_allow_delete": True if is_on else None}
    ask(url, f"{index}/_settings", method="PUT", body=body)


def test_a_disk_that_fills_up_and_is_freed_costs_no_document(
    elasticsearch_url: str, elasticsearch_alias: str, attempts: Callable[..., Attempts]
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    index = f"{alias}-000001-1"
    watch = attempts(lambda: block(url, index, is_on=False), after=2)
    change = writer(url, alias).synchronise(
        interrupted(1500, lambda: block(url, index, is_on=True))
    )
    assert change == IndexChange(COUNT, 0, 0)
    assert "read-only as the server's disk is full" in watch.lines[0]
    assert_complete(url, alias)


def test_a_disk_that_stays_full_ends_the_run_with_what_to_do(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(3)))
    block(url, alias, is_on=True)
    with pytest.raises(RunError, match="disk is nearly full.*Free disk space.*run again"):
        writer(url, alias, limit_s=0.2).synchronise(hits(range(COUNT)))
    assert visible(url, alias).keys() == ids(range(3))
    block(url, alias, is_on=False)
    assert writer(url, alias).synchronise(hits(range(COUNT))).removed == 0
    assert_complete(url, alias)


def test_a_writer_whose_lock_was_taken_over_repeats_no_request(
    elasticsearch_url: str, elasticsearch_alias: str, attempts: Callable[..., Attempts]
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    index, lock = f"{alias}-000001-1", f"{alias}-lock/_doc/writer"
    writer(url, alias).synchronise(hits([1]))
    block(url, index, is_on=True)

    def rob() -> None:
        ask(url, lock, method="PUT", body={**ask(url, lock)["_source"], "token": "another"})

    attempts(rob)
    with pytest.raises(RunError, match="was taken over by another run"):
        writer(url, alias, limit_s=10).synchronise(hits(range(1, 10)))
    block(url, index, is_on=False)
    ask(url, f"{index}/_refresh", method="POST")
    assert visible(url, alias).keys() == ids([1])


def test_connections_cut_in_the_middle_of_an_answer_cost_no_document(
    elasticsearch_url: str, elasticsearch_alias: str, attempts: Callable[..., Attempts]
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    proxy = CuttingProxy(url)
    proxy.cuts = 3
    watch = attempts()
    try:
        change = writer(proxy.url, alias).synchronise(hits(range(COUNT)))
    finally:
        proxy.close()
    assert change == IndexChange(COUNT, 0, 0)
    assert proxy.cuts == 0
    assert len(watch.lines) == 3
    assert_complete(url, alias)
    assert writer(url, alias).synchronise(hits(range(COUNT))) == IndexChange(0, 0, COUNT)


def test_an_index_deleted_under_the_run_is_not_made_by_accident(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    index = f"{alias}-000001-1"

    def delete() -> None:
        ask(url, index, method="DELETE")

    with pytest.raises(RunError, match="the index was deleted while it was written"):
        writer(url, alias).synchronise(interrupted(1500, delete))
    assert indices(url, alias) == {}


def error(kind: str, reason: str) -> dict[str, object]:
    return {"error": {"root_cause": [], "type": kind, "reason": reason}}


FORBIDDEN = (
    "action [indices:data/write/bulk] is unauthorized for API key id [abc] of user [audit] on "
    "indices [x], this action is granted by the index privileges [create_doc,write,all]"
)
MEDIA_TYPE = "A compatible version is required on Accept header, but [compatible-with=9] was given"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, PRODUCT, error("security_exception", "no")), "elasticsearch_api_key.*run out"),
        (
            (403, PRODUCT, error("security_exception", FORBIDDEN)),
            r"do not allow indices:data/write/bulk; .*elasticsearch_setup_api_key",
        ),
        ((200, {}, {}), "not Elasticsearch.*elasticsearch_url"),
        (
            (200, PRODUCT, {"nodes": {"n": {"version": "8.19.2"}}}),
            "has version 8.19.2; this audit needs 9.x",
        ),
        (
            (400, PRODUCT, error("media_type_header_exception", MEDIA_TYPE)),
            "needs 9.x. elasticsearch_url",
        ),
    ],
    ids=["credentials", "privileges", "product", "version", "old server"],
)
def test_a_server_that_will_not_do_is_told_in_one_message(answer: Answer, told: str) -> None:
    with answering(lambda *_: answer) as url, pytest.raises(UserError, match=told):
        writer(url, "mail").synchronise(hits([1]))


NO_MONITOR = FORBIDDEN.replace("indices:data/write/bulk", "indices:monitor/stats")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((403, PRODUCT, error("security_exception", NO_MONITOR)), "do not allow indices:monitor"),
        ((503, PRODUCT, error("no_shard_available_action_exception", "away")), "answered 503"),
        (None, "cannot be reached"),
    ],
    ids=["privileges", "busy", "connection"],
)
def test_a_write_is_done_although_an_old_index_cannot_be_dropped(
    elasticsearch_url: str,
    elasticsearch_alias: str,
    caplog: pytest.LogCaptureFixture,
    answer: Answer | None,
    told: str,
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits([1]))
    ask(url, f"{alias}-000000-0", method="PUT")
    with ExitStack() as stack:
        setup_url = "http://127.0.0.1:1"
        if answer is not None:
            setup_url = stack.enter_context(answering(lambda *_: answer))
        change = writer(url, alias, setup_url=setup_url, limit_s=0).synchronise(hits([1, 2]))
    assert change == IndexChange(1, 0, 1)
    assert f"indices beside {alias}-000001-1 are left" in caplog.text
    assert told in caplog.text
    assert writer(url, alias).synchronise(hits([1, 2])).unchanged == 2
    assert indices(url, alias) == {f"{alias}-000001-1": True}


def test_a_busy_server_is_asked_again_and_then_given_up(caplog: pytest.LogCaptureFixture) -> None:
    busy = (429, PRODUCT, error("es_rejected_execution_exception", "queue is full"))
    with (
        answering(lambda *_: busy) as url,
        pytest.raises(RunError, match="answered 429 es_rejected_execution_exception"),
    ):
        writer(url, "mail", limit_s=0.1).synchronise(hits([1]))
    assert "asking for the version: attempt 1 failed" in caplog.text


def test_a_server_that_is_not_there_is_named() -> None:
    with answering(lambda *_: (200, PRODUCT, {})) as url:
        pass
    with pytest.raises(RunError, match=f"{url}: Elasticsearch cannot be reached.*refused"):
        writer(url, "mail", limit_s=0).synchronise(hits([1]))


def test_tls_without_trust_names_the_certificates(tmp_path: Path) -> None:
    with answering(lambda *_: (200, PRODUCT, {})) as url:
        without_tls = url.replace("http:", "https:")
        with pytest.raises(UserError, match="no trusted TLS connection.*elasticsearch_ca_certs"):
            writer(without_tls, "mail").synchronise(hits([1]))
    certificate = self_signed(tmp_path / "server.pem", "127.0.0.1")
    old = {"nodes": {"n": {"version": "8.19.2"}}}
    with answering(lambda *_: (200, PRODUCT, old), certificate=certificate) as url:
        with pytest.raises(UserError, match="no trusted TLS connection .*certificate verify fail"):
            writer(url, "mail").synchronise(hits([1]))
        trusting = Settings.create(
            workspace=tmp_path, elasticsearch_url=url, elasticsearch_ca_certs=certificate
        )
        assert connect(trusting).nodes.info().body == old
    other = self_signed(tmp_path / "other.pem", "127.0.0.2")
    with answering(lambda *_: (200, PRODUCT, old), certificate=other) as url:
        mistaken = Settings.create(
            workspace=tmp_path, elasticsearch_url=url, elasticsearch_ca_certs=other
        )
        with pytest.raises(UserError, match="no trusted TLS.*IP address mismatch.*the name in"):
            check_version(connect(mistaken), url)


def test_a_file_of_no_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    settings = Settings.create(
        workspace=tmp_path,
        elasticsearch_url="https://search.city.example:9200",
        elasticsearch_ca_certs=tmp_path / "ca.pem",
    )
    with pytest.raises(UserError, match="ca.pem holds no certificates in PEM form"):
        connect(settings)
