"""The steps as Airflow tasks call them: parameters in, database ids out.

Every call opens the audit anew: a task may run on any machine, and two tasks of one run need not
share a process or a disk. With the classifier's package installed everywhere and evidence and
database given as URLs, nothing here touches a local folder but the embedded index's step.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from email_audit.errors import RunError, UserError
from email_audit.steps.case import Case, open_case
from email_audit.steps.pool import Worker

if TYPE_CHECKING:
    from email_audit.exchange.client import Exchange

log = logging.getLogger(__name__)

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

Params = Mapping[str, Any]
"""The DAG run's parameters; an empty one leaves the EMAIL_AUDIT_... setting in force."""


def _no_retry_for_bad_input(
    step: Callable[_Arguments, _Result],
) -> Callable[_Arguments, _Result]:
    """Fail the task at once for what no retry can mend, with our one message."""

    @wraps(step)
    def wrapped(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return step(*args, **kwargs)
        except UserError as error:
            from airflow.sdk.exceptions import AirflowFailException

            raise AirflowFailException(str(error)) from error

    return wrapped


@_no_retry_for_bad_input
def plan_acquisitions(params: Params) -> list[list[int]]:
    """Register roster and exports; give the acquisitions to carry out or check, as shares."""
    from email_audit.steps.index import check_index
    from email_audit.steps.register import register

    with _case(params, create=True, has_index=True) as case:
        check_index(case)
        registration = register(case)
        limit = case.settings.map_limit
    for path in registration.unassigned:
        log.warning("an export belongs to no officer of the roster: %s", path)
    for path in registration.not_files:
        log.warning("a link or no file; what it leads to is not read: %s", path)
    for officer in registration.without_export:
        log.warning("an officer has no export in the mail folder: %s", officer)
    return _shares(list(registration.acquisition_ids), limit)


@_no_retry_for_bad_input
def acquire_share(params: Params, acquisition_ids: Sequence[int]) -> None:
    """Acquire some exports, or check that they are as they were.

    Raises:
        RunError: naming each that could not be acquired, after all others were.
    """
    with _case(params) as case:
        _each(Worker(case).acquire, acquisition_ids)


@_no_retry_for_bad_input
def plan_mailboxes(params: Params, run_id: str) -> list[list[int]]:
    """Register the roster's live mailboxes and see that the login is accepted.

    Gives their ids as shares for mapped tasks.

    One login before all others: fifty tasks with a wrong password would lock the account.
    """
    from email_audit.steps.register import register_mailboxes
    from email_audit.steps.sync import check_login

    with _case(params, create=True) as case:
        mailbox_ids = register_mailboxes(case)
        if mailbox_ids:
            check_login(case, _exchange(params), mailbox_ids[0], attempt=run_id)
        return _shares(mailbox_ids, case.settings.map_limit)


@_no_retry_for_bad_input
def sync_share(params: Params, mailbox_ids: Sequence[int], run_id: str) -> dict[str, int]:
    """Acquire what is new in some mailboxes; give their counts.

    Raises:
        RunError: naming each mailbox that could not be synced, or of which the server counts other
            items than were taken, after all others were.
    """
    from email_audit.steps.sync import SyncReport, sync_mailbox

    with _case(params) as case:
        exchange = _exchange(params)

        def sync(mailbox_id: int) -> SyncReport:
            report = sync_mailbox(case, exchange, mailbox_id, attempt=run_id)
            if report.findings:
                raise RunError("; ".join(report.findings))
            return report

        reports = _each(sync, mailbox_ids)
    return {
        "taken": sum(report.taken for report in reports),
        "deleted": sum(report.deleted for report in reports),
        "outside": sum(report.outside for report in reports),
        "server": sum(report.server for report in reports),
    }


@_no_retry_for_bad_input
def shares_to_read(params: Params) -> list[list[int]]:
    """Give the chunks still to be read, as shares for mapped tasks."""
    from email_audit.steps.read import unread_chunks

    with _case(params) as case:
        return _shares(unread_chunks(case), case.settings.map_limit)


@_no_retry_for_bad_input
def read_share(params: Params, chunk_ids: Sequence[int]) -> int:
    """Read some chunks; give the number of items."""
    with _case(params) as case:
        return sum(_each(Worker(case).read, chunk_ids))


@_no_retry_for_bad_input
def resolve_and_share(params: Params) -> list[list[int]]:
    """Decide threads, scope and duplicates; give the chunks to tag, as shares for mapped tasks."""
    from email_audit.steps.resolve import resolve
    from email_audit.steps.tag import pending_chunks

    with _case(params) as case:
        resolve(case, Worker(case).model_version)
        return _shares(pending_chunks(case), case.settings.map_limit)


@_no_retry_for_bad_input
def tag_share(params: Params, chunk_ids: Sequence[int]) -> int:
    """Tag some chunks; give the number of messages."""
    with _case(params) as case:
        return sum(_each(Worker(case).tag, chunk_ids))


@_no_retry_for_bad_input
def index_all(params: Params) -> int:
    """Make the search index hold exactly the hits; give the number of documents.

    Raises:
        RunError: where the index would not take all of them.
    """
    from email_audit.steps.index import index_hits, not_indexed

    with _case(params, has_index=True) as case:
        change = index_hits(case)
    if missing := not_indexed(change):
        raise RunError(missing)
    return change.written + change.unchanged


def check_balance(params: Params) -> dict[str, int]:
    """Fail unless the ledger balances; give its totals."""
    from email_audit.ledger.balance import total
    from email_audit.steps.run import check_ledger

    with _case(params) as case:
        totals = total(check_ledger(case))
    return {
        "found": totals.found,
        "hits": totals.hits,
        "non_hits": totals.non_hits,
        "duplicates": totals.duplicates,
        "out_of_scope": totals.out_of_scope,
        "unreadable": totals.unreadable,
    }


def announce(params: Params) -> str:
    """Succeed if the hits changed since the last announcement, with their digest; else skip.

    A skipped task emits no asset event, so an audit that found nothing new starts no bundle.
    """
    from email_audit.steps.announce import unannounced_hits

    with _case(params) as case:
        digest = unannounced_hits(case)
    if digest is None:
        from airflow.sdk.exceptions import AirflowSkipException

        raise AirflowSkipException("the hits are those of the last run")
    return digest


def note_announced(params: Params, digest: str) -> None:
    """Note that the hits were announced, once `announce` has succeeded and emitted its event.

    A worker lost in between costs a second announcement, never the only one.
    """
    from email_audit.steps import announce

    with _case(params) as case:
        announce.note_announced(case, digest)


@_no_retry_for_bad_input
def export_case(params: Params, run_id: str) -> str:
    """Export the case the parameters name; give the SHA-256 of the bundle's manifest."""
    from email_audit.steps.bundle import export_bundle

    with _case(params, has_index=True) as case:
        name = str(params["case"])
        target = Path(
            params.get("to")
            or case.settings.bundles_folder / f"{name}-{re.sub(r'[^0-9A-Za-z]+', '-', run_id)}"
        )
        summary = export_bundle(
            case,
            name=name,
            target=target,
            officer=params.get("officer") or None,
            query=params.get("query") or None,
        )
    return summary.manifest_sha256


def _exchange(params: Params) -> "Exchange":
    """Open the server that the connection names, or else the environment."""
    from email_audit.airflow_settings import server_settings
    from email_audit.exchange.client import Exchange

    connection = params.get("exchange_connection")
    if not connection:
        return Exchange(server_settings())
    from email_audit.airflow_exchange import ExchangeHook

    return Exchange(ExchangeHook(connection).settings())


@contextmanager
def _case(params: Params, *, create: bool = False, has_index: bool = False) -> Iterator[Case]:
    """Open the audit; with `has_index`, also the connection to the index's server."""
    from email_audit.airflow_settings import database_url, task_settings

    names = ("workspace", "roster", "mail", "requests", "margin_days")
    values: dict[str, Any] = {
        name: value for name in names if (value := params.get(name)) not in (None, "")
    }
    if database := params.get("database_connection"):
        values["database_url"] = database_url(database)
    connection = params.get("elasticsearch_connection")
    if has_index and connection:
        from email_audit.airflow_elasticsearch import ElasticsearchHook

        values |= ElasticsearchHook(connection).settings()
    with open_case(task_settings(values), create=create) as case:
        yield case


def _each(step: Callable[[int], _Result], ids: Sequence[int]) -> list[_Result]:
    """Do `step` for every id of a share; one that fails does not keep the others from it."""
    results, failures = [], []
    for identifier in ids:
        try:
            results.append(step(identifier))
        except RunError as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise RunError("\n  ".join([f"{len(failures)} of {len(ids)} failed:", *map(str, failures)]))
    return results


def _shares(ids: list[int], limit: int) -> list[list[int]]:
    """Deal ids out into at most `limit` shares of consecutive ones, as equal as can be."""
    count = min(limit, len(ids))
    if not count:
        return []
    size, extra = divmod(len(ids), count)
    starts = [share * size + min(share, extra) for share in range(count + 1)]
    return [ids[begin:end] for begin, end in pairwise(starts)]
