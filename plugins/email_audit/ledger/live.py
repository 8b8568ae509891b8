"""What is known of live mailboxes: folders, listed items, copies (the tables `live_...`)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, update
from sqlalchemy.orm import Session

from email_audit.exchange.records import (
    Change,
    ChangeKind,
    ChangePage,
    FolderId,
    FolderTree,
    ItemId,
    Period,
)
from email_audit.ledger.models import (
    AcquisitionRow,
    AcquisitionState,
    LiveCopyRow,
    LiveFolderRow,
    LiveItemRow,
    LiveItemState,
    LiveMailboxRow,
)

_QUERY_IDS = 500


@dataclass(frozen=True, slots=True)
class WantedItem:
    """An item that is listed and still to be taken; `size_bytes` is the server's estimate."""

    row_id: int
    server_id: ItemId
    size_bytes: int
    folder_path: str
    folder_server_id: FolderId


@dataclass(frozen=True, slots=True)
class TakenItem:
    """An item as stored: where its content and its properties are."""

    row_id: int
    change_key: str
    format: str
    sha256: str
    size_bytes: int
    properties_sha256: str
    properties_bytes: int


def mailbox_row(session: Session, custodian: str, address: str) -> int:
    """Give the id of a live mailbox, made known if it is not."""
    row = session.scalars(
        select(LiveMailboxRow).where(
            LiveMailboxRow.custodian == custodian, LiveMailboxRow.address == address
        )
    ).first()
    if row is None:
        row = LiveMailboxRow(custodian=custodian, address=address)
        session.add(row)
        session.flush()
    return row.id


def note_folders(session: Session, mailbox_id: int, tree: FolderTree, at: datetime) -> list[ItemId]:
    """Make the folders known and give the items deleted with folders that are no longer there.

    A folder that comes back is listed from the beginning. Where the server refused to show some
    folders, none that is missing can be said to be deleted.
    """
    known = {
        row.server_id: row
        for row in session.scalars(
            select(LiveFolderRow).where(LiveFolderRow.mailbox_id == mailbox_id)
        )
    }
    present = set()
    for folder in tree.folders:
        path = "/".join(folder.path)
        present.add(folder.id)
        if folder.id in known:
            known[folder.id].path = path
        else:
            session.add(LiveFolderRow(mailbox_id=mailbox_id, server_id=folder.id, path=path))
    deleted = []
    for server_id, row in known.items():
        if server_id not in present and not tree.refused:
            row.sync_state = None
            deleted += _delete(session, LiveItemRow.folder_id == row.id, at)
    return deleted


def sync_states(session: Session, mailbox_id: int) -> dict[FolderId, str | None]:
    """Give up to which state each known folder's changes are written."""
    rows = session.execute(
        select(LiveFolderRow.server_id, LiveFolderRow.sync_state).where(
            LiveFolderRow.mailbox_id == mailbox_id
        )
    )
    return {FolderId(server_id): state for server_id, state in rows}


def forget_state(session: Session, mailbox_id: int, server_id: FolderId) -> None:
    """Have a folder listed from the beginning; what is known of its items stays."""
    _folder(session, mailbox_id, server_id).sync_state = None


def note_changes(
    session: Session, mailbox_id: int, server_id: FolderId, page: ChangePage, at: datetime
) -> list[ItemId]:
    """Write a page of changes and its state; give the items that it shows to be deleted.

    A listing from the beginning names everything there is: what it did not name is deleted.
    """
    folder = _folder(session, mailbox_id, server_id)
    in_folder = LiveItemRow.folder_id == folder.id
    if folder.sync_state is None:
        session.execute(update(LiveItemRow).where(in_folder).values(is_listed=False))
    ids = {change.item_id for change in page.changes}
    known = {
        row.server_id: row
        for row in session.scalars(
            select(LiveItemRow).where(in_folder, LiveItemRow.server_id.in_(ids))
        )
    }
    removed = set()
    for change in page.changes:
        row = known.get(change.item_id)
        if change.kind is ChangeKind.DELETED:
            removed.add(change.item_id)
        elif row is None:
            known[change.item_id] = _add(session, folder.id, change)
        else:
            _refresh(row, change)
    session.flush()
    deleted = _delete(session, and_(in_folder, LiveItemRow.server_id.in_(removed)), at)
    if page.is_last:
        deleted += _delete(session, and_(in_folder, ~LiveItemRow.is_listed), at)
    folder.sync_state = page.sync_state
    return deleted


