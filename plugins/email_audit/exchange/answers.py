"""Read the messages of a response (MS-OXWSCDATA ResponseMessageType) into records."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from lxml import etree

from email_audit.exchange.operations import MESSAGES, TYPES
from email_audit.exchange.records import (
    Change,
    ChangeKind,
    ChangePage,
    FolderId,
    ItemId,
    JsonValue,
    LiveItem,
    RefusedItem,
)
from email_audit.exchange.soap import MIME_CONTENT

SUCCESS = "NoError"

_KINDS = {"Create": ChangeKind.CREATED, "Update": ChangeKind.UPDATED, "Delete": ChangeKind.DELETED}
_ALWAYS_LISTS = frozenset(
    {"Mailbox", "String", "InternetMessageHeader", "ExtendedProperty", "Attendee"}
    | {"FileAttachment", "ItemAttachment", "Entry", "Member"}
)
"""Elements that the schema allows to repeat: a list in JSON even where there is one."""


class IncompleteAnswerError(Exception):
    """A response lacks an element that its schema requires."""


def code_of(message: etree._Element) -> str:
    """Give the response code of one message."""
    return _text(message, f"{{{MESSAGES}}}ResponseCode")


def back_off_s(message: etree._Element) -> float | None:
    """Give the server's own hint how long to wait, in seconds (MS-OXWSCDATA MessageXml)."""
    for value in message.iter(f"{{{TYPES}}}Value"):
        if value.get("Name") == "BackOffMilliseconds" and (value.text or "").strip().isdigit():
            return int(value.text) / 1000
    return None


def folder_elements(message: etree._Element) -> Iterator[etree._Element]:
    """Yield the folders of a GetFolder or FindFolder message."""
    for container in message.iter(f"{{{MESSAGES}}}Folders", f"{{{TYPES}}}Folders"):
        yield from container


def folder_id(folder: etree._Element) -> FolderId:
    """Give a folder's own id."""
    return FolderId(_attribute(folder, f"{{{TYPES}}}FolderId", "Id"))


def parent_id(folder: etree._Element) -> FolderId:
    """Give the id of the folder it lies in."""
    return FolderId(_attribute(folder, f"{{{TYPES}}}ParentFolderId", "Id"))


def display_name(folder: etree._Element) -> str:
    """Give a folder's name in the mailbox's language."""
    return folder.findtext(f"{{{TYPES}}}DisplayName") or ""


def folder_class(folder: etree._Element) -> str:
    """Give a folder's class, for instance IPF.Note; empty where it has none."""
    return folder.findtext(f"{{{TYPES}}}FolderClass") or ""


def total_count(folder: etree._Element) -> int:
    """Give how many items the server says a folder holds."""
    return _number(_text(folder, f"{{{TYPES}}}TotalCount"))


def next_offset(message: etree._Element) -> int | None:
    """Give where the next page begins; None after the last."""
    root = _child(message, f"{{{MESSAGES}}}RootFolder")
    if root.get("IncludesLastItemInRange") == "true":
        return None
    return _number(root.get("IndexedPagingOffset") or "")


def total_in_view(message: etree._Element) -> int:
    """Give how many items a FindItem matches, on all pages together."""
    root = _child(message, f"{{{MESSAGES}}}RootFolder")
    return _number(root.get("TotalItemsInView") or "")


def change_page(message: etree._Element) -> ChangePage:
    """Give a page of SyncFolderItems. A changed read flag alone is no change of the item."""
    changes = message.find(f"{{{MESSAGES}}}Changes")
    last = _text(message, f"{{{MESSAGES}}}IncludesLastItemInRange")
    return ChangePage(
        () if changes is None else tuple(_changes(changes)),
        _text(message, f"{{{MESSAGES}}}SyncState"),
        is_last=last == "true",
    )


def live_items(
    messages: Sequence[etree._Element], asked: Sequence[ItemId], contents: Sequence[BinaryIO]
) -> Iterator[LiveItem | RefusedItem]:
    """Yield what the server gives for each item asked for: answers come in the order asked."""
    if len(messages) != len(asked):
        raise IncompleteAnswerError(f"{len(messages)} answers to {len(asked)} items asked for")
    for message, item_id in zip(messages, asked, strict=True):
        code = code_of(message)
        item = (
            next(iter(_child(message, f"{{{MESSAGES}}}Items")), None) if code == SUCCESS else None
        )
        if item is None:
            yield RefusedItem(item_id, code if code != SUCCESS else "no item in the answer")
            continue
        content = item.find(MIME_CONTENT)
        mime = None
        if content is not None:
            mime = contents[int(content.text)]
            item.remove(content)
        yield LiveItem(
            item_id,
            _attribute(item, f"{{{TYPES}}}ItemId", "ChangeKey"),
            mime,
            {_local(item): _as_json(item)},
        )


def _changes(changes: etree._Element) -> Iterator[Change]:
    for element in changes:
        kind = _KINDS.get(_local(element))
        if kind is None:
            continue
        if kind is ChangeKind.DELETED:
            yield Change(kind, ItemId(_attribute(element, f"{{{TYPES}}}ItemId", "Id")))
            continue
        item = element[0]
        yield Change(
            kind,
            ItemId(_attribute(item, f"{{{TYPES}}}ItemId", "Id")),
            _attribute(item, f"{{{TYPES}}}ItemId", "ChangeKey"),
            _number(item.findtext(f"{{{TYPES}}}Size") or "0"),
            _moment(item.findtext(f"{{{TYPES}}}DateTimeReceived")),
            _moment(item.findtext(f"{{{TYPES}}}DateTimeSent")),
            _moment(item.findtext(f"{{{TYPES}}}DateTimeCreated")),
        )


def _as_json(element: etree._Element) -> JsonValue:
    """Give an element as JSON: attributes with "@", children by local name, text as it came."""
    if len(element) == 0 and not element.attrib:
        return element.text or ""
    result: dict[str, JsonValue] = {f"@{name}": value for name, value in element.attrib.items()}
    if len(element) == 0:
        if element.text:
            result["#text"] = element.text
        return result
    for child in element:
        name, value = _local(child), _as_json(child)
        known = result.get(name)
        if isinstance(known, list):
            known.append(value)
        elif known is not None:
            result[name] = [known, value]
        else:
            result[name] = [value] if name in _ALWAYS_LISTS else value
    return result


def _moment(text: str | None) -> datetime | None:
    """Read an xs:dateTime; one without a zone is UTC, as Exchange writes it."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _local(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _child(element: etree._Element, tag: str) -> etree._Element:
    child = element.find(tag)
    if child is None:
        raise IncompleteAnswerError(f"no {etree.QName(tag).localname} in the answer")
    return child


def _text(element: etree._Element, tag: str) -> str:
    return (_child(element, tag).text or "").strip()


def _attribute(element: etree._Element, tag: str, name: str) -> str:
    value = _child(element, tag).get(name)
    if not value:
        raise IncompleteAnswerError(f"no {name} of {etree.QName(tag).localname} in the answer")
    return str(value)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise IncompleteAnswerError("a number is missing in the answer") from error
