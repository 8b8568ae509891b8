"""An Exchange server in miniature: real HTTP on loopback, real SOAP, mailboxes in memory.

It answers what the client asks with what Microsoft's schema allows; requests and responses are
both validated against the published XSD where that is at hand. Faults are queued by operation and
happen once each.
"""

import base64
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import getaddresses, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from lxml import etree

M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
S = "http://schemas.xmlsoap.org/soap/envelope/"
NS = {"m": M, "t": T, "s": S}

CREATED = datetime(2025, 3, 3, 15, 0, tzinfo=UTC)
CHANGES_A_PAGE = 7
"""A server may give fewer changes than it is asked for."""
USER, PASSWORD = "CITY\\audit", "open sesame"


@dataclass
class FakeItem:
    id: str
    change_key: str
    mime: bytes | None
    received: datetime | None = CREATED
    sent: datetime | None = CREATED
    created: datetime = CREATED
    item_class: str = "IPM.Note"
    categories: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    body: str = ""
    subject: str = ""
    attachments: tuple[str, ...] = ()
    error: str = ""
    mime_error: str = ""
    is_lost: bool = False
    """Counted by the server, and never named in a listing."""

    @property
    def size(self) -> int:
        return len(self.mime or self.body.encode()) + 200


@dataclass
class FakeFolder:
    id: str
    name: str
    parent: str | None
    folder_class: str = "IPF.Note"
    items: dict[str, FakeItem] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    epoch: int = 0


class FakeMailbox:
    """Folders with items; every change is logged, as SyncFolderItems needs it."""

    numbers: ClassVar = itertools.count(1)

    def __init__(self, *, has_archive: bool = False) -> None:
        self.folders: dict[str, FakeFolder] = {}
        self.roots: dict[str, str] = {}
        self._root("root", None)
        self._root("msgfolderroot", "root")
        self._root("recoverableitemsroot", "root")
        for name in ("Inbox", "Sent Items", "Drafts"):
            self.folder(name)
        for name in ("Deletions", "Purges", "Versions"):
            self.folder(name, "recoverableitemsroot")
        if has_archive:
            self._root("archivemsgfolderroot", "root")
            self._root("archiverecoverableitemsroot", "root")

    def _root(self, name: str, parent: str | None) -> None:
        folder = FakeFolder(self._id(), name, parent and self.roots[parent], "")
        self.folders[folder.id] = folder
        self.roots[name] = folder.id

    def _id(self) -> str:
        return base64.b64encode(f"id-{next(self.numbers):08d}".encode()).decode()

    def folder(
        self, name: str, parent: str = "msgfolderroot", folder_class: str = "IPF.Note"
    ) -> FakeFolder:
        above = self.roots.get(parent, parent)
        known = [f for f in self.folders.values() if f.name == name and f.parent == above]
        if known:
            return known[0]
        folder = FakeFolder(self._id(), name, above, folder_class)
        self.folders[folder.id] = folder
        return folder

    def add(self, folder: FakeFolder, mime: bytes | None, **fields: object) -> FakeItem:
        item = FakeItem(self._id(), "ck1", mime, **fields)  # type: ignore[arg-type]
        folder.items[item.id] = item
        folder.log.append(("Create", item.id))
        return item

    def change(self, folder: FakeFolder, item: FakeItem, mime: bytes | None = None) -> None:
        item.change_key += "+"
        item.mime = item.mime if mime is None else mime
        folder.log.append(("Update", item.id))

    def delete(self, folder: FakeFolder, item: FakeItem) -> None:
        del folder.items[item.id]
        folder.log.append(("Delete", item.id))

    def move(self, item: FakeItem, old: FakeFolder, new: FakeFolder) -> FakeItem:
        """Move as Exchange does: the item has another id in its new folder."""
        self.delete(old, item)
        return self.add(new, item.mime, received=item.received, sent=item.sent)

    def below(self, folder_id: str) -> Iterator[FakeFolder]:
        for folder in self.folders.values():
            if folder.parent == folder_id:
                yield folder
                yield from self.below(folder.id)


