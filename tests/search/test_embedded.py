"""The embedded index: its answers, highlights, order, and what survives a crash."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from email_audit.errors import RunError, UserError
from email_audit.search.documents import as_json, from_json
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.fields import GENERATION
from email_audit.search.interface import (
    HitDocument,
    IndexChange,
)
from tests.search.conformance import DOCUMENTS, NUMBERS, document, identifier

COUNT = len(DOCUMENTS)


def found(index: EmbeddedIndex, query: str) -> list[int]:
    return [NUMBERS[hit.document.id] for hit in index.search(query, size=100).hits]


def test_a_phrase_is_marked_only_where_its_words_stand_together(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise([document(1, own_text="hold on. " + "x " * 100 + "hold the line")])
    (hit,) = index.search('"hold the line"').hits
    (passage,) = hit.highlights["own_text"]
    assert passage.endswith("<em>hold</em> <em>the</em> <em>line</em>")


def test_a_pattern_for_more_words_than_tantivy_expands_is_still_answered(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    words = " ".join(f"w{number}" for number in range(17_000))
    index.synchronise([document(1, own_text=words), document(2, own_text="w1 x w17")])
    assert [hit.document.id for hit in index.search("own_text:w*.w16999").hits] == [identifier(1)]


def test_matches_far_apart_give_several_passages(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise([document(1, own_text=("detainer " + "word " * 100) * 9)])
    (hit,) = index.search("detainer").hits
    assert len(hit.highlights["own_text"]) == 3


def test_a_word_longer_than_a_passage_is_cut(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise([document(1, own_text="a" * 200 + " b")])
    (hit,) = index.search("aaa*").hits
    assert hit.highlights["own_text"] == (f"<em>{'a' * 160}</em>",)


@pytest.mark.parametrize("original", DOCUMENTS, ids=NUMBERS.values())
def test_a_document_is_read_back_as_it_was_written(original: HitDocument) -> None:
    assert from_json(as_json(original)) == original


def stamp(folder: Path) -> int:
    return (folder / f"v{GENERATION}" / "meta.json").stat().st_mtime_ns


def test_synchronising_twice_changes_nothing(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    assert index.synchronise(DOCUMENTS) == IndexChange(COUNT, 0, 0)
    before = stamp(tmp_path)
    assert index.synchronise(reversed(DOCUMENTS)) == IndexChange(0, 0, COUNT)
    assert stamp(tmp_path) == before


def test_synchronising_writes_what_changed_and_removes_what_is_gone(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise(DOCUMENTS)
    changed = replace(DOCUMENTS[0], subject="renamed")
    assert index.synchronise((changed, *DOCUMENTS[2:])) == IndexChange(1, 1, COUNT - 2)
    assert found(index, "renamed") == [1]
    assert found(index, "subject:detainer") == []
    assert sorted(index.ids()) == list(index.ids()) == sorted({*NUMBERS} - {identifier(2)})
    assert index.synchronise((changed, *DOCUMENTS[2:])) == IndexChange(0, 0, COUNT - 1)


def test_a_reader_opened_before_sees_the_next_state(tmp_path: Path) -> None:
    writer, reader = EmbeddedIndex(tmp_path), EmbeddedIndex(tmp_path)
    writer.synchronise(DOCUMENTS[:1])
    assert reader.search("*").total == 1
    writer.synchronise(DOCUMENTS)
    assert reader.search("*").total == COUNT


def test_an_index_may_be_empty(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    assert index.synchronise(()) == IndexChange(0, 0, 0)
    assert index.search("*").total == 0


def test_a_document_given_twice_is_a_mistake_and_changes_nothing(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise(DOCUMENTS[:1])
    with pytest.raises(ValueError, match="given twice"):
        index.synchronise((*DOCUMENTS, DOCUMENTS[0]))
    assert index.search("*").total == 1


def test_without_an_index_the_command_that_builds_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="email-audit index"):
        EmbeddedIndex(tmp_path / "none").search("*")


def test_an_index_of_another_generation_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "v0").mkdir()
    index = EmbeddedIndex(tmp_path)
    with pytest.raises(UserError, match="email-audit index"):
        index.search("*")
    index.synchronise(DOCUMENTS)
    assert not (tmp_path / "v0").exists()
    assert index.search("*").total == COUNT


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "blank"])
@pytest.mark.parametrize(
    "name", ["meta.json", "*.idx", "*.pos", "*.term", "*.store", "*.fast", "*.fieldnorm"]
)
def test_a_damaged_file_is_noticed_and_the_index_built_anew(
    tmp_path: Path, name: str, damage: str
) -> None:
    EmbeddedIndex(tmp_path).synchronise(DOCUMENTS[:3])
    (path,) = (tmp_path / f"v{GENERATION}").glob(name)
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 3] ^= 0x10
    elif damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "blank":
        content = bytearray(len(content))
    path.write_bytes(content)
    if damage == "remove":
        path.unlink()
    index = EmbeddedIndex(tmp_path)
    with pytest.raises(RunError, match="email-audit index"):
        index.search("*")
    assert index.synchronise(DOCUMENTS) == IndexChange(COUNT, 0, 0)
    assert index.search("*").total == COUNT


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)

    def documents() -> Iterator[HitDocument]:
        yield DOCUMENTS[0]
        with pytest.raises(RunError, match="another run"):
            EmbeddedIndex(tmp_path).synchronise(DOCUMENTS)

    assert index.synchronise(documents()).written == 1


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.search.conformance import DOCUMENTS, document
from email_audit.search.embedded import EmbeddedIndex

def documents():
    for number in range(100, 500):
        yield document(number, own_text="new " + "filler " * 100)
    os.kill(os.getpid(), signal.SIGKILL)

EmbeddedIndex(Path(sys.argv[1])).synchronise(documents())
"""


