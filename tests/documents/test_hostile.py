"""Hostile documents, built by code: each costs itself, is named, and nothing else."""

import bz2
import gzip
import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from email_audit.archives.bounded import ArchiveLimits
from email_audit.documents.client import DocumentWorker
from email_audit.documents.limits import DocumentLimits
from email_audit.messages.records import AttachmentStatus
from tests.documents.conftest import Read
from tests.documents.files import (
    ENDLESS,
    cell,
    docx,
    paragraph,
    pdf,
    shown_text,
    wordprocessing,
    xlsx,
    zipped,
)
from tests.isolation.gone import is_gone

FAILED, TOO_LARGE = AttachmentStatus.FAILED, AttachmentStatus.TOO_LARGE
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


@pytest.fixture
def tight() -> Iterator[DocumentWorker]:
    """A worker with small limits of everything but time."""
    limits = DocumentLimits(
        memory_bytes=512 << 20,
        max_text_chars=100_000,
        archive=ArchiveLimits(
            max_members=50, max_bytes=16 << 20, ratio_from_bytes=1 << 20, max_depth=4
        ),
    )
    worker = DocumentWorker(limits)
    yield worker
    worker.close()


def _is_well(worker: DocumentWorker) -> bool:
    return worker.read(b"all well", "text/plain", "x.txt").text == "all well"


def test_ten_gigabytes_of_zeros_are_refused(tight: DocumentWorker) -> None:
    block = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = [block.compress(bytes(1 << 20)) for _ in range(20)] + [block.flush()]
    bomb = b"".join(packed)
    # Concatenated streams are one file: 500 times 20 MiB.
    found = tight.read(bomb * 500, "application/gzip", "zeros.gz")
    assert (found.status, found.text) == (TOO_LARGE, None)
    assert "250 times its size" in found.reason
    assert _is_well(tight)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_bomb_is_refused_whatever_its_method(tight: DocumentWorker, method: int) -> None:
    found = tight.read(zipped({"zeros": bytes(4 << 20)}, method=method), "", "z.zip")
    assert (found.status, found.text) == (TOO_LARGE, None)
    assert _is_well(tight)


def test_members_that_share_their_bytes_are_counted_each(tight: DocumentWorker) -> None:
    """As D. Fifield's "A better zip bomb" (2019) does it: all entries name one member's bytes."""
    single = zipped({"a": os.urandom(1 << 19)})
    directory = single.rindex(b"PK\x01\x02")
    end = single.rindex(b"PK\x05\x06")
    entries = single[directory:end] * 40
    tail = bytearray(single[end:])
    tail[8:10] = tail[10:12] = (40).to_bytes(2, "little")
    tail[12:16] = len(entries).to_bytes(4, "little")
    found = tight.read(single[:directory] + entries + bytes(tail), "", "overlap.zip")
    assert found.status is TOO_LARGE
    assert "expands to more than 16777216 bytes" in found.reason


def test_nested_zips_share_one_budget(tight: DocumentWorker) -> None:
    data = os.urandom(1 << 16)
    for level in range(3):
        data = zipped({f"{level}-{n}.zip": data + bytes([n]) for n in range(7)})
    found = tight.read(data, "", "42.zip")
    assert found.status is TOO_LARGE
    assert _is_well(tight)


def test_archives_nested_deeper_than_the_limit_are_named(tight: DocumentWorker) -> None:
    data = b"the core"
    for level in range(8):
        data = zipped({f"{level}": data})
    found = tight.read(data, "", "deep.zip")
    assert (found.status, found.text) == (TOO_LARGE, None)
    assert "nested too deep" in found.reason


def test_an_archive_that_holds_itself_is_read_once(tight: DocumentWorker) -> None:
    """A quine would be endless; here the second copy of the same bytes is the same situation."""
    inner = zipped({"note.txt": "once"})
    found = tight.read(zipped({"a.zip": inner, "b/a.zip": inner}), "", "q.zip")
    assert found.status is AttachmentStatus.OK
    assert (found.text or "").count("once") == 1


def test_too_many_members_are_refused_and_the_first_are_read(tight: DocumentWorker) -> None:
    found = tight.read(zipped({f"{n}.txt": f"member {n}" for n in range(60)}), "", "many.zip")
    assert found.status is TOO_LARGE
    assert "more than 50 members" in found.reason
    assert "member 49" in (found.text or "")


def test_names_that_lead_elsewhere_are_only_names(read: Read, tmp_path: Path) -> None:
    target = tmp_path / "written"
    names = [f"../../../../../..{target}", str(target), "..\\..\\windows\\system.ini", "a\nb"]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"text"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    as_tar = out.getvalue()
    for data in (zipped(dict.fromkeys(names, "text")), as_tar, gzip.compress(as_tar)):
        found = read(data)
        assert found.status is AttachmentStatus.OK
        assert f"[{names[0]}]" in (found.text or "")
        assert "root:" not in (found.text or "")
    assert not target.exists()