@dataclass
class Fault:
    """What happens to one request of an operation instead of an answer."""

    operation: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    code: str = ""
    back_off_ms: int | None = None
    is_soap_fault: bool = True
    cut_after: int | None = None
    before: Callable[[], None] | None = None


class FakeExchange:
    def __init__(self, schema: etree.XMLSchema | None) -> None:
        self.schema = schema
        self.mailboxes: dict[str, FakeMailbox] = {}
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        self.refused_logins = 0
        self.password = PASSWORD
        self.may_impersonate = True
        self.violations: list[str] = []
        self.asked_items: list[list[str]] = []
        self.url = ""

    def handle(
        self, authorization: str, data: bytes
    ) -> tuple[int, dict[str, str], bytes, int | None]:
        expected = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        if authorization != f"Basic {expected}":
            self.refused_logins += 1
            return 401, {"WWW-Authenticate": "Basic"}, b"", None
        envelope = etree.fromstring(data)
        body = envelope.find("s:Body", NS)
        (request,) = body
        self._validate(request)
        operation = etree.QName(request).localname
        self.calls.append(operation)
        fault = next((f for f in self.faults if f.operation == operation), None)
        if fault is not None:
            self.faults.remove(fault)
            if fault.before is not None:
                fault.before()
            elif fault.code and fault.is_soap_fault:
                return 500, {}, _soap_fault(fault), None
            elif fault.code:
                return (
                    200,
                    {},
                    self._answer(operation, [_refusal(operation, fault.code, fault.back_off_ms)]),
                    None,
                )
            elif fault.cut_after is None:
                return fault.status, fault.headers, fault.body or b"", None
        if operation == "ConvertId":  # exchangelib asks this to learn the server's version
            refusal = _refusal(operation, "ErrorInvalidIdMalformed")
            return 200, {}, self._answer(operation, [refusal]), None
        sid = envelope.findtext(
            "s:Header/t:ExchangeImpersonation/t:ConnectingSID/t:PrimarySmtpAddress", None, NS
        )
        if not self.may_impersonate:
            return 500, {}, _soap_fault(Fault(operation, code="ErrorImpersonateUserDenied")), None
        mailbox = self.mailboxes.get(sid or "")
        if mailbox is None:
            return 500, {}, _soap_fault(Fault(operation, code="ErrorNonExistentMailbox")), None
        messages = getattr(self, f"_{operation}")(mailbox, request)
        answer = self._answer(operation, messages)
        return 200, {}, answer, None if fault is None else fault.cut_after

    def _answer(self, operation: str, messages: list[etree._Element]) -> bytes:
        response = _e(f"m:{operation}Response")
        container = _sub(response, "m:ResponseMessages")
        container.extend(messages)
        self._validate(response)
        envelope = _e("s:Envelope")
        header = _sub(envelope, "s:Header")
        header.append(
            _e(
                "t:ServerVersionInfo",
                MajorVersion="15",
                MinorVersion="2",
                MajorBuildNumber="1544",
                MinorBuildNumber="4",
                Version="V2017_07_11",
            )
        )
        _sub(envelope, "s:Body").append(response)
        return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")

    def _validate(self, element: etree._Element) -> None:
        if self.schema is not None and not self.schema.validate(
            etree.fromstring(etree.tostring(element))
        ):
            self.violations.append(str(self.schema.error_log.last_error))

    def _GetFolder(self, mailbox: FakeMailbox, request: etree._Element) -> list[etree._Element]:  # noqa: N802
        messages = []
        for wanted in request.find("m:FolderIds", NS):
            name = wanted.get("Id")
            folder = mailbox.folders.get(mailbox.roots.get(name, name))
            if folder is None:
                messages.append(_refusal("GetFolder", "ErrorFolderNotFound"))
                continue
            message = _success("GetFolder")
            _sub(message, "m:Folders").append(_folder_xml(folder, _fields(request)))
            messages.append(message)
        return messages

    def _FindFolder(self, mailbox: FakeMailbox, request: etree._Element) -> list[etree._Element]:  # noqa: N802
        parent = request.find("m:ParentFolderIds/t:FolderId", NS).get("Id")
        offset = int(request.find("m:IndexedPageFolderView", NS).get("Offset"))
        found = list(mailbox.below(parent))
        page = found[offset : offset + 4]
        end = offset + len(page)
        message = _success("FindFolder")
        root = _sub(
            message,
            "m:RootFolder",
            IndexedPagingOffset=str(end),
            TotalItemsInView=str(len(found)),
            IncludesLastItemInRange=str(end >= len(found)).lower(),
        )
        folders = _sub(root, "t:Folders")
        folders.extend(_folder_xml(folder, _fields(request)) for folder in page)
        return [message]

    def _SyncFolderItems(  # noqa: N802
        self, mailbox: FakeMailbox, request: etree._Element
    ) -> list[etree._Element]:
        folder = mailbox.folders.get(request.find("m:SyncFolderId/t:FolderId", NS).get("Id"))
        if folder is None:
            return [_refusal("SyncFolderItems", "ErrorFolderNotFound")]
        state = request.findtext("m:SyncState", None, NS)
        limit = int(request.findtext("m:MaxChangesReturned", None, NS))
        begin = 0
        if state is not None:
            epoch, _, position = base64.b64decode(state).decode().partition(":")
            if int(epoch) != folder.epoch:
                return [_refusal("SyncFolderItems", "ErrorInvalidSyncStateData", empty_sync=True)]
            begin = int(position)
        end = min(len(folder.log), begin + min(limit, CHANGES_A_PAGE))
        message = _success("SyncFolderItems")
        _sub(message, "m:SyncState", base64.b64encode(f"{folder.epoch}:{end}".encode()).decode())
        _sub(message, "m:IncludesLastItemInRange", str(end == len(folder.log)).lower())
        changes = _sub(message, "m:Changes")
        for kind, item_id in folder.log[begin:end]:
            item = folder.items.get(item_id)
            if kind == "Delete":
                _sub(_sub(changes, "t:Delete"), "t:ItemId", Id=item_id, ChangeKey="x")
            elif item is not None and not item.is_lost:
                _sub(changes, f"t:{kind}").append(
                    _item_xml(folder, item, _fields(request), mime=False)
                )
        return [message]

    def _FindItem(self, mailbox: FakeMailbox, request: etree._Element) -> list[etree._Element]:  # noqa: N802
        folder = mailbox.folders[request.find("m:ParentFolderIds/t:FolderId", NS).get("Id")]
        (test,) = request.find("m:Restriction", NS)
        found = [item for item in folder.items.values() if _holds(test, item)]
        message = _success("FindItem")
        root = _sub(
            message,
            "m:RootFolder",
            IndexedPagingOffset="1",
            TotalItemsInView=str(len(found)),
            IncludesLastItemInRange=str(len(found) <= 1).lower(),
        )
        items = _sub(root, "t:Items")
        items.extend(_item_xml(folder, item, set(), mime=False) for item in found[:1])
        return [message]

    def _GetItem(self, mailbox: FakeMailbox, request: etree._Element) -> list[etree._Element]:  # noqa: N802
        ids = [element.get("Id") for element in request.find("m:ItemIds", NS)]
        self.asked_items.append(ids)
        wants_mime = request.findtext("m:ItemShape/t:IncludeMimeContent", None, NS) == "true"
        messages = []
        for item_id in ids:
            folder = next((f for f in mailbox.folders.values() if item_id in f.items), None)
            code = "ErrorItemNotFound"
            if folder is not None:
                item = folder.items[item_id]
                code = item.error or (item.mime_error if wants_mime else "")
            if code:
                messages.append(_refusal("GetItem", code))
                continue
            message = _success("GetItem")
            _sub(message, "m:Items").append(
                _item_xml(folder, item, _fields(request), mime=wants_mime)
            )
            messages.append(message)
        return messages


