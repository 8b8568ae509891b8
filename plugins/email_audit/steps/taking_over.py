"""Make another audit's index this audit's, where that one is given up or goes on here."""

from email_audit.errors import UserError
from email_audit.ledger import custody_log
from email_audit.search.interface import CaseIdentity
from email_audit.search.opening import open_index
from email_audit.steps.case import Case


def take_index_over(case: Case, *, reason: str) -> CaseIdentity | None:
    """Have another audit's index be this one's; give which, None where it was no other's.

    The entry in the custody log is written first, in a transaction that fails with the act. What
    the index holds stays until the next write, which makes it hold this audit's hits.

    Raises:
        UserError: where there is no reason, or a setting of the index is wrong.
        RunError: where a run is writing it, or it cannot be reached.
    """
    if not reason.strip():
        raise UserError("--reason is empty; say why the other audit's index is taken over")
    identity = case.identity
    with case.database.session() as session:

        def note(other: CaseIdentity) -> None:
            custody_log.record(
                session,
                actor=case.settings.actor,
                action="index_taken_over",
                subject=case.settings.elasticsearch_alias,
                details={"reason": reason.strip(), "from": other, "by": identity},
            )

        return open_index(case.settings, identity).take_over(note)
