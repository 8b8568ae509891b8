"""The audit on several machines: CeleryExecutor, and workers that share servers but no folder.

Each worker has a home, an Airflow home, a workspace and a folder for temporary files of its own; of
the others it knows the URLs of PostgreSQL, the broker, the S3 server and Elasticsearch, no path.
Only `exports` sees the roster and the mail.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from email_audit.bundles.verifier import verify
from email_audit.search.interface import HitDocument
from email_audit.search.opening import open_index
from email_audit.search.paging import every_hit
from email_audit.settings import Settings
from email_audit.steps.bundle import export_bundle
from email_audit.steps.case import open_case
from email_audit.steps.verify_evidence import verify_evidence
from tests.audits import everything, sample_settings
from tests.dags.fleet import airflow, kill_all_of, running, server_environment
from tests.servers.databases import SQLITE
from tests.servers.postgresql import PostgreSQL
from tests.servers.processes import free_port, listens, wait_until
from tests.servers.s3 import S3
from tests.servers.valkey import running_redis

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.long

_PATIENCE_S = 300


@dataclass
class Site:
    """Machines that share nothing but servers."""

    folder: Path
    repository: Path
    servers: Mapping[str, str]
    metadata: str
    shared: Mapping[str, str]

    @cached_property
    def control(self) -> dict[str, str]:
        """The machine of Airflow's own parts."""
        return self.machine("control")

    @property
    def settings(self) -> dict[str, str]:
        """The settings that every machine has."""
        prefix = "EMAIL_AUDIT_"
        return {
            name.removeprefix(prefix).lower(): value
            for name, value in self.servers.items()
            if name.startswith(prefix)
        }

    def machine(self, name: str, **settings: str) -> dict[str, str]:
        """Give the variables of a machine: folders of its own, and the servers."""
        own = self.folder / name
        folders = {kind: own / kind for kind in ("home", "airflow", "workspace", "tmp")}
        for path in folders.values():
            path.mkdir(parents=True, exist_ok=True)
        return {
            **self.shared,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(folders["home"]),
            "TMPDIR": str(folders["tmp"]),
            "LOGNAME": name,  # Airflow is told to take this for the machine's name
            "AIRFLOW_HOME": str(folders["airflow"]),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "EMAIL_AUDIT_WORKSPACE": str(folders["workspace"]),
            **settings,
        }

    def wait_for(self, query: str, **values: str) -> Any:
        """Ask Airflow's database until a query gives a row; gives its first value."""
        engine = create_engine(self.metadata)
        deadline = time.monotonic() + _PATIENCE_S
        try:
            while True:
                with engine.connect() as connection:
                    row = connection.execute(text(query), values).first()
                if row is not None:
                    return row[0]
                assert time.monotonic() < deadline, f"never came true: {query} {values}"
                time.sleep(0.1)
        finally:
            engine.dispose()

    def end_of(self, dag: str) -> str:
        """Wait until a run of a DAG ended; gives how."""
        ended = "SELECT state FROM dag_run WHERE dag_id = :dag AND state IN ('success', 'failed')"
        return str(self.wait_for(ended, dag=dag))


@pytest.fixture
def site(
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgresql: PostgreSQL,
    s3: S3,
    elasticsearch_url: str,
    elasticsearch_alias: str,
) -> Iterator[Site]:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    metadata, case = postgresql.new_database(), postgresql.new_database()
    bucket = s3.new_bucket()
    with running_redis(tmp_path) as redis:
        servers = {
            **s3.environment,
            "EMAIL_AUDIT_DATABASE_URL": case,
            "EMAIL_AUDIT_EVIDENCE_URL": f"s3://{bucket}/case",
            "EMAIL_AUDIT_ELASTICSEARCH_URL": elasticsearch_url,
            "EMAIL_AUDIT_ELASTICSEARCH_ALIAS": elasticsearch_alias,
        }
        shared = {
            **server_environment(free_port()),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__DAGS_FOLDER": str(repository / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(repository / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "getpass.getuser",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": metadata.replace(
                "+psycopg:", "+psycopg_async:"
            ),
            "AIRFLOW__CELERY__BROKER_URL": f"{redis}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"{redis}/1",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
            # A dead worker is noticed sooner than by default (300 s), a test has no time.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            # A worker may die with a task that it has taken and not yet begun.
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "3",
            "EMAIL_AUDIT_ACQUIRE_QUEUE": "exports",
            "EMAIL_AUDIT_OUTPUT_QUEUE": "exports",
            "EMAIL_AUDIT_ACTOR": "tester",
            "EMAIL_AUDIT_MAP_LIMIT": "2",
            "EMAIL_AUDIT_CHUNK_ITEMS": "10",
            **servers,
        }
        yield Site(tmp_path, repository, servers, metadata, shared)


