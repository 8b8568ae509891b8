"""The bundle's content: complete, the same every time, whole or not there."""

import csv
import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from email_audit.bundles.records import BundleCase, BundleMessage
from email_audit.bundles.verifier import MANIFEST, manifest_sha256, verify
from email_audit.bundles.write import write_bundle
from email_audit.errors import RunError, UserError
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.records import (
    Address,
    AttachmentStatus,
    Message,
    Problem,
    ProblemCode,
    ReadStatus,
)
from email_audit.tagging.records import Signal
from tests.bundles.cases import (
    CASE,
    FOOTER,
    FORWARDED,
    OWN,
    QUOTED,
    SIGNATURE,
    attachment,
    custody,
    entry,
    message,
    messages,
    signal,
)
from tests.bundles.test_marking import Shown

T = TypeVar("T")


def all_bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def page_of(tmp_path: Path, shown: BundleMessage) -> str:
    folder = write_bundle(tmp_path / "bundle", CASE, [shown], custody()).folder
    return (folder / shown.page_path).read_text(encoding="utf-8")


def full_message(more: str = "") -> BundleMessage:
    """One message that fills every field of every page, `more` in each stretch of its text."""
    content = message(
        [
            (OWN, f"hold him, asap{more}\n"),
            (QUOTED, f"> him?{more}\n"),
            (FORWARDED, f"from Dana{more}\n"),
            (SIGNATURE, f"-- \nLyle{more}\n"),
            (FOOTER, f"CONFIDENTIAL{more}\n"),
        ],
        attachments=(
            attachment("names of people"),
            attachment("more names", filename="inner.txt", parent=0),
            attachment(None, status=AttachmentStatus.UNSUPPORTED, reason="no reader yet"),
        ),
    )
    content = replace(
        content,
        cc=(Address("Ruth", "ruth@fed.example"),),
        bcc=(Address("Desk", "desk@fed.example"),),
        in_reply_to=("<0.a@pd.example>",),
        transport_dates=(datetime(2025, 3, 6, 14, 6, tzinfo=UTC),),
        problems=(Problem(ProblemCode.BAD_DATE, "the year is 1725"),),
        status=ReadStatus.PARTIAL,
        item_class="IPM.Post",
    )
    signals = (
        signal(content, "Release", "in the subject", "subject"),
        signal(content, "hold him", "asks to hold a person"),
        signal(content, "names", "a list", "attachment:0"),
        Signal(f"elsewhere{more}", 0, 9, "own_text", "of another version"),
    )
    return entry(content, signals=signals, copies=2)


PLACED = {
    Message: {"body", "own_text", "content_sha256", "mih"},
    Signal: {"text", "part"},
    BundleMessage: {"source_suffix"},
    BundleCase: {"time_zone"},
}
"""Texts that others refer to by place or name."""


def with_every_text(record: T, suffix: str) -> T:
    """Add `suffix` to every free text in a record, at any depth."""
    changes: dict[str, object] = {}
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if field.name in PLACED.get(type(record), ()):
            continue
        if type(value) is str:
            changes[field.name] = value + suffix
        elif is_dataclass(value):
            changes[field.name] = with_every_text(value, suffix)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(
                with_every_text(item, suffix)
                if is_dataclass(item)
                else item + suffix
                if type(item) is str
                else item
                for item in value
            )
    return replace(record, **changes)  # type: ignore[type-var]


def pages_with(folder: Path, suffix: str) -> tuple[str, str]:
    """Give the message's page and the index of a bundle that holds `suffix` wherever it can."""
    shown = with_every_text(full_message(suffix), suffix)
    case = with_every_text(CASE, suffix)
    written = write_bundle(folder, case, [shown], custody()).folder
    return (
        (written / "readable/0001.html").read_text(encoding="utf-8"),
        (written / "readable/index.html").read_text(encoding="utf-8"),
    )


