"""`email-audit model`: figures on labels, and a classifier adapted to them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import call, lines


@pytest.fixture(scope="module")
def labels(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's messages as a file of labels."""
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    records = [
        json.loads(line)
        for source in sorted((repository / "sample" / "messages").glob("*.jsonl"))
        for line in source.read_text(encoding="utf-8").splitlines()
    ]
    kept = (
        {
            "id": f"s-{number}",
            "storyline": record["storyline"] + str(number % 4),
            "subject": record["subject"],
            "body": record["body"],
            "enforcement": record["enforcement"],
            "kinds": record["kinds"],
        }
        for number, record in enumerate(records)
    )
    path.write_text("".join(f"{json.dumps(record)}\n" for record in kept), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def few(labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every third of them."""
    path = tmp_path_factory.mktemp("few") / "labels.jsonl"
    path.write_text("\n".join(labels.read_text().splitlines()[::3]))
    return path


@pytest.fixture(scope="module")
def usual(few: Path) -> Any:
    """Figures of these, with the model's own threshold."""
    (figures,) = lines(call("model", "evaluate", few, "--json"))
    return figures


def test_evaluate_prints_one_object_with_intervals(few: Path, usual: Any) -> None:
    assert usual["messages"] == len(few.read_text().splitlines())
    whole = usual["slices"]["all"]
    assert whole["recall"]["low"] <= whole["recall"]["value"] <= whole["recall"]["high"]
    assert 0.5 < usual["area_under_roc_curve"] <= 1.0
    assert set(usual["kinds"]) >= {"request", "refusal", "news"}


def test_a_higher_threshold_finds_less(few: Path, usual: Any) -> None:
    (strict,) = lines(call("model", "evaluate", few, "--json", "--threshold", "0.97"))
    assert strict["slices"]["all"]["recall"]["right"] < usual["slices"]["all"]["recall"]["right"]


def test_train_writes_a_model_that_tag_takes(labels: Path, tmp_path: Path) -> None:
    target = tmp_path / "adapted"
    done = call("model", "train", labels, "--to", target)
    assert done.returncode == 0, done.stderr
    assert "before:" in done.stdout
    assert f"--model {target}" in done.stdout
    mail = tmp_path / "one.eml"
    mail.write_text("From: a@x.example\nSubject: hi\n\nICE has a detainer for him, hold him.\n")
    (tag,) = lines(call("tag", mail, "--model", target))
    assert 0.0 < tag["score"] < 1.0
    again = call("model", "train", labels, "--to", target)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_too_few_labels_are_refused_with_the_numbers(few: Path, tmp_path: Path) -> None:
    done = call("model", "train", few, "--to", tmp_path / "adapted")
    assert done.returncode == 2
    assert "too few labels" in done.stderr
    assert not (tmp_path / "adapted").exists()


def test_wrong_labels_are_named_by_line_and_field(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(
        '{"id": "a-1", "subject": "", "body": "x", "enforcement": true, "kinds": []}\n'
    )
    done = call("model", "evaluate", wrong)
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert "Traceback" not in done.stderr
