"""The command as scripts use it: fixed JSON shapes, exit codes, one clear message on failure."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.audits import Audit, audit_in, mail, mbox

pytestmark = pytest.mark.long


def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "email_audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def workspace(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample, audited by the command."""
    folder = tmp_path_factory.mktemp("command") / "workspace"
    done = call(
        "run",
        *("--roster", repository / "sample" / "roster.csv"),
        *("--mail", repository / "sample" / "mail"),
        *("--requests", repository / "sample" / "requests.csv"),
        *("--out", folder),
    )
    assert done.returncode == 0, done.stderr
    assert "theo.brandvold@pmpd.example.mbox belongs to no officer" in done.stdout
    assert "officer P-1515 has no export" in done.stdout
    return folder


def test_read_prints_the_contract_for_every_message(repository: Path) -> None:
    found = lines(call("read", repository / "sample" / "mail" / "P-1263"))
    assert len(found) == 54
    assert set(found[0]) == {
        "source",
        "path_in_source",
        "message_id",
        "mih",
        "content_sha256",
        "date",
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "own_text",
        "quoted_text",
        "signature",
        "attachments",
        "thread",
        "item_class",
        "status",
        "problems",
    }
    assert all(message["date"] is None or message["date"].endswith("Z") for message in found)
    attachments = [part for message in found for part in message["attachments"]]
    assert set(attachments[0]) == {
        "filename",
        "content_type",
        "size",
        "sha256",
        "text",
        "status",
    }


def test_read_gives_one_line_for_each_file_and_message_of_real_folders(shared: Path) -> None:
    assert (
        len(lines(call("read", shared / "maildir" / "notmuch", shared / "mbox" / "derived"))) == 252
    )
    threads = {line["thread"] for line in lines(call("read", shared / "maildir" / "notmuch"))}
    assert 1 < len(threads) < 52


def test_tag_prints_the_contract_with_offsets_into_the_parts(repository: Path) -> None:
    path = repository / "sample" / "mail" / "P-1408.mbox"
    read = {line["content_sha256"]: line for line in lines(call("read", path))}
    tagged = lines(call("tag", path))
    assert len(tagged) == 66
    hits = [line for line in tagged if line["enforcement"]]
    assert hits
    for line in hits:
        message = read[line["content_sha256"]]
        assert 0 <= line["score"] <= 1
        assert line["signals"]
        for signal in line["signals"]:
            assert set(signal) == {"text", "start", "end", "part", "label"}
            part = signal["part"]
            text = (
                message["attachments"][int(part.removeprefix("attachment:"))]["text"]
                if part.startswith("attachment:")
                else message[part]
            )
            assert text[signal["start"] : signal["end"]] == signal["text"]
    assert all(not line["kinds"] for line in tagged if not line["enforcement"])


def test_ledger_prints_one_line_an_acquisition_and_the_totals_last(workspace: Path) -> None:
    *acquisitions, totals = lines(call("ledger", "--out", workspace, "--json"))
    assert [line["custodian"] for line in acquisitions] == [
        "P-1041",
        "P-1187",
        "P-1263",
        "P-1322",
        "P-1408",
    ]
    assert set(totals) == {
        "custodian",
        "source",
        "sha256",
        "declared",
        "found",
        "hits",
        "non_hits",
        "duplicates",
        "out_of_scope",
        "unreadable",
        "balanced",
    }
    assert totals["custodian"] is None
    for field in ("declared", "found", "hits", "non_hits", "duplicates", "out_of_scope"):
        assert totals[field] == sum(line[field] for line in acquisitions)
    assert totals["balanced"] is True


def test_search_prints_the_contract_and_finds_every_hit(workspace: Path) -> None:
    totals = lines(call("ledger", "--out", workspace, "--json"))[-1]
    found = lines(call("search", "--out", workspace, "score:[0 TO 1]", "--all", "--json"))
    assert len(found) == totals["hits"]
    assert set(found[0]) == {
        "message_id",
        "custodians",
        "date",
        "from",
        "to",
        "subject",
        "kinds",
        "score",
        "thread",
        "highlights",
    }
    by_date = lines(call("search", "--out", workspace, "*", "--sort", "date:desc", "--json"))
    dates = [hit["date"] for hit in by_date if hit["date"]]
    assert dates == sorted(dates, reverse=True)


