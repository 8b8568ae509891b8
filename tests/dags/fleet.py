"""Parts of Airflow for tests: started under a guardian, asked until they have done their work."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.guardian import descendants_of
from tests.servers.processes import free_port, guarded

MOST_QUESTIONS = 60
"""Each question takes Airflow seconds to answer: that is all the waiting there is."""


def server_environment(port: int) -> dict[str, str]:
    """Give the variables of an Airflow whose API server listens at `port` of the loopback."""
    return {
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }


def airflow(environment: Mapping[str, str], *arguments: str) -> str:
    """Run an Airflow command and give its output; fail with what it says if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def running(
    environment: Mapping[str, str], log: Path, *component: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a part of Airflow until the end of the block, or of the tests."""
    command = [sys.executable, "-m", "airflow", *component]
    with guarded(command, log=log, environment=environment) as process:
        yield process


def kill_all_of(process: "subprocess.Popen[bytes]") -> None:
    """Do what the failure of a machine does: end a part and all it started, at once (SIGKILL)."""
    for descendant in descendants_of(process.pid):
        with suppress(ProcessLookupError):
            os.kill(descendant, signal.SIGKILL)


def ended_runs(
    environment: Mapping[str, str], dag: str = "email_audit", *, count: int
) -> list[str]:
    """Ask Airflow until `count` runs of a DAG ended; give how each ended."""
    states: list[str] = []
    for _ in range(MOST_QUESTIONS):
        listed = airflow(environment, "dags", "list-runs", dag, "-o", "plain")
        states = re.findall(rf"^{dag}\s+\S+\s+(\w+)", listed, re.MULTILINE)
        if sum(state in {"success", "failed"} for state in states) >= count:
            break
    return states