@pytest.mark.parametrize("existing", [True, False])
def test_a_synchronise_killed_half_way_leaves_the_state_before(
    tmp_path: Path, existing: bool
) -> None:
    index = EmbeddedIndex(tmp_path)
    if existing:
        index.synchronise(DOCUMENTS)
    here = str(Path(__file__).parent)
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), here], check=False, env={**os.environ}
    )
    assert process.returncode == -signal.SIGKILL
    fresh = EmbeddedIndex(tmp_path)
    if existing:
        assert fresh.search("*").total == COUNT
        assert fresh.synchronise(DOCUMENTS) == IndexChange(0, 0, COUNT)
    else:
        with pytest.raises(UserError, match="email-audit index"):
            fresh.search("*")
        assert fresh.synchronise(DOCUMENTS) == IndexChange(COUNT, 0, 0)


KILLED_AT_RENAME = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.search.conformance import DOCUMENTS
from email_audit.search.embedded import EmbeddedIndex

left = int(sys.argv[3])

def rename(path, target):
    global left
    if left:
        os.rename(path, target)
        left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

Path.rename = rename
EmbeddedIndex(Path(sys.argv[1])).rebuild(DOCUMENTS[:2])
"""


@pytest.mark.parametrize(("renames", "documents"), [(0, COUNT), (1, COUNT), (2, 2)])
def test_a_rebuild_killed_at_its_renames_leaves_the_state_before_or_after(
    tmp_path: Path, renames: int, documents: int
) -> None:
    EmbeddedIndex(tmp_path).synchronise(DOCUMENTS)
    here = str(Path(__file__).parent)
    process = subprocess.run(
        [sys.executable, "-c", KILLED_AT_RENAME, str(tmp_path), here, str(renames)], check=False
    )
    assert process.returncode == -signal.SIGKILL
    fresh = EmbeddedIndex(tmp_path)
    assert fresh.search("*").total == documents
    assert (fresh.status().documents, fresh.status().is_current) == (documents, True)
    assert fresh.remove([identifier(1)]) == 1
    assert fresh.synchronise(DOCUMENTS).written == COUNT - documents + 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "building") == [
        f"v{GENERATION}",
        "writer.lock",
    ]


def test_a_rebuild_writes_all_anew_and_a_removal_takes_out(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    assert index.remove([identifier(1)]) == 0
    assert not index.status().is_current
    index.synchronise(DOCUMENTS[:4])
    assert index.rebuild(DOCUMENTS[:3]) == IndexChange(3, 0, 0)
    assert index.remove([identifier(1), identifier(9)]) == 1
    assert list(index.ids()) == sorted([identifier(2), identifier(3)])
    status = EmbeddedIndex(tmp_path).status()
    assert (status.place, status.documents, status.is_current) == (str(tmp_path), 2, True)


def test_an_index_of_another_version_is_told_from_none(tmp_path: Path) -> None:
    (tmp_path / "v0").mkdir()
    status = EmbeddedIndex(tmp_path).status()
    assert (status.documents, status.is_current) == (None, False)
    assert status.notes == ("built by another version: the next `index` builds it anew",)
