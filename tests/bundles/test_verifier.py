"""Every kind of tampering has its finding."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.bundles.verifier import MANIFEST, Finding, Kind, main, manifest_sha256, verify
from email_audit.evidence.custody import entry_hash
from tests.bundles.cases import sha256


def found(bundle: Path) -> set[tuple[Kind, str]]:
    return {(finding.kind, finding.path) for finding in verify(bundle)}


def write_manifest_anew(bundle: Path) -> None:
    """Do what someone who covers his tracks would do."""
    paths = sorted(
        path.relative_to(bundle).as_posix()
        for path in bundle.rglob("*")
        if path.is_file() and path.name != MANIFEST
    )
    lines = [f"{sha256((bundle / path).read_bytes())}  {path}\n" for path in paths]
    (bundle / MANIFEST).write_bytes("".join(lines).encode())


def replace_in(file: Path, old: str, new: str) -> None:
    text = file.read_bytes().decode()
    assert old in text
    file.write_bytes(text.replace(old, new, 1).encode())


def edit_lines(file: Path, edit: Callable[[list[bytes]], list[bytes]]) -> None:
    file.write_bytes(b"".join(edit(file.read_bytes().splitlines(keepends=True))))


def test_an_untouched_bundle_has_no_finding(bundle: Path) -> None:
    assert verify(bundle) == []
    assert verify(bundle, manifest_sha256(bundle)) == []


@pytest.mark.parametrize(
    "path", ["originals/0002.eml", "bundle.json", "verify.py", "README.txt", "readable/0001.html"]
)
def test_a_changed_byte_is_found_in_any_file(bundle: Path, path: str) -> None:
    data = bytearray((bundle / path).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / path).write_bytes(data)
    findings = [finding for finding in verify(bundle) if finding.kind is Kind.CHANGED]
    assert [finding.path for finding in findings] == [path]
    assert sha256(bytes(data)) in str(findings[0])


@pytest.mark.parametrize("path", ["originals/0002.eml", "timeline.csv", "custody.jsonl"])
def test_a_removed_file_is_missing(bundle: Path, path: str) -> None:
    (bundle / path).unlink()
    assert (Kind.MISSING, path) in found(bundle)


def test_a_removed_manifest_is_missing(bundle: Path) -> None:
    (bundle / MANIFEST).unlink()
    assert (Kind.MISSING, MANIFEST) in found(bundle)


def test_a_required_file_removed_with_its_manifest_line_is_missing(bundle: Path) -> None:
    (bundle / "custody.jsonl").unlink()
    write_manifest_anew(bundle)
    assert (Kind.MISSING, "custody.jsonl") in found(bundle)


def test_an_added_file_is_unexpected(bundle: Path) -> None:
    (bundle / "originals" / "0004.eml").write_bytes(b"Subject: planted\n\n")
    assert (Kind.UNEXPECTED, "originals/0004.eml") in found(bundle)


def test_an_added_empty_folder_is_unexpected(bundle: Path) -> None:
    (bundle / "annex").mkdir()
    assert found(bundle) == {(Kind.UNEXPECTED, "annex/")}


def test_a_cut_manifest_line_leaves_its_file_unlisted(bundle: Path) -> None:
    edit_lines(bundle / MANIFEST, lambda lines: [line for line in lines if b"0001.eml" not in line])
    assert found(bundle) == {(Kind.UNEXPECTED, "originals/0001.eml")}


def test_a_manifest_cut_off_in_a_line_is_found(bundle: Path) -> None:
    data = (bundle / MANIFEST).read_bytes()
    (bundle / MANIFEST).write_bytes(data[:-5])
    assert found(bundle) == {(Kind.BAD_MANIFEST_LINE, MANIFEST), (Kind.UNEXPECTED, "verify.py")}


def test_a_manifest_with_other_line_ends_is_found(bundle: Path) -> None:
    data = (bundle / MANIFEST).read_bytes()
    (bundle / MANIFEST).write_bytes(data.replace(b"\n", b"\r\n"))
    assert (Kind.BAD_MANIFEST_LINE, MANIFEST) in found(bundle)


def test_a_file_listed_twice_is_found(bundle: Path) -> None:
    edit_lines(bundle / MANIFEST, lambda lines: [*lines, lines[0]])
    assert found(bundle) == {(Kind.BAD_MANIFEST_LINE, MANIFEST)}


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/etc/hostname", "a/../../b", "C:/x", "a\\b", "a//b", "./a"]
)
def test_a_path_that_leads_out_of_the_bundle_is_never_opened(bundle: Path, path: str) -> None:
    outside = b"not of this bundle"
    (bundle.parent / "outside.txt").write_bytes(outside)
    with (bundle / MANIFEST).open("a") as manifest:
        manifest.write(f"{sha256(outside)}  {path}\n")
    assert found(bundle) == {(Kind.UNSAFE_PATH, path)}


def test_a_link_in_place_of_a_file_is_refused_though_its_target_has_the_same_bytes(
    bundle: Path,
) -> None:
    original = bundle / "originals" / "0001.eml"
    elsewhere = bundle.parent / "elsewhere.eml"
    original.rename(elsewhere)
    original.symlink_to(elsewhere)
    assert (Kind.NOT_A_PLAIN_FILE, "originals/0001.eml") in found(bundle)


def test_a_link_in_place_of_a_folder_is_refused(bundle: Path) -> None:
    (bundle / "originals").rename(bundle.parent / "originals")
    (bundle / "originals").symlink_to(bundle.parent / "originals")
    assert (Kind.NOT_A_PLAIN_FILE, "originals") in found(bundle)


def test_a_pipe_is_refused_and_not_waited_for(bundle: Path) -> None:
    os.mkfifo(bundle / "pipe")
    assert found(bundle) == {(Kind.NOT_A_PLAIN_FILE, "pipe")}


def test_a_manifest_written_anew_is_found_only_by_its_hash_told_outside(bundle: Path) -> None:
    told = manifest_sha256(bundle)
    replace_in(bundle / "originals" / "0001.eml", "hold him", "help him")
    write_manifest_anew(bundle)
    assert verify(bundle) == []
    assert [finding.kind for finding in verify(bundle, told)] == [Kind.CHANGED]


def test_an_edited_custody_entry_breaks_the_chain(bundle: Path) -> None:
    replace_in(bundle / "custody.jsonl", '"bytes": 1001', '"bytes": 9001')
    write_manifest_anew(bundle)
    assert found(bundle) == {(Kind.CHAIN_BROKEN, "custody.jsonl")}


def test_an_edited_entry_whose_hash_was_computed_anew_breaks_the_chain_behind_it(
    bundle: Path,
) -> None:
    def edit(lines: list[bytes]) -> list[bytes]:
        entry = json.loads(lines[1])
        entry["actor"] = "nobody"
        entry["hash"] = entry_hash(entry)
        return [lines[0], json.dumps(entry).encode() + b"\n", *lines[2:]]

    edit_lines(bundle / "custody.jsonl", edit)
    write_manifest_anew(bundle)
    broken = [f for f in verify(bundle) if f.kind is Kind.CHAIN_BROKEN]
    assert "entry 3 does not follow" in str(broken[0])


@pytest.mark.parametrize(
    "edit",
    [
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: lines[:-1],
        lambda lines: lines[:0],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines[:-1], lines[-1][:20]],
        lambda lines: [*lines, b"\n"],
        lambda lines: [lines[0].replace(b"{", b'{"actor": "x", ', 1), *lines[1:]],
        lambda lines: [b"[" * 100_000, *lines],
        lambda lines: [b"{}\n", *lines],
        lambda lines: [b'{"seq": NaN}\n', *lines],
        lambda lines: [b"\xff\xfe\n", *lines],
    ],
    ids=[
        "reordered",
        "one taken out",
        "last one cut off",
        "emptied",
        "last one twice",
        "cut in a line",
        "blank line",
        "a key twice",
        "too deep",
        "no fields",
        "not JSON",
        "not UTF-8",
    ],
)
def test_a_custody_log_with_other_lines_breaks_the_chain(
    bundle: Path, edit: Callable[[list[bytes]], list[bytes]]
) -> None:
    edit_lines(bundle / "custody.jsonl", edit)
    write_manifest_anew(bundle)
    assert (Kind.CHAIN_BROKEN, "custody.jsonl") in found(bundle)


def test_a_message_taken_out_everywhere_but_in_the_records_is_counted(bundle: Path) -> None:
    for path in [*bundle.glob("originals/0002.*"), bundle / "readable" / "0002.html"]:
        path.unlink()
    write_manifest_anew(bundle)
    assert found(bundle) == {
        (Kind.COUNT_MISMATCH, path)
        for path in (
            "originals/*.eml",
            "timeline.csv",
            "copies.csv",
            "readable/index.html",
            MANIFEST,
        )
    }


@pytest.mark.parametrize("path", ["timeline.csv", "copies.csv", "readable/index.html"])
def test_a_message_taken_out_of_one_list_is_counted(bundle: Path, path: str) -> None:
    marks = (b"2,", b'<tr data-number="0002">')
    edit_lines(bundle / path, lambda lines: [line for line in lines if not line.startswith(marks)])
    write_manifest_anew(bundle)
    assert {kind for kind, _ in found(bundle)} == {Kind.COUNT_MISMATCH}


def test_a_message_listed_twice_is_counted(bundle: Path) -> None:
    edit_lines(bundle / "timeline.csv", lambda lines: [*lines, lines[-1]])
    write_manifest_anew(bundle)
    assert found(bundle) == {(Kind.COUNT_MISMATCH, "timeline.csv")}


def test_a_missing_readable_page_is_counted(bundle: Path) -> None:
    (bundle / "readable" / "0003.html").unlink()
    write_manifest_anew(bundle)
    assert (Kind.COUNT_MISMATCH, "readable/*.html") in found(bundle)


def test_other_counts_in_the_record_are_found(bundle: Path) -> None:
    replace_in(bundle / "bundle.json", '"messages": 3', '"messages": 4')
    write_manifest_anew(bundle)
    assert found(bundle) == {(Kind.COUNT_MISMATCH, "originals/*.eml")}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<1.a@fed.example>", "<9.a@fed.example>"),
        ("23616120c5e352305c1be67dfc48d53c", "0" * 32),
        ("originals/0001.eml", "originals/0002.eml"),
    ],
    ids=["Message-ID", "MIH", "another file"],
)
def test_a_timeline_that_tells_of_another_message_is_found(
    bundle: Path, old: str, new: str
) -> None:
    replace_in(bundle / "timeline.csv", old, new)
    write_manifest_anew(bundle)
    assert {kind for kind, _ in found(bundle)} == {Kind.EML_MISMATCH}


def test_a_message_put_in_the_place_of_another_is_found(bundle: Path) -> None:
    shutil.copyfile(bundle / "originals" / "0002.eml", bundle / "originals" / "0001.eml")
    write_manifest_anew(bundle)
    assert found(bundle) == {(Kind.EML_MISMATCH, "originals/0001.eml")}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("bundle.json", b"not JSON"),
        ("bundle.json", b"[]"),
        ("bundle.json", b"{}"),
        ("bundle.json", b"[" * 100_000),
        ("bundle.json", b'{"counts": 3, "custody_last_hash": ""}'),
        ("timeline.csv", b"number,eml\r\n1\r\n"),
        ("timeline.csv", b'number,eml\r\n1,"unclosed'),
        ("timeline.csv", b"\xff\xff"),
        ("copies.csv", b"a,b\r\n1,2\r\n"),
    ],
)
def test_a_record_in_another_form_is_a_finding_and_no_crash(
    bundle: Path, path: str, data: bytes
) -> None:
    (bundle / path).write_bytes(data)
    write_manifest_anew(bundle)
    assert (Kind.BAD_RECORD, path) in found(bundle)


def test_a_bundle_of_another_format_is_not_passed(bundle: Path) -> None:
    replace_in(bundle / "bundle.json", "email-audit bundle 1", "email-audit bundle 2")
    write_manifest_anew(bundle)
    assert found(bundle) == {(Kind.BAD_RECORD, "bundle.json")}


def test_a_folder_that_is_no_bundle_lacks_everything(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("hello")
    assert (Kind.MISSING, MANIFEST) in found(tmp_path)
    assert (Kind.UNREADABLE, ".") in found(tmp_path / "nowhere")


def test_a_finding_is_one_line_of_printable_ascii() -> None:
    line = str(Finding(Kind.UNEXPECTED, "a\nb\x1b[31m\u202e\udcff.eml", "is unlisted"))
    assert line.isascii()
    assert line.isprintable()


@given(st.binary(max_size=400))
def test_no_manifest_makes_it_fail(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / MANIFEST).write_bytes(data)
    (folder / "bundle.json").write_bytes(data)
    assert verify(folder)


def run(bundle: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", *arguments],
        cwd=bundle,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_copied_bundle_checks_itself_without_this_program(bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundle, tmp_path / "elsewhere" / "copy")
    told = manifest_sha256(bundle)
    done = run(copy, "--expect", told.upper())
    assert (done.returncode, done.stderr) == (0, "")
    assert told in done.stdout
    assert run(bundle.parent / "elsewhere" / "copy", str(bundle)).returncode == 0


def test_the_bundles_own_check_names_the_wrong_file(bundle: Path) -> None:
    replace_in(bundle / "originals" / "0002.eml", "hold him", "help him")
    done = run(bundle)
    assert done.returncode == 1
    assert "changed: originals/0002.eml: SHA-256 should be" in done.stdout
    assert "1 differences found" in done.stdout
    assert run(bundle, "--expect", "0" * 64).returncode == 1


@pytest.mark.parametrize("arguments", [["nowhere"], ["--expect", "abc"], ["--unknown"]])
def test_a_wrong_call_ends_with_2(bundle: Path, arguments: list[str]) -> None:
    assert run(bundle, *arguments).returncode == 2


def test_it_can_be_called_as_a_function(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(bundle)]) == 0
    assert "no difference found" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="coreutils is not installed")
def test_the_manifest_is_in_the_form_of_sha256sum(bundle: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", MANIFEST], cwd=bundle, check=False
    )
    assert done.returncode == 0
