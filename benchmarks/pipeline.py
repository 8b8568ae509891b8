"""Speed and memory of reading, tagging, indexing and the whole run, beside two bare loops.

    make benchmark

All figures come from one run on one machine, so that their ratios mean something. The mail is the
5,009 Enron messages beside the project; the large mailbox is made of them, each message with an
identifier and a text of its own.
"""

import argparse
import gzip
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.loops import compat32_with_own_decoding, policy_default
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.interface import UNREVIEWED, HitDocument
from email_audit.settings import Settings
from email_audit.sources.base import FoundItem, ReadOptions
from email_audit.sources.mbox import MboxSource
from email_audit.steps.tag import tag_input
from email_audit.tagging.tagger import load_tagger

REPOSITORY = Path(__file__).resolve().parents[1]
ENRON = REPOSITORY.parent / "shared" / "data" / "corpora" / "enron-5k.mbox.gz"
ROSTER = (
    "officer_id,name,rank,mailboxes,task_force,partner_agency,assigned_from,assigned_to\n"
    "B-1,Bench Mark,Detective,bench.mbox,Task Force,Agency,,\n"
)


def main() -> None:
    """Print one line a figure, and all of them as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=100_000, help="messages of the large mailbox")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    if not ENRON.exists():
        sys.exit(f"{ENRON}: the shared mail is not there; nothing to measure")
    content = gzip.decompress(ENRON.read_bytes())
    figures = {
        **reading(content),
        **tagging_and_indexing(content),
        **whole_runs(content, arguments.large),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def reading(content: bytes) -> dict[str, float]:
    """Messages per second of both loops and of our reader, one process, same messages."""
    originals = [item.original for item in _items(content)]
    source = _source()
    default = _rate("loop: policy.default", len(originals), lambda: policy_default(originals))
    compat = _rate(
        "loop: compat32 + own decoding",
        len(originals),
        lambda: compat32_with_own_decoding(originals),
    )
    read = _rate(
        "read (container, MIME, segments, identity)",
        len(originals),
        lambda: sum(1 for item in _items(content) if source.parse(item)),
    )
    _print("read / compat32 loop", read / compat)
    return {"policy_default": default, "compat32": compat, "read": read}


def tagging_and_indexing(content: bytes) -> dict[str, float]:
    """Messages per second of the classifier and of the embedded index, one process."""
    source = _source()
    messages = [source.parse(item) for item in _items(content)]
    tagger = load_tagger(Settings(workspace=Path()).model)
    inputs = [tag_input(message, None) for message in messages]
    tag = _rate("tag", len(inputs), lambda: sum(1 for _ in tagger.tag(inputs)))
    documents = {
        message.content_sha256: HitDocument(
            id=message.content_sha256,
            message_id=message.message_id,
            mih=message.mih,
            custodians=("B-1",),
            task_forces=("Task Force",),
            partner_agencies=("Agency",),
            date=message.date,
            date_written=None,
            sender=message.sender,
            to=message.to,
            cc=message.cc,
            bcc=message.bcc,
            subject=message.subject,
            own_text=message.own_text,
            quoted_text=message.quoted_text,
            attachment_names=(),
            attachment_text="",
            kinds=("request",),
            score=0.9,
            signals=(),
            review_state=UNREVIEWED,
            is_answered=False,
            thread=None,
            sources=("bench.mbox",),
            model="benchmark",
        )
        for message in messages
    }
    with tempfile.TemporaryDirectory() as folder:
        index = EmbeddedIndex(Path(folder) / "index")
        indexed = _rate(
            "index (as if every message were a hit)",
            len(documents),
            lambda: index.synchronise(documents.values()).written,
        )
    return {"tag": tag, "index": indexed}


def whole_runs(content: bytes, large: int) -> dict[str, float]:
    """The whole `email-audit run` with one and two processes, again, and on a large mailbox."""
    figures: dict[str, float] = {}
    count = sum(1 for _ in _items(content))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mail").mkdir()
        (folder / "roster.csv").write_text(ROSTER)
        mailbox = folder / "mail" / "bench.mbox"
        mailbox.write_bytes(content)
        for processes in (1, 2):
            label = f"whole run, {processes} process{'es' if processes > 1 else ''}"
            figures |= _run(label, folder, count, processes)
        figures |= _run("whole run again (nothing new)", folder, count, 2, keep=True)
        for size in (large // 10, large):
            with mailbox.open("wb") as out:
                for block in _generated(content, size):
                    out.write(block)
            figures |= _run(f"whole run, 2 processes, {size} generated messages", folder, size, 2)
    return figures


def _run(
    label: str, folder: Path, count: int, processes: int, *, keep: bool = False
) -> dict[str, float]:
    workspace = folder / "workspace"
    if not keep:
        shutil.rmtree(workspace, ignore_errors=True)
    arguments = [
        sys.executable,
        "-m",
        "email_audit",
        "run",
        *("--roster", str(folder / "roster.csv")),
        *("--mail", str(folder / "mail")),
        *("--out", str(workspace)),
        *("--processes", str(processes)),
    ]
    begin = time.perf_counter()
    child = os.posix_spawn(
        arguments[0],
        arguments,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    if status:
        sys.exit(f"{label}: the run failed with {os.waitstatus_to_exitcode(status)}")
    peak_mib = usage.ru_maxrss / 1024
    _print(
        label, count / seconds, f"messages/s, {seconds:.1f} s, largest process {peak_mib:.0f} MiB"
    )
    return {label: count / seconds, f"{label}: peak MiB": peak_mib}


def _generated(content: bytes, count: int) -> Iterator[bytes]:
    """Yield `count` mbox messages made of the real ones, no two alike."""
    items = list(_items(content))
    envelope = b"From bench@city.example Mon Mar  3 10:00:00 2025\n"
    for number in range(count):
        header, _, body = items[number % len(items)].original.partition(b"\n\n")
        header = header.replace(b"Message-ID: <", b"Message-ID: <%d." % number, 1)
        quoted = body.replace(b"\nFrom ", b"\n>From ")
        yield envelope + header + b"\n\n(%d)\n" % number + quoted.rstrip(b"\n") + b"\n\n"


def _items(content: bytes) -> Iterator[FoundItem]:
    source, blob = _source(), io.BytesIO(content)
    for extent in source.extents(blob, max_items=1000, max_bytes=1 << 26):
        yield from (item for item in source.items(blob, extent) if isinstance(item, FoundItem))


def _source() -> MboxSource:
    return MboxSource(ReadOptions(max_message_bytes=1 << 30))


def _rate(label: str, count: int, work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    rate = count / (time.perf_counter() - begin)
    _print(label, rate, "messages/s")
    return rate


def _print(label: str, value: float, unit: str = "") -> None:
    shown = f"{value:,.2f}" if value < 10 else f"{value:,.0f}"
    print(f"{label:<55} {shown:>8} {unit}", flush=True)


if __name__ == "__main__":
    main()
