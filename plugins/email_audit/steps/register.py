"""First step: take in the roster and find out which export is whose."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from email_audit.errors import UserError
from email_audit.exports import Export, ExportPlan, has_export, match_exports, not_files
from email_audit.ledger import custody_log
from email_audit.ledger.live import mailbox_row, synced_acquisitions
from email_audit.ledger.locks import Lock, take_lock
from email_audit.ledger.models import AcquisitionRow, AcquisitionState, AssignmentRow
from email_audit.ledger.state import read_state, write_state
from email_audit.roster import Roster, read_requests, read_roster
from email_audit.steps.case import Case

ROSTER_STATE = "roster_sha256"
"""Name of the state that holds the hash of the roster in force."""

_ABANDONED_AFTER = timedelta(days=1)
"""What is half-written in the store and untouched for so long is of an attempt that was killed."""

_REQUESTS_STATE = "requests_sha256"


@dataclass(frozen=True, slots=True)
class Registration:
    """The acquisitions to carry out or check again, and what does not fit together.

    Those of live mailboxes come last.
    """

    acquisition_ids: tuple[int, ...]
    unassigned: tuple[str, ...]
    without_export: tuple[str, ...]
    not_files: tuple[str, ...]
    """Links, pipes and devices in exports, which are not read."""


def register(case: Case) -> Registration:
    """Store the roster in force and one planned acquisition for each export not seen before.

    Raises:
        UserError: for a wrong roster or mail folder.
        RunError: where the evidence store cannot be written.
    """
    _discard_abandoned(case)
    with case.database.session() as session:
        synced = synced_acquisitions(session)
    if case.settings.roster is None or (case.settings.mail is None and not synced):
        raise UserError(
            "a run needs a roster and a mail folder (--roster, --mail), or instead of the folder "
            "live mailboxes that `email-audit sync` has acquired"
        )
    roster = read_roster(case.settings.roster)
    plan = (
        ExportPlan((), (), roster.officers)
        if case.settings.mail is None
        else match_exports(roster, case.settings.mail)
    )
    if case.settings.requests is not None:
        _keep_requests(case, case.settings.requests)
    with case.database.session() as session:
        take_lock(session, Lock.REGISTRATION)
        store_roster(session, case, roster)
        rank = {officer: position for position, officer in enumerate(roster.officers)}
        ids = [_planned(session, export, rank[export.officer_id]) for export in plan.exports]
    with_mailbox = {custodian for _, custodian in synced}
    return Registration(
        (*ids, *(acquisition_id for acquisition_id, _ in synced)),
        plan.unassigned,
        tuple(officer for officer in plan.without_export if officer not in with_mailbox),
        _not_files(plan, case.settings.mail) if case.settings.mail is not None else (),
    )


def _not_files(plan: ExportPlan, mail: Path) -> tuple[str, ...]:
    return tuple(
        path.relative_to(mail).as_posix()
        for export in plan.exports
        for path in not_files(mail / export.path)
    )


def register_mailboxes(case: Case, addresses: Sequence[str] = ()) -> list[int]:
    """Store the roster in force and make its live mailboxes known; gives their ids.

    Live are the addresses of the roster that have no export in the mail folder, if there is one,
    and whatever `addresses` name.

    Raises:
        UserError: for a wrong roster or mail folder, or an address that is not in the roster.
        RunError: where the evidence store cannot be written.
    """
    _discard_abandoned(case)
    if case.settings.roster is None:
        raise UserError("a sync needs a roster (--roster)")
    roster = read_roster(case.settings.roster)
    named = {address.lower() for address in addresses}
    live = [
        (officer, mailbox)
        for officer in roster.officers
        for mailbox in roster.mailboxes(officer)
        if "@" in mailbox
        and (
            mailbox.lower() in named
            or case.settings.mail is None
            or not has_export(officer, mailbox, case.settings.mail)
        )
    ]
    if unknown := named - {mailbox.lower() for _, mailbox in live}:
        raise UserError(f"{case.settings.roster}: no officer has the mailbox {min(unknown)}")
    with case.database.session() as session:
        take_lock(session, Lock.REGISTRATION)
        store_roster(session, case, roster)
        return [
            mailbox_row(session, officer, mailbox)
            for officer, mailbox in live
            if not named or mailbox.lower() in named
        ]


def _discard_abandoned(case: Case) -> None:
    """Remove what acquisitions and syncs that were killed have left in the evidence store."""
    case.store.discard_abandoned(before=datetime.now(UTC) - _ABANDONED_AFTER)


def store_roster(session: Session, case: Case, roster: Roster) -> None:
    """Put the roster in force, unless it is."""
    if read_state(session, ROSTER_STATE) == roster.sha256:
        return
    session.execute(delete(AssignmentRow))
    for order, officer in enumerate(roster.officers):
        session.add_all(
            AssignmentRow(
                officer_id=officer,
                officer_order=order,
                name=row.name,
                rank=row.rank,
                task_force=row.task_force,
                partner_agency=row.partner_agency,
                assigned_from=row.assigned_from,
                assigned_to=row.assigned_to,
            )
            for row in roster.assignments
            if row.officer_id == officer
        )
        session.execute(
            update(AcquisitionRow)
            .where(AcquisitionRow.custodian == officer)
            .values(custodian_order=order)
        )
    write_state(session, ROSTER_STATE, roster.sha256)
    custody_log.record(
        session,
        actor=case.settings.actor,
        action="roster_registered",
        subject=roster.sha256,
        details={"officers": len(roster.officers), "assignments": len(roster.assignments)},
    )


def _keep_requests(case: Case, path: Path) -> None:
    """Check the agency's own log of requests and keep its bytes as evidence."""
    rows = read_requests(path)
    blob = case.store.put(io.BytesIO(path.read_bytes()), batch="requests")
    with case.database.session() as session:
        take_lock(session, Lock.REGISTRATION)
        if read_state(session, _REQUESTS_STATE) == blob.sha256:
            return
        write_state(session, _REQUESTS_STATE, blob.sha256)
        custody_log.record(
            session,
            actor=case.settings.actor,
            action="requests_registered",
            subject=blob.sha256,
            details={"requests": len(rows), "bytes": blob.size},
        )


def _planned(session: Session, export: Export, order: int) -> int:
    known = session.scalars(
        select(AcquisitionRow.id)
        .where(AcquisitionRow.custodian == export.officer_id, AcquisitionRow.path == export.path)
        .order_by(AcquisitionRow.id.desc())
        .limit(1)
    ).first()
    if known is not None:
        return known
    row = AcquisitionRow(
        custodian=export.officer_id,
        custodian_order=order,
        path=export.path,
        state=AcquisitionState.PLANNED,
    )
    session.add(row)
    session.flush()
    return row.id
