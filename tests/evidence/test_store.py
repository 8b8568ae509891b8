"""The evidence store: content-addressed, complete or absent, unchanged or noticed."""

import hashlib
import io
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.errors import RunError
from email_audit.evidence.store import Damage, EvidenceStore


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_lies_read_only_under_its_own_hash(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path))
    blob = store.put(io.BytesIO(b"evidence"), batch="1")
    assert blob.sha256 == hashlib.sha256(b"evidence").hexdigest()
    assert blob.size == 8
    (path,) = files_below(tmp_path)
    assert path.name == blob.sha256
    assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    with store.open(blob.sha256) as stream:
        stream.seek(4)
        assert stream.read() == b"ence"


def test_equal_content_is_kept_once(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path))
    first = store.put(io.BytesIO(b"same"), batch="1")
    assert store.put(io.BytesIO(b"same"), batch="2") == first
    assert len(files_below(tmp_path)) == 1


def test_changed_and_missing_blobs_are_found_by_hashing_again(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path))
    kept, changed, lost = (
        store.put(io.BytesIO(content), batch="1").sha256 for content in (b"a", b"b", b"c")
    )
    paths = {path.name: path for path in files_below(tmp_path)}
    paths[changed].chmod(0o600)
    paths[changed].write_bytes(b"B")
    paths[lost].unlink()
    found = list(store.verify(iter([kept, changed, lost])))
    assert found == [Damage(changed, hashlib.sha256(b"B").hexdigest()), Damage(lost, None)]
    with pytest.raises(RunError, match="is missing; restore the store from its backup"):
        store.open(lost)


def test_the_same_store_works_on_another_filesystem() -> None:
    store = EvidenceStore("memory://evidence-test")
    blob = store.put(io.BytesIO(b"remote"), batch="1")
    with store.open(blob.sha256) as stream:
        assert stream.read() == b"remote"
    assert list(store.verify(iter([blob.sha256]))) == []
    assert not [
        name for name in fsspec.filesystem("memory").find("/evidence-test") if "incoming" in name
    ]


def test_what_an_interrupted_acquisition_left_is_discarded(tmp_path: Path) -> None:
    left = tmp_path / "incoming" / "acquisition-7" / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    EvidenceStore(str(tmp_path)).discard_incoming("acquisition-7")
    assert files_below(tmp_path) == []


def test_what_is_being_written_is_not_taken_for_abandoned(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path))
    left = tmp_path / "incoming" / "acquisition-7" / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    os.utime(left, (0, 0))

    class Meanwhile(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            store.discard_abandoned(before=datetime.now(UTC) - timedelta(hours=1))
            return super().read(size)

    blob = store.put(Meanwhile(b"mail"), batch="acquisition-7")
    assert [path.name for path in files_below(tmp_path)] == [blob.sha256]


def test_a_full_disk_is_one_clear_message_and_keeps_what_is_complete(tmp_path: Path) -> None:
    # A file size limit is the nearest thing to a full disk that needs no privileges.
    script = """
import io, resource, signal, sys
from email_audit.errors import RunError
from email_audit.evidence.store import EvidenceStore
store = EvidenceStore(sys.argv[1])
store.put(io.BytesIO(b"complete"), batch="1")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    store.put(io.BytesIO(bytes(1 << 20)), batch="2")
except RunError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "evidence cannot be written: File too large" in done.stdout
    assert "run again" in done.stdout
    blobs = [path for path in files_below(tmp_path) if "incoming" not in path.parts]
    assert [path.name for path in blobs] == [hashlib.sha256(b"complete").hexdigest()]


@given(st.binary(max_size=1 << 12))
def test_any_content_comes_back(content: bytes) -> None:
    store = EvidenceStore("memory://evidence-property")
    blob = store.put(io.BytesIO(content), batch="1")
    with store.open(blob.sha256) as stream:
        assert stream.read() == content


def test_what_is_derived_lies_beside_the_evidence_and_is_replaced_whole(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path))
    assert store.derived("text/1/ab.json") is None
    store.put_derived("text/1/ab.json", b"first")
    store.put_derived("text/1/ab.json", b"second")
    assert store.derived("text/1/ab.json") == b"second"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["ab.json"]
    assert not store.holds("ab")
