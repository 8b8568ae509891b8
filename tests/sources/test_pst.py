"""PST as a source: items by node, extents that tile, one row for what an index may have lost."""

import io
from pathlib import Path

import pytest

from email_audit.messages.records import ProblemCode, ReadStatus
from email_audit.sources.base import Extent, FoundItem, ReadOptions, Unreadable
from email_audit.sources.pst import PstSource
from email_audit.sources.registry import detect_source
from tests.pst.reading import samples

OPTIONS = ReadOptions(max_message_bytes=1 << 28)
SOURCE = PstSource(OPTIONS)


def found(
    content: bytes, *, max_items: int = 1000, source: PstSource = SOURCE
) -> list[FoundItem | Unreadable]:
    blob = io.BytesIO(content)
    extents = list(source.extents(blob, max_items=max_items, max_bytes=1 << 40))
    return [item for extent in extents for item in source.items(blob, extent)]


def test_of_every_real_file_as_many_items_are_found_as_declared(shared: Path) -> None:
    total = 0
    for name, path in samples(shared).items():
        blob = io.BytesIO(path.read_bytes())
        source = detect_source(blob, "renamed.bin", OPTIONS)
        assert source.name == "pst", name
        items = found(blob.getvalue())
        assert source.declared(blob) == len(items), name
        assert all(isinstance(item, FoundItem) for item in items), name
        total += len(items)
    assert total == 197


@pytest.mark.parametrize("max_items", [1, 7, 1000])
def test_extents_tile_the_messages_and_each_can_be_read_alone(shared: Path, max_items: int) -> None:
    content = samples(shared)["aspose-Test_part1.pst"].read_bytes()
    items = found(content, max_items=max_items)
    assert [item.ordinal for item in items] == list(range(61))
    assert len({item.path_in_source for item in items}) == 61
    blob = io.BytesIO(content)
    for item in items:
        alone = SOURCE.items(blob, Extent(item.start, item.stop, item.ordinal, 1))
        assert list(alone) == [item]


def test_extents_bound_the_bytes_by_the_files_average(shared: Path) -> None:
    blob = io.BytesIO(samples(shared)["aspose-Test_part1.pst"].read_bytes())
    extents = list(SOURCE.extents(blob, max_items=1000, max_bytes=400_000))
    assert {extent.items for extent in extents[:-1]} == {10}


def test_items_are_read_as_messages_with_their_class_and_place(shared: Path) -> None:
    items = found(samples(shared)["aspose-Outlook.pst"].read_bytes())
    by_path = {item.path_in_source: item for item in items}
    meeting = by_path["Top of Personal Folders/Calendar #2002c4"]
    assert isinstance(meeting, FoundItem)
    assert meeting.item_class == "IPM.Appointment"
    mail = by_path["Top of Personal Folders/Inbox #200144"]
    assert isinstance(mail, FoundItem)
    message = SOURCE.parse(mail)
    assert message.status is ReadStatus.OK
    assert message.sender is not None
    assert message.sender.address == "saqib.razzaq@xp.local"
    assert len(message.attachments) == 3


def test_damaged_items_are_partial_and_the_others_are_not(shared: Path) -> None:
    items = found(samples(shared)["Outlook.bitflips-40.pst"].read_bytes())
    messages = [SOURCE.parse(item) for item in items if isinstance(item, FoundItem)]
    partial = [message for message in messages if message.status is ReadStatus.PARTIAL]
    assert (len(messages), len(partial)) == (17, 6)
    codes = {problem.code for message in partial for problem in message.problems}
    assert ProblemCode.DAMAGED in codes


def test_a_lost_part_of_the_index_is_one_unreadable_item_that_names_it(shared: Path) -> None:
    content = samples(shared)["aspose-Test_part1.pst"].read_bytes()
    root = int.from_bytes(content[224:232], "little")
    leaf = int.from_bytes(content[root + 24 * 3 + 16 : root + 24 * 4], "little")
    blob = io.BytesIO(content[:leaf] + bytes(512) + content[leaf + 512 :])
    items = found(blob.getvalue())
    *_, last = items
    assert isinstance(last, Unreadable)
    assert last.problem.code is ProblemCode.DAMAGED
    assert f"at byte {leaf}" in last.problem.detail
    assert SOURCE.declared(blob) == len(items)
    assert list(SOURCE.items(blob, Extent(last.start, last.stop, last.ordinal, 1))) == [last]


def test_an_item_over_the_limit_is_accounted_for_unread(shared: Path) -> None:
    content = samples(shared)["aspose-Outlook.pst"].read_bytes()
    small = PstSource(ReadOptions(max_message_bytes=50_000))
    items = found(content, source=small)
    assert len(items) == 17
    large = [item for item in items if isinstance(item, Unreadable)]
    assert len(large) > 1
    assert {item.problem.code for item in large} == {ProblemCode.TOO_LARGE}
    assert all("the limit (EMAIL_AUDIT_MAX_MESSAGE_BYTES)" in i.problem.detail for i in large)


def test_two_files_read_by_turns_are_not_mixed_up(shared: Path) -> None:
    files = samples(shared)
    first, second = (
        io.BytesIO(files[name].read_bytes())
        for name in ("ruby-msg-200-recipients.pst", "ruby-msg-attachAndInline.pst")
    )
    (one,) = SOURCE.extents(first, max_items=10, max_bytes=1 << 40)
    (two,) = SOURCE.extents(second, max_items=10, max_bytes=1 << 40)
    (a,), (b,) = SOURCE.items(first, one), SOURCE.items(second, two)
    (again,) = SOURCE.items(first, one)
    assert a == again
    assert a != b
