"""The names of named properties: the map from ids at 0x8000 and above (MS-PST 2.4.7)."""

from struct import Struct
from typing import Final
from uuid import UUID

from email_audit.mapi.records import NamedProperty
from email_audit.pst.blocks import Reading
from email_audit.pst.contexts import PropertyContext
from email_audit.pst.damage import Damage, DamagedError

FIRST_NAMED_ID: Final = 0x8000
_MAP_NODE: Final = 0x61
_GUIDS, _ENTRIES, _STRINGS = 0x0002, 0x0003, 0x0004
_ENTRY = Struct("<IHH")
_KNOWN_SETS = (
    UUID(int=0),
    UUID("00020328-0000-0000-c000-000000000046"),
    UUID("00020329-0000-0000-c000-000000000046"),
)
"""wGuid 0 to 2: none, PS_MAPI, PS_PUBLIC_STRINGS (2.4.7.1)."""


class PropertyNames:
    """Looks names up; `damage` is what was wrong with the map, which every user shares."""

    def __init__(self, reading: Reading) -> None:
        self.damage: Damage = reading.damage
        self._guids = self._strings = b""
        self._entries: dict[int, tuple[int, int]] = {}
        self._known: dict[int, NamedProperty | None] = {}
        node = reading.index.node(_MAP_NODE)
        if node is None:
            self.damage.bad("the map of property names is missing")
            return
        if node.doubt:
            self.damage.bad(node.doubt)
        try:
            context = PropertyContext(reading, node.data, node.sub)
        except DamagedError:
            return
        self._guids, entries, self._strings = (
            context.raw(stream) or b"" for stream in (_GUIDS, _ENTRIES, _STRINGS)
        )
        usable = len(entries) // _ENTRY.size * _ENTRY.size
        self._entries = {
            number: (value, kind) for value, kind, number in _ENTRY.iter_unpack(entries[:usable])
        }

    def name(self, property_id: int) -> NamedProperty | None:
        """Give the name of an id, None where the map has none."""
        if property_id not in self._known:
            self._known[property_id] = self._find(property_id)
        return self._known[property_id]

    def _find(self, property_id: int) -> NamedProperty | None:
        entry = self._entries.get(property_id - FIRST_NAMED_ID)
        if entry is None:
            return None
        value, kind = entry
        guid = self._set(kind >> 1)
        if guid is None:
            return None
        if not kind & 1:
            return NamedProperty(guid, value)
        size = int.from_bytes(self._strings[value : value + 4], "little")
        text = self._strings[value + 4 : value + 4 + size]
        if not size or len(text) < size:
            return None
        return NamedProperty(guid, text.decode("utf-16-le", "replace"))

    def _set(self, number: int) -> UUID | None:
        if number < len(_KNOWN_SETS):
            return _KNOWN_SETS[number]
        at = (number - len(_KNOWN_SETS)) * 16
        raw = self._guids[at : at + 16]
        return UUID(bytes_le=raw) if len(raw) == 16 else None
