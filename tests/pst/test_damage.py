"""PST: damage is never silent. What differs from the undamaged file says so, and only that."""

import logging
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from email_audit.messages.records import ProblemCode
from email_audit.pst.checksums import crc
from email_audit.pst.header import HEAD_BYTES, PageRef, is_pst
from email_audit.pst.layout import BLOCK_PAGE, NODE_PAGE, UNICODE
from email_audit.pst.pages import page_of
from tests.pst.reading import content_of, items_of, lossy, opened, read_all, samples
from tests.pst.writer import resealed

log = logging.getLogger(__name__)

MUTATED = (
    "aspose-Outlook.pst",
    "tika-testPST-embedded.pst",
    "java-libpst-dist-list.pst",
    "pstsdk-test_ansi.pst",
)
MUTATIONS = int(os.environ.get("EMAIL_AUDIT_TEST_MUTATIONS", "40"))
"""400 give the figures in docs/formats.md; CI runs a sample of them."""


def test_of_the_file_with_flipped_bits_exactly_the_damaged_items_are_partial(shared: Path) -> None:
    flipped = samples(shared)["Outlook.bitflips-40.pst"].read_bytes()
    whole, places = undo_inversions(flipped)
    items, damaged = items_of(whole), items_of(flipped)
    assert not any(lossy(item) for item in items.values())
    assert sorted(items) == sorted(damaged)
    differ = {nid for nid in items if content_of(items[nid]) != content_of(damaged[nid])}
    partial = {nid for nid in damaged if lossy(damaged[nid])}
    assert differ == partial
    assert len(partial) == 6
    for nid in partial:
        (problem,) = lossy(damaged[nid])
        assert problem.code is ProblemCode.DAMAGED
        assert any(_names(problem.detail, at) for at in places)


def undo_inversions(content: bytes) -> tuple[bytes, list[int]]:
    """Find in each damaged block or page the inverted bytes that its checksum gives away.

    The checksum is linear: inverting a byte changes it by what depends only on how many bytes
    follow. One or two such changes that explain a wrong checksum are taken back.
    """
    effects = [crc(b"\xff" + bytes(after)) for after in range(8192)]
    one = {effect: after for after, effect in enumerate(effects)}
    mended, places = bytearray(content), []
    for start, size, stored in _checked(content):
        wrong = crc(content[start : start + size]) ^ stored
        if not wrong:
            continue
        changes = [one[wrong]] if one.get(wrong, size) < size else None
        for after in range(size):
            other = one.get(wrong ^ effects[after], size)
            if changes is None and other < size:
                changes = [after, other]
        assert changes is not None, start
        for after in changes:
            at = start + size - 1 - after
            mended[at] ^= 0xFF
            places.append(at)
    return bytes(mended), places


def _checked(content: bytes) -> list[tuple[int, int, int]]:
    """List what has a checksum: where it begins, its size, the checksum stored."""
    file = opened(content)
    spans = []
    stack = [(NODE_PAGE, file.header.nodes), (BLOCK_PAGE, file.header.blocks)]
    while stack:
        kind, ref = stack.pop()
        raw = content[ref.offset : ref.offset + 512]
        spans.append((ref.offset, UNICODE.trailer_at, UNICODE.page_trailer(raw)[3]))
        page = page_of(raw, kind, ref, UNICODE, "")
        if page.level:
            stack += [(kind, PageRef(bid, offset)) for _, bid, offset in page.rows]
        elif kind == BLOCK_PAGE:
            for _, offset, size in page.rows:
                end = offset + UNICODE.stored_size(size)
                trailer = UNICODE.trailer_of_block(content[end - 16 : end])
                spans.append((offset, size, trailer.checksum))
    return spans


def _names(detail: str, place: int) -> bool:
    """Say whether a block that begins less than 8 KiB before the flipped byte is named."""
    begins = [int(part.split(":")[0]) for part in detail.split("at byte ")[1:]]
    return any(begin <= place < begin + 8192 for begin in begins)


