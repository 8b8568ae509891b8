"""Archives' members against the standard library's readers, and damage of every kind."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from datetime import UTC, datetime

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.archives.bounded import (
    ArchiveLimits,
    Budget,
    HardLink,
    Member,
    MemberError,
    Refused,
    archive_entries,
    archive_kind,
)
from email_audit.messages.records import ProblemCode

FILES = {"a.txt": b"alpha", "folder/b.bin": bytes(range(256)) * 999, "empty": b""}
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30)


def contents(data: bytes, name: str = "x", limits: ArchiveLimits | None = None) -> dict[str, bytes]:
    """Give what can be read, and problems' codes in place of what cannot."""
    found: dict[str, bytes] = {}
    for entry in archive_entries(io.BytesIO(data), name, Budget(limits or ArchiveLimits())):
        match entry:
            case Member():
                try:
                    found[entry.name] = entry.stream.read()
                except MemberError as error:
                    found[entry.name] = error.problem.code.encode()
            case HardLink():
                found[entry.name] = b"= " + entry.target.encode()
            case Refused():
                found[entry.name] = entry.problem.code.encode()
    return found


def as_zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.mkdir("nothing")
    return out.getvalue()


def as_tar(files: dict[str, bytes], layout: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1741014000
            archive.addfile(info, io.BytesIO(data))
        folder = tarfile.TarInfo("nothing")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    return out.getvalue()


def as_7z(files: dict[str, bytes], password: str | None = None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_members_of_a_zip_are_read_by_every_method(method: int) -> None:
    assert contents(as_zip(FILES, method)) == FILES


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_a_tar_are_read_in_every_layout(layout: int) -> None:
    assert contents(as_tar(FILES, layout)) == FILES


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_tar_is_one_archive_and_a_compressed_file_one_member(compress) -> None:  # type: ignore[no-untyped-def]
    assert contents(compress(as_tar(FILES)), "mail.tgz") == FILES
    assert contents(compress(b"notes"), "folder/notes.txt.gz") == {"notes.txt": b"notes"}
    assert contents(compress(b"one ") + compress(b"two"), "n.gz") == {"n": b"one two"}


def test_members_of_a_7z_are_read() -> None:
    assert contents(as_7z(FILES)) == FILES


@pytest.mark.parametrize("layout", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True), long=st.integers(0, 300))
def test_names_of_any_length_and_script_are_read(layout: int, names: list[str], long: int) -> None:
    files = {name + "x" * long: name.encode() for name in names}
    archive = io.BytesIO(as_tar(files, layout))
    found = archive_entries(archive, "x", Budget(ArchiveLimits()))
    # By place, not by name: names of control characters alone are shown alike.
    assert [entry.stream.read() for entry in found if isinstance(entry, Member)] == list(
        files.values()
    )


def test_hard_links_name_what_they_stand_for_and_other_links_are_left_out() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("first")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"one"))
        for kind, name in ((tarfile.LNKTYPE, "second"), (tarfile.SYMTYPE, "third")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "first"
            archive.addfile(link)
    assert contents(out.getvalue()) == {"first": b"one", "second": b"= first"}


def test_a_damaged_header_in_the_middle_of_a_tar_is_told() -> None:
    """The standard library's reader ends there without a word."""
    data = bytearray(as_tar({"a": b"x", "b": b"y", "c": b"z"}, tarfile.USTAR_FORMAT))
    data[1024 + 150] ^= 0xFF
    with tarfile.open(fileobj=io.BytesIO(bytes(data))) as archive:
        assert archive.getnames() == ["a"]
    assert contents(bytes(data)) == {"a": b"x", "": ProblemCode.DAMAGED.encode()}


def test_members_behind_the_end_of_a_tar_are_read() -> None:
    assert contents(as_tar({"a": b"x"}) + as_tar({"b": b"y"})) == {"a": b"x", "b": b"y"}


def test_enciphered_members_are_told_from_clear_ones() -> None:
    data = bytearray(as_zip({"a": b"alpha", "b": b"beta"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert contents(bytes(data)) == {"a": ProblemCode.ENCRYPTED.encode(), "b": b"beta"}
    assert contents(as_7z(FILES, "secret"))["a.txt"] == ProblemCode.ENCRYPTED.encode()


def test_times_are_kept() -> None:
    entry = next(archive_entries(io.BytesIO(as_tar({"a": b""})), "x", Budget(ArchiveLimits())))
    assert isinstance(entry, Member)
    assert entry.modified_at == datetime(2025, 3, 3, 15, 0, tzinfo=UTC)


def test_names_in_old_code_pages_are_legible() -> None:
    data = as_zip({"caf\N{LATIN SMALL LETTER E WITH ACUTE}": b"x"})
    assert contents(data) == {"café": b"x"}
    plain = as_zip({"cafe": b"x"}).replace(b"cafe", "café".encode("cp1252"))
    assert list(contents(plain)) == ["café"]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (ArchiveLimits(max_members=1), ProblemCode.LIMITED),
        (ArchiveLimits(max_bytes=1000), ProblemCode.LIMITED),
        (ArchiveLimits(max_ratio=2, ratio_from_bytes=1000), ProblemCode.LIMITED),
    ],
)
@pytest.mark.parametrize("pack", [as_zip, lambda files: gzip.compress(as_tar(files)), as_7z])
def test_limits_hold_for_every_kind(pack, limits: ArchiveLimits, code: ProblemCode) -> None:  # type: ignore[no-untyped-def]
    found = contents(pack({"a": bytes(100_000), "b": bytes(100_000)}), "x", limits)
    assert code.encode() in found.values()


WHOLE = {
    "zip": as_zip(FILES),
    "tar": as_tar(FILES),
    "tgz": gzip.compress(as_tar(FILES)),
    "xz": lzma.compress(b"notes " * 99),
    "7z": as_7z(FILES),
}


@pytest.mark.parametrize("kind", WHOLE)
@settings(deadline=None)
@given(data=st.data())
def test_damage_never_raises_and_never_passes_for_the_whole(kind: str, data: st.DataObject) -> None:
    broken = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del broken[data.draw(st.integers(0, len(broken) - 1)) :]
    contents(bytes(broken), "x.bin", ArchiveLimits(max_bytes=8 << 20))


@given(st.binary(max_size=600))
def test_any_bytes_have_a_kind_or_none(data: bytes) -> None:
    kind = archive_kind(data)
    assert kind in {None, "zip", "7z", "tar", "gzip", "bzip2", "xz"}