def decide_range(session: Session, mailbox_id: int, periods: Sequence[Period] | None) -> None:
    """Mark what is still to be taken by whether it lies in `periods` (None: everything does)."""
    inside = in_periods(periods)
    here = LiveItemRow.folder_id.in_(_folders_of(mailbox_id))
    for old, new, condition in (
        (LiveItemState.WANTED, LiveItemState.OUTSIDE, ~inside),
        (LiveItemState.OUTSIDE, LiveItemState.WANTED, inside),
    ):
        session.execute(
            update(LiveItemRow)
            .where(here, LiveItemRow.state == old, LiveItemRow.deleted_at.is_(None), condition)
            .values(state=new)
            .execution_options(synchronize_session=False)
        )


def in_periods(periods: Sequence[Period] | None) -> ColumnElement[bool]:
    """Give the condition that an item was received or sent in one of `periods`.

    An item without any date cannot be shown to lie outside.
    """
    if periods is None:
        return true()
    dates = (LiveItemRow.received_at, LiveItemRow.sent_at)
    tests: list[ColumnElement[bool]] = [and_(*(column.is_(None) for column in dates))]
    for period in periods:
        for column in dates:
            bounds: list[ColumnElement[bool]] = [column.is_not(None)]
            if period.begin is not None:
                bounds.append(column >= period.begin)
            if period.end is not None:
                bounds.append(column < period.end)
            tests.append(and_(*bounds))
    # A missing date makes its comparison unknown, not false; negated it must become true.
    return func.coalesce(or_(*tests), False)


def wanted_items(session: Session, mailbox_id: int, *, limit: int) -> list[WantedItem]:
    """List items still to be taken, in order of folder and listing."""
    rows = session.execute(
        select(
            LiveItemRow.id,
            LiveItemRow.server_id,
            LiveItemRow.size_bytes,
            LiveFolderRow.path,
            LiveFolderRow.server_id,
        )
        .join(LiveFolderRow, LiveItemRow.folder_id == LiveFolderRow.id)
        .where(
            LiveFolderRow.mailbox_id == mailbox_id,
            LiveItemRow.state == LiveItemState.WANTED,
            LiveItemRow.deleted_at.is_(None),
        )
        .order_by(LiveFolderRow.path, LiveItemRow.id)
        .limit(limit)
    )
    return [
        WantedItem(row_id, ItemId(item), size, path, FolderId(folder))
        for row_id, item, size, path, folder in rows
    ]


def note_copies(session: Session, acquisition_id: int, taken: Iterable[TakenItem]) -> int:
    """Write copies of items that are still wanted; give how many are new.

    An item changed on the server whose content is that of its last copy, for instance one that was
    marked as read, has no new copy.
    """
    added = 0
    items = list(taken)
    ids = [item.row_id for item in items]
    rows = {
        row.id: row for row in session.scalars(select(LiveItemRow).where(LiveItemRow.id.in_(ids)))
    }
    last = _last_sha256(session, ids)
    for item in items:
        row = rows[item.row_id]
        if row.state != LiveItemState.WANTED:
            continue  # another sync of this mailbox was faster
        row.state, row.change_key = LiveItemState.TAKEN, item.change_key or row.change_key
        if last.get(item.row_id) == item.sha256:
            continue
        session.add(
            LiveCopyRow(
                item_id=item.row_id,
                acquisition_id=acquisition_id,
                change_key=row.change_key,
                format=item.format,
                sha256=item.sha256,
                size_bytes=item.size_bytes,
                properties_sha256=item.properties_sha256,
                properties_bytes=item.properties_bytes,
            )
        )
        added += 1
    return added


def note_gone(session: Session, row_ids: Iterable[int], at: datetime) -> list[ItemId]:
    """Mark listed items that were deleted before they could be taken."""
    return _delete(session, LiveItemRow.id.in_(list(row_ids)), at)


def open_acquisition(session: Session, mailbox_id: int) -> AcquisitionRow | None:
    """Give the mailbox's acquisition that is begun and not complete."""
    return session.scalars(
        select(AcquisitionRow)
        .where(
            AcquisitionRow.state != AcquisitionState.ACQUIRED,
            AcquisitionRow.id.in_(
                select(LiveCopyRow.acquisition_id)
                .join(LiveItemRow, LiveCopyRow.item_id == LiveItemRow.id)
                .where(LiveItemRow.folder_id.in_(_folders_of(mailbox_id)))
            ),
        )
        .limit(1)
    ).first()


def copies_of(
    session: Session, acquisition_id: int
) -> Sequence[tuple[LiveCopyRow, LiveItemRow, LiveFolderRow]]:
    """Give an acquisition's copies in order of folder and listing."""
    rows = session.execute(
        select(LiveCopyRow, LiveItemRow, LiveFolderRow)
        .join(LiveItemRow, LiveCopyRow.item_id == LiveItemRow.id)
        .join(LiveFolderRow, LiveItemRow.folder_id == LiveFolderRow.id)
        .where(LiveCopyRow.acquisition_id == acquisition_id)
        .order_by(LiveFolderRow.path, LiveItemRow.id, LiveCopyRow.id)
    )
    return [(copy, item, folder) for copy, item, folder in rows]