def _fields(request: etree._Element) -> set[str]:
    return {element.get("FieldURI") for element in request.iter(f"{{{T}}}FieldURI")}


def _folder_xml(folder: FakeFolder, fields: set[str]) -> etree._Element:
    element = _e("t:Folder")
    _sub(element, "t:FolderId", Id=folder.id, ChangeKey="f")
    if folder.parent and "folder:ParentFolderId" in fields:
        _sub(element, "t:ParentFolderId", Id=folder.parent, ChangeKey="f")
    if "folder:FolderClass" in fields and folder.folder_class:
        _sub(element, "t:FolderClass", folder.folder_class)
    if "folder:DisplayName" in fields:
        _sub(element, "t:DisplayName", folder.name)
    if "folder:TotalCount" in fields:
        _sub(element, "t:TotalCount", str(len(folder.items)))
    return element


def _item_xml(
    folder: FakeFolder, item: FakeItem, fields: set[str], *, mime: bool
) -> etree._Element:
    """Give the fields asked for, in the schema's order."""
    kind = {"IPM.Contact": "Contact", "IPM.Appointment": "CalendarItem"}.get(
        item.item_class, "Message"
    )
    element = _e(f"t:{kind}")
    if mime and item.mime is not None:
        text = (
            base64.encodebytes(item.mime).decode()
            if len(item.mime) < 1 << 20
            else base64.b64encode(item.mime).decode()
        )
        _sub(element, "t:MimeContent", text, CharacterSet="UTF-8")
    _sub(element, "t:ItemId", Id=item.id, ChangeKey=item.change_key)
    head = message_from_bytes(item.mime or b"")

    def put(name: str, text: str | None) -> None:
        if text is not None and f"item:{name}" in fields:
            _sub(element, f"t:{name}", text)

    if "item:ParentFolderId" in fields:
        _sub(element, "t:ParentFolderId", Id=folder.id, ChangeKey="f")
    put("ItemClass", item.item_class)
    put("Subject", _xml_text(item.subject or str(head.get("Subject", ""))))
    if "item:Body" in fields:
        _sub(element, "t:Body", item.body, BodyType="Text")
    if item.attachments and "item:Attachments" in fields:
        attachments = _sub(element, "t:Attachments")
        for name in item.attachments:
            _sub(_sub(attachments, "t:FileAttachment"), "t:Name", name)
    put("DateTimeReceived", _stamp(item.received))
    put("Size", str(item.size))
    if item.categories and "item:Categories" in fields:
        categories = _sub(element, "t:Categories")
        for name in item.categories:
            _sub(categories, "t:String", name)
    put("Importance", "High")
    put("DateTimeSent", _stamp(item.sent))
    put("DateTimeCreated", _stamp(item.created))
    if "item:Flag" in fields:
        _sub(_sub(element, "t:Flag"), "t:FlagStatus", "Flagged")
    if kind != "Message":
        return element
    people = getaddresses([str(value) for value in head.get_all("To", [])])
    for name, boxes in (
        ("ToRecipients", [address for _, address in people if address]),
        ("BccRecipients", item.bcc),
    ):
        if boxes and f"message:{name}" in fields:
            recipients = _sub(element, f"t:{name}")
            for address in boxes:
                _sub(_sub(recipients, "t:Mailbox"), "t:EmailAddress", _xml_text(address))
    return element


