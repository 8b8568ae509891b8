"""PST: what no real file has: each layout, bombs, cycles, lies, deleted messages."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.mapi.records import AnsiText, NamedProperty
from email_audit.messages.records import ProblemCode
from email_audit.pst.cipher import CryptMethod
from email_audit.pst.layout import ANSI, UNICODE, UNICODE_4K, Layout
from tests.pst.reading import items_of, lossy, opened, read_all
from tests.pst.writer import (
    BINARY,
    INT32,
    OBJECT,
    STRING,
    STRING8,
    PstWriter,
    message_properties,
    property_context,
    resealed,
    table,
    text,
    with_folder,
)

MESSAGE, OTHER = 0x200024, 0x200044
BODY_ID, SUBJECT_ID, BODY_NODE = 0x1000, 0x37, 0x80BF
LAYOUTS = pytest.mark.parametrize("layout", [ANSI, UNICODE, UNICODE_4K], ids=lambda one: one.name)


def one_message(writer: PstWriter, body: str) -> PstWriter:
    """Write a message whose body is in a sub-node, in as many blocks as it takes."""
    subnode = (BODY_NODE, writer.data(body.encode("utf-16-le")), 0)
    data = message_properties("what for", (BODY_ID, STRING, BODY_NODE))
    writer.node(MESSAGE, writer.block(data), writer.subnodes([subnode]), parent=0x8022)
    return with_folder(writer, [MESSAGE])


@LAYOUTS
@pytest.mark.parametrize("crypt", list(CryptMethod))
@pytest.mark.parametrize("length", [1, 3000, 200_000])
def test_each_layout_and_encoding_is_read(layout: Layout, crypt: CryptMethod, length: int) -> None:
    body = "".join(chr(0x20 + n % 0x2000) for n in range(length))
    (message,) = read_all(one_message(PstWriter(layout, crypt), body).to_bytes()).values()
    assert message.item is not None
    assert message.item.problems == ()
    assert message.folder == "Inbox"
    assert message.item.properties == {0x1A: "IPM.Note", SUBJECT_ID: "what for", BODY_ID: body}


@LAYOUTS
def test_a_tree_of_several_levels_is_walked_and_searched(layout: Layout) -> None:
    writer = PstWriter(layout)
    nids = [MESSAGE + 32 * n for n in range(2000)]
    for nid in nids:
        writer.node(nid, writer.block(message_properties(f"{nid:x}")), parent=0x8022)
    file = opened(with_folder(writer, nids[:100]).to_bytes())
    assert [node.nid for node in file.messages()] == nids
    assert [node.nid for node in file.messages(nids[700], nids[900])] == nids[700:900]
    node = file.index.node(nids[1234])
    assert node is not None
    item = file.read(node).item
    assert item is not None
    assert item.properties[SUBJECT_ID] == f"{nids[1234]:x}"
    assert file.index.node(nids[1234] + 1) is None


def test_a_message_that_its_folder_does_not_list_was_deleted_and_is_read() -> None:
    writer = PstWriter()
    for nid in (MESSAGE, OTHER):
        writer.node(nid, writer.block(message_properties("x")), parent=0x8022)
    listed, unlisted = items_of(with_folder(writer, [MESSAGE]).to_bytes()).values()
    assert listed.problems == ()
    assert [problem.code for problem in unlisted.problems] == [ProblemCode.DELETED]
    assert not lossy(unlisted)


def test_a_message_whose_folder_is_gone_was_deleted_and_is_read() -> None:
    writer = PstWriter()
    writer.node(MESSAGE, writer.block(message_properties("x")), parent=0x8042)
    (message,) = read_all(with_folder(writer, []).to_bytes()).values()
    assert message.folder == "(missing folder 8042)"
    assert message.item is not None
    assert [problem.code for problem in message.item.problems] == [ProblemCode.DELETED]


def test_a_folder_name_with_a_slash_does_not_look_like_two_folders() -> None:
    writer = with_folder(PstWriter(), [MESSAGE], name="2024/25\x07")
    writer.node(MESSAGE, writer.block(message_properties("x")), parent=0x8022)
    (message,) = read_all(writer.to_bytes()).values()
    assert message.folder == "2024%2F25"


def test_multi_valued_properties_keep_every_value() -> None:
    strings = ["red", "", "blue"]
    encoded = [value.encode("utf-16-le") for value in strings]
    offsets, at = [], 4 + 4 * len(encoded)
    for value in encoded:
        offsets.append(at)
        at += len(value)
    stored = struct.pack(f"<I{len(offsets)}I", len(offsets), *offsets) + b"".join(encoded)
    writer = PstWriter()
    data = property_context(
        [
            (0x10, 0x1000 | STRING, stored),
            (0x11, 0x1000 | INT32, struct.pack("<3i", 1, -2, 3)),
            (0x12, 0x1000 | STRING, struct.pack("<I", 1 << 30)),
            (0x13, STRING8, b"caf\xe9"),
        ]
    )
    writer.node(MESSAGE, writer.block(data), parent=0x8022)
    (item,) = items_of(with_folder(writer, [MESSAGE]).to_bytes()).values()
    assert item.properties == {0x10: tuple(strings), 0x11: (1, -2, 3), 0x13: AnsiText(b"caf\xe9")}


def test_named_properties_come_by_their_names() -> None:
    writer = PstWriter()
    name = "Keywords".encode("utf-16-le")
    guid = bytes(range(16))
    entries = struct.pack("<IHH", 0, 2 << 1 | 1, 0) + struct.pack("<IHH", 0x8233, 3 << 1, 1)
    streams = [
        (2, BINARY, guid),
        (3, BINARY, entries),
        (4, BINARY, struct.pack("<I", len(name)) + name),
    ]
    writer.node(0x61, writer.block(property_context(streams)))
    data = property_context(
        [text(0x8000, "a"), (0x8001, INT32, b"\7\0\0\0"), text(0x8002, "nameless")]
    )
    writer.node(MESSAGE, writer.block(data), parent=0x8022)
    (item,) = items_of(with_folder(writer, [MESSAGE]).to_bytes()).values()
    assert {key.name: value for key, value in item.named.items()} == {"Keywords": "a", 0x8233: 7}
    assert all(isinstance(key, NamedProperty) for key in item.named)


def test_a_block_named_a_million_times_over_costs_one_item_and_no_more() -> None:
    writer = PstWriter()
    block = writer.block(b"x" * 8000)
    level_one = writer.tree([block] * 1000, 8_000_000)
    level_two = writer.tree([level_one] * 1000, 0, level=2)
    data = message_properties("bomb", (BODY_ID, STRING, BODY_NODE))
    writer.node(
        MESSAGE, writer.block(data), writer.subnodes([(BODY_NODE, level_two, 0)]), parent=0x8022
    )
    writer.node(OTHER, writer.block(message_properties("fine")), parent=0x8022)
    file = opened(with_folder(writer, [MESSAGE, OTHER]).to_bytes(), max_item_bytes=1 << 24)
    bomb, fine = (file.read(node) for node in file.messages())
    assert bomb.item is None
    assert bomb.problem.code is ProblemCode.TOO_LARGE
    assert fine.item is not None


def test_a_message_embedded_in_itself_ends_at_the_depth_limit() -> None:
    """The attachment's object is a sub-node whose own sub-nodes hold the attachment again."""
    writer = PstWriter()
    attachment_nid, object_nid, table_nid = 0x8025, 0x8084, 0x671
    message = writer.block(message_properties("again"))
    attachment = writer.block(
        property_context(
            [
                (0x3705, INT32, b"\5\0\0\0"),
                (0x3701, OBJECT, struct.pack("<II", object_nid, 0)),
            ]
        )
    )
    rows = writer.block(table(writer.layout, [attachment_nid]))
    inner = writer._next | 2
    outer = inner + 4
    assert writer.subnodes([(object_nid, message, outer)]) == inner
    assert outer == writer.subnodes([(attachment_nid, attachment, inner), (table_nid, rows, 0)])
    writer.node(MESSAGE, message, outer, parent=0x8022)
    file = opened(with_folder(writer, [MESSAGE]).to_bytes(), max_depth=5)
    (node,) = file.messages()
    item = file.read(node).item
    assert item is not None
    assert [problem.code for problem in item.problems] == [ProblemCode.TOO_DEEP]
    depth = 0
    while item is not None and item.attachments:
        item, depth = item.attachments[0].item, depth + 1
    assert depth == 6


