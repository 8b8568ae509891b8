"""Acquire what is new in a live mailbox: list, take, count again, and close the acquisition.

Every transaction leaves the ledger in a state from which the next sync goes on: a page of changes
is written with the sync state that covers it, a batch of items with their copies. Killed anywhere,
the next sync ends where an undisturbed one would have.
"""

import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy.orm import Session

from email_audit import __version__
from email_audit.errors import RunError
from email_audit.exchange.client import Exchange, Mailbox
from email_audit.exchange.copies import GoneItem, batches, take
from email_audit.exchange.records import (
    Folder,
    FolderId,
    InvalidSyncStateError,
    ItemId,
    LoginRefusedError,
    Period,
)
from email_audit.exchange.settings import ExchangeSettings, Range
from email_audit.ledger import custody_log, live
from email_audit.ledger.models import (
    AcquisitionRow,
    AcquisitionState,
    AssignmentRow,
    LiveCopyRow,
    LiveFolderRow,
    LiveItemRow,
    LiveMailboxRow,
    MemberRow,
)
from email_audit.ledger.state import read_state, write_state
from email_audit.sources.base import Extent
from email_audit.steps.acquire import Chunks, listing_text
from email_audit.steps.case import Case
from email_audit.steps.periods import assignment_periods

log = logging.getLogger(__name__)

_REFUSED_STATE = "exchange_login_refused"
"""Name of the state that holds the run in which the login was refused."""

_ROUNDS = 3
_QUEUE_ITEMS = 500
_COUNTED_AT_ONCE = 100

