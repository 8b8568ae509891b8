"""Put items of a live mailbox into the evidence store: content, and beside it what MIME loses."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from email_audit.evidence.store import EvidenceStore
from email_audit.exchange.client import Mailbox
from email_audit.exchange.records import LiveItem, RefusedItem
from email_audit.ledger.live import TakenItem, WantedItem
from email_audit.sources.eml import EmlSource
from email_audit.sources.live_item import MARK, LiveItemSource


@dataclass(frozen=True, slots=True)
class GoneItem:
    """An item that was deleted after it was listed."""

    row_id: int


def take(
    mailbox: Mailbox, store: EvidenceStore, wanted: list[WantedItem], *, batch: str
) -> Iterator[TakenItem | GoneItem]:
    """Fetch and store items; one that the server gives no content of is stored as what it says."""
    answers = mailbox.items([item.server_id for item in wanted])
    for item, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, LiveItem) and answer.mime is not None:
            yield _with_mime(mailbox, store, item, answer, batch)
        elif isinstance(answer, RefusedItem) and answer.is_gone:
            yield GoneItem(item.row_id)
        else:
            yield _without_mime(mailbox, store, item, batch)


def batches(
    wanted: Iterable[WantedItem], *, max_items: int, max_bytes: int
) -> Iterator[list[WantedItem]]:
    """Cut a list into requests of bounded size; a larger item is asked for alone."""
    batch: list[WantedItem] = []
    size = 0
    for item in wanted:
        if batch and (len(batch) == max_items or size + item.size_bytes > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.size_bytes
    if batch:
        yield batch


def _with_mime(
    mailbox: Mailbox, store: EvidenceStore, item: WantedItem, answer: LiveItem, batch: str
) -> TakenItem:
    assert answer.mime is not None
    with answer.mime as content:
        blob = store.put(content, batch=batch)
    properties = store.put(
        io.BytesIO(_record(mailbox, item, {"mime_sha256": blob.sha256, "item": answer.properties})),
        batch=batch,
    )
    return TakenItem(
        item.row_id,
        answer.change_key,
        EmlSource.name,
        blob.sha256,
        blob.size,
        properties.sha256,
        properties.size,
    )


def _without_mime(
    mailbox: Mailbox, store: EvidenceStore, item: WantedItem, batch: str
) -> TakenItem | GoneItem:
    """Ask again for the text and the fields alone; keep even a refusal, so that it is counted."""
    (answer,) = mailbox.items([item.server_id], with_mime=False)
    content: Mapping[str, Any]
    if isinstance(answer, RefusedItem):
        if answer.is_gone:
            return GoneItem(item.row_id)
        change_key, content = "", {"refused": answer.code}
    else:
        change_key, content = answer.change_key, {"item": answer.properties}
    blob = store.put(io.BytesIO(_record(mailbox, item, content)), batch=batch)
    return TakenItem(
        item.row_id,
        change_key,
        LiveItemSource.name,
        blob.sha256,
        blob.size,
        blob.sha256,
        blob.size,
    )


def _record(mailbox: Mailbox, item: WantedItem, content: Mapping[str, Any]) -> bytes:
    """Give the JSON kept beside an item: where it lay and the server's answer, and no time of ours.

    The same item taken again gives the same bytes.
    """
    record = {
        "format": MARK,
        "mailbox": mailbox.address,
        "folder": item.folder_path,
        "folder_id": item.folder_server_id,
        "item_id": item.server_id,
        **content,
    }
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