def test_entities_are_not_expanded(read: Read, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("from the disk")
    xxe = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    for document in (
        f"<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a0 'ha'>{LAUGHS}]><d>&a11;</d>".encode(),
        f"<?xml version='1.0'?>{xxe}<d>&x;</d>".encode(),
        zipped(
            {
                "[Content_Types].xml": "<Types/>",
                "word/document.xml": f"<!DOCTYPE d [<!ENTITY a0 'ha'>{LAUGHS}]>"
                + wordprocessing("document", paragraph("shown &a11;")),
            }
        ),
        zipped(
            {
                "[Content_Types].xml": "<Types/>",
                "word/document.xml": xxe + wordprocessing("document", paragraph("shown &x;")),
            }
        ),
    ):
        found = read(document, "x.xml")
        assert "haha" not in (found.text or "")
        assert "from the disk" not in (found.text or "")


def test_a_sheet_of_seventeen_thousand_million_cells_costs_only_itself(
    tight: DocumentWorker,
) -> None:
    rows = cell("A1", "first") + cell("XFD1048576", "last")
    found = tight.read(xlsx([("S", "visible", rows)]), "", "sparse.xlsx")
    assert found.status is FAILED
    assert "SIGABRT" in found.reason or "memory" in found.reason
    assert _is_well(tight)


def test_a_picture_of_a_hundred_million_pixels_is_refused_or_fails(tight: DocumentWorker) -> None:
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    found = tight.read(out.getvalue(), "image/png", "huge.png")
    assert (found.status, found.reason) == (
        TOO_LARGE,
        "a picture of 30000 x 30000 pixels is too large",
    )


def test_a_reader_that_hangs_is_killed() -> None:
    worker = DocumentWorker(DocumentLimits(seconds=1))
    found = worker.read(ENDLESS, "application/pdf", "endless.pdf")
    assert (found.status, found.reason) == (FAILED, "reading took longer than 1 seconds")
    assert _is_well(worker)
    worker.close()


def test_a_slow_document_gives_what_was_read_in_time() -> None:
    worker = DocumentWorker(DocumentLimits(seconds=1))
    pages = [shown_text(b"page %d" % n) for n in range(30_000)]
    found = worker.read(pdf(pages), "application/pdf", "long.pdf")
    worker.close()
    assert (found.status, found.reason) == (FAILED, "reading took longer than 1 seconds")
    assert (found.text or "").startswith("page 0")


def test_text_over_the_limit_is_cut_and_said_to_be(tight: DocumentWorker) -> None:
    found = tight.read(docx(paragraph("word " * 40_000)), "", "long.docx")
    assert found.status is TOO_LARGE
    assert found.reason == "its text is cut at 100000 characters"
    assert len(found.text or "") == 100_000


def test_a_worker_killed_between_documents_is_replaced(tight: DocumentWorker) -> None:
    assert _is_well(tight)
    first = tight.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert _is_well(tight)
    assert tight.process_id != first


def test_a_worker_killed_while_it_reads_costs_that_document() -> None:
    worker = DocumentWorker(DocumentLimits(seconds=600))
    results = []
    reading = threading.Thread(
        target=lambda: results.append(worker.read(ENDLESS, "application/pdf", "x.pdf"))
    )
    reading.start()
    while "pdfium" not in _libraries(worker.process_id):
        pass
    assert worker.process_id is not None
    os.kill(worker.process_id, signal.SIGKILL)
    reading.join(timeout=30)
    assert not reading.is_alive()
    assert results[0].status is FAILED
    assert "SIGKILL" in results[0].reason
    assert _is_well(worker)
    worker.close()


def _libraries(process_id: int | None) -> str:
    return "" if process_id is None else Path(f"/proc/{process_id}/maps").read_text()


def test_every_cut_of_an_archive_is_read_as_far_as_it_goes(read: Read) -> None:
    whole = zipped({"a.txt": "alpha " * 50, "b.txt": "beta " * 50})
    for data, name in ((whole, "x.zip"), (gzip.compress(b"gamma " * 500), "x.gz")):
        for length in range(30, len(data), max(len(data) // 12, 1)):
            found = read(data[:length], name)
            assert found.status is not AttachmentStatus.OK
            assert found.reason


def test_a_member_with_a_wrong_checksum_is_named(read: Read) -> None:
    data = bytearray(zipped({"a.txt": "alpha", "b.txt": "beta"}, method=zipfile.ZIP_STORED))
    data[data.index(b"alpha")] ^= 1
    found = read(bytes(data), "x.zip")
    assert found.status is FAILED
    assert found.reason == "a.txt: the content does not fit its checksum (CRC-32)"
    assert found.text == "[b.txt]\nbeta"


def test_a_bzip2_of_a_gigabyte_is_refused(tight: DocumentWorker) -> None:
    one = bz2.compress(bytes(10 << 20))
    found = tight.read(one * 100, "", "x.bz2")
    assert found.status is TOO_LARGE
    assert _is_well(tight)


_GUARDED = """
import socket, subprocess, sys
from email_audit.documents.worker import refuse_side_effects
refuse_side_effects()
try:
    {action}
except PermissionError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "action",
    [
        "socket.create_connection(('127.0.0.1', {port}), timeout=5)",
        "socket.getaddrinfo('localhost', 80)",
        "subprocess.run(['/bin/echo', 'ran'])",
        "__import__('os').system('echo ran')",
    ],
)
def test_the_worker_can_neither_connect_nor_start_programs(action: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        code = _GUARDED.format(action=action.format(port=server.getsockname()[1]))
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "may not" in done.stdout
    assert "ran" not in done.stdout


def test_the_worker_ends_with_its_parent() -> None:
    code = (
        "import os, sys\n"
        "from email_audit.documents.client import DocumentWorker\n"
        "from email_audit.documents.limits import DocumentLimits\n"
        "worker = DocumentWorker(DocumentLimits())\n"
        "worker.read(b'x', 'text/plain', '')\n"
        "print(worker.process_id, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert is_gone(int(done.stdout))


def test_a_forked_process_starts_a_worker_of_its_own(tight: DocumentWorker) -> None:
    assert _is_well(tight)
    child = os.fork()
    if child == 0:
        os._exit(0 if _is_well(tight) else 1)
    _, code = os.waitpid(child, 0)
    assert code == 0
    assert _is_well(tight)