PROPERTIES_FORMAT = "properties"
"""Format of the members that hold what MIME loses: evidence, but no item of its own."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Give the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync of one mailbox did.

    `acquisition` is None where nothing was new. `known` counts the items on the server that are
    taken, `server` what the server itself counts; `outside` those not taken for their dates.
    `findings` has a sentence for everything that does not add up or was refused.
    """

    custodian: str
    mailbox: str
    acquisition: str | None
    folders: int
    taken: int
    deleted: int
    outside: int
    server: int
    known: int
    findings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the line of `email-audit sync --json`."""
        return asdict(self) | {"findings": list(self.findings)}


def sync_mailbox(
    case: Case,
    exchange: Exchange,
    mailbox_id: int,
    *,
    since: date | None = None,
    now: Clock = utc_now,
    attempt: str | None = None,
) -> SyncReport:
    """Acquire what is new in a mailbox that `register_mailboxes` made known.

    `attempt` names the run that this sync is part of: once one of its logins was refused, the
    others do not try.

    Raises:
        LoginRefusedError: where the service account's login is refused.
        RunError: where the server or the store fails; what was taken is kept.
    """
    with case.database.session() as session:
        row = session.get_one(LiveMailboxRow, mailbox_id)
        custodian, address = row.custodian, row.address
        periods = _periods(session, case, exchange.settings, custodian, since)
    sync = _Sync(case, exchange.settings, mailbox_id, custodian, address, periods, now)
    try:
        return sync.run(_open(case, exchange, address, attempt))
    except (LoginRefusedError, RunError) as error:
        if isinstance(error, LoginRefusedError):
            _note_refusal(case, attempt)
        sync.mark_failed(str(error))
        raise


def check_login(case: Case, exchange: Exchange, mailbox_id: int, *, attempt: str) -> None:
    """Log in once, for all syncs of a run; a mailbox that is refused is its own sync's matter.

    Raises:
        LoginRefusedError: where the service account's login is refused.
    """
    with case.database.session() as session:
        address = session.get_one(LiveMailboxRow, mailbox_id).address
        write_state(session, _REFUSED_STATE, "")
    try:
        _open(case, exchange, address, attempt)
    except RunError as error:
        log.warning("mailbox not opened: mailbox=%d cause=%s", mailbox_id, type(error).__name__)


def _open(case: Case, exchange: Exchange, address: str, attempt: str | None) -> Mailbox:
    with case.database.session() as session:
        refused = read_state(session, _REFUSED_STATE)
    if attempt is not None and attempt == refused:
        raise LoginRefusedError(
            "the login was refused to another task of this run and is not tried again; correct "
            "the secret and start a new run"
        )
    return exchange.open(address)


def _note_refusal(case: Case, attempt: str | None) -> None:
    with case.database.session() as session:
        write_state(session, _REFUSED_STATE, attempt or "")


@dataclass(slots=True)
class _Sync:
    case: Case
    settings: ExchangeSettings
    mailbox_id: int
    custodian: str
    address: str
    periods: Sequence[Period] | None
    now: Clock
    taken: int = 0
    deleted: int = 0

    @property
    def _batch(self) -> str:
        return f"mailbox-{self.mailbox_id}"

    def run(self, mailbox: Mailbox) -> SyncReport:
        tree = mailbox.folders()
        skipped = frozenset(self.settings.skip_folders)
        folders = [folder for folder in tree.folders if "/".join(folder.path) not in skipped]
        findings = [
            f"{self.address}: {path} cannot be listed: {code}"
            for path, code in tree.refused
            if path not in skipped
        ]
        with self._writing() as session:
            self._log_deleted(
                session, live.note_folders(session, self.mailbox_id, tree, self.now())
            )
        gaps: dict[FolderId, int] = {}
        counts: dict[FolderId, int] = {}
        for attempt in range(_ROUNDS):
            for folder in folders:
                # The server counts other than was listed: once, list such a folder anew.
                if attempt == _ROUNDS - 1 and folder.id in gaps:
                    self._forget(folder.id)
                self._list(mailbox, folder.id)
            self._take(mailbox)
            counts = self._count(mailbox, folders)
            gaps = self._gaps(counts)
            if not gaps:
                break
        names = {folder.id: "/".join(folder.path) for folder in folders}
        findings += [
            f"{self.address}: the server counts {counts[folder]} items in {names[folder]}, "
            f"{counts[folder] - gap} are taken"
            for folder, gap in gaps.items()
        ]
        return self._close(folders, sum(counts.values()), sum(gaps.values()), findings)

    def mark_failed(self, reason: str) -> None:
        """Note on the open acquisition, if there is one, why it is not complete."""
        with self._writing() as session:
            row = live.open_acquisition(session, self.mailbox_id)
            if row is None or row.problem == reason:
                return
            row.state, row.problem = AcquisitionState.FAILED, reason
            custody_log.record(
                session,
                actor=self.case.settings.actor,
                action="acquisition_failed",
                subject=row.path,
                details={"custodian": row.custodian, "reason": reason},
            )

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """Open a transaction that no other sync of this mailbox writes beside."""
        with self.case.database.session() as session:
            session.get_one(LiveMailboxRow, self.mailbox_id, with_for_update=True)
            yield session

    def _list(self, mailbox: Mailbox, folder_id: FolderId) -> None:
        """Take in what changed in a folder, page by page."""
        with self.case.database.session() as session:
            state = live.sync_states(session, self.mailbox_id)[folder_id]
        is_last = False
        while not is_last:
            try:
                page = mailbox.changes(folder_id, state)
            except InvalidSyncStateError as error:
                if state is None:
                    raise RunError(
                        f"{self.address}: the server refuses to list a folder from its beginning; "
                        "run again when the server is well"
                    ) from error
                self._forget(folder_id)
                state = None
                continue
            if not page.is_last and page.sync_state == state:
                raise RunError(f"{self.address}: the server's listing does not advance; run again")
            with self._writing() as session:
                deleted = live.note_changes(session, self.mailbox_id, folder_id, page, self.now())
                self._log_deleted(session, deleted)
            state, is_last = page.sync_state, page.is_last

    def _forget(self, folder_id: FolderId) -> None:
        with self._writing() as session:
            live.forget_state(session, self.mailbox_id, folder_id)

    def _take(self, mailbox: Mailbox) -> None:
        """Take everything that is wanted, in batches that are written as they come."""
        with self._writing() as session:
            live.decide_range(session, self.mailbox_id, self.periods)
        while True:
            with self.case.database.session() as session:
                queue = live.wanted_items(session, self.mailbox_id, limit=_QUEUE_ITEMS)
            if not queue:
                return
            for batch in batches(
                queue,
                max_items=self.settings.batch_items,
                max_bytes=self.settings.batch_bytes,
            ):
                results = list(take(mailbox, self.case.store, batch, batch=self._batch))
                gone = [item.row_id for item in results if isinstance(item, GoneItem)]
                taken = [item for item in results if not isinstance(item, GoneItem)]
                with self._writing() as session:
                    if taken:
                        acquisition_id = self._acquisition(session)
                        self.taken += live.note_copies(session, acquisition_id, taken)
                    deleted = live.note_gone(session, gone, self.now())
                    self._log_deleted(session, deleted)

    def _acquisition(self, session: Session) -> int:
        """Give the open acquisition, begun now if there is none."""
        row = live.open_acquisition(session, self.mailbox_id)
        if row is None:
            order = session.query(AssignmentRow.officer_order).filter(
                AssignmentRow.officer_id == self.custodian
            )
            row = AcquisitionRow(
                custodian=self.custodian,
                custodian_order=order.limit(1).scalar() or 0,
                path=f"exchange:{self.address}@{self.now():%Y-%m-%dT%H:%MZ}",
                state=AcquisitionState.PLANNED,
            )
            session.add(row)
            session.flush()
        return row.id

    def _count(self, mailbox: Mailbox, folders: Sequence[Folder]) -> dict[FolderId, int]:
        """Ask the server how many items there are to be taken, by other means than listing them."""
        ids = [folder.id for folder in folders]
        if self.periods == []:
            return dict.fromkeys(ids, 0)
        if self.periods is not None:
            return {folder_id: mailbox.count_in(folder_id, self.periods) for folder_id in ids}
        counts: list[int] = []
        for start in range(0, len(ids), _COUNTED_AT_ONCE):
            counts += mailbox.counts(ids[start : start + _COUNTED_AT_ONCE])
        return dict(zip(ids, counts, strict=True))

    def _gaps(self, counts: dict[FolderId, int]) -> dict[FolderId, int]:
        """Give, for each folder where they differ, the server's count less ours."""
        with self.case.database.session() as session:
            ours = live.taken_counts(session, self.mailbox_id, self.periods)
        return {
            folder_id: count - ours.get(folder_id, 0)
            for folder_id, count in counts.items()
            if count != ours.get(folder_id, 0)
        }

    def _close(
        self, folders: Sequence[Folder], server: int, gap: int, findings: list[str]
    ) -> SyncReport:
        """Complete the open acquisition, if there is one, in one transaction."""
        with self._writing() as session:
            outside = live.outside_count(session, self.mailbox_id)
            row = live.open_acquisition(session, self.mailbox_id)
            if row is not None:
                self._complete(session, row, gap, len(folders), outside)
            return SyncReport(
                custodian=self.custodian,
                mailbox=self.address,
                acquisition=None if row is None else row.path,
                folders=len(folders),
                taken=self.taken,
                deleted=self.deleted,
                outside=outside,
                server=server,
                known=server - gap,
                findings=tuple(findings),
            )

    def _complete(
        self, session: Session, row: AcquisitionRow, gap: int, folders: int, outside: int
    ) -> None:
        members: list[MemberRow] = []
        contents: list[tuple[LiveCopyRow, MemberRow]] = []
        for copy, item, folder in live.copies_of(session, row.id):
            for member in _members(copy, item, folder):
                member.acquisition_id, member.ordinal = row.id, len(members)
                members.append(member)
                if member.declared:
                    contents.append((copy, member))
        session.add_all(members)
        session.flush()
        chunks = Chunks(session, self.case, row.id)
        for copy, member in contents:
            copy.member_id = member.id
            chunks.add(member.id, Extent(0, member.size_bytes, 0, 1))
        listing = listing_text((member.path, member.sha256) for member in members)
        sha256 = self.case.store.put(io.BytesIO(listing.encode()), batch=self._batch).sha256
        size_bytes = sum(member.size_bytes for member in members)
        row.state, row.problem, row.sha256 = AcquisitionState.ACQUIRED, "", sha256
        row.size_bytes, row.is_folder, row.acquired_at = size_bytes, True, self.now()
        # On a first sync this is the server's count of the mailbox. Later it is that count less
        # what earlier acquisitions hold of it, and what is here and no longer there.
        row.declared = len(contents) + gap
        custody_log.record(
            session,
            actor=self.case.settings.actor,
            action="acquired",
            subject=sha256,
            details={
                "custodian": row.custodian,
                "path": row.path,
                "folders": folders,
                "files": len(members),
                "bytes": size_bytes,
                "declared": row.declared,
                "outside_periods": outside,
                "skipped_folders": list(self.settings.skip_folders),
                "tool": f"email-audit {__version__}",
            },
        )

    def _log_deleted(self, session: Session, deleted: Sequence[ItemId]) -> None:
        if not deleted:
            return
        self.deleted += len(deleted)
        custody_log.record(
            session,
            actor=self.case.settings.actor,
            action="deletion_noticed",
            subject=f"exchange:{self.address}",
            details={
                "custodian": self.custodian,
                "items": len(deleted),
                "ids_sha256": live.digest(deleted),
            },
        )


