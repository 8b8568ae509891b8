"""An Airflow of its own for the DAG tests: SQLite, LocalExecutor, a home in a temporary folder."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from email_audit.demo import airflow_environment
from email_audit.settings import Settings
from tests.audits import sample_settings
from tests.servers import databases


@dataclass(frozen=True)
class Airflow:
    """A prepared Airflow home and the environment its commands run in."""

    home: Path
    environment: Mapping[str, str]
    settings: Settings

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Run a command that prints JSON after whatever Airflow has to say before it."""
        lines = self.run(*arguments, "-o", "json").stdout.splitlines()
        begin = next(number for number, line in enumerate(lines) if line[:1] in {"[", "{"})
        return json.loads("\n".join(lines[begin:]))

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.home / "airflow.db") as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="session")
def airflow(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Give an Airflow that knows both DAGs and audits the bundled sample."""
    home = tmp_path_factory.mktemp("airflow")
    workspace = tmp_path_factory.mktemp("workspace")
    environment = {
        name: value
        for name, value in airflow_environment(home, workspace).items()
        if name != "PYTEST_CURRENT_TEST"
    } | {"EMAIL_AUDIT_ACTOR": "tester"}
    settings = sample_settings(repository, workspace, databases.SQLITE)
    prepared = Airflow(home, environment, settings)
    migrated = prepared.run("db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    yield prepared
    assert os.environ.get("AIRFLOW_HOME") != str(home)
