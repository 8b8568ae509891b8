"""An MSG file as a MAPI item (MS-OXMSG): properties, recipients, attachments, embedded items."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from email_audit.mapi.properties import Tag
from email_audit.mapi.records import (
    MapiAttachment,
    MapiItem,
    MapiValue,
    NamedProperty,
)
from email_audit.mapi.types import (
    FIXED_BYTES,
    MULTIPLE,
    PropertyType,
    fixed_value,
    variable_value,
)
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode
from email_audit.msg.compound import CompoundError, CompoundFile, Entry
from email_audit.msg.compound_writer import Folder, write_compound
from email_audit.msg.names import FIRST_NAMED, read_names

PROPERTIES_STREAM = "__PROPERTIES_VERSION1.0"
_NAMES_STORAGE = "__NAMEID_VERSION1.0"
_VALUE = re.compile(r"__SUBSTG1\.0_([0-9A-F]{4})([0-9A-F]{4})")
_ROW = re.compile(r"__(RECIP|ATTACH)_VERSION1\.0_#([0-9A-F]{1,8})")
_TOP_HEADER_BYTES = 32
_EMBEDDED_HEADER_BYTES = 24
_ROW_HEADER_BYTES = 8
_ENTRY_BYTES = 16
_ATTACHED_OBJECT = f"__SUBSTG1.0_{Tag.ATTACH_DATA:04X}{PropertyType.OBJECT:04X}"


_NAME_STREAMS = tuple(f"__SUBSTG1.0_{tag:04X}0102" for tag in (2, 3, 4))


class _Read(NamedTuple):
    standard: dict[int, MapiValue]
    named: dict[NamedProperty, MapiValue]


def read_msg(data: bytes, limits: ReadLimits) -> MapiItem:
    """Read an MSG file; raises `CompoundError` where the bytes are none.

    Whatever else is wrong is in the problems of the item or attachment that it concerns.
    """
    file = CompoundFile(data)
    if not is_msg(file.root) and not any(map(_VALUE.fullmatch, file.root.children)):
        raise CompoundError("it has no properties of an item")
    return _Reader(file, limits).item(file.root, _TOP_HEADER_BYTES, limits.max_depth)


def is_msg(root: Entry) -> bool:
    """Say whether a storage is an item: Word and Excel files are compound files too."""
    return root.stream(PROPERTIES_STREAM) is not None


class _Reader:
    def __init__(self, file: CompoundFile, limits: ReadLimits) -> None:
        self._file = file
        self._rows_left = limits.max_parts
        self._names: dict[int, NamedProperty] = {}
        mapping = file.root.storage(_NAMES_STORAGE)
        if mapping is not None:
            unnoted = Problems()
            guids, entries, strings = (
                self._content(mapping.stream(name), unnoted) for name in _NAME_STREAMS
            )
            self._names = read_names(guids, entries, strings)

    def item(self, storage: Entry, header_bytes: int, depth: int) -> MapiItem:
        """Read a storage that is a message, and embedded ones to `depth` levels below it."""
        problems = Problems()
        read = self._properties(storage, header_bytes, problems)
        recipients = tuple(
            self._properties(row, _ROW_HEADER_BYTES, problems).standard
            for row in self._rows(storage, "RECIP", problems)
        )
        attachments = tuple(
            self._attachment(row, depth) for row in self._rows(storage, "ATTACH", problems)
        )
        return MapiItem(read.standard, read.named, recipients, attachments, problems.found())

    def _attachment(self, storage: Entry, depth: int) -> MapiAttachment:
        problems = Problems()
        properties = self._properties(storage, _ROW_HEADER_BYTES, problems).standard
        data = properties.pop(Tag.ATTACH_DATA, None)
        item = None
        inner = storage.storage(_ATTACHED_OBJECT)
        if inner is not None and is_msg(inner):
            if depth > 0:
                item = self.item(inner, _EMBEDDED_HEADER_BYTES, depth - 1)
            else:
                problems.add(ProblemCode.TOO_DEEP, "items are embedded too deep to be read")
        elif inner is not None:
            data = write_compound(self._copied(inner, problems))
        content = data if isinstance(data, bytes) and item is None else None
        return MapiAttachment(properties, content, item, problems.found())

    def _rows(self, storage: Entry, kind: str, problems: Problems) -> Iterator[Entry]:
        """Yield the storages of recipients or attachments, in the order of their numbers."""
        numbered: list[tuple[int, Entry]] = []
        for name, entry in storage.children.items():
            row = _ROW.fullmatch(name)
            if row is not None and row[1] == kind and not entry.is_stream:
                numbered.append((int(row[2], 16), entry))
        numbered.sort(key=lambda pair: pair[0])
        for _, entry in numbered:
            if self._rows_left <= 0:
                detail = "there are too many recipients and attachments: some are unread"
                problems.add(ProblemCode.TOO_MANY_PARTS, detail)
                return
            self._rows_left -= 1
            yield entry

    def _properties(self, storage: Entry, header_bytes: int, problems: Problems) -> _Read:
        """Read the values of one object: short ones from its property stream, others from theirs.

        Streams are read whether the property stream lists them or not: some programs forget.
        """
        read = _Read({}, {})
        fixed = self._content(storage.stream(PROPERTIES_STREAM), problems)
        for position in range(header_bytes, len(fixed) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            kind = int.from_bytes(fixed[position : position + 2], "little")
            tag = int.from_bytes(fixed[position + 2 : position + 4], "little")
            if kind in FIXED_BYTES and kind != PropertyType.GUID:
                self._keep(read, tag, fixed_value(kind, fixed[position + 8 : position + 16]))
        for name, entry in storage.children.items():
            value_name = _VALUE.fullmatch(name)
            if value_name is None or not entry.is_stream:
                continue
            tag, kind = int(value_name[1], 16), int(value_name[2], 16)
            if kind & MULTIPLE:
                value = self._several(storage, entry, kind & ~MULTIPLE, problems)
            else:
                value = _single(kind, self._content(entry, problems))
            self._keep(read, tag, value)
        return read

    def _keep(self, read: _Read, tag: int, value: MapiValue | None) -> None:
        if value is None:
            return
        if tag < FIRST_NAMED:
            read.standard[tag] = value
        elif tag in self._names:
            read.named[self._names[tag]] = value

    def _several(
        self, storage: Entry, entry: Entry, kind: int, problems: Problems
    ) -> MapiValue | None:
        """Read a multi-valued property: one stream of fixed values, or one stream a value."""
        data = self._content(entry, problems)
        if kind in FIXED_BYTES:
            size = FIXED_BYTES[kind]
            pieces: Iterable[bytes] = (data[i : i + size] for i in range(0, len(data), size))
        else:
            step = 8 if kind == PropertyType.BINARY else 4
            streams = (
                storage.stream(f"{entry.name.upper()}-{number:08X}")
                for number in range(min(len(data) // step, len(storage.children)))
            )
            pieces = (self._content(stream, problems) for stream in streams)
        values = (_single(kind, piece) for piece in pieces)
        return tuple(value for value in values if value is not None)

    def _content(self, entry: Entry | None, problems: Problems) -> bytes:
        if entry is None:
            return b""
        found = self._file.read(entry)
        if not found.is_whole:
            problems.add(ProblemCode.DAMAGED, "a stream of the file is not whole")
        return found.data

    def _copied(self, storage: Entry, problems: Problems) -> Folder:
        """Copy a storage (an OLE object), to be written as a compound file of its own."""
        copy = Folder({}, storage.class_id)
        pending = [(storage, copy)]
        while pending:
            source, target = pending.pop()
            for entry in source.children.values():
                if entry.is_stream:
                    target.entries[entry.name] = self._content(entry, problems)
                else:
                    inner = Folder({}, entry.class_id)
                    target.entries[entry.name] = inner
                    pending.append((entry, inner))
        return copy


def _single(kind: int, data: bytes) -> MapiValue | None:
    return fixed_value(kind, data) if kind in FIXED_BYTES else variable_value(kind, data)
