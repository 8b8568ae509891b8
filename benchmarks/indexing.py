"""Speed and memory of writing to Elasticsearch, beside the client's own bulk helper.

    make benchmark-indexing

Both write the same bytes of the same invented hits into new indices of the same template, on one
node of this machine: first a warm-up, then `helpers.parallel_bulk` with its defaults, then our
writer, then the helper again, so that a machine that grows busier favours neither. A refresh at the
end is part of each. Then queries of the table in tests/search/conformance.py are timed on what our
writer wrote.
"""

import argparse
import hashlib
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from elasticsearch import Elasticsearch, helpers
from tests.elasticsearch_node.assembly import install
from tests.elasticsearch_node.node import Node

from email_audit.messages.records import Address
from email_audit.search.elasticsearch.connection import connect
from email_audit.search.elasticsearch.generations import Generations
from email_audit.search.elasticsearch.index import LAYOUT, ElasticsearchIndex
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.interface import UNREVIEWED, CaseIdentity, HitDocument
from email_audit.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
WARM_UP = 20_000
REPEATS = 15
QUERIES = (
    "detainer",
    "detainer deport",
    "*",
    '"immigration status"',
    '"hold the subject"',
    "subject:(+alpha -bravo)",
    "from:police.example.gov",
    "kinds:request",
    "date:[2025-03 TO 2025-04]",
    "own_text:detain*",
    "own_text:detainr~1",
    "/detain(er|ed)/ AND score:[0.5 TO *]",
)
_PLACES = ("alpha", "bravo", "charlie", "delta")
_KINDS = ("request", "alert", "information", "custody")


def main() -> None:
    """Print one line a figure, and all of them as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument(
        "--bare", type=int, help="documents that the helper writes each time [default: half]"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = REPOSITORY / ".pytest_cache" / "d" / "elasticsearch-node"
        node = Node(install(cache), Path(folder), is_brief=False)
        node.start()
        try:
            count = arguments.documents
            figures = measure(node.url, count, arguments.bare or count // 2)
        finally:
            node.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(url: str, count: int, bare_count: int) -> dict[str, Any]:
    """Write with both, then search."""
    client = connect(_settings(url, "bare"))
    index = ElasticsearchIndex(_settings(url, "audit"), CaseIdentity("benchmark"))
    memory = Memory()
    print(f"{'documents':36} {count:10,d}, by the helper {bare_count:,d} each time")
    bare(client, "warm-up", min(WARM_UP, count))
    rates = [_bare_rate(client, "before", bare_count)]
    with memory:
        our_rate = _rate("our writer", count, lambda: index.synchronise(hits(count)).written)
    rates.append(_bare_rate(client, "after", bare_count))
    ratio = our_rate / statistics.harmonic_mean(rates)
    print(f"{'ratio':36} {ratio:10.2f}")
    print(f"{'memory of our process, MB, over time':36} {' '.join(map(str, memory.course(12)))}")
    again = _rate(
        "our writer again, unchanged", count, lambda: index.synchronise(hits(count)).unchanged
    )
    latencies = {query: _latency(index, query) for query in QUERIES}
    return {
        "documents": count,
        "bare_documents_s": rates,
        "our_documents_s": our_rate,
        "ratio": ratio,
        "again_documents_s": again,
        "memory_mb": memory.course(12),
        "query_ms": latencies,
    }


def _bare_rate(client: Elasticsearch, alias: str, count: int) -> float:
    rate = _rate(f"helpers.parallel_bulk, {alias}", count, lambda: bare(client, alias, count))
    for known in Generations(client, client, alias, Patience("")).listed():
        client.indices.delete(index=known.name)
    return rate


def bare(client: Elasticsearch, alias: str, count: int) -> int:
    """Write `count` documents with the client's helper; give how many it took."""
    target = Generations(client, client, alias, Patience("")).create(LAYOUT)
    actions: Iterator[Any] = ((hit.id, with_fingerprint(LAYOUT.source(hit))) for hit in hits(count))
    results = helpers.parallel_bulk(
        client,
        actions,
        index=target.name,
        expand_action_callback=_expanded,
    )
    written = sum(is_done for is_done, _ in results)
    client.indices.refresh(index=target.name)
    return written


