"""Fourth step: over all mail read so far, decide threads, scope and duplicates.

Set by set in the database, from nothing but the rows, so that the result does not depend on the
order in which chunks were read or on what an interrupted run had done.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from sqlalchemy import ColumnElement, bindparam, func, literal, select, update
from sqlalchemy.orm import Session

from email_audit.ledger.locks import Lock, take_lock
from email_audit.ledger.models import (
    AcquisitionRow,
    ChunkRow,
    Fate,
    ItemRow,
    TagRow,
)
from email_audit.ledger.state import read_state, write_state
from email_audit.messages.threads import ThreadKeys, assign_threads, key_of
from email_audit.steps.case import Case
from email_audit.steps.periods import assignment_periods
from email_audit.steps.register import ROSTER_STATE

MODEL_STATE = "model"
"""Name of the state that holds the version of the classifier whose tags are in force."""

_RESOLVED_STATE = "resolved"
_BATCH_ROWS = 5000
_CLOCK_TOLERANCE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Resolution:
    """How many copies have which fate now; `pending` ones wait for the classifier."""

    counts: dict[str, int]


def resolve(case: Case, model_version: str) -> Resolution:
    """Give every copy its thread and every fate that needs no classifier.

    In order: what cannot be read is `unreadable`; a copy whose date lies in no assignment of its
    custodian is `out_of_scope`; an in-scope copy of a message beyond its first (in order of
    roster, then path) is a `duplicate`. The first copies keep the tag of `model_version` or stay
    `pending`.
    """
    with case.database.session() as session:
        take_lock(session, Lock.RESOLUTION)
        fingerprint = _fingerprint(session, case, model_version)
        if read_state(session, _RESOLVED_STATE) != fingerprint:
            _write_threads(session)
            _decide_scope(session, case)
            _decide_duplicates(session)
            _apply_tags(session, model_version)
            write_state(session, MODEL_STATE, model_version)
            write_state(session, _RESOLVED_STATE, fingerprint)
        counts = session.execute(select(ItemRow.fate, func.count()).group_by(ItemRow.fate))
        return Resolution(dict(counts.all()))


def _fingerprint(session: Session, case: Case, model_version: str) -> str:
    """Name everything that the result depends on: reads are all or nothing by chunk."""
    chunks = session.scalars(select(ChunkRow.id).where(ChunkRow.is_read).order_by(ChunkRow.id))
    parts = [
        ",".join(map(str, chunks)),
        read_state(session, ROSTER_STATE) or "",
        case.settings.time_zone,
        str(case.settings.margin_days),
        model_version,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _write_threads(session: Session) -> None:
    columns = (
        ItemRow.id,
        ItemRow.message_key,
        ItemRow.content_sha256,
        ItemRow.reference_keys,
        ItemRow.parent_key,
        ItemRow.subject_key,
        ItemRow.is_reply,
        ItemRow.sender_key,
        ItemRow.participant_keys,
        ItemRow.sent_at,
        ItemRow.thread,
    )
    query = select(*columns).where(ItemRow.fate != Fate.UNREADABLE).order_by(ItemRow.id)
    ids, before, keys = [], [], []
    for row in session.execute(query.execution_options(yield_per=_BATCH_ROWS)):
        ids.append(row.id)
        before.append(row.thread)
        keys.append(
            ThreadKeys(
                message=row.message_key,
                content=key_of(row.content_sha256),
                references=_unpacked(row.reference_keys),
                parent=row.parent_key,
                subject=row.subject_key,
                is_reply=row.is_reply,
                sender=row.sender_key,
                participants=_unpacked(row.participant_keys),
                sent=row.sent_at,
            )
        )
    threads = assign_threads(keys)
    changed = [
        {"row_id": item_id, "new_thread": thread}
        for item_id, thread, old in zip(ids, threads, before, strict=True)
        if thread != old
    ]
    _update_by_id(session, "thread", "new_thread", changed)


def _unpacked(packed: bytes) -> tuple[int, ...]:
    return tuple(np.frombuffer(packed, dtype="<i8").tolist())


def _decide_scope(session: Session, case: Case) -> None:
    """Set every readable copy to pending, then those outside all assignments to out of scope."""
    session.execute(
        update(ItemRow).where(ItemRow.fate != Fate.UNREADABLE).values(fate=Fate.PENDING, reason="")
    )
    custodians = session.execute(
        select(AcquisitionRow.custodian, AcquisitionRow.id, AcquisitionRow.acquired_at)
    )
    for custodian, acquisition_id, acquired_at in custodians:
        if acquired_at is None:
            continue
        in_scope: ColumnElement[bool] = literal(value=False)
        for begin, end in assignment_periods(session, case.settings, custodian):
            inside: ColumnElement[bool] = literal(value=True)
            if begin is not None:
                inside = inside & (ItemRow.sent_at >= begin)
            if end is not None:
                inside = inside & (ItemRow.sent_at < end)
            in_scope = in_scope | inside
        # A date later than the acquisition says nothing about when the message was sent: it is
        # no usable date, and the message stays in scope.
        usable = ItemRow.sent_at <= acquired_at + _CLOCK_TOLERANCE
        session.execute(
            update(ItemRow)
            .where(
                ItemRow.acquisition_id == acquisition_id,
                ItemRow.fate == Fate.PENDING,
                usable,
                ~in_scope,
            )
            .values(
                fate=Fate.OUT_OF_SCOPE,
                reason="sent outside every assignment of the custodian",
            )
            .execution_options(synchronize_session=False)
        )


def _decide_duplicates(session: Session) -> None:
    """Mark every in-scope copy beyond the first of its content."""
    position = func.row_number().over(
        partition_by=ItemRow.content_sha256,
        order_by=(
            AcquisitionRow.custodian_order,
            AcquisitionRow.path,
            AcquisitionRow.id,
            ItemRow.ordinal,
        ),
    )
    ranked = (
        select(ItemRow.id.label("item_id"), position.label("position"))
        .join(AcquisitionRow, ItemRow.acquisition_id == AcquisitionRow.id)
        .where(ItemRow.fate == Fate.PENDING)
        .subquery()
    )
    session.execute(
        update(ItemRow)
        .where(ItemRow.id.in_(select(ranked.c.item_id).where(ranked.c.position > 1)))
        .values(fate=Fate.DUPLICATE, reason="equal content, counted at its first copy")
        .execution_options(synchronize_session=False)
    )


def _apply_tags(session: Session, model_version: str) -> None:
    """Give first copies that this model has already judged their fate."""
    for enforcement, fate in ((True, Fate.HIT), (False, Fate.NON_HIT)):
        judged = select(TagRow.content_sha256).where(
            TagRow.model == model_version, TagRow.enforcement == enforcement
        )
        session.execute(
            update(ItemRow)
            .where(ItemRow.fate == Fate.PENDING, ItemRow.content_sha256.in_(judged))
            .values(fate=fate)
            .execution_options(synchronize_session=False)
        )


def _update_by_id(
    session: Session, column: str, parameter: str, changes: list[dict[str, object]]
) -> None:
    table = ItemRow.__table__
    statement = (
        table.update()  # type: ignore[attr-defined]
        .where(table.c.id == bindparam("row_id"))
        .values({column: bindparam(parameter)})
    )
    for start in range(0, len(changes), _BATCH_ROWS):
        session.connection().execute(statement, changes[start : start + _BATCH_ROWS])
