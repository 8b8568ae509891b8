"""The audit as a DAG: mapped tasks for exports, one each or in shares, then for shares of chunks.

Wiring only. Ids of database rows travel between tasks; bytes stay in the evidence store and words
in the messages, so nothing of either is in XCom, logs or task names.
"""

import os
from datetime import timedelta

from airflow.sdk import Asset, Param, TriggerRule, dag, task

Params = dict[str, object] | None
HITS = Asset("email-audit-hits")
MAILBOXES = Asset("email-audit-mailboxes")
SCHEDULE = os.environ.get("EMAIL_AUDIT_SCHEDULE") or None
MARGIN = os.environ.get("EMAIL_AUDIT_MARGIN_DAYS")
POOL = os.environ.get("EMAIL_AUDIT_POOL", "default_pool")
# On several machines: who sees roster and exports, and who keeps the embedded index and bundles.
ACQUIRE = {"queue": name} if (name := os.environ.get("EMAIL_AUDIT_ACQUIRE_QUEUE")) else {}
OUTPUT = {"queue": name} if (name := os.environ.get("EMAIL_AUDIT_OUTPUT_QUEUE")) else {}
RETRIES = {
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
}


@dag(
    schedule=[MAILBOXES] if SCHEDULE == "after-sync" else SCHEDULE,
    catchup=False,
    max_active_runs=1,
    default_args=RETRIES,
    tags=["email-audit"],
    doc_md=__doc__,
    params={
        "roster": Param(
            os.environ.get("EMAIL_AUDIT_ROSTER"),
            type=["null", "string"],
            title="Roster",
            description="Path of roster.csv; empty: the setting EMAIL_AUDIT_ROSTER.",
        ),
        "mail": Param(
            os.environ.get("EMAIL_AUDIT_MAIL"),
            type=["null", "string"],
            title="Mail folder",
            description="Folder of mailbox exports; empty: the setting EMAIL_AUDIT_MAIL.",
        ),
        "requests": Param(
            os.environ.get("EMAIL_AUDIT_REQUESTS"),
            type=["null", "string"],
            title="Requests",
            description="Path of requests.csv, the agency's own log; may be empty.",
        ),
        "margin_days": Param(
            int(MARGIN) if MARGIN else None,
            type=["null", "integer"],
            minimum=0,
            maximum=3660,
            title="Margin",
            description="Days added around each assignment; empty: EMAIL_AUDIT_MARGIN_DAYS.",
        ),
        "database_connection": Param(
            os.environ.get("EMAIL_AUDIT_DATABASE_CONNECTION"),
            type=["null", "string"],
            title="Database connection",
            description="Airflow connection of type postgres; empty: EMAIL_AUDIT_DATABASE_URL.",
        ),
        "elasticsearch_connection": Param(
            os.environ.get("EMAIL_AUDIT_ELASTICSEARCH_CONNECTION"),
            type=["null", "string"],
            title="Index connection",
            description="Airflow connection of type elasticsearch; empty: EMAIL_AUDIT_... .",
        ),
    },
)
def email_audit() -> None:
    """Roster, acquisitions, messages, tags, index, and the check that the ledger balances."""

    @task(**ACQUIRE)
    def plan(params: Params = None) -> list[list[int]]:
        from email_audit.airflow_steps import plan_acquisitions

        return plan_acquisitions(params)

    @task(pool=POOL, **ACQUIRE)
    def acquire(acquisition_ids: list[int], params: Params = None) -> None:
        from email_audit.airflow_steps import acquire_share

        acquire_share(params, acquisition_ids)

    # An export that cannot be acquired must not keep the others from being audited, those of its
    # own share included: what there is to read is asked of the ledger.
    @task(trigger_rule=TriggerRule.ALL_DONE)
    def split(params: Params = None) -> list[list[int]]:
        from email_audit.airflow_steps import shares_to_read

        return shares_to_read(params)

    @task(pool=POOL)
    def read(chunk_ids: list[int], params: Params = None) -> int:
        from email_audit.airflow_steps import read_share

        return read_share(params, chunk_ids)

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def resolve(params: Params = None) -> list[list[int]]:
        from email_audit.airflow_steps import resolve_and_share

        return resolve_and_share(params)

    @task(pool=POOL)
    def tag(chunk_ids: list[int], params: Params = None) -> int:
        from email_audit.airflow_steps import tag_share

        return tag_share(params, chunk_ids)

    @task(trigger_rule=TriggerRule.ALL_DONE, **OUTPUT)
    def index(params: Params = None) -> int:
        from email_audit.airflow_steps import index_all

        return index_all(params)

    @task(retries=0)
    def check(params: Params = None) -> dict[str, int]:
        from email_audit.airflow_steps import check_balance

        return check_balance(params)

    @task(outlets=[HITS], trigger_rule=TriggerRule.NONE_FAILED)
    def announce(params: Params = None) -> str:
        from email_audit.airflow_steps import announce

        return announce(params)

    @task
    def note(digest: str, params: Params = None) -> None:
        from email_audit.airflow_steps import note_announced

        note_announced(params, digest)

    acquired = acquire.expand(acquisition_ids=plan())
    shares = split()
    resolved = resolve()
    checked = check()
    acquired >> shares
    read.expand(chunk_ids=shares) >> resolved
    tag.expand(chunk_ids=resolved) >> index() >> checked
    # The next step runs whatever became of single shares. If a step itself fails, the ledger may
    # still balance as the last run left it: no check passes then.
    [shares, resolved] >> checked
    announced = announce()
    # The check names an export that was never acquired. One that was, and cannot be read any more,
    # is no fault of the ledger; the run fails all the same.
    [acquired, checked] >> announced
    # The event is out when `announce` has succeeded, not before: only then are the hits known.
    note(announced)


email_audit()