def test_a_bundle_holds_each_message_in_every_form(bundle: Path) -> None:
    paths = set(all_bytes(bundle))
    assert paths == {
        *(f"originals/{n:04d}.eml" for n in (1, 2, 3)),
        *(f"originals/{n:04d}.source.mbox-item" for n in (1, 2, 3)),
        *(f"readable/{n:04d}.html" for n in (1, 2, 3)),
        "readable/index.html",
        "README.txt",
        "bundle.json",
        "copies.csv",
        "custody.jsonl",
        "timeline.csv",
        "verify.py",
        MANIFEST,
    }
    for given in messages():
        assert (bundle / given.eml_path).read_bytes() == given.original
        assert (bundle / given.source_path).read_bytes() == given.source_bytes


def test_the_summary_tells_the_hash_to_write_down_elsewhere(tmp_path: Path) -> None:
    summary = write_bundle(tmp_path / "new" / "bundle", CASE, messages(), custody())
    assert summary.folder == tmp_path / "new" / "bundle"
    assert (summary.messages, summary.files) == (3, 16)
    assert summary.manifest_sha256 == manifest_sha256(summary.folder)


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    first = write_bundle(tmp_path / "a", CASE, messages(), custody())
    second = write_bundle(tmp_path / "b", CASE, iter(messages()), iter(custody()))
    assert all_bytes(first.folder) == all_bytes(second.folder)
    assert first.manifest_sha256 == second.manifest_sha256


def test_the_timeline_has_both_times_and_all_custodians(bundle: Path) -> None:
    first, second, third = table(bundle / "timeline.csv")
    assert first["date_utc"] == "2025-03-06T14:05:09Z"
    assert first["date_local"] == "2025-03-06T09:05:09-05:00"
    assert first["zone"] == "UTC-05:00"
    assert first["custodians"] == "Dana Ruiz (4711); Tom Adeyemi (4712)"
    assert first["kinds"] == "request; custody"
    assert second["custodians"] == "Dana Ruiz (4711)"
    assert third["eml"] == "originals/0003.eml"


def test_local_times_follow_daylight_saving(tmp_path: Path) -> None:
    content = replace(message([(OWN, "x")]), date=datetime(2025, 7, 1, 12, 0, tzinfo=UTC))
    folder = write_bundle(tmp_path / "b", CASE, [entry(content)], custody()).folder
    assert table(folder / "timeline.csv")[0]["date_local"] == "2025-07-01T08:00:00-04:00"
    assert "2025-07-01 08:00:00 EDT" in (folder / "readable/0001.html").read_text()


def test_every_copy_has_a_line(bundle: Path) -> None:
    rows = table(bundle / "copies.csv")
    assert [row["number"] for row in rows] == ["1", "1", "2", "3", "3"]
    assert rows[1]["custodian"] == "4712"
    assert rows[1]["start"] == "1000"


def test_the_record_says_which_versions_and_which_law(bundle: Path) -> None:
    record = json.loads((bundle / "bundle.json").read_bytes())
    assert record["model_version"] == "en_email_audit-0.1.0+abc1234"
    assert "10-178(a)" in record["definition"]
    assert record["counts"] == {"messages": 3, "copies": 5, "custody_entries": 4, "files": 16}
    assert record["custody_last_hash"] == custody()[-1].hash
    assert record["run_totals"]["found"] == 1210
    assert record["officers"][0]["assigned_to"] is None


def test_a_message_without_date_id_sender_subject_or_text_is_shown(tmp_path: Path) -> None:
    bare = replace(
        message([]),
        subject="",
        sender=None,
        to=(),
        date=None,
        zone_minutes=None,
        message_id=None,
        mih=None,
    )
    page = page_of(tmp_path, entry(bare))
    assert "no usable date" in page
    assert "(no subject)" in page
    assert "The message has no text." in page


@pytest.mark.parametrize(
    "suffix",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</title></style></textarea><b>",
        "{{ 7 * 7 }}{% raw %}",
        "<!--",
        "&lt;b&gt;",
    ],
)
def test_markup_in_any_field_shows_as_text(tmp_path: Path, suffix: str) -> None:
    harmless = pages_with(tmp_path / "harmless", "x" * len(suffix))
    for page, pattern in zip(pages_with(tmp_path / "bundle", suffix), harmless, strict=True):
        assert Shown(page).shape == Shown(pattern).shape
        assert Shown(page).text.count(suffix) == Shown(pattern).text.count("x" * len(suffix)) > 10