def _xml_text(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and char < "\ud800")


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _holds(test: etree._Element, item: FakeItem) -> bool:
    """Evaluate a restriction as a server would."""
    kind = etree.QName(test).localname
    if kind in {"And", "Or"}:
        return (all if kind == "And" else any)(_holds(child, item) for child in test)
    if kind == "Not":
        return not _holds(test[0], item)
    value = {
        "item:DateTimeReceived": item.received,
        "item:DateTimeSent": item.sent,
        "item:DateTimeCreated": item.created,
    }[test.find("t:FieldURI", NS).get("FieldURI")]
    if kind == "Exists":
        return value is not None
    bound = datetime.fromisoformat(test.find("t:FieldURIOrConstant/t:Constant", NS).get("Value"))
    if value is None:
        return False
    return value >= bound if kind == "IsGreaterThanOrEqualTo" else value < bound


def _success(operation: str) -> etree._Element:
    message = _e(f"m:{operation}ResponseMessage", ResponseClass="Success")
    _sub(message, "m:ResponseCode", "NoError")
    return message


def _refusal(
    operation: str, code: str, back_off_ms: int | None = None, *, empty_sync: bool = False
) -> etree._Element:
    message = _e(f"m:{operation}ResponseMessage", ResponseClass="Error")
    _sub(message, "m:MessageText", "It cannot be done.")
    _sub(message, "m:ResponseCode", code)
    _sub(message, "m:DescriptiveLinkKey", "0")
    if back_off_ms is not None:
        _sub(_sub(message, "m:MessageXml"), "t:Value", str(back_off_ms), Name="BackOffMilliseconds")
    if operation == "GetItem":
        _sub(message, "m:Items")
    if operation == "GetFolder":
        _sub(message, "m:Folders")
    if empty_sync:
        _sub(message, "m:SyncState")
        _sub(message, "m:IncludesLastItemInRange", "true")
    return message


