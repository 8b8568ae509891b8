"""A TNEF stream as a MAPI item (MS-OXTNEF): attributes, properties, recipients, attachments."""

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from uuid import UUID

from email_audit.mapi.properties import AttachMethod, Tag
from email_audit.mapi.records import (
    AnsiText,
    MapiAttachment,
    MapiItem,
    MapiValue,
    NamedProperty,
    Properties,
)
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode
from email_audit.tnef.properties import Cursor, TnefError, read_properties, read_rows

SIGNATURE = b"\x78\x9f\x3e\x22"
_KEY_BYTES = 2
_MESSAGE_LEVEL, _ATTACHMENT_LEVEL = 1, 2
_EMBEDDED_MESSAGE = UUID("00020307-0000-0000-c000-000000000046")
"""IID_IMessage: the object is a TNEF stream of its own (2.1.3.4)."""
_IID_BYTES = 16
_OLE_ATTACHMENT = 2


class Attribute(IntEnum):
    """Identifiers of the attributes that are read (MS-OXTNEF 2.1.3.2); the upper half is a type."""

    DATE_START = 0x00030006
    DATE_END = 0x00030007
    FROM = 0x00008000
    SUBJECT = 0x00018004
    DATE_SENT = 0x00038005
    DATE_RECEIVED = 0x00038006
    MESSAGE_CLASS = 0x00078008
    BODY = 0x0002800C
    PRIORITY = 0x0004800D
    ATTACH_DATA = 0x0006800F
    ATTACH_TITLE = 0x00018010
    ATTACH_TRANSPORT_FILENAME = 0x00069001
    ATTACH_RENDERING = 0x00069002
    MESSAGE_PROPERTIES = 0x00069003
    RECIPIENT_TABLE = 0x00069004
    ATTACHMENT = 0x00069005
    OEM_CODE_PAGE = 0x00069007


_DATES = {
    Attribute.DATE_START: Tag.START_DATE,
    Attribute.DATE_END: Tag.END_DATE,
    Attribute.DATE_SENT: Tag.CLIENT_SUBMIT_TIME,
    Attribute.DATE_RECEIVED: Tag.MESSAGE_DELIVERY_TIME,
}
_TEXTS = {Attribute.SUBJECT: Tag.SUBJECT, Attribute.BODY: Tag.BODY}
_IMPORTANCE = {1: 2, 2: 1, 3: 0}
"""attPriority counts down, PidTagImportance up."""
_CLASSES = {
    "IPM.MICROSOFT MAIL.NOTE": "IPM.Note",
    "IPM.MICROSOFT MAIL.READ RECEIPT": "Report.IPM.Note.IPNRN",
    "IPM.MICROSOFT MAIL.NON-DELIVERY": "Report.IPM.Note.NDR",
    "IPM.MICROSOFT SCHEDULE.MTGRESPP": "IPM.Schedule.Meeting.Resp.Pos",
    "IPM.MICROSOFT SCHEDULE.MTGRESPN": "IPM.Schedule.Meeting.Resp.Neg",
    "IPM.MICROSOFT SCHEDULE.MTGRESPA": "IPM.Schedule.Meeting.Resp.Tent",
    "IPM.MICROSOFT SCHEDULE.MTGREQ": "IPM.Schedule.Meeting.Request",
    "IPM.MICROSOFT SCHEDULE.MTGCNCL": "IPM.Schedule.Meeting.Canceled",
}
"""Message classes of Microsoft Mail and what they became (MS-OXTNEF 2.1.3.3.1)."""


@dataclass(slots=True)
class _Attached:
    """An attachment as its attributes come in; MAPI properties win over legacy attributes."""

    legacy: dict[int, MapiValue] = field(default_factory=dict)
    properties: dict[int, MapiValue] = field(default_factory=dict)
    data: bytes | None = None
    has_object: bool = False
    problems: Problems = field(default_factory=Problems)


def read_tnef(data: bytes, limits: ReadLimits) -> MapiItem:
    """Read a TNEF stream; raises `TnefError` where the bytes are none.

    Whatever else is wrong is in the problems of the item or attachment that it concerns.
    """
    if not data.startswith(SIGNATURE):
        raise TnefError("it does not begin as TNEF")
    return _Reader(limits, limits.max_depth).item(data)