def _members(copy: LiveCopyRow, item: LiveItemRow, folder: LiveFolderRow) -> Iterator[MemberRow]:
    """Yield an item's content, and its properties where they are a file of their own.

    The name is made of the server's id: a subject would be private mail in the ledger.
    """
    name = hashlib.sha256(item.server_id.encode()).hexdigest()[:16]
    is_eml = copy.properties_sha256 != copy.sha256
    yield MemberRow(
        path=f"{folder.path}/{name}.{'eml' if is_eml else 'json'}",
        sha256=copy.sha256,
        size_bytes=copy.size_bytes,
        format=copy.format,
        declared=1,
    )
    if is_eml:
        yield MemberRow(
            path=f"{folder.path}/{name}.json",
            sha256=copy.properties_sha256,
            size_bytes=copy.properties_bytes,
            format=PROPERTIES_FORMAT,
            declared=0,
        )


def _periods(
    session: Session, case: Case, settings: ExchangeSettings, custodian: str, since: date | None
) -> list[Period] | None:
    """Give the periods whose items are taken; None means everything."""
    begin_all = None if since is None else datetime.combine(since, time(), case.settings.zone)
    spans: list[tuple[datetime | None, datetime | None]] = [(None, None)]
    if settings.range is Range.ASSIGNMENT:
        spans = list(
            assignment_periods(
                session, case.settings, custodian, extra_days=settings.range_margin_days
            )
        )
    periods = []
    for begin, end in spans:
        first = max((moment for moment in (begin, begin_all) if moment is not None), default=None)
        if first is None and end is None:
            return None
        if first is None or end is None or first < end:
            periods.append(Period(first, end))
    return periods