def _soap_fault(fault: Fault) -> bytes:
    envelope = _e("s:Envelope")
    element = _sub(_sub(envelope, "s:Body"), "s:Fault")
    etree.SubElement(element, "faultcode").text = f"a:{fault.code}"
    etree.SubElement(element, "faultstring").text = "It cannot be done."
    detail = etree.SubElement(element, "detail")
    errors = "http://schemas.microsoft.com/exchange/services/2006/errors"
    etree.SubElement(detail, f"{{{errors}}}ResponseCode").text = fault.code
    etree.SubElement(detail, f"{{{errors}}}Message").text = "It cannot be done."
    if fault.back_off_ms is not None:
        _sub(
            _sub(detail, "t:MessageXml"),
            "t:Value",
            str(fault.back_off_ms),
            Name="BackOffMilliseconds",
        )
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _e(tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    prefix, _, name = tag.partition(":")
    element = etree.Element(f"{{{NS[prefix]}}}{name}", attributes, nsmap=NS)
    element.text = text
    return element


def _sub(
    parent: etree._Element, tag: str, text: str | None = None, **attributes: str
) -> etree._Element:
    child = _e(tag, text, **attributes)
    parent.append(child)
    return child


@contextmanager
def serving(schema_folder: Path | None) -> Iterator[FakeExchange]:
    """Run a server on a free port of this machine."""
    schema = load_schema(schema_folder) if schema_folder else None
    exchange = FakeExchange(schema)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status, headers, body, cut = exchange.handle(
                    self.headers.get("Authorization", ""), data
                )
            except Exception as error:
                exchange.violations.append(repr(error))
                raise
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if cut is None else body[:cut])
            if cut is not None:
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):  # a client that was killed
                super().handle_one_request()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    exchange.url = f"http://127.0.0.1:{server.server_port}/EWS/Exchange.asmx"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield exchange
    finally:
        server.shutdown()
        server.server_close()


_SCHEMAS: dict[Path, etree.XMLSchema] = {}


def load_schema(folder: Path) -> etree.XMLSchema:
    if folder not in _SCHEMAS:
        _SCHEMAS[folder] = etree.XMLSchema(etree.parse(folder / "messages.xsd"))
    return _SCHEMAS[folder]


def sent_date(mime: bytes) -> datetime | None:
    """Give a message's own date in UTC, as a server would have noted it."""
    try:
        return parsedate_to_datetime(str(message_from_bytes(mime)["Date"])).astimezone(UTC)
    except (TypeError, ValueError):
        return None