class _Reader:
    def __init__(self, limits: ReadLimits, depth: int) -> None:
        self._limits = limits
        self._depth = depth
        self._problems = Problems()
        self._legacy: dict[int, MapiValue] = {}
        self._properties: dict[int, MapiValue] = {}
        self._named: dict[NamedProperty, MapiValue] = {}
        self._recipients: list[Properties] = []
        self._attached: list[_Attached] = []
        self._code_page = 0

    def item(self, data: bytes) -> MapiItem:
        """Read the attributes one after another, and keep what was read before a fault."""
        cursor = Cursor(data)
        try:
            cursor.take(len(SIGNATURE) + _KEY_BYTES)
            while not cursor.is_at_end:
                self._attribute(cursor)
        except TnefError as error:
            self._problems.add(ProblemCode.TRUNCATED, f"the TNEF stream is cut off: {error}")
        properties = self._legacy | self._properties
        if self._code_page:
            # All text without Unicode is in it, whatever the item says (2.1.3.3.20).
            properties[Tag.MESSAGE_CODEPAGE] = self._code_page
        attachments = tuple(map(self._attachment, self._attached))
        return MapiItem(
            properties,
            self._named,
            tuple(self._recipients),
            attachments,
            self._problems.found(),
        )

    def _attribute(self, cursor: Cursor) -> None:
        level = cursor.number(1)
        if level not in (_MESSAGE_LEVEL, _ATTACHMENT_LEVEL):
            raise TnefError("something stands where an attribute should begin")
        number = cursor.number()
        data = cursor.take(cursor.number())
        problems = self._problems
        if level == _ATTACHMENT_LEVEL:
            if number == Attribute.ATTACH_RENDERING or not self._attached:
                self._begin_attachment()
            problems = self._attached[-1].problems
        if sum(data) & 0xFFFF != cursor.number(2):
            problems.add(ProblemCode.DAMAGED, "the checksum of a TNEF attribute does not hold")
        if level == _ATTACHMENT_LEVEL:
            self._attachment_attribute(self._attached[-1], number, data)
        else:
            self._message_attribute(number, data)

    def _begin_attachment(self) -> None:
        if len(self._attached) >= self._limits.max_parts:
            raise TnefError("it has too many attachments")
        self._attached.append(_Attached())

    def _message_attribute(self, number: int, data: bytes) -> None:
        fault = ""
        if number == Attribute.MESSAGE_PROPERTIES:
            found, fault = read_properties(data)
            self._properties |= found.standard
            self._named |= found.named
        elif number == Attribute.RECIPIENT_TABLE:
            rows, fault = read_rows(data)
            self._recipients += [row.standard for row in rows]
        elif number == Attribute.OEM_CODE_PAGE:
            self._code_page = int.from_bytes(data[:4], "little")
        elif number in _TEXTS:
            self._legacy[_TEXTS[Attribute(number)]] = _text(data)
        elif number in _DATES:
            moment = _date(data)
            if moment is not None:
                self._legacy[_DATES[Attribute(number)]] = moment
        elif number == Attribute.MESSAGE_CLASS:
            name = data.rstrip(b"\0").decode("ascii", "replace")
            self._legacy[Tag.MESSAGE_CLASS] = _CLASSES.get(name.upper(), name)
        elif number == Attribute.PRIORITY:
            self._legacy[Tag.IMPORTANCE] = _IMPORTANCE.get(int.from_bytes(data[:2], "little"), 1)
        elif number == Attribute.FROM:
            self._sender(data)
        if fault:
            self._problems.add(ProblemCode.DAMAGED, f"MAPI properties of the TNEF stream: {fault}")

    def _sender(self, data: bytes) -> None:
        """Read attFrom: a triple of name and "SMTP:address" (2.1.3.3.3)."""
        if len(data) < 8:
            return
        _, _, name_bytes, address_bytes = struct.unpack_from("<HHHH", data)
        name = data[8 : 8 + name_bytes]
        address = data[8 + name_bytes : 8 + name_bytes + address_bytes]
        self._legacy[Tag.SENDER_NAME] = _text(name)
        self._legacy[Tag.SENDER_EMAIL_ADDRESS] = _text(address)

    @staticmethod
    def _attachment_attribute(attached: _Attached, number: int, data: bytes) -> None:
        if number == Attribute.ATTACHMENT:
            found, fault = read_properties(data)
            attached.properties |= found.standard
            attached.has_object = Tag.ATTACH_DATA in found.objects
            if fault:
                attached.problems.add(ProblemCode.DAMAGED, f"MAPI properties: {fault}")
        elif number == Attribute.ATTACH_DATA:
            attached.data = data
        elif number == Attribute.ATTACH_TITLE:
            attached.legacy[Tag.ATTACH_FILENAME] = _text(data)
        elif number == Attribute.ATTACH_TRANSPORT_FILENAME:
            attached.legacy.setdefault(Tag.ATTACH_FILENAME, _text(data))
        elif number == Attribute.ATTACH_RENDERING:
            is_ole = int.from_bytes(data[:2], "little") == _OLE_ATTACHMENT
            method = AttachMethod.OLE if is_ole else AttachMethod.BY_VALUE
            attached.legacy[Tag.ATTACH_METHOD] = method

    def _attachment(self, attached: _Attached) -> MapiAttachment:
        properties = attached.legacy | attached.properties
        data = attached.data
        inner = properties.pop(Tag.ATTACH_DATA, None)
        if isinstance(inner, bytes) and inner:
            if not attached.has_object:
                data = inner
            elif inner[:_IID_BYTES] != _EMBEDDED_MESSAGE.bytes_le:
                data = inner[_IID_BYTES:]
            elif self._depth <= 0:
                attached.problems.add(ProblemCode.TOO_DEEP, "items are embedded too deep")
                data = None
            else:
                content = inner[_IID_BYTES:]
                if content.startswith(SIGNATURE):
                    item = _Reader(self._limits, self._depth - 1).item(content)
                    return MapiAttachment(properties, None, item, attached.problems.found())
                attached.problems.add(ProblemCode.DAMAGED, "an embedded item is no TNEF")
                data = content
        return MapiAttachment(properties, data, problems=attached.problems.found())


def _text(data: bytes) -> AnsiText:
    return AnsiText(data.partition(b"\0")[0])


def _date(data: bytes) -> datetime | None:
    """Read a DTR: year, month, day, hour, minute, second (2.1.3.1), taken as UTC."""
    if len(data) < 12:
        return None
    try:
        year, month, day, hour, minute, second = struct.unpack_from("<6H", data)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