@contextmanager
def fleet(site: Site) -> Iterator[Mapping[str, "subprocess.Popen[bytes]"]]:
    """Run Airflow's own parts on one machine and a worker on each of two others."""
    sample = site.repository / "sample"
    exports = site.machine(
        "exports",
        EMAIL_AUDIT_ROSTER=str(sample / "roster.csv"),
        EMAIL_AUDIT_MAIL=str(sample / "mail"),
        EMAIL_AUDIT_REQUESTS=str(sample / "requests.csv"),
    )
    airflow(site.control, "db", "migrate")
    airflow(site.control, "dags", "reserialize")
    worker = ("celery", "worker", "--celery-hostname")
    with ExitStack() as stack:
        parts = {}
        for name, environment, component in (
            ("api-server", site.control, ("api-server",)),
            ("dag-processor", site.control, ("dag-processor",)),
            ("scheduler", site.control, ("scheduler",)),
            ("exports", exports, (*worker, "exports@%h", "--queues", "exports,default")),
            ("other", site.machine("other"), (*worker, "other@%h", "--queues", "default")),
        ):
            log = site.folder / f"{name}.log"
            parts[name] = stack.enter_context(running(environment, log, *component))
            if name == "api-server":
                port = int(site.control["AIRFLOW__API__PORT"])
                wait_until(partial(listens, port), parts[name], log, seconds=_PATIENCE_S)
        yield parts


def test_workers_that_share_no_folder_give_the_same_result_though_one_is_killed(
    site: Site, sampled: Settings, tmp_path: Path
) -> None:
    with fleet(site) as parts:
        airflow(site.control, "dags", "trigger", "email_audit")
        site.wait_for(
            "SELECT 1 FROM task_instance WHERE dag_id = 'email_audit' AND task_id = 'read' "
            "AND hostname = 'other' AND state = 'running'"
        )
        kill_all_of(parts["other"])
        assert site.end_of("email_audit") == "success"
        assert site.end_of("email_audit_bundle") == "success"
        attempts = site.wait_for(
            "SELECT max(try_number) FROM task_instance "
            "WHERE dag_id = 'email_audit' AND task_id = 'read'"
        )
    assert attempts > 1
    there = Settings.create(workspace=tmp_path / "nowhere", **site.settings)
    assert decided(there) == decided(sampled)
    assert hits(there) == hits(sampled)
    with open_case(there) as case:
        assert verify_evidence(case).faults == ()
    (bundle,) = (tmp_path / "exports" / "workspace" / "bundles").iterdir()
    assert verify(bundle) == []
    copytree(sampled.workspace, tmp_path / "alone")  # a bundle is an entry in the custody log
    with open_case(sample_settings(site.repository, tmp_path / "alone", SQLITE)) as case:
        export_bundle(case, name="all-hits", target=tmp_path / "bundle")
    assert contents(bundle) == contents(tmp_path / "bundle") != {}
    left = [path for path in (tmp_path / "other" / "workspace").rglob("*") if path.is_file()]
    assert left == []


def decided(settings: Settings) -> dict[str, Any]:
    """Give all that a run decides, but for the bundles that were made of it."""
    result = everything(settings)
    result["custody"] = [entry for entry in result["custody"] if "bundle" not in entry[0]]
    return result


def hits(settings: Settings) -> list[HitDocument]:
    found = (hit.document for hit in every_hit(open_index(settings), "*"))
    return sorted(found, key=lambda document: document.id)


def contents(bundle: Path) -> dict[str, str]:
    """Give the hash of every file of a bundle that holds no moment of its making."""
    return {
        path.relative_to(bundle).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in bundle.rglob("*")
        if path.is_file() and path.relative_to(bundle).parts[0] in {"originals", "messages"}
    }
