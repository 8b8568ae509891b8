"""The scripts in nlp/scripts: what can be said of them without training."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("script", "arguments", "named"),
    [
        ("evaluate.py", ("en_email_audit", "out.json", "--messages", "none.jsonl"), "none.jsonl"),
        ("evaluate.py", ("no_such_model", "out.json"), "no_such_model"),
        ("false_hits.py", ("en_email_audit", "none.mbox.gz"), "none.mbox.gz"),
    ],
)
def test_what_is_missing_is_named_in_one_line(
    repository: Path, tmp_path: Path, script: str, arguments: tuple[str, ...], named: str
) -> None:
    done = _run(repository, script, *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert named in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_page_gives_the_agreement_that_the_script_prints(
    repository: Path, tmp_path: Path
) -> None:
    page = " ".join((repository / "docs" / "classifier.md").read_text("utf-8").split())
    done = _run(repository, "agreement.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    decision = re.search(r"enforcement +\((\d+), 0, (\d+), (\d+)\) +kappa ([\d.]+)", done.stdout)
    assert decision is not None
    both, only_second, neither, kappa = decision.groups()
    assert f"{kappa} ({both} both yes, {neither} both no, {only_second} only the second" in page
    by_guide, by_rules = re.findall(r"macro F1 ([\d.]+)", done.stdout)
    assert f"F1 of {float(by_guide):.2f} and {float(by_rules):.2f}" in page


def _run(
    repository: Path, script: str, *arguments: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, repository / "nlp" / "scripts" / script, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