def test_a_page_that_leads_back_to_itself_ends() -> None:
    writer = PstWriter()
    for nid in range(MESSAGE, MESSAGE + 32 * 200, 32):
        writer.node(nid, writer.block(message_properties("x")), parent=0x8022)
    content = bytearray(with_folder(writer, []).to_bytes())
    root_bid, root_at = struct.unpack_from("<QQ", content, 216)
    first_key = struct.unpack_from("<Q", content, root_at)[0]
    struct.pack_into("<QQQ", content, root_at, first_key, root_bid, root_at)
    file = opened(resealed(bytes(content), root_at))
    found = [node.nid for node in file.messages()]
    assert len(found) == len(set(found)) == 200
    assert file.index.lost_pages()


@LAYOUTS
def test_rows_that_the_index_of_a_table_does_not_name_are_left_out(layout: Layout) -> None:
    writer = PstWriter(layout)
    rows = writer.block(table(layout, [5, 9, 7, 3], unnamed={9}))
    data = writer.block(message_properties("to three"))
    writer.node(MESSAGE, data, writer.subnodes([(0x692, rows, 0)]), parent=0x8022)
    (item,) = items_of(with_folder(writer, [MESSAGE]).to_bytes()).values()
    assert [row[0x67F2] for row in item.recipients] == [5, 7, 3]
    assert not item.problems


