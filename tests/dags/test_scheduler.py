"""The audit under a running scheduler: API server, DAG processor, LocalExecutor, SQLite."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from email_audit.demo import airflow_environment
from email_audit.ledger.balance import balances, total
from email_audit.settings import Settings
from email_audit.steps.case import open_case
from tests.audits import everything
from tests.dags.fleet import airflow, ended_runs, running, server_environment
from tests.servers.processes import free_port

pytestmark = pytest.mark.long


def test_the_audit_runs_under_a_scheduler_and_a_second_run_does_no_work_twice(
    repository: Path, tmp_path: Path
) -> None:
    port, home, workspace = free_port(), tmp_path / "airflow", tmp_path / "workspace"
    environment = (
        airflow_environment(home, workspace)
        | server_environment(port)
        | {"AIRFLOW__CORE__PARALLELISM": "4"}
    )
    airflow(environment, "db", "migrate")
    airflow(environment, "dags", "reserialize")
    with ExitStack() as stack:
        for component in ("api-server", "dag-processor", "scheduler"):
            log = tmp_path / f"{component}.log"
            stack.enter_context(running(environment, log, component))
        airflow(environment, "dags", "trigger", "email_audit")
        assert ended_runs(environment, count=1) == ["success"]
        settings = Settings.create(workspace=workspace)
        before = everything(settings)
        with open_case(settings) as case, case.database.session() as session:
            totals = total(balances(session))
        assert (totals.declared, totals.found, totals.is_balanced) == (281, 281, True)
        airflow(environment, "dags", "trigger", "email_audit")
        assert ended_runs(environment, count=2) == ["success", "success"]
    after = everything(settings)
    before.pop("custody"), after.pop("custody")  # the first run's bundle may end in between
    assert after == before
