"""Files of labels: what is read, and what is refused and how."""

import json
from pathlib import Path

import pytest

from email_audit.errors import UserError
from email_audit.tagging.learning.adapting import is_for_testing
from email_audit.tagging.learning.labels import read_labels
from email_audit.tagging.records import Kind

LINE = {
    "id": "w-1",
    "subject": "Re: list",
    "body": "done\n\nOn Mon, Ann <a@x.example> wrote:\n> set the flags please",
    "attachments": [{"filename": "a.txt", "text": "one"}],
    "enforcement": True,
    "kinds": ["assistance"],
    "storyline": "list",
    "difficulty": "hard",
    "language": "en",
}


def written(folder: Path, *lines: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_a_label_is_read_with_own_and_carried_text_apart(tmp_path: Path) -> None:
    (label,) = read_labels(written(tmp_path, LINE))
    assert label.message.own_text == "done"
    assert "set the flags" in label.message.context
    assert label.message.attachments == ("one",)
    assert (label.writer, label.group, label.kinds) == ("w", "w/list", (Kind.ASSISTANCE,))
    assert label.is_hard


def test_kinds_are_taken_as_checked_unless_the_line_says_otherwise(tmp_path: Path) -> None:
    checked, guessed = read_labels(
        written(tmp_path, LINE, {**LINE, "id": "w-2", "kinds_checked": False})
    )
    assert checked.kinds_checked
    assert not guessed.kinds_checked


def test_every_fault_is_named_at_once_with_line_and_field(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        LINE,
        {**LINE, "id": "w-2", "kinds": []},
        {**LINE, "id": "w-3", "kinds": ["nonsense"]},
        {key: value for key, value in LINE.items() if key != "body"},
    )
    path.write_text(path.read_text() + "\n{broken", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_labels(path)
    message = str(raised.value)
    for expected in ("line 2: line:", "line 3: kinds.0", "line 4: body", "line 5: no JSON"):
        assert expected in message


def test_an_id_may_occur_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'w-1' occurs more than once"):
        read_labels(written(tmp_path, LINE, LINE))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl"):
        read_labels(tmp_path / "none.jsonl")


def test_a_storyline_is_learned_from_or_tested_on_as_a_whole(tmp_path: Path) -> None:
    lines = [
        {**LINE, "id": f"w-{number}", "storyline": f"story {number % 40}"} for number in range(120)
    ]
    labels = read_labels(written(tmp_path, *lines))
    parts: dict[str, set[bool]] = {}
    for label in labels:
        parts.setdefault(label.group, set()).add(is_for_testing(label))
    assert all(len(part) == 1 for part in parts.values())
    assert 0.15 < sum(map(is_for_testing, labels)) / len(labels) < 0.45
