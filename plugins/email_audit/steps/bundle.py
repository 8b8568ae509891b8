"""Last step: export a case bundle from the case database and the evidence store."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from email_audit import __version__
from email_audit.bundles.records import (
    BundleCase,
    BundleMessage,
    BundleSummary,
    CaseOfficer,
    CopyOf,
    RunTotals,
)
from email_audit.bundles.write import write_bundle
from email_audit.errors import UserError
from email_audit.ledger import custody_log
from email_audit.ledger.balance import balances, total
from email_audit.ledger.index_records import kept_out
from email_audit.ledger.models import AssignmentRow
from email_audit.search.interface import SearchIndex
from email_audit.search.opening import open_index
from email_audit.search.paging import every_hit
from email_audit.steps.case import Case
from email_audit.steps.hits import HitRecord, list_hits, read_hits
from email_audit.steps.stored import read_source_bytes

log = logging.getLogger(__name__)

_SOURCE_SUFFIX = {
    "mbox": ".mbox-item",
    "eml": ".eml",
    "text": ".txt",
    "msg": ".msg",
    "tnef": ".tnef",
}
_RENDERED_SUFFIX = ".eml"
"""For a message that is spread over its container, as in a PST: its rendering stands for it."""
_NO_DATE = datetime.max.replace(tzinfo=UTC)


def export_bundle(
    case: Case, *, name: str, target: Path, officer: str | None = None, query: str | None = None
) -> BundleSummary:
    """Write the bundle of case `name` to `target`: every hit, or one officer's, or a query's.

    Messages are numbered by date, those without one last. Hits that no query can find, since they
    are not in the index, are counted in a warning and in the bundle's scope. The custody log in the
    bundle ends with the entry that says it was begun; the case's own log gets another one with the
    manifest's hash.

    Raises:
        UserError: where no hit is left, or the target is not empty.
    """
    officers = _officers(case)
    names = {row.custodian: row.name for row in officers}
    if officer is not None and officer not in names:
        raise UserError(f"--officer: {officer!r} is not in the roster ({', '.join(names)})")
    hits = [hit for hit in list_hits(case) if officer is None or officer in hit.custodians]
    selection = _selection(officer, query)
    if query is not None:
        index = _own_index(case)
        if unsearched := _unsearched(case, index, hits):
            log.warning("case %s: %s", name, unsearched)
            selection = f"{selection}; {unsearched}"
        wanted = {hit.document.id for hit in every_hit(index, query)}
        hits = [hit for hit in hits if hit.item.content_sha256 in wanted]
    if not hits:
        raise UserError(f"case {name}: no hit to export ({selection}); nothing was written")
    hits.sort(key=lambda hit: (hit.sent_at or _NO_DATE, hit.item.content_sha256))
    created_at = datetime.now(UTC).replace(microsecond=0)
    subject, actor = name, case.settings.actor
    with case.database.session() as session:
        custody_log.record(
            session,
            actor=actor,
            action="bundle_begun",
            subject=subject,
            details={"messages": len(hits), "selection": selection},
        )
        entries = list(custody_log.entries(session))
        totals = total(balances(session))
    bundle_case = BundleCase(
        name=name,
        created_at=created_at,
        tool_version=f"email-audit {__version__}",
        model_version=", ".join(sorted({hit.model for hit in hits})),
        officers=officers,
        scope=f"{selection}; scope margin {case.settings.margin_days} days",
        totals=RunTotals(
            totals.declared,
            totals.found,
            totals.hits,
            totals.non_hits,
            totals.duplicates,
            totals.out_of_scope,
            totals.unreadable,
        ),
        time_zone=case.settings.time_zone,
    )
    summary = write_bundle(target, bundle_case, _messages(case, hits, names), entries)
    with case.database.session() as session:
        custody_log.record(
            session,
            actor=actor,
            action="bundle_exported",
            subject=subject,
            details={
                "manifest_sha256": summary.manifest_sha256,
                "messages": summary.messages,
                "files": summary.files,
            },
        )
    return summary


def _messages(
    case: Case, records: list[HitRecord], names: dict[str, str]
) -> Iterator[BundleMessage]:
    for number, hit in enumerate(read_hits(case, records), 1):
        item, record = hit.record.item, hit.record
        yield BundleMessage(
            number=number,
            message=hit.stored.message,
            original=hit.stored.found.original,
            source_bytes=(
                read_source_bytes(case, item)
                if item.format in _SOURCE_SUFFIX
                else hit.stored.found.original
            ),
            source_suffix=_SOURCE_SUFFIX.get(item.format, _RENDERED_SUFFIX),
            copies=tuple(
                CopyOf(
                    custodian=copy.custodian,
                    custodian_name=names.get(copy.custodian, ""),
                    source=copy.source,
                    path_in_source=copy.path_in_source,
                    evidence_sha256=copy.evidence_sha256,
                    start=copy.start,
                    stop=copy.stop,
                    acquired_at=copy.acquired_at,
                )
                for copy in record.copies
            ),
            tag=record.tag,
            model=record.model,
            thread=record.thread,
        )


def _officers(case: Case) -> tuple[CaseOfficer, ...]:
    with case.database.session() as session:
        rows = session.scalars(select(AssignmentRow).order_by(AssignmentRow.id))
        return tuple(
            CaseOfficer(
                custodian=row.officer_id,
                name=row.name,
                rank=row.rank,
                task_force=row.task_force,
                partner_agency=row.partner_agency,
                assigned_from=row.assigned_from,
                assigned_to=row.assigned_to,
            )
            for row in rows
        )


def _unsearched(case: Case, index: SearchIndex, hits: list[HitRecord]) -> str | None:
    """Say how many of `hits` are not in the index and so in no query's result, None if none is."""
    indexed = set(index.ids())
    absent = {hit.item.content_sha256 for hit in hits} - indexed
    if not absent:
        return None
    with case.database.session() as session:
        kept = len(absent & kept_out(session))
    reasons = [f"{kept} kept out of it on request"] if kept else []
    if other := len(absent) - kept:
        reasons.append(f"{other} refused by it or not written yet")
    return f"{len(absent)} hits not searched, as the index does not hold them: {', '.join(reasons)}"


def _own_index(case: Case) -> SearchIndex:
    """Give the index; not another audit's, where a query would miss hits without a word."""
    index = open_index(case.settings, case.identity)
    index.check()
    return index


def _selection(officer: str | None, query: str | None) -> str:
    parts = []
    if officer is not None:
        parts.append(f"hits with a copy of officer {officer}")
    if query is not None:
        parts.append(f"hits of the query {query!r}")
    return " and ".join(parts) or "every hit"
