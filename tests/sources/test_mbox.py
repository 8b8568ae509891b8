"""mbox: every variant's messages are found, counted twice over, and their quoting undone."""

import gzip
import io
import mailbox
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.messages.records import ProblemCode
from email_audit.sources import mbox
from email_audit.sources.base import Extent, FoundItem, ReadOptions, Unreadable
from email_audit.sources.mbox import MboxSource

SOURCE = MboxSource(ReadOptions(max_message_bytes=1 << 30))
ENVELOPE = b"From ann@city.example Mon Mar  3 10:00:00 2025\n"
HEADER = b"From: ann@city.example\nSubject: x\n"


def found(content: bytes, *, max_items: int = 1000) -> list[FoundItem | Unreadable]:
    blob = io.BytesIO(content)
    extents = SOURCE.extents(blob, max_items=max_items, max_bytes=1 << 30)
    return [item for extent in list(extents) for item in SOURCE.items(blob, extent)]


def originals(content: bytes) -> list[bytes]:
    return [item.original for item in found(content) if isinstance(item, FoundItem)]


def real_files(shared: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((shared / "mbox").rglob("*.mbox")):
        yield path.name, path.read_bytes()
    for path in sorted((shared / "corpora").glob("*.mbox.gz")):
        yield path.name, gzip.decompress(path.read_bytes())


def test_in_every_real_file_the_reader_finds_what_is_declared(shared: Path) -> None:
    counts = {}
    for name, content in real_files(shared):
        assert SOURCE.recognises(content[:65536], name)
        counts[name] = len(found(content))
        assert SOURCE.declared(io.BytesIO(content)) == counts[name], name
    assert counts["enron-5k.mbox.gz"] == 5009
    assert counts["spamassassin-ham-700.mbox.gz"] == 702
    assert counts["hoover-testdata__shapelib.mbox"] == 30
    assert {counts[name] for name in counts if name.startswith("variant-")} == {40}
    assert counts["MimeKit__unmunged.mbox"] == 2
    assert counts["MimeKit__simple.mbox"] == 3


def test_the_standard_library_finds_the_same_messages_in_the_enron_mail(
    shared: Path, tmp_path: Path
) -> None:
    content = gzip.decompress((shared / "corpora" / "enron-5k.mbox.gz").read_bytes())
    path = tmp_path / "enron.mbox"
    path.write_bytes(content)
    reference = mailbox.mbox(path, create=False)
    ours = originals(content)
    assert len(reference) == len(ours)
    for position in range(0, len(ours), 97):
        theirs = reference.get_bytes(position, from_=False)
        assert theirs.replace(b"\n>From ", b"\nFrom ").strip() == ours[position].strip()


def test_small_blocks_find_the_same_messages(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = dict(real_files(shared))["variant-takeout.mbox"]
    expected = found(content)
    monkeypatch.setattr(mbox, "_BLOCK_BYTES", 4096)
    assert found(content) == expected


@pytest.mark.parametrize("max_items", [1, 7, 40])
def test_extents_tile_the_file_and_each_item_can_be_read_alone(
    shared: Path, max_items: int
) -> None:
    content = (shared / "mbox" / "derived" / "variant-mboxcl2.mbox").read_bytes()
    items = found(content, max_items=max_items)
    assert [item.ordinal for item in items] == list(range(40))
    assert items[0].start == 0
    assert items[-1].stop == len(content)
    assert all(item.stop == following.start for item, following in pairwise(items))
    blob = io.BytesIO(content)
    for item in items:
        extent = Extent(item.start, item.stop, item.ordinal, 1)
        assert next(iter(SOURCE.items(blob, extent))) == item


def test_prose_that_begins_with_from_is_no_separator() -> None:
    body = b"He came\n\nFrom Russia with love\nYear: 1963\n\nFrom there on, quiet.\n"
    content = ENVELOPE + HEADER + b"\n" + body + b"\n"
    assert originals(content) == [HEADER + b"\n" + body]


def test_an_unquoted_envelope_inside_a_counted_body_is_content() -> None:
    body = b"see below\n\n" + ENVELOPE + b"Subject: inner\n\ninner text\n"
    header = HEADER + b"Content-Length: %d\n" % len(body)
    content = (ENVELOPE + header + b"\n" + body + b"\n") * 2
    assert originals(content) == [header + b"\n" + body] * 2
    assert SOURCE.declared(io.BytesIO(content)) == 2


def test_a_wrong_content_length_is_not_believed() -> None:
    for wrong in (b"3", b"40", b"99999"):
        header = HEADER + b"Content-Length: " + wrong + b"\n"
        content = ENVELOPE + header + b"\nbody one\n\n" + ENVELOPE + HEADER + b"\nbody two\n\n"
        assert len(found(content)) == SOURCE.declared(io.BytesIO(content)) == 2


@pytest.mark.parametrize("envelope", [b"From - \n", b"From -\n", b"From ???@??? Tue Feb 21 2017\n"])
def test_undated_envelopes_count_before_a_header(envelope: bytes) -> None:
    content = (envelope + HEADER + b"\nbody\n") * 3
    assert len(found(content)) == SOURCE.declared(io.BytesIO(content)) == 3


def test_a_byte_order_mark_before_the_first_envelope_hides_nothing() -> None:
    content = b"\xef\xbb\xbf" + (ENVELOPE + HEADER + b"\nbody\n\n") * 2
    assert SOURCE.recognises(content, "")
    assert len(found(content)) == SOURCE.declared(io.BytesIO(content)) == 2


def test_a_byte_order_mark_inside_the_file_is_no_blank_line() -> None:
    content = ENVELOPE + b"\xef\xbb\xbf\n" + ENVELOPE
    assert len(found(content)) == SOURCE.declared(io.BytesIO(content)) == 1


def test_a_truncated_file_keeps_its_messages_and_says_which_one_is_cut(shared: Path) -> None:
    whole = (shared / "mbox" / "derived" / "variant-mboxrd.mbox").read_bytes()
    items = found(whole[: len(whole) // 2])
    assert all(not item.problems for item in items[:-1] if isinstance(item, FoundItem))
    last = items[-1]
    assert isinstance(last, FoundItem)
    assert [problem.code for problem in last.problems] == [ProblemCode.TRUNCATED]
    assert SOURCE.parse(last).status == "partial"


def test_a_message_over_the_limit_is_accounted_for_unread() -> None:
    small = MboxSource(ReadOptions(max_message_bytes=1024))
    content = ENVELOPE + HEADER + b"\n" + b"x" * 4096 + b"\n\n" + ENVELOPE + HEADER + b"\nok\n\n"
    blob = io.BytesIO(content)
    (extent,) = small.extents(blob, max_items=10, max_bytes=1 << 20)
    large, fine = small.items(blob, extent)
    assert isinstance(large, Unreadable)
    assert large.problem.code is ProblemCode.TOO_LARGE
    assert "the limit is 1024" in large.problem.detail
    assert isinstance(fine, FoundItem)


LINES = st.sampled_from(
    [
        ENVELOPE,
        b"From - \n",
        b"From me to you\n",
        b">From a@b Mon Mar  3 10:00:00 2025\n",
        HEADER,
        b"Content-Length: 12\n",
        b"Content-Length: 5\n",
        b"\n",
        b"\r\n",
        b"text\n",
        b"From ",
        b"no line end",
        b"\xef\xbb\xbf",
    ]
)


@given(st.lists(LINES, max_size=40).map(lambda lines: ENVELOPE + b"".join(lines)))
def test_two_ways_of_counting_agree_on_anything_and_no_byte_is_left_out(content: bytes) -> None:
    items = found(content)
    assert SOURCE.declared(io.BytesIO(content)) == len(items)
    assert "".join(f"{item.start}-{item.stop}," for item in items).startswith("0-")
    assert items[-1].stop == len(content)
    assert all(item.stop == following.start for item, following in pairwise(items))


def test_the_labels_of_a_gmail_takeout_are_named_with_each_message(shared: Path) -> None:
    content = (shared / "mbox" / "derived" / "variant-takeout.mbox").read_bytes()
    labels_of = [item.path_in_source.partition(" [")[2] for item in found(content)]
    assert labels_of[0] == "Inbox,Opened]"
    assert "Arbeit/Projekté,Archived]" in labels_of
    assert all(labels_of)
    labels = b"X-Gmail-Labels: =?UTF-8?Q?Enviados,_=E2=9C=94?=\n  ,Union\n"
    (item,) = found(ENVELOPE + b"X-GM-THRID: 1\n" + labels + HEADER + b"\nbody\n")
    assert item.path_in_source == "message 1 [Enviados, \u2714 ,Union]"
    (plain,) = found(ENVELOPE + HEADER + b"\nX-Gmail-Labels: quoted\n")
    assert plain.path_in_source == "message 1"
