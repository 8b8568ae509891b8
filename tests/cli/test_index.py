"""`email-audit index` and its parts, on the embedded index and on a server."""

import json
from pathlib import Path

import pytest

from tests.audits import Audit, audit_in, mail, mbox
from tests.cli.test_commands import call, lines
from tests.elasticsearch_node.node import ask


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    audit = audit_in(tmp_path_factory.mktemp("index-command"), P1="a.mbox")
    audit.write("a.mbox", mbox(*(mail(f"detainer {number}") for number in range(3))))
    audit.run(threshold=0.0)
    return audit


def test_the_index_is_written_rebuilt_and_described(audit: Audit) -> None:
    out = ("--out", audit.workspace)
    assert call("index", *out).stdout == "index: 0 written, 0 removed, 3 unchanged\n"
    assert call("index", "rebuild", *out).stdout == "index: 3 written, 0 removed, 0 unchanged\n"
    (status,) = lines(call("index", "status", *out, "--json"))
    assert status == {
        "place": str(audit.workspace / "index"),
        "documents": 3,
        "is_current": True,
        "notes": [],
    }
    assert call("index", "status", EMAIL_AUDIT_WORKSPACE=str(audit.workspace)).stdout == (
        f"{audit.workspace / 'index'}: 3 hits\n"
    )


def test_a_misplaced_or_missing_workspace_is_told(audit: Audit) -> None:
    done = call("index", "--out", audit.workspace, "status")
    assert (done.returncode, "put --out after status" in done.stderr) == (2, True)
    done = call("index")
    assert (done.returncode, "Missing option '--out'" in done.stderr) == (2, True)


def test_a_removed_message_is_found_no_more(audit: Audit) -> None:
    out = ("--out", audit.workspace)
    gone = lines(call("read", audit.mail))[0]["content_sha256"]
    done = call("index", "remove", *out, gone, "--reason", "court order 12")
    assert done.returncode == 0, done.stderr
    assert f"{gone}: removed; no write of the index takes it in again" in done.stdout
    assert len(lines(call("search", *out, "detainer", "--json"))) == 2
    assert call("index", "rebuild", *out).stdout.startswith("index: 2 written")
    again = call("index", "remove", *out, gone, "--reason", "court order 12")
    assert "was in no index, kept out already" in again.stdout
    unknown = call("index", "remove", *out, "0" * 64, "--reason", "x")
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (2, 1)


def test_a_server_in_the_environment_holds_the_index(
    audit: Audit, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    environment = {
        "EMAIL_AUDIT_ELASTICSEARCH_URL": url,
        "EMAIL_AUDIT_ELASTICSEARCH_ALIAS": alias,
    }
    out = ("--out", audit.workspace)
    wrong = {"template": {"mappings": {"properties": {"subject": {"type": "integer"}}}}}
    ask(url, f"_component_template/{alias}@custom", method="PUT", body=wrong)
    refused = call("index", *out, **environment)
    assert refused.returncode == 1
    assert refused.stdout.startswith("index: 0 written, 0 removed, 0 unchanged, ")
    assert "could not be indexed and no search finds them" in refused.stderr
    exceptions = lines(call("ledger", *out, "--exceptions", "--json"))
    assert {line["status"] for line in exceptions} == {"not_indexed"}
    assert "detainer" not in json.dumps(exceptions)
    ask(url, f"_component_template/{alias}@custom", method="PUT", body={"template": {}})
    assert call("index", "rebuild", *out, **environment).returncode == 0
    assert lines(call("ledger", *out, "--exceptions", "--json")) == []
    assert f"{url} {alias}: " in call("index", "status", *out, **environment).stdout


def test_an_index_is_taken_over_with_a_reason(
    audit: Audit, tmp_path: Path, elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    environment = {
        "EMAIL_AUDIT_ELASTICSEARCH_URL": elasticsearch_url,
        "EMAIL_AUDIT_ELASTICSEARCH_ALIAS": elasticsearch_alias,
    }
    first = ("--out", audit.workspace)
    assert call("index", *first, **environment).returncode == 0
    other = audit_in(tmp_path, P2="b.mbox")
    other.write("b.mbox", mbox(mail("lunch")))
    other.run()
    second = ("--out", other.workspace)
    refused = call("index", *second, **environment)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "holds the hits of another audit" in refused.stderr
    taken = call("index", "take-over", *second, "--reason", "the first is closed", **environment)
    assert "and is this one's" in taken.stdout
    assert call("index", *second, **environment).returncode == 0
    again = call("index", "take-over", *second, "--reason", "again", **environment)
    assert again.stdout == "the index was no other audit's\n"
    assert call("index", *first, **environment).returncode == 2


def test_a_server_that_is_away_is_one_clear_line(audit: Audit) -> None:
    away = {"EMAIL_AUDIT_ELASTICSEARCH_URL": "http://127.0.0.1:1"}
    done = call("index", "status", "--out", audit.workspace, **away)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "email-audit: http://127.0.0.1:1: Elasticsearch cannot be reached"
    )
