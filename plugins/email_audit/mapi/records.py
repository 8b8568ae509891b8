"""A MAPI item as a container holds it: property values, recipients, attachments (MS-OXCDATA).

The readers of PST, MSG and TNEF fill these records; `eml.py` renders them as a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from email_audit.messages.records import Problem


class NamedProperty(NamedTuple):
    """The name of a named property (MS-OXPROPS): property set and a number or a string."""

    guid: UUID
    name: int | str


@dataclass(frozen=True, slots=True)
class AnsiText:
    """A PtypString8 value: bytes in the item's code page, without the closing NUL."""

    data: bytes


MapiValue: TypeAlias = (
    str | AnsiText | bytes | int | float | bool | datetime | UUID | tuple["MapiValue", ...]
)
"""A property's value: times are timezone-aware UTC, multi-valued properties are tuples, integers
of every width and error codes are int, currency is int (ten-thousandths)."""

Properties: TypeAlias = Mapping[int, MapiValue]
"""Values by property id (the upper 16 bits of a property tag, below 0x8000)."""

NamedProperties: TypeAlias = Mapping[NamedProperty, MapiValue]


@dataclass(frozen=True, slots=True)
class MapiAttachment:
    """One attachment: bytes (`data`), or an embedded item (`item`), or neither.

    Neither means an attachment by reference, or one that cannot be read; `problems` say which.
    """

    properties: Properties
    data: bytes | None = None
    item: "MapiItem | None" = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class MapiItem:
    """A message or another item (appointment, contact, task ...), whole.

    `recipients` are rows of the recipient table. `problems` are the container's: damaged blocks,
    recovered deleted items.
    """

    properties: Properties
    named: NamedProperties = field(default_factory=dict)
    recipients: tuple[Properties, ...] = ()
    attachments: tuple[MapiAttachment, ...] = ()
    problems: tuple[Problem, ...] = ()
