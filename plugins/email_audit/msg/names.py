"""The names of an MSG file's named properties (MS-OXMSG 2.2.3)."""

from uuid import UUID

from email_audit.mapi.properties import PropertySet
from email_audit.mapi.records import NamedProperty

FIRST_NAMED = 0x8000
_ENTRY_BYTES = 8
_WELL_KNOWN = (
    UUID(int=0),
    UUID("00020328-0000-0000-c000-000000000046"),
    PropertySet.PUBLIC_STRINGS,
)
"""The property sets of indices 0 to 2; others are in the GUID stream from index 3 on."""


def read_names(guids: bytes, entries: bytes, strings: bytes) -> dict[int, NamedProperty]:
    """Give the names by property id, from the three streams of the mapping storage."""
    names: dict[int, NamedProperty] = {}
    for position in range(0, len(entries) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        value = int.from_bytes(entries[position : position + 4], "little")
        kind = int.from_bytes(entries[position + 4 : position + 6], "little")
        index = int.from_bytes(entries[position + 6 : position + 8], "little")
        guid = _guid(guids, kind >> 1)
        name = _string(strings, value) if kind & 1 else value
        if guid is not None and name is not None:
            names[FIRST_NAMED + index] = NamedProperty(guid, name)
    return names


def _guid(guids: bytes, index: int) -> UUID | None:
    if index < len(_WELL_KNOWN):
        return _WELL_KNOWN[index]
    at = (index - len(_WELL_KNOWN)) * 16
    return UUID(bytes_le=guids[at : at + 16]) if at + 16 <= len(guids) else None


def _string(strings: bytes, at: int) -> str | None:
    size = int.from_bytes(strings[at : at + 4], "little")
    raw = strings[at + 4 : at + 4 + size]
    return raw.decode("utf-16-le", "replace") if raw and len(raw) == size else None
