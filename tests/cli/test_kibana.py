"""`email-audit kibana` as operators and scripts call it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.search.kibana.checks import all_faults
from tests.search.kibana.server import KEY, FakeKibana, serving


def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if "EMAIL_AUDIT" not in name}
    return subprocess.run(
        [sys.executable, "-m", "email_audit", "kibana", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**clean, "NO_PROXY": "127.0.0.1", **environment},
    )


def test_export_writes_a_file_for_kibanas_own_import(tmp_path: Path) -> None:
    file = tmp_path / "audit.ndjson"
    done = call(
        *("export", file, "--json"),
        EMAIL_AUDIT_REVIEW_URL="https://review.example/m/{content_sha256}",
        EMAIL_AUDIT_ELASTICSEARCH_ALIAS="case-7",
    )
    assert done.returncode == 0, done.stderr
    objects = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    record = json.loads(done.stdout)
    assert record == {"file": str(file), "objects": len(objects), "set": record["set"]}
    assert all_faults(objects) == []
    assert {o["attributes"]["title"] for o in objects if o["type"] == "index-pattern"} == {"case-7"}
    assert "https://review.example/m/{{value}}" in file.read_text(encoding="utf-8")


def test_export_refuses_a_name_that_kibana_would_not_import(tmp_path: Path) -> None:
    done = call("export", tmp_path / "audit.json")
    assert done.returncode == 2
    assert "ends in .ndjson" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_export_into_a_folder_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    done = call("export", tmp_path / "nowhere" / "audit.ndjson")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written" in done.stderr


def test_set_up_says_what_it_did(tmp_path: Path) -> None:
    kibana = FakeKibana()
    with serving(kibana) as url:
        account = {"EMAIL_AUDIT_KIBANA_URL": url, "EMAIL_AUDIT_KIBANA_API_KEY": KEY}
        done = call("set-up", "--json", HOME=str(tmp_path), **account)
        again = call("set-up", HOME=str(tmp_path), **account)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["kibana"] == "9.5.3"
    assert record["space"] == {"id": "email-audit", "change": "created"}
    assert [role["change"] for role in record["roles"]] == ["created", "created"]
    assert record["objects"] == {"written": len(kibana.objects), "overwritten": 0}
    assert again.returncode == 0, again.stderr
    assert "space email-audit: unchanged" in again.stdout
    assert "role email-audit-investigator: unchanged" in again.stdout
    assert kibana.violations == []


def test_set_up_without_settings_says_which_are_missing() -> None:
    done = call("set-up")
    assert done.returncode == 2
    assert "kibana_url: is not set" in done.stderr
    assert "EMAIL_AUDIT_" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_set_up_against_no_server_fails_with_one_message(tmp_path: Path) -> None:
    with serving(FakeKibana()) as url:
        pass
    done = call(
        "set-up",
        HOME=str(tmp_path),
        EMAIL_AUDIT_KIBANA_URL=url,
        EMAIL_AUDIT_KIBANA_API_KEY=KEY,
    )
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert KEY not in done.stderr
    assert len(done.stderr.splitlines()) == 1
