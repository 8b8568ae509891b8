"""MAPI items made up by hypothesis, and small writers that put them into MSG and TNEF files."""

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from email_audit.mapi.properties import AttachMethod, PropertySet, Tag
from email_audit.mapi.records import (
    AnsiText,
    MapiAttachment,
    MapiItem,
    MapiValue,
    NamedProperty,
    Properties,
)
from email_audit.mapi.types import MULTIPLE, PropertyType
from email_audit.msg.compound_writer import Folder, write_compound

EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
EMBEDDED_MESSAGE = UUID("00020307-0000-0000-c000-000000000046")
FIXED = {
    PropertyType.INTEGER32: "<i",
    PropertyType.FLOATING64: "<d",
    PropertyType.BOOLEAN: "<H",
    PropertyType.TIME: "<Q",
}


def type_of(value: MapiValue) -> int:
    if isinstance(value, tuple):
        return MULTIPLE | type_of(value[0]) if value else MULTIPLE | PropertyType.INTEGER32
    kinds = {
        bool: PropertyType.BOOLEAN,
        int: PropertyType.INTEGER32,
        float: PropertyType.FLOATING64,
        str: PropertyType.STRING,
        AnsiText: PropertyType.STRING8,
        bytes: PropertyType.BINARY,
        UUID: PropertyType.GUID,
        datetime: PropertyType.TIME,
    }
    return kinds[type(value)]


def packed(value: MapiValue) -> bytes:
    if isinstance(value, datetime):
        return struct.pack("<Q", (value - EPOCH) // timedelta(microseconds=1) * 10)
    if isinstance(value, bool | int | float):
        return struct.pack(FIXED[PropertyType(type_of(value))], value)
    if isinstance(value, str):
        return value.encode("utf-16-le")
    if isinstance(value, AnsiText):
        return value.data
    if isinstance(value, UUID):
        return value.bytes_le
    assert isinstance(value, bytes)
    return value


# MSG


class MsgWriter:
    def __init__(self) -> None:
        self.names: list[NamedProperty] = []

    def write(self, item: MapiItem) -> bytes:
        root = self.folder(item, 32)
        guids, entries, strings = b"", b"", b""
        for index, (guid, name) in enumerate(self.names):
            guids += guid.bytes_le
            kind = (index + 3) << 1 | isinstance(name, str)
            value = len(strings) if isinstance(name, str) else name
            if isinstance(name, str):
                raw = name.encode("utf-16-le")
                strings += struct.pack("<I", len(raw)) + raw + bytes(-len(raw) % 4)
            entries += struct.pack("<IHH", value, kind, index)
        root.entries["__nameid_version1.0"] = Folder(
            {
                "__substg1.0_00020102": guids,
                "__substg1.0_00030102": entries,
                "__substg1.0_00040102": strings,
            }
        )
        return write_compound(root)

    def folder(self, item: MapiItem, header_bytes: int) -> Folder:
        folder = Folder({})
        properties: dict[int, MapiValue] = dict(item.properties)
        for name, value in item.named.items():
            properties[0x8000 + len(self.names)] = value
            self.names.append(name)
        self._put(folder, properties, header_bytes)
        for number, row in enumerate(item.recipients):
            inner = Folder({})
            self._put(inner, row, 8)
            folder.entries[f"__recip_version1.0_#{number:08X}"] = inner
        for number, attachment in enumerate(item.attachments):
            inner = Folder({})
            row = dict(attachment.properties)
            if attachment.data is not None:
                row[Tag.ATTACH_DATA] = attachment.data
            self._put(inner, row, 8)
            if attachment.item is not None:
                inner.entries["__substg1.0_3701000D"] = self.folder(attachment.item, 24)
            folder.entries[f"__attach_version1.0_#{number:08X}"] = inner
        return folder

    @staticmethod
    def _put(folder: Folder, properties: Properties, header_bytes: int) -> None:
        stream = bytes(header_bytes)
        for tag, value in properties.items():
            kind = type_of(value)
            name = f"__substg1.0_{tag:04X}{kind:04X}"
            inline = struct.pack("<II", 0, 0)
            if kind in FIXED:
                inline = packed(value).ljust(8, b"\0")
            elif isinstance(value, tuple) and kind & ~MULTIPLE in FIXED:
                folder.entries[name] = b"".join(map(packed, value))
            elif isinstance(value, tuple):
                width = 8 if kind & ~MULTIPLE == PropertyType.BINARY else 4
                folder.entries[name] = b"".join(
                    len(packed(one)).to_bytes(width, "little") for one in value
                )
                for number, one in enumerate(value):
                    folder.entries[f"{name}-{number:08X}"] = packed(one)
            else:
                folder.entries[name] = packed(value)
            stream += struct.pack("<HHI", kind, tag, 6) + inline
        folder.entries["__properties_version1.0"] = stream


def msg_bytes(item: MapiItem) -> bytes:
    return MsgWriter().write(item)


# TNEF


def attribute(level: int, number: int, data: bytes) -> bytes:
    checksum = sum(data) & 0xFFFF
    return struct.pack("<BII", level, number, len(data)) + data + struct.pack("<H", checksum)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def property_list(properties: Properties, named: Mapping[NamedProperty, MapiValue]) -> bytes:
    pieces = [struct.pack("<I", len(properties) + len(named))]
    pieces += [
        struct.pack("<HH", type_of(v), tag) + _tnef_value(v) for tag, v in properties.items()
    ]
    for number, (name, value) in enumerate(named.items()):
        pieces.append(struct.pack("<HH", type_of(value), 0x8000 + number) + name.guid.bytes_le)
        if isinstance(name.name, int):
            pieces.append(struct.pack("<II", 0, name.name))
        else:
            raw = f"{name.name}\0".encode("utf-16-le")
            pieces.append(struct.pack("<II", 1, len(raw)) + padded(raw))
        pieces.append(_tnef_value(value))
    return b"".join(pieces)


def _tnef_value(value: MapiValue) -> bytes:
    values = value if isinstance(value, tuple) else (value,)
    kind = type_of(value)
    is_fixed = kind & ~MULTIPLE in FIXED or kind & ~MULTIPLE == PropertyType.GUID
    count = b"" if is_fixed and not kind & MULTIPLE else struct.pack("<I", len(values))
    return count + b"".join(_tnef_single(one, is_fixed) for one in values)


def _tnef_single(value: MapiValue, is_fixed: bool) -> bytes:
    data = packed(value)
    return padded(data) if is_fixed else struct.pack("<I", len(data)) + padded(data)


def tnef_bytes(item: MapiItem) -> bytes:
    pieces = [b"\x78\x9f\x3e\x22\x01\x00", attribute(1, 0x00089006, b"\0\0\1\0")]
    pieces.append(attribute(1, 0x00069003, property_list(item.properties, item.named)))
    rows = [property_list(row, {}) for row in item.recipients]
    pieces.append(attribute(1, 0x00069004, struct.pack("<I", len(rows)) + b"".join(rows)))
    for attachment in item.attachments:
        pieces.append(attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0, 0, 0, 0)))
        if attachment.data is not None:
            pieces.append(attribute(2, 0x0006800F, attachment.data))
        listed = property_list(attachment.properties, {})
        if attachment.item is not None:
            inner = EMBEDDED_MESSAGE.bytes_le + tnef_bytes(attachment.item)
            listed = struct.pack("<I", len(attachment.properties) + 1) + listed[4:]
            listed += struct.pack("<HHII", 0x000D, Tag.ATTACH_DATA, 1, len(inner)) + padded(inner)
        pieces.append(attribute(2, 0x00069005, listed))
    return b"".join(pieces)