def test_a_header_that_does_not_hold_does_not_hide_the_encoding() -> None:
    for crypt in CryptMethod:
        content = bytearray(one_message(PstWriter(UNICODE, crypt), "body").to_bytes())
        content[513] ^= 0xFF
        (item,) = items_of(bytes(content)).values()
        assert item.properties[BODY_ID] == "body"


def test_a_deflated_block_that_inflates_to_another_size_is_damage() -> None:
    writer = one_message(PstWriter(UNICODE_4K, CryptMethod.NONE), "a" * 4000)
    content = writer.to_bytes()
    wanted = struct.pack("<H", 8000)
    at = content.index(wanted, content.index(b"x\x9c"))
    while (following := content.find(wanted, at + 1)) >= 0:
        at = following
    broken = bytearray(content)
    struct.pack_into("<H", broken, at, 7000)
    page = at // 512 * 512
    (item,) = items_of(resealed(bytes(broken), page, UNICODE_4K)).values()
    assert BODY_ID not in item.properties
    assert [problem.code for problem in item.problems] == [ProblemCode.DAMAGED]


SMALL = one_message(PstWriter(), "small " * 3000).to_bytes()
SMALL_4K = one_message(PstWriter(UNICODE_4K), "small " * 3000).to_bytes()
SMALL_ANSI = one_message(PstWriter(ANSI, CryptMethod.CYCLIC), "small " * 3000).to_bytes()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([SMALL, SMALL_4K, SMALL_ANSI]),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=40)), max_size=12),
    st.floats(0.2, 1),
)
def test_whatever_is_written_over_a_file_reading_ends_and_does_not_raise(
    content: bytes, patches: list[tuple[float, bytes]], kept: float
) -> None:
    broken = bytearray(content)
    for where, patch in patches:
        at = int(where * len(content))
        broken[at : at + len(patch)] = patch
    broken = broken[: int(kept * len(broken))]
    file = opened(bytes(broken), max_item_bytes=1 << 22)
    nids = [node.nid for node in file.messages()]
    assert nids == sorted(set(nids))
    for node in file.messages():
        read = file.read(node)
        assert (read.item is None) == bool(read.problem.detail and read.item is None)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=4000))
def test_a_file_of_noise_after_the_magic_gives_no_message(noise: bytes) -> None:
    assert read_all(b"!BDN" + noise) == {}
