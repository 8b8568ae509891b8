"""Third step: read a chunk's messages and write one ledger row for each, in one transaction."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from email_audit.ledger.models import (
    AttachmentRow,
    ChunkRow,
    ExtentRow,
    ItemRow,
    MemberRow,
)
from email_audit.messages.records import (
    Problem,
    ProblemCode,
)
from email_audit.sources.base import Extent
from email_audit.steps.case import Case
from email_audit.steps.isolated import Place, read_stretches
from email_audit.steps.places import REFUSED_FORMAT, RefusedPlace, StoredPlace
from email_audit.steps.rows import ItemColumns, join_path, ledger_rows

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """An extent with where its bytes are and how its items are named."""

    member_id: int
    member_path: str
    place: Place
    extent: Extent
    first_in_acquisition: int


def unread_chunks(case: Case) -> list[int]:
    """List the chunks of every acquisition that are still to be read, in order.

    Also of one whose export changed before it was read: it is evidence, and has to balance.
    """
    query = (
        select(ChunkRow.id)
        .where(~ChunkRow.is_read)
        .order_by(ChunkRow.acquisition_id, ChunkRow.ordinal)
    )
    with case.database.session() as session:
        return list(session.scalars(query))


def read_chunk(case: Case, chunk_id: int) -> int:
    """Read a chunk that is not read yet; returns the number of items written.

    What cannot be read becomes a row with its reason; a chunk is written whole or not at all.
    """
    with case.database.session() as session:
        chunk = session.get_one(ChunkRow, chunk_id)
        if chunk.is_read:
            return 0
        acquisition_id = chunk.acquisition_id
        rows = session.execute(
            select(ExtentRow, MemberRow)
            .join(MemberRow, ExtentRow.member_id == MemberRow.id)
            .where(ExtentRow.chunk_id == chunk_id)
            .order_by(ExtentRow.first_in_acquisition)
        )
        stretches = [_stretch(case, extent, member) for extent, member in rows]
    items: list[dict[str, Any]] = []
    attachments: list[list[dict[str, Any]]] = []
    place = {"acquisition_id": acquisition_id, "chunk_id": chunk_id}
    for row, families in _rows(case, stretches):
        items.append(row | place)
        attachments.append(families)
    _write(case, chunk_id, items, attachments)
    log.info("chunk read: chunk=%d items=%d", chunk_id, len(items))
    return len(items)


def _stretch(case: Case, extent: ExtentRow, member: MemberRow) -> _Stretch:
    problem = Problem(ProblemCode(member.problem_code), member.problem) if member.problem else None
    return _Stretch(
        member.id,
        member.path,
        RefusedPlace(problem)
        if problem is not None and member.format == REFUSED_FORMAT
        else StoredPlace(case.settings, member.sha256, member.format, problem),
        Extent(extent.start, extent.stop, extent.first_in_member, extent.items),
        extent.first_in_acquisition,
    )


def _rows(case: Case, stretches: list[_Stretch]) -> Iterator[ItemColumns]:
    places = [(stretch.place, stretch.extent) for stretch in stretches]
    for position, item in read_stretches(case.process, places, ledger_rows):
        stretch = stretches[position]
        where = {
            "member_id": stretch.member_id,
            "ordinal": stretch.first_in_acquisition + item.ordinal - stretch.extent.first,
            "path_in_source": join_path(stretch.member_path, item.path_in_source),
            "start": item.start,
            "stop": item.stop,
        }
        row, attachments = item.content
        yield where | row, attachments


def _write(
    case: Case,
    chunk_id: int,
    items: list[dict[str, Any]],
    attachments: list[list[dict[str, Any]]],
) -> None:
    with case.database.session() as session:
        chunk = session.get_one(ChunkRow, chunk_id, with_for_update=True)
        if chunk.is_read:
            return  # another worker was given the same chunk and finished first
        chunk.is_read = True
        if not items:
            return
        ids = session.scalars(
            insert(ItemRow).returning(ItemRow.id, sort_by_parameter_order=True), items
        )
        families = [
            row | {"item_id": item_id}
            for item_id, rows in zip(ids, attachments, strict=True)
            for row in rows
        ]
        if families:
            session.execute(insert(AttachmentRow), families)
