"""Messages and everything in them, as MAPI items (MS-PST 2.4.5 and 2.4.6)."""

from struct import Struct
from typing import Final

from email_audit.mapi.records import MapiAttachment, MapiItem, MapiValue, NamedProperty, Properties
from email_audit.mapi.types import PropertyType
from email_audit.pst.blocks import Reading, Subnode
from email_audit.pst.contexts import PropertyContext, TableContext
from email_audit.pst.damage import DamagedError
from email_audit.pst.names import FIRST_NAMED_ID, PropertyNames

_RECIPIENTS: Final = 0x692
_ATTACHMENTS: Final = 0x671
_ATTACHMENT_TYPE: Final = 0x05
_TYPE_MASK: Final = 0x1F
_ATTACH_METHOD: Final = 0x3705
_ATTACH_DATA: Final = 0x3701
_EMBEDDED: Final = 5
_BY_VALUE: Final = 1
"""Values of PidTagAttachMethod (MS-OXCMSG 2.2.2.9)."""
_OBJECT_REF = Struct("<II")


class MessageReader:
    """Reads messages of one file."""

    def __init__(self, names: PropertyNames, *, max_depth: int) -> None:
        self._names = names
        self._max_depth = max_depth

    def read(self, reading: Reading, data: int, sub: int, depth: int = 0) -> MapiItem:
        """Read a message; what cannot be read of it is noted in the item's problems.

        Raises:
            DamagedError: where not even its properties can be read; `reading.damage` says why.
            LimitError: where it takes more work than an item may cost.
        """
        context = PropertyContext(reading, data, sub)
        properties, named = self._split(context, reading)
        recipients = self._recipients(context, reading)
        attachments = self._attachments(context, reading, depth)
        return MapiItem(properties, named, recipients, attachments, reading.damage.problems())

    def _split(
        self, context: PropertyContext, reading: Reading
    ) -> tuple[Properties, dict[NamedProperty, MapiValue]]:
        """Tell properties with fixed ids from named ones."""
        values = context.values()
        properties = {key: value for key, value in values.items() if key < FIRST_NAMED_ID}
        if len(properties) == len(values):
            return properties, {}
        reading.damage.include(self._names.damage)
        named = {
            name: value
            for key, value in values.items()
            if key >= FIRST_NAMED_ID and (name := self._names.name(key)) is not None
        }
        return properties, named

    def _recipients(self, context: PropertyContext, reading: Reading) -> tuple[Properties, ...]:
        table = _table(context, reading, _RECIPIENTS)
        return () if table is None else tuple(table.rows())

    def _attachments(
        self, context: PropertyContext, reading: Reading, depth: int
    ) -> tuple[MapiAttachment, ...]:
        subnodes = context.heap.subnodes
        there = [nid for nid in subnodes if nid & _TYPE_MASK == _ATTACHMENT_TYPE]
        found = []
        for nid in _listed(context, reading, there):
            subnode = subnodes.get(nid)
            if subnode is None:
                reading.damage.bad(f"attachment 0x{nid:x} is listed but not there")
            else:
                found.append(self._attachment(subnode, reading, depth))
        return tuple(found)

    def _attachment(self, subnode: Subnode, message: Reading, depth: int) -> MapiAttachment:
        reading = message.apart()
        try:
            context = PropertyContext(reading, subnode.data, subnode.sub)
        except DamagedError:
            message.damage.include(reading.damage)
            return MapiAttachment({}, problems=reading.damage.problems())
        method = context.value(_ATTACH_METHOD)
        stored = context.stored.get(_ATTACH_DATA)
        data, item = None, None
        if stored is None:
            data = b"" if method == _BY_VALUE else None
        elif stored.kind != PropertyType.OBJECT:
            data = context.raw(_ATTACH_DATA)
        elif (target := _object(context)) is not None:
            if method == _EMBEDDED:
                item = self._embedded(target, reading, depth)
            else:
                data = _bytes(target, reading)
        values = context.values(but=frozenset({_ATTACH_DATA}))
        properties = {key: value for key, value in values.items() if key < FIRST_NAMED_ID}
        problems = reading.damage.problems()
        message.damage.include(reading.damage)
        return MapiAttachment(properties, data, item, problems)

    def _embedded(self, target: Subnode, attachment: Reading, depth: int) -> MapiItem | None:
        if depth >= self._max_depth:
            attachment.damage.too_deep = True
            return None
        reading = attachment.apart()
        try:
            return self.read(reading, target.data, target.sub, depth + 1)
        except DamagedError:
            return None
        finally:
            attachment.damage.include(reading.damage)


def _bytes(target: Subnode, reading: Reading) -> bytes | None:
    """Give an OLE object as it is stored (MS-OXCMSG 2.2.2.9, afOle)."""
    try:
        return reading.data(target.data)
    except DamagedError:
        return None


def _object(context: PropertyContext) -> Subnode | None:
    """Find the sub-node that a PtypObject stands for (2.3.3.5)."""
    raw = context.raw(_ATTACH_DATA)
    if raw is None:
        return None
    nid, _ = _OBJECT_REF.unpack(raw[: _OBJECT_REF.size].ljust(_OBJECT_REF.size, b"\0"))
    target = context.heap.subnodes.get(nid)
    if target is None:
        context.heap.reading.damage.bad(f"sub-node 0x{nid:x} is not there")
    return target


def _table(context: PropertyContext, reading: Reading, nid: int) -> TableContext | None:
    """Open a message's table, None where it has none or it cannot be read."""
    subnode = context.heap.subnodes.get(nid)
    if subnode is None:
        return None
    try:
        return TableContext(reading, subnode.data, subnode.sub)
    except DamagedError:
        return None


def _listed(context: PropertyContext, reading: Reading, there: list[int]) -> list[int]:
    """List the attachments in the order of their table, or all there are where it is damaged."""
    table = _table(context, reading, _ATTACHMENTS)
    if table is not None:
        try:
            return table.row_ids()
        except DamagedError:
            return there
    return there if reading.damage else []