@pytest.mark.parametrize("suffix", ["\u202e\u200b", "\udc80\x00", "\r\n\x1b[31m"])
def test_hidden_characters_in_any_field_are_written_out(tmp_path: Path, suffix: str) -> None:
    for page in pages_with(tmp_path / "bundle", suffix):
        assert not set("\u202e\u200b\x00\x1b\r") & set(page)


def test_pages_load_nothing_and_run_nothing(bundle: Path) -> None:
    for page in bundle.glob("readable/*.html"):
        text = page.read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        assert not {"script", "img", "link", "iframe", "form", "object"} & set(Shown(text).tags)
        assert "http:" not in text
        assert "https:" not in text


def test_signals_are_marked_and_explained(tmp_path: Path) -> None:
    page = page_of(tmp_path, full_message())
    assert '<mark title="in the subject" data-n="1">Release</mark> time' in page
    assert '<mark title="asks to hold a person" data-n="2">hold him</mark>, asap' in page
    assert '<mark title="a list" data-n="4">names</mark> of people' in page
    assert "its place was not found" in page


def test_pages_lead_to_their_neighbours(bundle: Path) -> None:
    first, second, third = (
        (bundle / f"readable/{n:04d}.html").read_text(encoding="utf-8") for n in (1, 2, 3)
    )
    assert 'rel="prev"' not in first
    assert 'href="0001.html"' in second
    assert 'href="0003.html"' in second
    assert 'rel="next"' not in third


def test_the_index_cuts_a_long_list_of_recipients_and_the_page_does_not(tmp_path: Path) -> None:
    everyone = tuple(Address("", f"a{n}@pd.example") for n in range(40))
    page = page_of(tmp_path, entry(replace(message([(OWN, "x")]), to=everyone)))
    index = (tmp_path / "bundle/readable/index.html").read_text()
    assert "a39@pd.example" in page
    assert "a39@pd.example" not in index
    assert "and 37 more" in index


def test_messages_are_let_go_one_by_one(tmp_path: Path) -> None:
    alive = []

    def stream() -> Iterator[BundleMessage]:
        for number in range(501, 521):
            yield entry(message([(OWN, "x")], number=number), number=number)
            alive.append(
                sum(type(one) is BundleMessage and one.number > 500 for one in gc.get_objects())
            )

    write_bundle(tmp_path / "bundle", CASE, stream(), custody())
    assert max(alive) <= 3


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        write_bundle(tmp_path, CASE, messages(), custody())
    with pytest.raises(UserError, match="not an empty folder"):
        write_bundle(tmp_path / "notes.txt", CASE, messages(), custody())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    folder = write_bundle(tmp_path / "bundle", CASE, messages(), custody()).folder
    assert verify(folder) == []


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(UserError, match="not an empty folder"):
        write_bundle(tmp_path / "link", CASE, messages(), custody())


def test_a_failure_half_way_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[BundleMessage]:
        yield from messages()
        raise RunError("evidence is missing")

    with pytest.raises(RunError, match="evidence is missing"):
        write_bundle(tmp_path / "bundle", CASE, failing(), custody())
    assert list(tmp_path.iterdir()) == []


def test_a_broken_custody_log_is_not_handed_out(tmp_path: Path) -> None:
    log = custody()
    log[1] = replace(log[1], actor="somebody else")
    with pytest.raises(RunError, match="entry 2 was changed"):
        write_bundle(tmp_path / "bundle", CASE, messages(), log)
    assert list(tmp_path.iterdir()) == []


def test_a_message_without_a_copy_is_not_handed_out(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="lacks message 0001"):
        write_bundle(tmp_path / "bundle", CASE, [replace(messages()[0], copies=())], custody())


@pytest.mark.parametrize("order", [(2, 1), (1, 1)])
def test_numbers_that_do_not_ascend_are_refused(tmp_path: Path, order: tuple[int, int]) -> None:
    wrong = [replace(messages()[0], number=number) for number in order]
    with pytest.raises(ValueError, match="comes after"):
        write_bundle(tmp_path / "bundle", CASE, wrong, custody())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["/../x", "eml", ".e/l", ".EML", "..", "."])