def test_of_a_truncated_file_the_items_before_the_cut_are_whole(shared: Path) -> None:
    content = samples(shared)["aspose-Outlook.pst"].read_bytes()
    index = opened(content)
    whole = items_of(content)
    ends = [
        place.offset + place.size
        for place in map(index.index.block, _blocks_of(content))
        if place is not None
    ]
    cut = sorted(ends)[len(ends) // 2]
    # The index lies behind the cut in this file; put it back, so that only blocks are missing.
    kept = bytearray(content)
    for place in ends:
        if place > cut:
            kept[place - 16 : place] = bytes(16)
    damaged = items_of(bytes(kept))
    for nid, item in damaged.items():
        assert lossy(item) or content_of(item) == content_of(whole[nid])
    assert any(lossy(item) for item in damaged.values())
    assert any(not lossy(item) for item in damaged.values())


def _blocks_of(content: bytes) -> list[int]:
    file = opened(content)
    return [node.data for node in file.messages()]


def test_what_lies_beyond_the_end_is_said_to_be_truncated(shared: Path) -> None:
    """The messages' blocks are moved behind the end, as a download that broke off leaves them."""
    content = samples(shared)["ruby-msg-attachAndInline.pst"].read_bytes()
    file = opened(content)
    (node,) = file.messages()
    place = file.index.block(node.data)
    assert place is not None
    wanted = UNICODE.block.pack(node.data, place.offset, place.size)[:18]
    at = content.index(wanted)
    moved = UNICODE.block.pack(node.data, len(content) + 4096, place.size)[:18]
    broken = content[:at] + moved + content[at + 18 :]
    page = at // 512 * 512
    broken = resealed(broken, page)
    (message,) = read_all(broken).values()
    assert message.item is None
    assert message.problem.code is ProblemCode.TRUNCATED


def mutate(content: bytes, seed: int) -> bytes:
    rnd = random.Random(seed)
    kind = seed // len(MUTATED) % 3
    if kind == 0:
        noisy = bytearray(content)
        for _ in range(rnd.choice((1, 5, 40, 200))):
            noisy[rnd.randrange(len(noisy))] ^= rnd.randrange(1, 256)
        return bytes(noisy)
    if kind == 1:
        at = rnd.randrange(len(content))
        return (content[:at] + rnd.randbytes(4096) + content[at + 4096 :])[: len(content)]
    return content[: rnd.randrange(600, len(content))]


def test_no_mutation_of_a_real_file_changes_an_item_silently(shared: Path) -> None:
    """An item that differs is partial, one that is gone is stood for by the index's own row."""
    files = samples(shared)
    originals = {name: files[name].read_bytes() for name in MUTATED}
    expected = {
        name: {nid: content_of(item) for nid, item in items_of(content).items()}
        for name, content in originals.items()
    }
    fates: Counter[str] = Counter()
    for seed in range(MUTATIONS):
        name = MUTATED[seed % len(MUTATED)]
        content = mutate(originals[name], seed)
        read = read_all(content)
        has_lost_pages = bool(opened(content).index.lost_pages())
        for nid, whole in expected[name].items():
            message = read.get(nid)
            if message is None:
                assert has_lost_pages, (seed, hex(nid))
                fates["missing, and the index says so"] += 1
            elif message.item is None:
                fates["unreadable"] += 1
            elif lossy(message.item):
                fates["partial"] += 1
            else:
                assert content_of(message.item) == whole, (seed, hex(nid))
                fates["ok"] += 1
    assert fates["ok"] > fates["unreadable"] > 0
    log.info("%d mutations: %s", MUTATIONS, dict(fates))


@pytest.mark.parametrize("kind", ["root", "first leaf"])
def test_a_destroyed_page_of_the_node_tree_costs_no_item_that_the_blocks_vouch_for(
    shared: Path, kind: str
) -> None:
    content = samples(shared)["aspose-Test_part1.pst"].read_bytes()
    whole = items_of(content)
    at = int.from_bytes(content[224:232], "little")
    if kind == "first leaf":
        at = int.from_bytes(content[at + 16 : at + 24], "little")
    broken = content[:at] + bytes(512) + content[at + 512 :]
    damaged = items_of(broken)
    assert opened(broken).index.lost_pages()
    if kind == "root":
        assert sorted(damaged) == sorted(whole)
    for nid, item in damaged.items():
        assert lossy(item) or content_of(item) == content_of(whole[nid])


@pytest.mark.parametrize("name", ["aspose-Outlook.pst", "pstsdk-test_ansi.pst"])
def test_a_file_that_lost_its_header_is_known_by_its_allocation_map_and_read_by_scanning(
    shared: Path, name: str
) -> None:
    content = samples(shared)[name].read_bytes()
    whole = items_of(content)
    headless = bytes(4096) + content[4096:]
    assert is_pst(headless[:HEAD_BYTES])
    items = items_of(headless)
    assert sorted(items) == sorted(whole)
    for nid, item in items.items():
        assert lossy(item)
        assert nid == 0x200024 or content_of(item) == content_of(whole[nid])
    assert opened(headless).index.lost_pages()
    assert not is_pst(bytes(HEAD_BYTES))
