"""The hits with everything known about them: tag, copies, custodians, and the message itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from email_audit.errors import RunError
from email_audit.ledger.models import (
    AcquisitionRow,
    AssignmentRow,
    Fate,
    ItemRow,
    MemberRow,
    TagRow,
)
from email_audit.ledger.state import read_state
from email_audit.steps.case import Case
from email_audit.steps.resolve import MODEL_STATE
from email_audit.steps.stored import StoredItem, StoredMessage, read_stored, stored_items
from email_audit.tagging.records import Kind, Signal, Tag


@dataclass(frozen=True, slots=True)
class Copy:
    """One place where a hit was found, in scope or not. `acquired_at` is UTC."""

    custodian: str
    source: str
    path_in_source: str
    evidence_sha256: str
    start: int
    stop: int
    acquired_at: datetime


@dataclass(frozen=True, slots=True)
class HitRecord:
    """What the case database says of one hit; its words lie in the evidence. `sent_at` is UTC."""

    item: StoredItem
    sent_at: datetime | None
    tag: Tag
    model: str
    thread: str | None
    copies: tuple[Copy, ...]

    @property
    def custodians(self) -> tuple[str, ...]:
        """Each custodian once, in order of the copies."""
        return tuple(dict.fromkeys(copy.custodian for copy in self.copies))


@dataclass(frozen=True, slots=True)
class Hit:
    """One distinct message that is a hit, read again from the evidence."""

    record: HitRecord
    stored: StoredMessage


def undecided(case: Case) -> str | None:
    """Say that messages in scope wait for the classifier, None where all are decided."""
    with case.database.session() as session:
        return _undecided(session)


def list_hits(case: Case, *, only_decided: bool = False) -> list[HitRecord]:
    """List every hit in order of place in the evidence, all as of one moment.

    Raises:
        RunError: with `only_decided`, while messages wait for the classifier: among them may be
            hits that are not tagged yet.
    """
    with case.database.snapshot() as session:
        if only_decided and (message := _undecided(session)):
            raise RunError(message)
        is_hit = ItemRow.fate == Fate.HIT
        items = stored_items(session, select(ItemRow.id).where(is_hit))
        facts = {
            item_id: (sent_at, thread)
            for item_id, sent_at, thread in session.execute(
                select(ItemRow.id, ItemRow.sent_at, ItemRow.thread).where(is_hit)
            )
        }
        model = read_state(session, MODEL_STATE) or ""
        tags = _tags(session, model)
        copies = _copies(session)
    return [
        HitRecord(
            item=item,
            sent_at=facts[item.item_id][0],
            tag=tags[item.content_sha256],
            model=model,
            thread=facts[item.item_id][1],
            copies=tuple(copies[item.content_sha256]),
        )
        for item in items
    ]


def read_hits(case: Case, records: Sequence[HitRecord]) -> Iterator[Hit]:
    """Yield the messages of `records` in order, one at a time.

    Raises:
        RunError: where the evidence is no longer what the ledger says.
    """
    messages = read_stored(case, (record.item for record in records))
    for record, stored in zip(records, messages, strict=True):
        yield Hit(record, stored)


def affiliations(session: Session) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give each officer's task forces and partner agencies, each once, in roster order."""
    rows = session.execute(
        select(
            AssignmentRow.officer_id, AssignmentRow.task_force, AssignmentRow.partner_agency
        ).order_by(AssignmentRow.id)
    )
    collected: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for officer, task_force, agency in rows:
        forces, agencies = collected.setdefault(officer, ({}, {}))
        forces[task_force] = agencies[agency] = None
    return {
        officer: (tuple(forces), tuple(agencies))
        for officer, (forces, agencies) in collected.items()
    }


def _undecided(session: Session) -> str | None:
    count = session.scalar(select(func.count()).where(ItemRow.fate == Fate.PENDING))
    if not count:
        return None
    return (
        f"{count} messages in scope wait for the classifier; the search index is left as it is, "
        "since hits may be among them. Mend what kept them from being tagged, if anything did, "
        "and run the audit again: it tags and indexes them"
    )


def _tags(session: Session, model: str) -> dict[str, Tag]:
    """Give the tag of every hit by the model in force."""
    hits = select(ItemRow.content_sha256).where(ItemRow.fate == Fate.HIT)
    rows = session.scalars(
        select(TagRow).where(TagRow.content_sha256.in_(hits), TagRow.model == model)
    )
    return {
        row.content_sha256: Tag(
            enforcement=row.enforcement,
            score=row.score,
            kinds=tuple(Kind(kind) for kind in row.kinds),
            signals=tuple(Signal(**signal) for signal in row.signals),
        )
        for row in rows
    }


def _copies(session: Session) -> dict[str, list[Copy]]:
    hits = select(ItemRow.content_sha256).where(ItemRow.fate == Fate.HIT)
    rows = session.execute(
        select(ItemRow, AcquisitionRow, MemberRow.sha256)
        .join(AcquisitionRow, ItemRow.acquisition_id == AcquisitionRow.id)
        .join(MemberRow, ItemRow.member_id == MemberRow.id)
        .where(ItemRow.content_sha256.in_(hits))
        .order_by(
            AcquisitionRow.custodian_order,
            AcquisitionRow.path,
            AcquisitionRow.id,
            ItemRow.ordinal,
        )
    )
    copies: dict[str, list[Copy]] = {}
    for item, acquisition, sha256 in rows:
        if item.content_sha256 is None or acquisition.acquired_at is None:
            continue
        copies.setdefault(item.content_sha256, []).append(
            Copy(
                custodian=acquisition.custodian,
                source=acquisition.path,
                path_in_source=item.path_in_source,
                evidence_sha256=sha256,
                start=item.start,
                stop=item.stop,
                acquired_at=acquisition.acquired_at,
            )
        )
    return copies


def reused_message_ids(session: Session) -> list[tuple[str, int]]:
    """List Message-IDs that stand in messages of different content, with how many contents.

    An owner of a mailbox can reuse an identifier; such messages are kept apart, never merged.
    """
    contents = func.count(ItemRow.content_sha256.distinct())
    rows = session.execute(
        select(ItemRow.message_id, contents)
        .where(ItemRow.message_id.is_not(None), ItemRow.content_sha256.is_not(None))
        .group_by(ItemRow.message_id)
        .having(contents > 1)
        .order_by(ItemRow.message_id)
    )
    return [(message_id, count) for message_id, count in rows if message_id is not None]
