"""First step: take in the roster and find out which export is whose."""

import io
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from email_audit.errors import UserError
from email_audit.exports import Export, match_exports
from email_audit.ledger import custody_log
from email_audit.ledger.models import AcquisitionRow, AcquisitionState, AssignmentRow
from email_audit.ledger.state import read_state, write_state
from email_audit.roster import Roster, read_requests, read_roster
from email_audit.steps.case import Case

ROSTER_STATE = "roster_sha256"
"""Name of the state that holds the hash of the roster in force."""

_REQUESTS_STATE = "requests_sha256"


@dataclass(frozen=True, slots=True)
class Registration:
    """The acquisitions to carry out or check again, and what does not fit together."""

    acquisition_ids: tuple[int, ...]
    unassigned: tuple[str, ...]
    without_export: tuple[str, ...]


def register(case: Case) -> Registration:
    """Store the roster in force and one planned acquisition for each export not seen before.

    Raises:
        UserError: for a wrong roster or mail folder.
    """
    if case.settings.roster is None or case.settings.mail is None:
        raise UserError("a run needs a roster and a mail folder (--roster, --mail)")
    roster = read_roster(case.settings.roster)
    plan = match_exports(roster, case.settings.mail)
    if case.settings.requests is not None:
        _keep_requests(case, case.settings.requests)
    with case.database.session() as session:
        _store_roster(session, case, roster)
        rank = {officer: position for position, officer in enumerate(roster.officers)}
        ids = [_planned(session, export, rank[export.officer_id]) for export in plan.exports]
    return Registration(tuple(ids), plan.unassigned, plan.without_export)


def _store_roster(session: Session, case: Case, roster: Roster) -> None:
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
