"""Compound files: what we write others read, and a hostile one costs no more than its size."""

import io
import struct

import olefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.msg.compound import CompoundError, CompoundFile, Entry, EntryKind
from email_audit.msg.compound_writer import Folder, write_compound

NAMES = st.text("abcXYZ019_.", min_size=1, max_size=31)
STREAMS = st.binary(max_size=100) | st.integers(4000, 9000).map(
    lambda size: (bytes(range(251)) * 36)[:size]
)
"""Short ones go to the mini stream, from 4,096 bytes on to sectors of their own."""


def unique(entries: dict[str, Folder | bytes]) -> dict[str, Folder | bytes]:
    """Names compare without case: of two that are equal, one stays."""
    return {name.upper(): content for name, content in entries.items()}


FOLDERS = st.recursive(
    st.dictionaries(NAMES, STREAMS, max_size=8).map(lambda entries: Folder(unique(entries))),
    lambda inner: st.dictionaries(NAMES, STREAMS | inner, max_size=5).map(
        lambda entries: Folder(unique(entries))
    ),
    max_leaves=6,
)


def content(file: CompoundFile, entry: Entry) -> dict[str, object]:
    return {
        name: file.read(child).data if child.is_stream else content(file, child)
        for name, child in entry.children.items()
    }


def as_dict(folder: Folder) -> dict[str, object]:
    return {
        name: entry if isinstance(entry, bytes) else as_dict(entry)
        for name, entry in folder.entries.items()
    }


@settings(max_examples=40, deadline=None)
@given(FOLDERS)
def test_what_is_written_is_read_back_by_us_and_by_olefile(folder: Folder) -> None:
    data = write_compound(folder)
    file = CompoundFile(data)
    assert content(file, file.root) == as_dict(folder)
    with olefile.OleFileIO(io.BytesIO(data), raise_defects=olefile.DEFECT_INCORRECT) as theirs:
        for names in theirs.listdir():
            entry: object = as_dict(folder)
            for name in names:
                assert isinstance(entry, dict)
                entry = entry[name]
            assert theirs.openstream(names).read() == entry


def test_a_table_of_more_sectors_than_the_header_lists_is_read() -> None:
    """Beyond 109 FAT sectors (7 MB) the list goes on in sectors of its own (DIFAT)."""
    big = bytes(range(256)) * 4 * 8000
    file = CompoundFile(write_compound(Folder({"BIG": big, "SMALL": b"x"})))
    assert content(file, file.root) == {"BIG": big, "SMALL": b"x"}


SMALL = write_compound(Folder({"A": b"x" * 5000, "B": b"y", "C": Folder({"D": b"z"})}))
DIRECTORY = (struct.unpack_from("<I", SMALL, 48)[0] + 1) * 512


def patched(position: int, value: bytes) -> bytes:
    return SMALL[:position] + value + SMALL[position + len(value) :]


def test_a_chain_in_a_circle_ends_and_the_stream_is_not_whole() -> None:
    fat = (struct.unpack_from("<I", SMALL, 76)[0] + 1) * 512
    file = CompoundFile(patched(fat, struct.pack("<II", 1, 0)))
    found = file.read(file.root.children["A"])
    assert not found.is_whole
    assert len(found.data) == 1024


def test_a_declared_size_beyond_the_file_is_not_reserved() -> None:
    entry = SMALL.index("A".encode("utf-16-le"), DIRECTORY)
    file = CompoundFile(patched(entry + 120, struct.pack("<I", 0x7FFFFFFF)))
    found = file.read(file.root.children["A"])
    assert (len(found.data), found.is_whole) == (5120, False)


def test_all_streams_together_give_a_few_times_the_file_at_most() -> None:
    """Ten thousand entries that share one chain must not be ten thousand copies."""
    file = CompoundFile(write_compound(Folder({"A": b"x" * 100_000})))
    shared = file.root.children["A"]
    copies = [
        Entry(str(i), EntryKind.STREAM, b"", shared.start, shared.size) for i in range(10_000)
    ]
    assert sum(len(file.read(entry).data) for entry in copies) < 2 << 20


def test_entries_that_point_at_each_other_are_listed_once() -> None:
    entry = SMALL.index("B".encode("utf-16-le"), DIRECTORY)
    file = CompoundFile(patched(entry + 68, struct.pack("<III", 1, 2, 0)))
    assert set(file.root.children) <= {"A", "B", "C"}


def test_a_tree_that_is_a_list_of_thousands_is_read() -> None:
    """Some programs link siblings one below the other: no recursion may break on it."""
    data = write_compound(Folder({f"N{i:05}": b"" for i in range(5000)}))
    file = CompoundFile(data)
    assert len(file.root.children) == 5000
    changed = bytearray(data)
    start = (struct.unpack_from("<I", data, 48)[0] + 1) * 512
    struct.pack_into("<I", changed, start + 76, 1)
    for number in range(1, 5001):
        following = number + 1 if number < 5000 else 0xFFFFFFFF
        struct.pack_into("<II", changed, start + number * 128 + 68, 0xFFFFFFFF, following)
    assert len(CompoundFile(bytes(changed)).root.children) == 5000


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", SMALL[:100], SMALL[:512]])
def test_what_has_no_directory_is_refused(data: bytes) -> None:
    with pytest.raises(CompoundError):
        CompoundFile(data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(SMALL) - 8), st.binary(min_size=1, max_size=8), st.integers(0, 6000))
def test_no_damage_raises_anything_else(position: int, piece: bytes, cut: int) -> None:
    data = patched(position, piece)
    data = data[: len(data) - cut]
    try:
        file = CompoundFile(data)
    except CompoundError:
        return
    content(file, file.root)
