"""Fifth step: let the classifier judge each distinct in-scope message once."""

import logging
from collections.abc import Iterator
from dataclasses import asdict

from sqlalchemy import select, update

from email_audit.ledger.models import Fate, ItemRow, TagRow
from email_audit.ledger.upsert import insert_unless_there
from email_audit.messages.records import Message
from email_audit.steps.case import Case
from email_audit.steps.stored import StoredItem, StoredMessage, read_stored, stored_items
from email_audit.tagging.records import Tag, Tagger, TagInput

log = logging.getLogger(__name__)


def pending_chunks(case: Case) -> list[int]:
    """List the chunks that hold first copies the classifier has not judged yet, in order."""
    query = (
        select(ItemRow.chunk_id)
        .where(ItemRow.fate == Fate.PENDING)
        .distinct()
        .order_by(ItemRow.chunk_id)
    )
    with case.database.session() as session:
        return list(session.scalars(query))


def tag_chunk(case: Case, chunk_id: int, tagger: Tagger) -> int:
    """Tag the pending messages of a chunk in one transaction; returns how many."""
    with case.database.session() as session:
        pending = select(ItemRow.id).where(
            ItemRow.chunk_id == chunk_id, ItemRow.fate == Fate.PENDING
        )
        items = stored_items(session, pending)
    tags = list(tagger.tag(_inputs(case, read_stored(case, items))))
    _write(case, tagger.version, items, tags)
    hits = sum(tag.enforcement for tag in tags)
    log.info("chunk tagged: chunk=%d messages=%d hits=%d", chunk_id, len(tags), hits)
    return len(tags)


def tag_input(message: Message, parent: Message | None) -> TagInput:
    """Give the classifier the words of a message by whose they are.

    `parent` is the message it answers, where it carries no history of its own.
    """
    context = message.quoted_text or ("" if parent is None else parent.own_text)
    return TagInput(
        subject=message.subject,
        own_text=message.own_text,
        context=context,
        attachments=tuple(attachment.text or "" for attachment in message.attachments),
    )


def _inputs(case: Case, messages: Iterator[StoredMessage]) -> Iterator[TagInput]:
    for stored in messages:
        answers_without_quoting = (
            stored.item.parent_key is not None and not stored.message.quoted_text
        )
        parent = _parent(case, stored.item) if answers_without_quoting else None
        yield tag_input(stored.message, parent)


def _parent(case: Case, item: StoredItem) -> Message | None:
    """Read the message that `item` answers, whichever mailbox holds a copy of it.

    Where one Message-ID has several contents, the smallest content hash is taken: any rule does
    as long as every run takes the same.
    """
    with case.database.session() as session:
        parent_id = (
            select(ItemRow.id)
            .where(ItemRow.message_key == item.parent_key, ItemRow.content_sha256.is_not(None))
            .order_by(ItemRow.content_sha256, ItemRow.id)
            .limit(1)
        )
        parents = stored_items(session, parent_id)
    return next((stored.message for stored in read_stored(case, parents)), None)


def _write(case: Case, version: str, items: list[StoredItem], tags: list[Tag]) -> None:
    with case.database.session() as session:
        rows = [
            {
                "content_sha256": item.content_sha256,
                "model": version,
                "enforcement": tag.enforcement,
                "score": tag.score,
                "kinds": list(tag.kinds),
                "signals": [asdict(signal) for signal in tag.signals] if tag.enforcement else [],
            }
            for item, tag in zip(items, tags, strict=True)
        ]
        if rows:
            session.execute(insert_unless_there(session, TagRow), rows)
        for enforcement, fate in ((True, Fate.HIT), (False, Fate.NON_HIT)):
            ids = [
                item.item_id
                for item, tag in zip(items, tags, strict=True)
                if tag.enforcement is enforcement
            ]
            session.execute(
                update(ItemRow)
                .where(ItemRow.id.in_(ids), ItemRow.fate == Fate.PENDING)
                .values(fate=fate)
                .execution_options(synchronize_session=False)
            )
