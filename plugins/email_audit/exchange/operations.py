"""The requests we send, as elements of Microsoft's schema (MS-OXWSCORE, MS-OXWSFOLD, MS-OXWSSYNC).

Only elements that the published XSD allows, in its order; the tests validate every one.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC

from lxml import etree

from email_audit.exchange.records import FolderId, ItemId, Period

MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_NAMESPACES = {"m": MESSAGES, "t": TYPES}

MAX_CHANGES = 512
"""The most SyncFolderItems gives in one page (MS-OXWSSYNC, MaxChangesReturned)."""

_FOLDERS_A_PAGE = 1000

FOLDER_FIELDS = ("folder:DisplayName", "folder:FolderClass", "folder:ParentFolderId")
CHANGE_FIELDS = ("item:Size", "item:DateTimeReceived", "item:DateTimeSent", "item:DateTimeCreated")

# What MIME does not carry. Fields an item's class has not are left out by the server.
_FIELDS_2010 = (
    "item:ParentFolderId",
    "item:ItemClass",
    "item:Subject",
    "item:Sensitivity",
    "item:DateTimeReceived",
    "item:Size",
    "item:Categories",
    "item:Importance",
    "item:InReplyTo",
    "item:IsSubmitted",
    "item:IsDraft",
    "item:IsFromMe",
    "item:IsResend",
    "item:IsUnmodified",
    "item:InternetMessageHeaders",
    "item:DateTimeSent",
    "item:DateTimeCreated",
    "item:DisplayCc",
    "item:DisplayTo",
    "item:HasAttachments",
    "item:Culture",
    "item:LastModifiedName",
    "item:LastModifiedTime",
    "item:IsAssociated",
    "item:ConversationId",
    "message:ToRecipients",
    "message:CcRecipients",
    "message:BccRecipients",
    "message:IsReadReceiptRequested",
    "message:IsDeliveryReceiptRequested",
    "message:ConversationIndex",
    "message:ConversationTopic",
    "message:From",
    "message:InternetMessageId",
    "message:IsRead",
    "message:References",
    "message:ReplyTo",
    "message:Sender",
    "message:ReceivedBy",
    "message:ReceivedRepresenting",
)
_FIELDS_2013 = ("item:Flag", "item:PolicyTag", "item:ArchiveTag", "item:RetentionDate")
_EXTENDED = (
    ("0x1081", "Integer"),  # PidTagLastVerbExecuted: replied, forwarded (MS-OXOMSG 2.2.1.8)
    ("0x1082", "SystemTime"),  # PidTagLastVerbExecutionTime
    ("0x007D", "String"),  # PidTagTransportMessageHeaders: the header as received
)
_BODY_FIELDS = ("item:Attachments", "item:Body")


def get_folders(names: Sequence[str], address: str) -> etree._Element:
    """Ask for distinguished folders of a mailbox by name."""
    request = _element("m:GetFolder")
    request.append(_folder_shape(FOLDER_FIELDS))
    ids = _child(request, "m:FolderIds")
    for name in names:
        folder = _child(ids, "t:DistinguishedFolderId", Id=name)
        _child(_child(folder, "t:Mailbox"), "t:EmailAddress", address)
    return request


def get_counts(folder_ids: Iterable[FolderId]) -> etree._Element:
    """Ask folders how many items each holds."""
    request = _element("m:GetFolder")
    request.append(_folder_shape(("folder:TotalCount",)))
    ids = _child(request, "m:FolderIds")
    for folder_id in folder_ids:
        _child(ids, "t:FolderId", Id=folder_id)
    return request


def find_folders(parent: FolderId, offset: int) -> etree._Element:
    """Ask for a page of all folders below one, at any depth."""
    request = _element("m:FindFolder", Traversal="Deep")
    request.append(_folder_shape(FOLDER_FIELDS))
    _child(
        request,
        "m:IndexedPageFolderView",
        MaxEntriesReturned=str(_FOLDERS_A_PAGE),
        Offset=str(offset),
        BasePoint="Beginning",
    )
    _child(_child(request, "m:ParentFolderIds"), "t:FolderId", Id=parent)
    return request


def sync_items(folder_id: FolderId, sync_state: str | None) -> etree._Element:
    """Ask what changed in a folder since a state; without one, for everything in it.

    Hidden (associated) items, which hold settings and no mail, are not asked for.
    """
    request = _element("m:SyncFolderItems")
    request.append(_item_shape(CHANGE_FIELDS))
    _child(_child(request, "m:SyncFolderId"), "t:FolderId", Id=folder_id)
    if sync_state is not None:
        _child(request, "m:SyncState", sync_state)
    _child(request, "m:MaxChangesReturned", str(MAX_CHANGES))
    _child(request, "m:SyncScope", "NormalItems")
    return request


def count_items(folder_id: FolderId, periods: Sequence[Period]) -> etree._Element:
    """Ask how many items of a folder lie in any of `periods`, by the rule of `_restriction`."""
    request = _element("m:FindItem", Traversal="Shallow")
    request.append(_item_shape(()))
    _child(
        request,
        "m:IndexedPageItemView",
        MaxEntriesReturned="1",
        Offset="0",
        BasePoint="Beginning",
    )
    restriction = _child(request, "m:Restriction")
    restriction.append(_restriction(periods))
    _child(_child(request, "m:ParentFolderIds"), "t:FolderId", Id=folder_id)
    return request


def get_items(item_ids: Iterable[ItemId], *, with_mime: bool, knows_2013: bool) -> etree._Element:
    """Ask for items with their properties, and their MIME content or else their text."""
    fields = _FIELDS_2010 + (_FIELDS_2013 if knows_2013 else ())
    request = _element("m:GetItem")
    shape = _child(request, "m:ItemShape")
    _child(shape, "t:BaseShape", "IdOnly")
    _child(shape, "t:IncludeMimeContent", "true" if with_mime else "false")
    if not with_mime:
        _child(shape, "t:BodyType", "Text")
        fields += _BODY_FIELDS
    properties = _child(shape, "t:AdditionalProperties")
    for field in fields:
        _child(properties, "t:FieldURI", FieldURI=field)
    for tag, kind in _EXTENDED:
        _child(properties, "t:ExtendedFieldURI", PropertyTag=tag, PropertyType=kind)
    ids = _child(request, "m:ItemIds")
    for item_id in item_ids:
        _child(ids, "t:ItemId", Id=item_id)
    return request


def _restriction(periods: Sequence[Period]) -> etree._Element:
    """Ask for what was received or sent in a period, else, if neither is known, created in one.

    `ledger.live.in_periods` is the same rule over what was listed.
    """
    undated = _element("t:And")
    for field in ("item:DateTimeReceived", "item:DateTimeSent"):
        _child(_child(_child(undated, "t:Not"), "t:Exists"), "t:FieldURI", FieldURI=field)
    undated.append(_any_of([_within(period, "item:DateTimeCreated") for period in periods]))
    return _any_of(
        [
            _within(period, field)
            for period in periods
            for field in ("item:DateTimeReceived", "item:DateTimeSent")
        ]
        + [undated]
    )


def _within(period: Period, field: str) -> etree._Element:
    bounds = []
    for test, moment in (
        ("t:IsGreaterThanOrEqualTo", period.begin),
        ("t:IsLessThan", period.end),
    ):
        if moment is not None:
            bound = _element(test)
            _child(bound, "t:FieldURI", FieldURI=field)
            value = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            _child(_child(bound, "t:FieldURIOrConstant"), "t:Constant", Value=value)
            bounds.append(bound)
    if not bounds:
        exists = _element("t:Exists")
        _child(exists, "t:FieldURI", FieldURI=field)
        return exists
    return _combined("t:And", bounds)


def _any_of(tests: list[etree._Element]) -> etree._Element:
    return _combined("t:Or", tests)


def _combined(how: str, tests: list[etree._Element]) -> etree._Element:
    """Combine tests; the schema wants two or more in an And or Or."""
    if len(tests) == 1:
        return tests[0]
    combined = _element(how)
    combined.extend(tests)
    return combined


def _folder_shape(fields: Iterable[str]) -> etree._Element:
    return _shape("m:FolderShape", fields)


def _item_shape(fields: Iterable[str]) -> etree._Element:
    return _shape("m:ItemShape", fields)


def _shape(tag: str, fields: Iterable[str]) -> etree._Element:
    shape = _element(tag)
    _child(shape, "t:BaseShape", "IdOnly")
    wanted = list(fields)
    if wanted:
        properties = _child(shape, "t:AdditionalProperties")
        for field in wanted:
            _child(properties, "t:FieldURI", FieldURI=field)
    return shape


def _element(tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    prefix, _, name = tag.partition(":")
    element = etree.Element(f"{{{_NAMESPACES[prefix]}}}{name}", attributes, nsmap=_NAMESPACES)
    element.text = text
    return element


def _child(
    parent: etree._Element, tag: str, text: str | None = None, **attributes: str
) -> etree._Element:
    child = _element(tag, text, **attributes)
    parent.append(child)
    return child