def taken_counts(
    session: Session, mailbox_id: int, periods: Sequence[Period] | None
) -> Mapping[str, int]:
    """Count, for each folder, the items that are taken, still on the server and in `periods`."""
    rows = session.execute(
        select(LiveFolderRow.server_id, func.count(LiveItemRow.id))
        .join(LiveItemRow, LiveItemRow.folder_id == LiveFolderRow.id)
        .where(
            LiveFolderRow.mailbox_id == mailbox_id,
            LiveItemRow.state == LiveItemState.TAKEN,
            LiveItemRow.deleted_at.is_(None),
            in_periods(periods),
        )
        .group_by(LiveFolderRow.server_id)
    )
    return dict(rows.all())


def outside_count(session: Session, mailbox_id: int) -> int:
    """Count the items on the server that are not taken because of their dates."""
    return session.scalars(
        select(func.count(LiveItemRow.id)).where(
            LiveItemRow.folder_id.in_(_folders_of(mailbox_id)),
            LiveItemRow.state == LiveItemState.OUTSIDE,
            LiveItemRow.deleted_at.is_(None),
        )
    ).one()


def synced_acquisitions(session: Session) -> list[tuple[int, str]]:
    """List (id, custodian) of the complete acquisitions of live mailboxes, in order of age."""
    rows = session.execute(
        select(AcquisitionRow.id, AcquisitionRow.custodian)
        .where(
            AcquisitionRow.state == AcquisitionState.ACQUIRED,
            AcquisitionRow.id.in_(select(LiveCopyRow.acquisition_id)),
        )
        .order_by(AcquisitionRow.id)
    )
    return [(acquisition_id, custodian) for acquisition_id, custodian in rows]


def is_synced(session: Session, acquisition_id: int) -> bool:
    """Say whether an acquisition is a complete one of a live mailbox."""
    return any(known == acquisition_id for known, _ in synced_acquisitions(session))


def digest(ids: Iterable[ItemId]) -> str:
    """Give the SHA-256 over item ids, sorted, one a line: what the custody log names them by."""
    return hashlib.sha256("".join(f"{item}\n" for item in sorted(ids)).encode()).hexdigest()


def _folders_of(mailbox_id: int) -> Select[int]:
    return select(LiveFolderRow.id).where(LiveFolderRow.mailbox_id == mailbox_id)


def _folder(session: Session, mailbox_id: int, server_id: FolderId) -> LiveFolderRow:
    return session.scalars(
        select(LiveFolderRow).where(
            LiveFolderRow.mailbox_id == mailbox_id, LiveFolderRow.server_id == server_id
        )
    ).one()


def _add(session: Session, folder_id: int, change: Change) -> LiveItemRow:
    row = LiveItemRow(
        folder_id=folder_id, server_id=change.item_id, change_key="", state=LiveItemState.WANTED
    )
    _refresh(row, change)
    session.add(row)
    return row


def _refresh(row: LiveItemRow, change: Change) -> None:
    if row.change_key != change.change_key or row.state == LiveItemState.GONE:
        row.state = LiveItemState.WANTED
    row.change_key, row.size_bytes = change.change_key, change.size_bytes
    has_date = change.received_at is not None or change.sent_at is not None
    row.received_at = change.received_at if has_date else change.created_at
    row.sent_at = change.sent_at if has_date else change.created_at
    row.is_listed, row.deleted_at = True, None


def _delete(session: Session, condition: ColumnElement[bool], at: datetime) -> list[ItemId]:
    """Note that items are no longer on the server; one that was not taken is gone."""
    rows = session.scalars(
        select(LiveItemRow).where(condition, LiveItemRow.deleted_at.is_(None))
    ).all()
    wanted = [row.id for row in rows if row.state == LiveItemState.WANTED]
    copied = _last_sha256(session, wanted)
    for row in rows:
        row.deleted_at = at
        if row.state == LiveItemState.WANTED:
            row.state = LiveItemState.TAKEN if row.id in copied else LiveItemState.GONE
    return [ItemId(row.server_id) for row in rows]


def _last_sha256(session: Session, row_ids: Sequence[int]) -> dict[int, str]:
    """Give the content of each item's last copy, for those that have one."""
    found: dict[int, str] = {}
    for start in range(0, len(row_ids), _QUERY_IDS):
        rows = session.execute(
            select(LiveCopyRow.item_id, LiveCopyRow.sha256)
            .where(LiveCopyRow.item_id.in_(row_ids[start : start + _QUERY_IDS]))
            .order_by(LiveCopyRow.id)
        )
        found.update(rows.all())
    return found
