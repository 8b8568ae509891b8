"""Read again, from the evidence store, the messages that ledger rows stand for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from email_audit.errors import RunError
from email_audit.ledger.models import ItemRow, MemberRow
from email_audit.messages.records import Message
from email_audit.sources.base import Extent, FoundItem
from email_audit.sources.registry import source_named
from email_audit.steps.case import Case
from email_audit.steps.isolated import parse_found


@dataclass(frozen=True, slots=True)
class StoredItem:
    """Where one ledger row's message lies: enough to read it without the database."""

    item_id: int
    content_sha256: str
    sha256: str
    format: str
    start: int
    stop: int
    ordinal: int
    parent_key: int | None


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message read again: as transmitted, as it lies in its container, and as a record."""

    item: StoredItem
    found: FoundItem
    message: Message


def stored_items(session: Session, where: Select[int]) -> list[StoredItem]:
    """Locate the readable items whose ids `where` selects, in order of place in the evidence."""
    rows = session.execute(
        select(
            ItemRow.id,
            ItemRow.content_sha256,
            MemberRow.sha256,
            MemberRow.format,
            ItemRow.start,
            ItemRow.stop,
            ItemRow.ordinal,
            ItemRow.parent_key,
        )
        .join(MemberRow, ItemRow.member_id == MemberRow.id)
        .where(ItemRow.id.in_(where), ItemRow.content_sha256.is_not(None))
        .order_by(MemberRow.id, ItemRow.start)
    )
    return [
        StoredItem(item_id, content or "", sha256, name, start, stop, ordinal, parent)
        for item_id, content, sha256, name, start, stop, ordinal, parent in rows
    ]


def read_stored(case: Case, items: Iterable[StoredItem]) -> Iterator[StoredMessage]:
    """Yield the messages of `items` in order, each evidence file opened once in a row.

    Raises:
        RunError: where the evidence is no longer what the ledger says.
    """
    opened, blob = "", None
    try:
        for item in items:
            if blob is None or opened != item.sha256:
                if blob is not None:
                    blob.close()
                opened, blob = item.sha256, case.store.open(item.sha256)
            source = source_named(item.format, case.reading)
            extent = Extent(item.start, item.stop, item.ordinal, 1)
            found = next(iter(source.items(blob, extent)), None)
            message = None if found is None else parse_found(source, found)
            if (
                not isinstance(found, FoundItem)
                or not isinstance(message, Message)
                or message.content_sha256 != item.content_sha256
            ):
                raise RunError(
                    f"evidence {item.sha256}, byte {item.start}: is not the message the ledger "
                    "names; run `email-audit ledger --verify-evidence` and restore the store"
                )
            yield StoredMessage(item, found, message)
    finally:
        if blob is not None:
            blob.close()


def read_source_bytes(case: Case, item: StoredItem) -> bytes:
    """Give the very bytes of the container that hold the item.

    Only for sources whose positions are bytes of the container.
    """
    with case.store.open(item.sha256) as blob:
        blob.seek(item.start)
        return blob.read(item.stop - item.start)
