"""The audit under a running scheduler: API server, DAG processor, LocalExecutor, SQLite."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from email_audit.demo import airflow_environment
from email_audit.ledger.balance import balances, total
from email_audit.settings import Settings
from email_audit.steps.case import open_case
from tests.audits import everything

pytestmark = pytest.mark.xdist_group("airflow")

MOST_QUESTIONS = 60
"""Each question takes Airflow seconds to answer: that is all the waiting there is."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(component: str, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", component],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def ended_runs(environment: Mapping[str, str], *, count: int) -> list[str]:
    """Ask Airflow until `count` runs of the audit DAG ended; give how each ended."""
    states: list[str] = []
    for _ in range(MOST_QUESTIONS):
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "dags", "list-runs", "email_audit", "-o", "plain"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        states = re.findall(r"^email_audit\s+\S+\s+(\w+)", done.stdout, re.MULTILINE)
        if sum(state in {"success", "failed"} for state in states) >= count:
            break
    return states


def test_the_audit_runs_under_a_scheduler_and_a_second_run_does_no_work_twice(
    repository: Path, tmp_path: Path
) -> None:
    port, home, workspace = free_port(), tmp_path / "airflow", tmp_path / "workspace"
    environment = airflow_environment(home, workspace) | {
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }

    def airflow(*arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=environment,
            capture_output=True,
            check=True,
        )

    airflow("db", "migrate")
    airflow("dags", "reserialize")
    with ExitStack() as stack:
        for component in ("api-server", "dag-processor", "scheduler"):
            stack.enter_context(running(component, environment, tmp_path / f"{component}.log"))
        airflow("dags", "trigger", "email_audit")
        assert ended_runs(environment, count=1) == ["success"]
        settings = Settings.create(workspace=workspace)
        before = everything(settings)
        with open_case(settings) as case, case.database.session() as session:
            totals = total(balances(session))
        assert (totals.declared, totals.found, totals.is_balanced) == (281, 281, True)
        airflow("dags", "trigger", "email_audit")
        assert ended_runs(environment, count=2) == ["success", "success"]
    after = everything(settings)
    before.pop("custody"), after.pop("custody")  # the first run's bundle may end in between
    assert after == before
