"""Live mailboxes as a DAG: mapped tasks for the mailboxes, one each or in shares.

Wiring only. The audit itself is the DAG `email_audit`, which reads what was synced; it starts after
this one if EMAIL_AUDIT_SCHEDULE is `after-sync`. Only ids and counts travel between tasks; the
secret stays in the connection.
"""

import os
from datetime import timedelta

from airflow.sdk import Asset, Param, TriggerRule, dag, task

Params = dict[str, object] | None
MAILBOXES = Asset("email-audit-mailboxes")
POOL = os.environ.get("EMAIL_AUDIT_POOL", "default_pool")
ACQUIRE = {"queue": name} if (name := os.environ.get("EMAIL_AUDIT_ACQUIRE_QUEUE")) else {}
RETRIES = {
    "retries": 3,
    "retry_delay": timedelta(minutes=2),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(hours=1),
}


@dag(
    schedule=os.environ.get("EMAIL_AUDIT_SYNC_SCHEDULE") or None,
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
            description="Addresses that have an export there are not synced; may be empty.",
        ),
        "database_connection": Param(
            os.environ.get("EMAIL_AUDIT_DATABASE_CONNECTION"),
            type=["null", "string"],
            title="Database connection",
            description="Airflow connection of type postgres; empty: EMAIL_AUDIT_DATABASE_URL.",
        ),
        "exchange_connection": Param(
            os.environ.get("EMAIL_AUDIT_EXCHANGE_CONNECTION"),
            type=["null", "string"],
            title="Connection",
            description="Airflow connection of type exchange; empty: EMAIL_AUDIT_EXCHANGE_... .",
        ),
    },
)
def email_audit_sync() -> None:
    """Log in once, then acquire what is new in every live mailbox of the roster."""

    @task(**ACQUIRE)
    def plan(params: Params = None, run_id: str | None = None) -> list[list[int]]:
        from email_audit.airflow_steps import plan_mailboxes

        return plan_mailboxes(params, run_id)

    @task(pool=POOL, **ACQUIRE)
    def sync(
        mailbox_ids: list[int], params: Params = None, run_id: str | None = None
    ) -> dict[str, int]:
        from email_audit.airflow_steps import sync_share

        return sync_share(params, mailbox_ids, run_id)

    # What could be taken is audited; the run still fails with the mailbox that could not.
    @task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS, outlets=[MAILBOXES])
    def announce() -> None:
        """Tell the audit that there may be new mail."""

    @task(retries=0)
    def check() -> None:
        """Fail the run if one of the mailboxes failed."""

    synced = sync.expand(mailbox_ids=plan())
    synced >> announce()
    synced >> check()


email_audit_sync()
