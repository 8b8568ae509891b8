"""The DAGs, run for real: same result as the command, nothing of the mail in Airflow's own data."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from email_audit.airflow_steps import (
    acquire_share,
    announce,
    note_announced,
    plan_acquisitions,
    read_share,
    resolve_and_share,
    shares_to_read,
)
from email_audit.bundles.verifier import verify
from email_audit.errors import RunError
from email_audit.settings import Settings
from tests.audits import audit_in, everything, mail, mbox
from tests.dags.conftest import Airflow

pytestmark = pytest.mark.long


@pytest.fixture(scope="session")
def audited(airflow: Airflow) -> Airflow:
    """The DAG `email_audit` after one test run on the sample."""
    done = airflow.run("dags", "test", "email_audit")
    assert done.returncode == 0, done.stdout + done.stderr
    return airflow


def test_both_dags_are_listed_without_import_errors(airflow: Airflow) -> None:
    assert airflow.json("dags", "list-import-errors") == []
    listed = airflow.json("dags", "list", "-l")
    assert {dag["dag_id"] for dag in listed} >= {"email_audit", "email_audit_bundle"}


def dag_of(repository: Path, name: str = "email_audit") -> Any:
    """Give a DAG as its file defines it in the environment as it is now."""
    return runpy.run_path(str(repository / "dags" / f"{name}_dag.py"))[name]()


def test_the_check_does_not_pass_on_what_an_earlier_run_left(repository: Path) -> None:
    dag = dag_of(repository)
    assert dag.get_task("check").upstream_task_ids == {"split", "resolve", "index"}
    assert dag.get_task("announce").upstream_task_ids == {"acquire", "check"}


@pytest.mark.parametrize(("variable", "default"), [(None, None), ("", None), ("0", 0), ("30", 30)])
def test_a_margin_of_no_days_is_not_the_same_as_none_set(
    repository: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, default: int | None
) -> None:
    monkeypatch.delenv("EMAIL_AUDIT_MARGIN_DAYS", raising=False)
    if variable is not None:
        monkeypatch.setenv("EMAIL_AUDIT_MARGIN_DAYS", variable)
    assert dag_of(repository).params["margin_days"] == default


def test_a_margin_of_no_days_given_for_a_run_wins_over_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = audit_in(tmp_path)
    audit.write_roster("P1,Ann,Det,a.mbox,TF,HSI,2025-03-05,2025-03-31")
    audit.write("a.mbox", mbox(mail("two days before", date="Mon, 03 Mar 2025 10:00:00 -0500")))
    monkeypatch.setenv("EMAIL_AUDIT_MARGIN_DAYS", "10")
    params = {"workspace": audit.workspace, "roster": audit.roster, "mail": audit.mail}
    for ids in plan_acquisitions(params):
        acquire_share(params, ids)
    for chunks in shares_to_read(params):
        read_share(params, chunks)
    assert resolve_and_share(params | {"margin_days": 0}) == []
    assert len(resolve_and_share(params | {"margin_days": None})) == 1


def test_more_exports_than_mapped_tasks_share_them_and_one_that_fails_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_AUDIT_MAP_LIMIT", "2")
    audit = audit_in(tmp_path, **{f"P{n}": f"{n}.mbox" for n in range(5)})
    for n in range(5):
        audit.write(f"{n}.mbox", mbox(mail(f"number {n}")))
    params = {"workspace": audit.workspace, "roster": audit.roster, "mail": audit.mail}
    shares = plan_acquisitions(params)
    assert [len(share) for share in shares] == [3, 2]
    (audit.mail / "0.mbox").unlink()
    with pytest.raises(RunError, match="0.mbox: cannot be read"):
        acquire_share(params, shares[0])
    acquire_share(params, shares[1])
    assert sum(read_share(params, chunks) for chunks in shares_to_read(params)) == 4


def test_an_announcement_whose_worker_is_lost_is_made_again(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="a.mbox")
    audit.write("a.mbox", mbox(mail("detainer")))
    audit.run(threshold=0.0)
    params = {"workspace": audit.workspace}
    digest = announce(params)
    assert announce(params) == digest  # nothing says yet that the first one succeeded
    note_announced(params, digest)
    with pytest.raises(AirflowSkipException, match="are those of the last run"):
        announce(params)


def test_hits_are_noted_as_announced_after_the_event_is_out(repository: Path) -> None:
    dag = dag_of(repository)
    assert [asset.name for asset in dag.get_task("announce").outlets] == ["email-audit-hits"]
    assert dag.get_task("note").upstream_task_ids == {"announce"}


def test_the_dag_gives_the_same_ledger_tags_and_index_as_the_command(
    audited: Airflow, sampled: Settings
) -> None:
    assert everything(audited.settings) == everything(sampled)


def test_every_export_is_a_mapped_task(audited: Airflow) -> None:
    ((mapped,),) = audited.query(
        "SELECT count(*) FROM task_instance WHERE task_id = 'acquire' AND state = 'success'"
    )
    assert mapped == 5


def test_no_word_of_mail_and_no_address_is_in_xcom_logs_or_task_names(
    audited: Airflow, repository: Path
) -> None:
    words = set()
    for path in (repository / "sample" / "messages").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            message = json.loads(line)
            words.add(message["from"]["address"])
            words.update(
                part for part in (message["subject"], message["body"][:40]) if len(part) > 12
            )
    kept = " ".join(
        str(value)
        for table in ("xcom", "task_instance", "dag_run", "log")
        for row in audited.query(f"SELECT * FROM {table}")
        for value in row
    )
    kept += " ".join(
        path.read_text(errors="replace") for path in (audited.home / "logs").rglob("*.log")
    )
    assert "email_audit" in kept
    assert not [word for word in words if word in kept]


def test_a_second_run_does_no_work_twice(audited: Airflow) -> None:
    before = everything(audited.settings)
    done = audited.run("dags", "test", "email_audit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert everything(audited.settings) == before
    states = dict(
        audited.query(
            "SELECT task_id, state FROM task_instance "
            "WHERE task_id IN ('read', 'tag', 'announce', 'note') AND run_id = "
            "(SELECT run_id FROM dag_run WHERE dag_id = 'email_audit' ORDER BY id DESC LIMIT 1)"
        )
    )
    assert states == {"read": "skipped", "tag": "skipped", "announce": "skipped", "note": "skipped"}


def test_a_bundle_of_one_officer_is_exported_and_verifies(audited: Airflow, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    conf = json.dumps({"case": "castellano", "officer": "P-1187", "to": str(target)})
    done = audited.run("dags", "test", "email_audit_bundle", "-c", conf)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verify(target) == []


def test_bad_input_fails_the_run_at_once_with_one_clear_message(
    airflow: Airflow, tmp_path: Path
) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("officer_id,name\nP-1,Ann\n")
    conf = json.dumps({"roster": str(roster)})
    done = airflow.run(
        "dags", "test", "email_audit", "-c", conf, EMAIL_AUDIT_WORKSPACE=str(tmp_path / "w")
    )
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"{roster}, line 1: the columns must be officer_id,name,rank" in output
    assert airflow.query(
        "SELECT count(*) FROM task_instance WHERE task_id = 'plan' AND state = 'failed' "
        "AND try_number = 1"
    ) == [(1,)]


def test_a_run_that_cannot_resolve_fails_although_the_ledger_balances(audited: Airflow) -> None:
    done = audited.run("dags", "test", "email_audit", EMAIL_AUDIT_MODEL="no_such_model")
    assert done.returncode != 0
    states = dict(
        audited.query(
            "SELECT task_id, state FROM task_instance "
            "WHERE task_id IN ('resolve', 'index', 'check', 'announce') AND run_id = "
            "(SELECT run_id FROM dag_run WHERE dag_id = 'email_audit' ORDER BY id DESC LIMIT 1)"
        )
    )
    assert states == {
        "resolve": "failed",
        "index": "success",
        "check": "upstream_failed",
        "announce": "upstream_failed",
    }