def test_a_suffix_that_could_lead_elsewhere_is_refused(suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        replace(messages()[0], source_suffix=suffix)


def test_the_source_of_an_eml_file_does_not_take_the_name_of_the_message(tmp_path: Path) -> None:
    shown = replace(messages()[0], source_suffix=".eml")
    folder = write_bundle(tmp_path / "bundle", CASE, [shown], custody()).folder
    assert (folder / "originals/0001.source.eml").read_bytes() == shown.source_bytes
    assert (folder / "originals/0001.eml").read_bytes() == shown.original


def test_a_bundle_without_messages_is_still_a_bundle(tmp_path: Path) -> None:
    summary = write_bundle(tmp_path / "bundle", CASE, [], [])
    assert summary.messages == 0
    assert verify(summary.folder) == []


def test_numbers_beyond_four_digits_keep_their_files_together(tmp_path: Path) -> None:
    shown = replace(messages()[0], number=10_000)
    folder = write_bundle(tmp_path / "bundle", CASE, [shown], custody()).folder
    assert (folder / "originals/10000.eml").is_file()


def as_read(number: int, original: bytes) -> BundleMessage:
    read = parse_message(original, limits=ReadLimits())
    base = entry(message([(OWN, "x")]), number=number)
    return replace(base, message=read, original=original, source_bytes=original)


def test_a_bundle_of_real_mail_passes_its_own_check(tmp_path: Path, shared: Path) -> None:
    originals = [path.read_bytes() for path in sorted(shared.glob("eml/**/*")) if path.is_file()]
    shown = [as_read(number, original) for number, original in enumerate(originals, 1)]
    summary = write_bundle(tmp_path / "bundle", CASE, shown, custody())
    assert summary.messages == len(originals) > 100
    for given in shown:
        assert (summary.folder / given.eml_path).read_bytes() == given.original
    rows = table(summary.folder / "timeline.csv")
    assert [row["content_sha256"] for row in rows] == [one.message.content_sha256 for one in shown]


@pytest.mark.parametrize(
    "original",
    [
        b"Message-ID:\r\n <folded\r\n @pd.example>\r\n\r\nx",
        b"Message-ID: =?us-ascii?Q?=3Ccoded=40pd.example=3E?=\n\nx",
        b"Message-ID:\n =?us-ascii?Q?=3Ccoded=40pd.example=3E?=\n\nx",
        b"Message-ID: no brackets at all\n\nx",
        b"Message-ID: <b\xfccher@pd.example>\n\nx",
        b"Message-ID: <>\nMessage-ID: <second@pd.example>\n\nx",
        "Message-ID: <wide@pd.example>\n\nx".encode("utf-16"),
        b"To: " + b"someone@pd.example, " * 60_000 + b"x\nMessage-ID: <late@pd.example>\n\nx",
        b"no header, only text",
    ],
    ids=["folded", "encoded", "encoded folded", "bare", "8-bit", "two", "UTF-16", "late", "none"],
)
def test_an_odd_message_id_does_not_keep_a_message_out(tmp_path: Path, original: bytes) -> None:
    summary = write_bundle(tmp_path / "bundle", CASE, [as_read(1, original)], custody())
    assert verify(summary.folder) == []


FULL_DISK = """
import resource, sys
from pathlib import Path
from dataclasses import replace
from email_audit.bundles.write import write_bundle
from email_audit.errors import RunError
from tests.bundles.cases import CASE, custody, messages
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
big = [*messages(2), replace(messages(3)[2], original=b"Message-ID: <3.a@fed.example>\\n" * 9_000)]
try:
    write_bundle(Path(sys.argv[1]), CASE, big, custody())
except RunError as error:
    print(error)
    sys.exit(7)
"""


def test_a_full_disk_leaves_no_half_bundle(tmp_path: Path, repository: Path) -> None:
    """A limit on file size makes write() fail as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "bundle")],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "Nothing was left there" in done.stdout
    assert list(tmp_path.iterdir()) == []
