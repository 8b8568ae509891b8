"""One item is one message, whichever container it was read from, and no container can break it."""

import io
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.mapi.eml import render_item
from email_audit.mapi.records import MapiAttachment, MapiItem
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.records import ProblemCode
from email_audit.msg.reader import read_msg
from email_audit.sources.base import Extent, FoundItem, ReadOptions, Unreadable
from email_audit.sources.msg import MsgSource
from email_audit.sources.registry import detect_source
from email_audit.sources.tnef import TnefSource
from email_audit.tnef.reader import read_tnef
from tests.mapi.builders import items, msg_bytes, mutated, tnef_bytes

LIMITS = ReadLimits()
OPTIONS = ReadOptions(max_message_bytes=1 << 30)
SOURCES = {"msg": (MsgSource(OPTIONS), msg_bytes), "tnef": (TnefSource(OPTIONS), tnef_bytes)}
PATIENT = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(items())
def test_an_item_written_as_msg_is_read_back_whole(item: MapiItem) -> None:
    assert read_msg(msg_bytes(item), LIMITS) == item


@PATIENT
@given(items())
def test_an_item_written_as_tnef_is_read_back_whole(item: MapiItem) -> None:
    assert read_tnef(tnef_bytes(item), LIMITS) == item


@PATIENT
@given(items())
def test_msg_and_tnef_give_the_same_message(item: MapiItem) -> None:
    by_msg = render_item(read_msg(msg_bytes(item), LIMITS))
    assert by_msg == render_item(read_tnef(tnef_bytes(item), LIMITS)) == render_item(item)


@pytest.mark.parametrize("name", SOURCES)
@PATIENT
@given(item=items(), data=st.data())
def test_damaged_files_never_raise(name: str, item: MapiItem, data: st.DataObject) -> None:
    source, write = SOURCES[name]
    content = data.draw(st.composite(lambda draw: mutated(write(item), draw))())
    blob = io.BytesIO(content)
    (found,) = source.items(blob, Extent(0, len(content), 0, 1))
    if isinstance(found, FoundItem):
        source.parse(found)
    else:
        assert found.problem.code is ProblemCode.DAMAGED


@pytest.mark.parametrize("name", SOURCES)
def test_a_file_is_recognised_by_its_bytes_and_declares_one_item(name: str) -> None:
    source, write = SOURCES[name]
    blob = io.BytesIO(write(MapiItem({0x0037: "x"})))
    found = detect_source(blob, "noname", OPTIONS)
    assert type(found) is type(source)
    assert found.declared(blob) == 1
    (extent,) = found.extents(blob, max_items=10, max_bytes=10)
    (item,) = found.items(blob, extent)
    assert isinstance(item, FoundItem)
    assert found.parse(item).subject == "x"


def test_real_files_with_noise_or_without_their_end_never_raise(shared: Path) -> None:
    """Seeded: a few changed stretches, 512 bytes of rubbish, or a cut in each small file."""
    chance = random.Random(7)
    read = 0
    for path in sorted((*(shared / "msg").iterdir(), *(shared / "tnef").iterdir())):
        if path.is_dir() or path.stat().st_size > 100_000:
            continue
        for kind in ("noise", "rubbish", "cut"):
            content = bytearray(path.read_bytes())
            at = chance.randrange(8, len(content))
            if kind == "noise":
                for _ in range(20):
                    content[chance.randrange(8, len(content))] = chance.randrange(256)
            elif kind == "rubbish":
                content[at : at + 512] = chance.randbytes(512)
            else:
                del content[at:]
            blob = io.BytesIO(content)
            source = SOURCES["msg" if path.suffix == ".msg" else "tnef"][0]
            (found,) = source.items(blob, Extent(0, len(content), 0, 1))
            if isinstance(found, FoundItem):
                source.parse(found)
                read += 1
    assert read > 150


def test_a_word_document_is_no_msg(shared: Path) -> None:
    path = shared / "attachments" / "tika__testWORD.doc"
    with path.open("rb") as blob:
        assert not isinstance(detect_source(blob, path.name, OPTIONS), MsgSource)


def test_a_file_over_the_limit_is_accounted_for() -> None:
    source = MsgSource(ReadOptions(max_message_bytes=100))
    content = msg_bytes(MapiItem({0x0037: "x"}))
    (found,) = source.items(io.BytesIO(content), Extent(0, len(content), 0, 1))
    assert isinstance(found, Unreadable)
    assert found.problem.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize("name", SOURCES)
def test_items_embedded_too_deep_are_named(name: str) -> None:
    source, write = SOURCES[name]
    item = MapiItem({0x0037: "innermost"})
    for depth in range(5):
        item = MapiItem({0x0037: f"level {depth}"}, attachments=(MapiAttachment({}, item=item),))
    source = type(source)(ReadOptions(max_message_bytes=1 << 30, limits=ReadLimits(max_depth=3)))
    content = write(item)
    (found,) = source.items(io.BytesIO(content), Extent(0, len(content), 0, 1))
    assert isinstance(found, FoundItem)
    assert ProblemCode.TOO_DEEP in {problem.code for problem in found.problems}
    assert parse_message(found.original, limits=LIMITS).subject == "level 4"
