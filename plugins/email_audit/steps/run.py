"""The whole audit in one process tree: the steps in order, with progress for whoever watches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from email_audit.errors import RunError
from email_audit.ledger.balance import Balance, balances, faults
from email_audit.search.interface import IndexChange
from email_audit.settings import Settings
from email_audit.steps.case import Case, open_case
from email_audit.steps.hits import undecided
from email_audit.steps.index import check_index, check_server, index_hits, not_indexed
from email_audit.steps.pool import WorkerPool
from email_audit.steps.read import unread_chunks
from email_audit.steps.register import Registration, register
from email_audit.steps.resolve import resolve
from email_audit.steps.tag import pending_chunks
from email_audit.tagging.version import pipeline_folder

Progress = Callable[[str, int, int], None]
"""Called with the step's name, what is done and what there is to do, in chunks or exports."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did and what the ledger says at its end."""

    registration: Registration
    messages_read: int
    messages_tagged: int
    index: IndexChange
    balances: tuple[Balance, ...]


def run_audit(settings: Settings, *, processes: int, progress: Progress) -> RunReport:
    """Do everything that is still to be done and check that the ledger balances.

    Raises:
        UserError: for a wrong roster, mail folder or setting.
        RunError: where something could not be finished or the ledger does not balance; all else
            was done, and the error names each export concerned.
    """
    pipeline_folder(settings.model)  # a wrong name must not show after hours of reading
    check_server(settings)
    with open_case(settings, create=True) as case, WorkerPool(case, processes) as pool:
        check_index(case)
        registration = register(case)
        _, failures = _each(pool, "acquire", list(registration.acquisition_ids), progress)
        chunks = unread_chunks(case)
        read, read_failures = _each(pool, "read", chunks, progress)
        resolve(case, pool.worker.model_version)
        pending = pending_chunks(case)
        tagged, tag_failures = _each(pool, "tag", pending, progress)
        if waiting := undecided(case):  # raises: with what else failed
            check_ledger(case, [*failures, *read_failures, *tag_failures, waiting])
        progress("index", 0, 1)
        change = index_hits(case)
        progress("index", 1, 1)
        missing = not_indexed(change)
        wrong = [*failures, *read_failures, *tag_failures, *([missing] if missing else [])]
        lines = check_ledger(case, wrong)
    return RunReport(registration, sum(read), sum(tagged), change, tuple(lines))


def check_ledger(case: Case, failures: Sequence[str] = ()) -> list[Balance]:
    """Give the balance of every acquisition.

    Raises:
        RunError: naming each of `failures` and each acquisition that does not balance.
    """
    with case.database.session() as session:
        lines = balances(session)
    unbalanced = list(faults(lines))
    # What failed in acquisition is the ledger's reason too, with the export's name before it.
    wrong = [text for text in failures if not any(line.endswith(text) for line in unbalanced)]
    if wrong := [*wrong, *unbalanced]:
        head = "the ledger does not balance" if unbalanced else "the audit is not complete"
        raise RunError(f"{head}:\n  " + "\n  ".join(wrong))
    return lines


def _each(
    pool: WorkerPool, step: str, ids: list[int], progress: Progress
) -> tuple[list[int], list[str]]:
    """Run one step over all ids; give the results and the messages of those that failed."""
    results, failures = [], []
    for done, (_, outcome) in enumerate(pool.each(step, ids), 1):
        if isinstance(outcome, RunError):
            failures.append(str(outcome))
        else:
            results.append(outcome)
        progress(step, done, len(ids))
    return results, failures