def _expanded(action: Any) -> tuple[dict[str, Any], bytes]:
    return {"index": {"_id": action[0]}}, action[1]


def with_fingerprint(source: bytes) -> bytes:
    """Make the bytes those that the writer sends; the hash itself is the writer's own work."""
    return b'%b,"fingerprint":"%b"}' % (source[:-1], b"0" * 64)


def hits(count: int) -> Iterator[HitDocument]:
    """Invent hits of about 1.2 kB each, the same ones every time."""
    random = Random(7)
    words = ["".join(random.choices("aeioulnrst", k=random.randint(3, 9))) for _ in range(20_000)]
    paragraphs = [" ".join(random.choices(words, k=60)) for _ in range(5_000)]
    phrases = ("hold the subject", "immigration status", "issued a detainer", "was detained")
    people = [
        Address(f"Officer {n}", f"officer{n}@{random.choice(('police', 'hsi'))}.example.gov")
        for n in range(2_000)
    ]
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(count):
        phrase = phrases[number % 4] if number % 25 < 4 else ""
        yield HitDocument(
            id=hashlib.sha256(b"%d" % number).hexdigest(),
            message_id=f"<{number}@mail.example.gov>",
            mih=None,
            custodians=(f"P-{number % 300}",),
            task_forces=(f"TF-{number % 9}",),
            partner_agencies=("HSI",),
            date=begin + timedelta(minutes=number % 500_000),
            date_written=None,
            sender=people[number % 1999],
            to=(people[number % 1777], people[number % 1333]),
            cc=(),
            bcc=(),
            subject=f"{_PLACES[number % 4]} {_PLACES[number % 3]} {number}",
            own_text=f"{paragraphs[number % 4999]} {phrase} {paragraphs[number % 4973]}",
            quoted_text="",
            attachment_names=(),
            attachment_text="",
            kinds=(_KINDS[number % 4],),
            score=(number % 100) / 100,
            signals=(),
            review_state=UNREVIEWED,
            is_answered=False,
            thread=f"{number % 250_000:016x}",
            sources=(f"mail/P-{number % 300}.mbox / {number}",),
            model="benchmark",
        )


class Memory:
    """Notes the resident memory of this process five times a second."""

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def course(self, points: int) -> list[int]:
        """Give so many samples in MB, from the first to the last."""
        last = len(self._samples) - 1
        return [self._samples[last * point // (points - 1)] for point in range(points)]

    def _watch(self) -> None:
        status = Path("/proc/self/status")
        while not self._ended.wait(0.2):
            line = next(row for row in status.read_text().splitlines() if row.startswith("VmRSS"))
            self._samples.append(int(line.split()[1]) // 1024)


def _latency(index: ElasticsearchIndex, query: str) -> dict[str, float]:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        total = index.search(query).total
        times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    median, slow = statistics.median(times), times[-2]
    print(f"{query:36} {total:10,d} hits, median {median:7.1f} ms, slow {slow:7.1f} ms")
    return {"median": median, "slow": slow, "hits": total}


def _rate(label: str, count: int, work: Callable[[], int]) -> float:
    begin = time.perf_counter()
    done = work()
    rate = count / (time.perf_counter() - begin)
    if done != count:
        raise SystemExit(f"{label}: {done} of {count} documents were written")
    print(f"{label:36} {rate:10,.0f} documents/s", flush=True)
    return rate


def _settings(url: str, alias: str) -> Settings:
    return Settings.create(
        workspace=Path("unused"), elasticsearch_url=url, elasticsearch_alias=alias
    )


if __name__ == "__main__":
    main()
