"""`make demo`: run both DAGs on the bundled sample in an Airflow of its own, and show the result.

Airflow gets a fresh home inside the demo's workspace (SQLite, LocalExecutor), so that nothing of a
user's own Airflow is read or changed.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Never

from email_audit.errors import EmailAuditError, RunError

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "sample"


def airflow_environment(home: Path, workspace: Path) -> dict[str, str]:
    """Give the environment of an Airflow whose home is `home` and that audits the sample."""
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "EMAIL_AUDIT_WORKSPACE": str(workspace),
        "EMAIL_AUDIT_ROSTER": str(SAMPLE / "roster.csv"),
        "EMAIL_AUDIT_MAIL": str(SAMPLE / "mail"),
        "EMAIL_AUDIT_REQUESTS": str(SAMPLE / "requests.csv"),
    }


def run_demo(workspace: Path) -> None:
    """Run the audit and the bundle as DAGs and print officers, messages, hits and the ledger.

    Raises:
        RunError: naming the Airflow command that failed and its log.
    """
    from email_audit.cli.tables import print_officers
    from email_audit.settings import Settings
    from email_audit.steps.case import open_case

    workspace = workspace.resolve()
    home = workspace / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    environment = airflow_environment(home, workspace)
    log = home / "demo.log"
    _airflow(["db", "migrate"], environment, log, "Preparing Airflow")
    _airflow(["dags", "test", "email_audit"], environment, log, "Running the DAG email_audit")
    _airflow(
        ["dags", "test", "email_audit_bundle"],
        environment,
        log,
        "Running the DAG email_audit_bundle",
    )
    with open_case(Settings.create(workspace=workspace)) as case:
        print_officers(case)
    bundles = sorted((workspace / "bundles").iterdir(), key=lambda path: path.stat().st_mtime)
    command = Path(sys.executable).parent / "email-audit"
    shown = Path(os.path.relpath(command))
    print(  # noqa: T201 - what the user came for
        f"\nSearch:  {shown} search --out {os.path.relpath(workspace)} 'kinds:alert'"
        f"\nBundle:  {os.path.relpath(bundles[-1])}  (open readable/index.html)"
        f"\nVerify:  {shown} verify {os.path.relpath(bundles[-1])}"
        f"\nLedger:  {shown} ledger --out {os.path.relpath(workspace)}"
    )


def _airflow(arguments: list[str], environment: dict[str, str], log: Path, title: str) -> None:
    print(f"{title} ...", flush=True)  # noqa: T201 - progress for the user
    with log.open("ab") as output:
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "airflow", *arguments],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise RunError(
            f"`airflow {' '.join(arguments)}` ended with {done.returncode}; its log is {log}"
        )


def main() -> Never:
    """Run the demo from the command line."""
    parser = argparse.ArgumentParser(description="Run the audit's DAGs on the bundled sample.")
    parser.add_argument("--workspace", type=Path, default=Path("workspace/demo"))
    try:
        run_demo(parser.parse_args().workspace)
    except EmailAuditError as error:
        print(f"demo: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()