def test_a_bundle_is_exported_verified_and_tampering_is_named(
    workspace: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    done = call("bundle", "--out", workspace, "--case", "demo", "--to", bundle)
    assert done.returncode == 0, done.stderr
    assert call("verify", bundle).returncode == 0
    alone = subprocess.run(
        [sys.executable, "-I", "-S", str(bundle / "verify.py")], capture_output=True, check=False
    )
    assert alone.returncode == 0
    (bundle / "timeline.csv").write_bytes(b"")
    tampered = call("verify", bundle)
    assert tampered.returncode == 1
    assert "timeline.csv" in tampered.stdout


def test_damaged_evidence_is_found_by_hashing_again(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="ann@city.example")
    audit.write("ann.mbox", mbox(mail()))
    audit.run()
    fine = call("ledger", "--out", audit.workspace, "--verify-evidence", "--json")
    assert lines(fine)[0]["faults"] == []
    (blob,) = (path for path in (audit.workspace / "evidence").rglob("*") if path.is_file())
    blob.chmod(0o600)
    blob.write_bytes(b"forged")
    done = call("ledger", "--out", audit.workspace, "--verify-evidence")
    assert done.returncode == 1
    assert f"evidence {blob.name} now has SHA-256" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--roster", "none.csv", "--mail", ".", "--out", "{w}"], "none.csv: the roster"),
        (["ledger", "--out", "{w}"], "holds no audit yet"),
        (["search", "--out", "{w}", "x"], "email-audit index"),
        (["bundle", "--out", "{w}", "--case", "c", "--to", "{w}/b"], "holds no audit yet"),
        (["read", "nowhere.mbox"], "nowhere.mbox"),
        (["tag", "pyproject.toml", "--model", "none_such"], "none_such"),
        (["tag", "pyproject.toml", "--model", "{w}"], "no spaCy pipeline"),
        (["verify", "nowhere"], "nowhere"),
        (["verify", "pyproject.toml"], "is a file"),
        (["fly"], "No such command"),
    ],
)
def test_a_users_mistake_is_exit_2_and_one_clear_message(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = call(*(argument.replace("{w}", str(tmp_path / "w")) for argument in arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_query_is_exit_2_and_points_at_the_place(workspace: Path) -> None:
    for query in ("kinds:(alert", "colour:red"):
        done = call("search", "--out", workspace, query)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()


def test_a_wrong_setting_in_the_environment_is_named(workspace: Path) -> None:
    done = call("ledger", "--out", workspace, EMAIL_AUDIT_MARGIN_DAYS="many")
    assert done.returncode == 2
    assert "EMAIL_AUDIT_MARGIN_DAYS" in done.stderr
    assert "'many'" in done.stderr


def test_asking_for_an_audit_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    assert call("ledger", "--out", tmp_path / "typo").returncode == 2
    assert not list(tmp_path.iterdir())


def run_of(audit: Audit, **options: object) -> subprocess.CompletedProcess[str]:
    given = {"roster": audit.roster, "mail": audit.mail, "out": audit.workspace} | options
    return call("run", *(part for key, value in given.items() for part in (f"--{key}", value)))


def test_a_wrong_model_or_workspace_is_told_before_anything_is_read(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="box")
    audit.write("box/1.eml", mail())
    before = sorted(tmp_path.rglob("*"))
    for options, message in (
        ({"model": "none_such"}, "'none_such'"),
        ({"out": audit.roster}, "workspace cannot be made"),
        ({"out": audit.roster / "below"}, "workspace cannot be made"),
        ({"out": audit.mail}, "lies in the mail folder"),
        ({"out": audit.mail / "box" / "case"}, "lies in the mail folder"),
    ):
        done = run_of(audit, **options)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert sorted(tmp_path.rglob("*")) == before


def test_links_are_named_and_brackets_in_a_name_are_no_markup(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, P1="[/box]", P2="ann@city.example")
    audit.write("[/box]/1.eml", mail())
    audit.write("[bold]x", mail())
    (audit.mail / "[/box]" / "link").symlink_to("/etc/passwd")
    done = run_of(audit)
    assert done.returncode == 0, done.stderr
    assert "[/box]/link is a link or no file; what it leads to was not read" in done.stdout
    assert "[bold]x belongs to no officer" in done.stdout
    assert "[/box]" in call("ledger", "--out", audit.workspace).stdout
    read = call("read", audit.mail)
    assert len(read.stdout.splitlines()) == 2
    assert "link is a link or no file" in read.stderr
