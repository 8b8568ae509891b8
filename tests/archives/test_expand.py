"""Archives as exports: every file in them comes out or is accounted for, within limits."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import py7zr
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from email_audit.archives.bounded import ArchiveLimits, Budget, archive_kind
from email_audit.archives.census import count_files
from email_audit.archives.expand import ExportFile, FileRole, expand
from email_audit.messages.records import ProblemCode


@dataclass(frozen=True)
class Held:
    """Content in memory."""

    data: bytes

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


def expanded(
    data: bytes, name: str = "outer", limits: ArchiveLimits | None = None
) -> list[ExportFile[Held]]:
    def keep(stream: BinaryIO) -> Held:
        out = io.BytesIO()
        while block := stream.read(1 << 16):
            out.write(block)
        return Held(out.getvalue())

    budget = Budget(limits or ArchiveLimits())
    return list(expand(ExportFile(name, Held(data)), keep, budget))


def read(files: list[ExportFile[Held]]) -> dict[str, bytes]:
    return {file.path: file.content.data for file in files if file.role is FileRole.READ}


def refused(files: list[ExportFile[Held]]) -> dict[str, ProblemCode]:
    return {
        file.path: file.problem.code
        for file in files
        if file.role is FileRole.REFUSED and file.problem is not None
    }


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def seven_zipped(files: Mapping[str, bytes], password: str | None = None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


FILES = {"Inbox/1.eml": b"Subject: a\n\none\n", "Sent/empty": b"", "Sent/2.eml": b"x" * 70_000}
WAYS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "zip": zipped,
    "zip bzip2": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "zip lzma": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "tar": tarred,
    "tgz": lambda files: tarred(files, "w:gz"),
    "tbz": lambda files: tarred(files, "w:bz2"),
    "txz": lambda files: tarred(files, "w:xz"),
    "7z": seven_zipped,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_file_comes_out_under_the_archives_name(way: str) -> None:
    files = expanded(WAYS[way](FILES), "box")
    assert read(files) == {f"box/{name}": data for name, data in FILES.items()}
    assert files[0].role is FileRole.ARCHIVE
    assert all(file.container == files[0].content for file in files[1:])


@pytest.mark.parametrize(
    "compress", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"]
)
def test_a_compressed_file_is_an_archive_of_one(compress: Callable[[bytes], bytes]) -> None:
    assert read(expanded(compress(b"From x\n"), "ann.mbox.gz")) == {
        "ann.mbox.gz/ann.mbox": b"From x\n"
    }


def test_archives_in_archives_are_expanded_at_any_depth() -> None:
    inner = gzip.compress(tarred({"in.zip": zipped({"deep/1.eml": b"Subject: deep\n\n"})}))
    files = expanded(zipped({"a/b.tgz": inner}), "outer.zip")
    assert read(files) == {"outer.zip/a/b.tgz/in.zip/deep/1.eml": b"Subject: deep\n\n"}
    assert [file.kind for file in files if file.role is FileRole.ARCHIVE] == ["zip", "gzip", "zip"]


def test_names_that_leave_the_folder_are_only_labels() -> None:
    files = expanded(zipped({"../../etc/passwd": b"a", "/abs": b"b", "C:\\x\\y": b"c"}), "z")
    assert read(files) == {"z/../../etc/passwd": b"a", "z//abs": b"b", "z/C:\\x\\y": b"c"}


def test_what_holds_no_mail_is_left_out_and_not_missed() -> None:
    files = expanded(zipped({"__MACOSX/._1.eml": b"x", "a/.DS_Store": b"x", "1.eml": b"S: 1\n\n"}))
    assert list(read(files)) == ["outer/1.eml"]
    assert refused(files) == {}


def test_office_documents_are_files_not_archives() -> None:
    docx = zipped({"[Content_Types].xml": b"<x/>", "_rels/.rels": b"<x/>", "word/a.xml": b""})
    odt = zipped({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b""})
    assert [file.role for file in expanded(docx) + expanded(odt)] == [FileRole.READ] * 2


def test_a_wrong_checksum_is_named_and_what_there_is_is_kept() -> None:
    data = bytearray(zipped({"a.mbox": b"hello" * 100, "b": b"fine"}, zipfile.ZIP_STORED))
    data[data.index(b"hello")] ^= 1
    files = expanded(bytes(data))
    damaged = next(file for file in files if file.path == "outer/a.mbox")
    assert damaged.content.data == b"iello" + b"hello" * 99
    assert damaged.problem is not None
    assert refused(files) == {"outer/a.mbox": ProblemCode.DAMAGED}
    assert read(files)["outer/b"] == b"fine"


def test_encrypted_members_are_refused_one_by_one(shared: Path) -> None:
    folder = shared / "attachments"
    zip_files = expanded((folder / "tika__testZipEncrypted.zip").read_bytes(), "z")
    assert refused(zip_files) == {"z/encrypted.txt": ProblemCode.ENCRYPTED}
    assert set(read(zip_files)) == {"z/unencrypted.txt"}
    assert refused(expanded(seven_zipped({"a.eml": b"x"}, "secret"), "s")) == {
        "s/a.eml": ProblemCode.ENCRYPTED
    }


@pytest.mark.parametrize("way", WAYS)
def test_a_truncated_archive_is_never_taken_for_a_whole_one(way: str) -> None:
    whole = WAYS[way]({f"{n}.eml": bytes(range(256)) * 40 for n in range(20)})
    for cut in (len(whole) // 3, len(whole) * 9 // 10):
        files = expanded(whole[:cut])
        assert refused(files), (way, cut)
        for path, data in read(files).items():
            assert data == bytes(range(256)) * 40 or path in refused(files)


def test_a_directory_that_lists_more_than_there_is_is_noticed() -> None:
    files = {"1.eml": b"a: b\n\n", "2.eml": b"c: d\n\n"}
    data = tarred(files)
    # A hard end in the middle: what follows an end mark is easily taken for padding.
    first_block = data.index(b"2.eml")
    cut = data[:first_block] + bytes(1024)
    assert count_files(io.BytesIO(data), "tar", bool) == 2
    assert count_files(io.BytesIO(cut), "tar", bool) == 1
    zip_data = bytearray(zipped(files))
    assert count_files(io.BytesIO(zip_data), "zip", lambda name: name != "1.eml") == 1


def test_a_bomb_costs_its_member_and_the_rest_is_read() -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(100)) + zeros.flush()
    data = zipped({"bomb.gz": bomb, "1.eml": b"Subject: a\n\n"})
    files = expanded(data, limits=ArchiveLimits(ratio_from_bytes=1 << 20))
    assert refused(files) == {"outer/bomb.gz/bomb": ProblemCode.LIMITED}
    assert read(files) == {"outer/1.eml": b"Subject: a\n\n"}


def test_expanded_bytes_are_bounded_over_the_whole_export() -> None:
    data = zipped({f"{n}": bytes(600) for n in range(4)}, zipfile.ZIP_STORED)
    files = expanded(data, limits=ArchiveLimits(max_bytes=1500))
    assert sorted(read(files)) == ["outer/0", "outer/1"]
    assert refused(files) == {"outer/2": ProblemCode.LIMITED, "outer/3": ProblemCode.LIMITED}


def test_too_many_members_are_one_refusal_that_says_how_many() -> None:
    data = zipped({f"{n}": b"x" for n in range(10)})
    files = expanded(data, limits=ArchiveLimits(max_members=4))
    assert len(read(files)) == 4
    (last,) = (file for file in files if file.role is FileRole.REFUSED)
    assert last.path == "outer"
    assert last.problem is not None
    assert last.problem.code is ProblemCode.LIMITED
    assert "lists 10 files, 4 were found" in last.problem.detail


def test_nesting_without_end_is_cut_off_by_depth() -> None:
    data = zipped({"1.eml": b"Subject: a\n\n"})
    for _ in range(6):
        data = zipped({"inner.zip": data})
    files = expanded(data, limits=ArchiveLimits(max_depth=3))
    assert list(refused(files).values()) == [ProblemCode.LIMITED]
    assert read(files) == {}
    assert "3 levels" in str(files[-1].problem)


def test_a_hard_link_is_the_file_it_leads_to() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("cur/1")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("new/1")
        link.type, link.linkname = tarfile.LNKTYPE, "cur/1"
        archive.addfile(link)
        lost = tarfile.TarInfo("new/2")
        lost.type, lost.linkname = tarfile.LNKTYPE, "nowhere"
        archive.addfile(lost)
    files = expanded(out.getvalue(), "t")
    assert read(files) == {"t/cur/1": b"abc", "t/new/1": b"abc"}
    assert refused(files) == {"t/new/2": ProblemCode.DAMAGED}


SMALL = {f"{n}.eml": f"{n}.eml".encode() * 50 for n in range(4)}
SMALL_ARCHIVES = {way: make(SMALL) for way, make in WAYS.items()}


@pytest.mark.parametrize("way", WAYS)
@example(0.345703125, 2)
@example(0.9921875, 1)
@example(0.796875, 160)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_mutated_archive_never_raises_and_loses_nothing_in_silence(
    way: str, where: float, change: int
) -> None:
    changed = bytearray(SMALL_ARCHIVES[way])
    changed[int(where * len(changed))] ^= change
    files = expanded(bytes(changed), "a")
    if archive_kind(bytes(changed)) is None:
        assert [file.role for file in files] == [FileRole.READ]
        return
    contents = sorted(file.content.data for file in files if file.role is FileRole.READ)
    if way == "tar":  # has checksums of headers only
        assert refused(files) or sorted(map(len, contents)) == [250] * 4
    else:
        assert refused(files) or contents == sorted(SMALL.values())
