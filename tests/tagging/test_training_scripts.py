"""The scripts in nlp/scripts: what can be said of them without training."""

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
    done = subprocess.run(
        [sys.executable, repository / "nlp" / "scripts" / script, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert named in done.stderr
    assert list(tmp_path.iterdir()) == []
