"""The balance of the ledger: declared = found = the sum of all fates, for every acquisition."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from email_audit.ledger.models import AcquisitionRow, AcquisitionState, ChunkRow, Fate, ItemRow


@dataclass(frozen=True, slots=True)
class Balance:
    """One acquisition's account, or (`custodian` None) the totals.

    `declared` comes from the container, never from the reader's own loop. `pending` counts copies
    that no step has decided yet. A balanced line has none, and nothing unread.
    """

    acquisition_id: int | None
    custodian: str | None
    source: str
    sha256: str | None
    declared: int
    found: int
    hits: int
    non_hits: int
    duplicates: int
    out_of_scope: int
    unreadable: int
    pending: int
    problem: str

    @property
    def is_balanced(self) -> bool:
        """Say whether everything declared was found and has a final fate."""
        decided = self.hits + self.non_hits + self.duplicates + self.out_of_scope + self.unreadable
        return not self.problem and not self.pending and self.declared == self.found == decided

    def as_contract(self) -> dict[str, Any]:
        """Give the line of `email-audit ledger --json` (design, "What others rely on")."""
        return {
            "custodian": self.custodian,
            "source": self.source,
            "sha256": self.sha256,
            "declared": self.declared,
            "found": self.found,
            "hits": self.hits,
            "non_hits": self.non_hits,
            "duplicates": self.duplicates,
            "out_of_scope": self.out_of_scope,
            "unreadable": self.unreadable,
            "balanced": self.is_balanced,
        }


def balances(session: Session) -> list[Balance]:
    """Give the account of every acquisition, in order of roster, then path, then age."""
    counts: dict[int, dict[str, int]] = {}
    fates = session.execute(
        select(ItemRow.acquisition_id, ItemRow.fate, func.count()).group_by(
            ItemRow.acquisition_id, ItemRow.fate
        )
    )
    for acquisition_id, fate, count in fates:
        counts.setdefault(acquisition_id, {})[fate] = count
    unread = dict(
        session.execute(
            select(ChunkRow.acquisition_id, func.count())
            .where(~ChunkRow.is_read)
            .group_by(ChunkRow.acquisition_id)
        ).all()
    )
    rows = session.scalars(
        select(AcquisitionRow).order_by(
            AcquisitionRow.custodian_order, AcquisitionRow.path, AcquisitionRow.id
        )
    )
    return [_balance(row, counts.get(row.id, {}), unread.get(row.id, 0)) for row in rows]


def total(lines: list[Balance]) -> Balance:
    """Add up all lines. Duplicates are counted as such, so hits are distinct messages."""
    return Balance(
        acquisition_id=None,
        custodian=None,
        source="",
        sha256=None,
        declared=sum(line.declared for line in lines),
        found=sum(line.found for line in lines),
        hits=sum(line.hits for line in lines),
        non_hits=sum(line.non_hits for line in lines),
        duplicates=sum(line.duplicates for line in lines),
        out_of_scope=sum(line.out_of_scope for line in lines),
        unreadable=sum(line.unreadable for line in lines),
        pending=sum(line.pending for line in lines),
        problem="; ".join(line.problem for line in lines if line.problem),
    )


def faults(lines: list[Balance]) -> Iterator[str]:
    """Yield one sentence for each acquisition that does not balance."""
    for line in lines:
        if line.is_balanced:
            continue
        if line.problem:
            yield f"{line.source} (custodian {line.custodian}): {line.problem}"
        else:
            yield (
                f"{line.source} (custodian {line.custodian}): declares {line.declared} items, "
                f"{line.found} found, {line.pending} of them undecided; "
                f"hits {line.hits} + non-hits {line.non_hits} + duplicates {line.duplicates} "
                f"+ out of scope {line.out_of_scope} + unreadable {line.unreadable}"
            )


def _balance(row: AcquisitionRow, counts: dict[str, int], unread: int) -> Balance:
    problem = row.problem
    if row.state == AcquisitionState.PLANNED:
        problem = "was planned but is not acquired yet; run again"
    elif unread and not problem:
        problem = f"{unread} chunks are not read yet; run again"
    return Balance(
        acquisition_id=row.id,
        custodian=row.custodian,
        source=row.path,
        sha256=row.sha256,
        declared=row.declared or 0,
        found=sum(counts.values()),
        hits=counts.get(Fate.HIT, 0),
        non_hits=counts.get(Fate.NON_HIT, 0),
        duplicates=counts.get(Fate.DUPLICATE, 0),
        out_of_scope=counts.get(Fate.OUT_OF_SCOPE, 0),
        unreadable=counts.get(Fate.UNREADABLE, 0),
        pending=counts.get(Fate.PENDING, 0),
        problem=problem,
    )
