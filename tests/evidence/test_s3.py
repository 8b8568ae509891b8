"""Evidence on an object store: whole or absent, unchanged or noticed, never a message's fault."""

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from sqlalchemy import func, select

from email_audit.archives.bounded import MemberError
from email_audit.errors import RunError, UserError
from email_audit.evidence.store import Damage, EvidenceStore
from email_audit.ledger.models import ItemRow
from email_audit.messages.records import Problem, ProblemCode
from email_audit.steps.acquire import acquire
from email_audit.steps.case import open_case
from email_audit.steps.read import read_chunk, unread_chunks
from email_audit.steps.register import register
from email_audit.steps.verify_evidence import verify_evidence
from tests.audits import Audit, audit_in, everything, mail, mbox
from tests.servers.processes import free_port
from tests.servers.s3 import S3

LARGE = bytes(range(256)) * (80 << 10)  # 20 MiB: more than is written at once


@pytest.fixture(autouse=True)
def _server(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    forget_clients()
    yield
    forget_clients()


@pytest.fixture
def bucket(s3: S3) -> str:
    return s3.new_bucket()


def forget_clients() -> None:
    """Make the next store read the variables anew."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def keys(s3: S3, bucket: str) -> list[str]:
    listed = s3.client().list_objects_v2(Bucket=bucket)
    return [entry["Key"] for entry in listed.get("Contents", [])]


def key_of(content: bytes) -> str:
    name = hashlib.sha256(content).hexdigest()
    return f"case/sha256/{name[:2]}/{name[2:4]}/{name}"


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_what_is_put_lies_under_its_own_hash_and_nothing_else_is_left(
    s3: S3, bucket: str, content: bytes
) -> None:
    store = EvidenceStore(f"s3://{bucket}/case")
    blob = store.put(io.BytesIO(content), batch="1")
    assert (blob.sha256, blob.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert keys(s3, bucket) == [key_of(content)]
    with store.open(blob.sha256) as stream:
        assert stream.read() == content
        stream.seek(len(content) // 2)
        assert stream.read(10) == content[len(content) // 2 :][:10]
    assert store.put(io.BytesIO(content), batch="2") == blob
    assert list(store.verify(iter([blob.sha256]))) == []


def test_many_writers_of_the_same_content_leave_it_once(s3: S3, bucket: str) -> None:
    # The double answers 500 to copies onto one name at a time; a real server does not.
    content = b"small" if s3.kind == "moto" else LARGE

    def put(writer: int) -> str:
        store = EvidenceStore(f"s3://{bucket}/case")
        return store.put(io.BytesIO(content), batch=f"{writer}").sha256

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(put, range(4)))) == 1
    assert keys(s3, bucket) == [key_of(content)]
    store = EvidenceStore(f"s3://{bucket}/case")
    assert list(store.verify(iter([hashlib.sha256(content).hexdigest()]))) == []


def test_changed_and_missing_objects_are_found_by_hashing_again(s3: S3, bucket: str) -> None:
    store = EvidenceStore(f"s3://{bucket}/case")
    kept, changed, lost = (
        store.put(io.BytesIO(content), batch="1").sha256 for content in (b"a", b"b", b"c")
    )
    s3.client().put_object(Bucket=bucket, Key=key_of(b"b"), Body=b"B")
    s3.client().delete_object(Bucket=bucket, Key=key_of(b"c"))
    found = list(store.verify(iter([kept, changed, lost])))
    assert found == [Damage(changed, hashlib.sha256(b"B").hexdigest()), Damage(lost, None)]
    with pytest.raises(RunError, match="is missing; restore the store from its backup"):
        store.open(lost)


def test_a_stream_that_breaks_off_leaves_nothing(s3: S3, bucket: str) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > (17 << 20):
                raise MemberError(Problem(ProblemCode.READER_FAILED, "damaged"))
            return super().read(size)

    with pytest.raises(MemberError):
        EvidenceStore(f"s3://{bucket}/case").put(Broken(LARGE), batch="1")
    assert keys(s3, bucket) == []


def test_a_writer_that_is_killed_leaves_no_blob_and_its_rest_is_discarded(
    s3: S3, bucket: str
) -> None:
    script = """
import io, os, signal, sys
from email_audit.evidence.store import EvidenceStore
class Deadly(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > (60 << 20):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(size)
EvidenceStore(sys.argv[1]).put(Deadly(bytes(61 << 20) + b"end"), batch="7")
"""
    url = f"s3://{bucket}/case"
    done = subprocess.run([sys.executable, "-c", script, url], check=False)
    assert done.returncode < 0
    assert [key for key in keys(s3, bucket) if "incoming" not in key] == []
    EvidenceStore(url).discard_incoming("7")
    assert keys(s3, bucket) == []


def test_what_was_abandoned_is_told_by_its_age(s3: S3, bucket: str) -> None:
    store = EvidenceStore(f"s3://{bucket}/case")
    store.discard_abandoned(before=datetime.now(UTC))
    s3.client().put_object(Bucket=bucket, Key="case/incoming/acquisition-7/half", Body=b"half")
    store.discard_abandoned(before=datetime.now(UTC) - timedelta(hours=1))
    assert keys(s3, bucket) == ["case/incoming/acquisition-7/half"]
    store.discard_abandoned(before=datetime.now(UTC) + timedelta(hours=1))
    assert keys(s3, bucket) == []


def wrong(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    forget_clients()


def test_wrong_keys_a_wrong_bucket_and_no_server_are_each_one_clear_message(
    s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://{bucket}/case"
    with pytest.raises(RunError, match="bucket does not exist"):
        EvidenceStore("s3://no-such-bucket/case").check()
    assert "no-such-bucket" not in str(s3.client().list_buckets()["Buckets"])
    with monkeypatch.context() as changed:
        wrong("AWS_SECRET_ACCESS_KEY", "hush", changed)
        with pytest.raises(RunError, match="signature.*does not match") as raised:
            EvidenceStore(url).check()
        assert "hush" not in str(raised.value)
    with monkeypatch.context() as changed:
        wrong("AWS_ACCESS_KEY_ID", "AKIANOBODY0000000000", changed)
        with pytest.raises(RunError, match="(?i)access key id"):
            EvidenceStore(url).check()
    wrong("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}", monkeypatch)
    with pytest.raises(RunError, match="Could not connect.*run again"):
        EvidenceStore(url).check()


def test_an_unknown_kind_of_store_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="evidence_url: nowhere:// cannot be used"):
        EvidenceStore("nowhere://bucket/case")


@pytest.fixture
def small_audit(tmp_path: Path) -> Audit:
    audit = audit_in(tmp_path, P1="ann@city.example", P2="box")
    audit.write(
        "ann.mbox", mbox(*(mail(f"m {n}", "ICE detainer", message_id=f"<{n}@x>") for n in range(9)))
    )
    audit.write("box/1.eml", mail("one"))
    audit.write("box/2.eml", mail("two"))
    for file in (path for path in audit.mail.rglob("*") if path.is_file()):
        os.utime(file, (0, 0))
    return audit


def test_an_audit_with_its_evidence_there_gives_the_same_result(
    small_audit: Audit, bucket: str
) -> None:
    small_audit.run()
    there = {"evidence_url": f"s3://{bucket}/case", "workspace": small_audit.folder / "other"}
    small_audit.run(**there)
    settings = small_audit.settings(**there)
    assert everything(settings) == everything(small_audit.settings())
    with open_case(settings) as case:
        assert verify_evidence(case).faults == ()
    assert not (small_audit.folder / "other" / "evidence").exists()


def test_a_server_that_goes_away_costs_no_message(
    small_audit: Audit, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small_audit.settings(evidence_url=f"s3://{bucket}/case")
    with open_case(settings, create=True) as case:
        for number in register(case).acquisition_ids:
            acquire(case, number)
        chunks = unread_chunks(case)
        with monkeypatch.context() as changed:
            wrong("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}", changed)
            with pytest.raises(RunError, match="evidence cannot be read: Could not connect"):
                read_chunk(case, chunks[0])
        with case.database.session() as session:
            assert session.scalar(select(func.count(ItemRow.id))) == 0
    forget_clients()
    small_audit.run(evidence_url=f"s3://{bucket}/case")