# Items

texts = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=40
)
times = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
addresses = st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True)

files = st.binary(max_size=100) | st.integers(4000, 6000).map(
    lambda size: (bytes(range(251)) * 24)[:size]
)


@st.composite
def rows(draw: st.DrawFn) -> Properties:
    return {
        Tag.DISPLAY_NAME: draw(texts),
        Tag.EMAIL_ADDRESS: draw(addresses),
        Tag.RECIPIENT_TYPE: draw(st.integers(1, 3)),
    }


@st.composite
def attachments(draw: st.DrawFn, depth: int) -> MapiAttachment:
    named = {Tag.ATTACH_LONG_FILENAME: draw(texts)}
    if depth and draw(st.booleans()):
        method = {Tag.ATTACH_METHOD: int(AttachMethod.EMBEDDED_MESSAGE)}
        return MapiAttachment({**method, **named}, item=draw(items(depth - 1)))
    by_value = {Tag.ATTACH_METHOD: int(AttachMethod.BY_VALUE)}
    return MapiAttachment({**by_value, **named}, data=draw(files))


@st.composite
def items(draw: st.DrawFn, depth: int = 2) -> MapiItem:
    properties: dict[int, MapiValue] = {
        Tag.MESSAGE_CLASS: "IPM.Note",
        Tag.SUBJECT: draw(texts),
        Tag.BODY: draw(texts),
        Tag.CLIENT_SUBMIT_TIME: draw(times),
        Tag.SENDER_NAME: draw(texts),
        Tag.SENDER_EMAIL_ADDRESS: draw(addresses),
        Tag.IMPORTANCE: draw(st.integers(0, 2)),
        0x3FE3: draw(st.booleans()),
        0x3FE4: draw(st.floats(allow_nan=False)),
        0x3FE5: draw(st.uuids()),
        0x3FE6: draw(st.lists(texts, min_size=1, max_size=3).map(tuple)),
        0x3FE7: draw(st.lists(st.binary(min_size=1, max_size=9), min_size=1).map(tuple)),
        0x3FE8: draw(st.lists(st.integers(-9, 9), min_size=1, max_size=3).map(tuple)),
        0x3FE9: AnsiText(
            draw(st.binary(min_size=1, max_size=9).map(lambda b: b.replace(b"\0", b"x")))
        ),
    }
    named: dict[NamedProperty, MapiValue] = {
        NamedProperty(PropertySet.PUBLIC_STRINGS, "Keywords"): (draw(texts),),
        NamedProperty(PropertySet.COMMON, 0x8530): draw(texts),
    }
    return MapiItem(
        properties,
        named,
        tuple(draw(st.lists(rows(), max_size=3))),
        tuple(draw(st.lists(attachments(depth), max_size=2))),
    )


def mutated(data: bytes, draw: st.DrawFn) -> bytes:
    """Overwrite a few stretches, cut the end off, or both."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(changed) - 1))
        piece = draw(st.binary(min_size=1, max_size=8))
        changed[at : at + len(piece)] = piece
    return bytes(changed[: draw(st.integers(1, len(changed)))] if draw(st.booleans()) else changed)


def embedded(item: MapiItem) -> Iterator[MapiItem]:
    for attachment in item.attachments:
        if attachment.item is not None:
            yield attachment.item
            yield from embedded(attachment.item)
