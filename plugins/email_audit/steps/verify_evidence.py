"""On demand: hash every stored byte again and recompute the custody log's chain."""

from dataclasses import dataclass
from typing import Any

from email_audit.evidence.custody import GENESIS, chain_faults
from email_audit.ledger import custody_log
from email_audit.ledger.evidence_names import evidence_names
from email_audit.steps.case import Case


@dataclass(frozen=True, slots=True)
class EvidenceVerification:
    """How much was checked and a sentence for everything that is wrong."""

    blobs: int
    entries: int
    last_hash: str
    faults: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the result as one JSON object."""
        return {
            "blobs": self.blobs,
            "custody_entries": self.entries,
            "custody_last_hash": self.last_hash,
            "faults": list(self.faults),
        }


def verify_evidence(case: Case) -> EvidenceVerification:
    """Check every blob the ledger names and the whole custody log. Mends nothing.

    The custody log gets an entry that says what was checked and found.
    """
    with case.database.session() as session:
        names = list(evidence_names(session))
        entries = [entry.as_json() for entry in custody_log.entries(session)]
    faults = [f"custody log: {fault}" for fault in chain_faults(entries)]
    for damage in case.store.verify(iter(names)):
        found = "is missing" if damage.found is None else f"now has SHA-256 {damage.found}"
        faults.append(f"evidence {damage.sha256} {found}; restore it from the backup")
    with case.database.session() as session:
        last = custody_log.record(
            session,
            actor=case.settings.actor,
            action="evidence_verified",
            subject=entries[-1]["hash"] if entries else GENESIS,
            details={"blobs": len(names), "faults": len(faults)},
        )
    return EvidenceVerification(len(names), len(entries) + 1, last.hash, tuple(faults))
