"""All 14 TNEF files, beside tnefparse: the same attachments and bodies, every difference named."""

from functools import cache
from pathlib import Path

from tnefparse import TNEF

from email_audit.mapi.eml import render_item
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import MapiItem
from email_audit.mapi.rtf_compression import decompress_rtf
from email_audit.mapi.values import Values, item_values
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.problems import Problems
from email_audit.messages.records import Message, ProblemCode
from email_audit.tnef.reader import read_tnef

LIMITS = ReadLimits()
ALTERED = {"tnefparse__IPM-DistList.tnef", "tnefparse__duplicate_filename.tnef"}
"""Made anonymous by their publisher without new checksums: two attributes each do not hold."""


def files(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "tnef").iterdir() if path.is_file())


@cache
def read(path: Path) -> tuple[MapiItem, Values]:
    item = read_tnef(path.read_bytes(), LIMITS)
    return item, item_values(item, Problems())


@cache
def message(path: Path) -> Message:
    rendered = render_item(read(path)[0])
    return parse_message(rendered.original, limits=LIMITS, container_problems=rendered.problems)


def test_all_14_files_are_read_and_only_altered_ones_are_partial(shared: Path) -> None:
    assert len(files(shared)) == 14
    partial = {path.name for path in files(shared) if message(path).status != "ok"}
    assert partial == ALTERED
    for name in ALTERED:
        codes = {problem.code for problem in message(shared / "tnef" / name).problems}
        assert ProblemCode.DAMAGED in codes


def test_attachments_are_those_of_another_reader(shared: Path) -> None:
    """tnefparse leaves embedded items unread and cuts zeros off the end of a Word file."""
    count = 0
    for path in files(shared):
        item, values = read(path)
        theirs = TNEF(path.read_bytes(), do_checksum=False).attachments
        assert len(item.attachments) == len(theirs), path.name
        for ours, other in zip(item.attachments, theirs, strict=True):
            row = values.of(ours.properties)
            name = row.text(Tag.ATTACH_LONG_FILENAME, Tag.ATTACH_FILENAME, Tag.DISPLAY_NAME)
            assert name == other.long_filename(), path.name
            if ours.item is None:
                assert ours.data is not None
                assert ours.data.rstrip(b"\0") == other.data.rstrip(b"\0"), (path.name, name)
                count += 1
    assert count == 25


def test_bodies_are_those_of_another_reader(shared: Path) -> None:
    for path in files(shared):
        _, values = read(path)
        theirs = TNEF(path.read_bytes(), do_checksum=False)
        rtf = values.data(Tag.RTF_COMPRESSED)
        ours = decompress_rtf(rtf, LIMITS.max_text_chars).data if rtf else b""
        assert ours == (theirs.rtfbody or b""), path.name
        html = values.data(Tag.HTML).rstrip(b"\0")
        their_html = theirs.htmlbody or b""
        if isinstance(their_html, str):
            their_html = their_html.encode(theirs.codepage or "cp1252")
        assert html == their_html.rstrip(b"\0"), path.name


def test_embedded_items_are_read(shared: Path) -> None:
    item, _ = read(shared / "tnef" / "MimeKit__christmas.tnef")
    assert [one.item is not None for one in item.attachments] == [False, True, True]
    found = message(shared / "tnef" / "MimeKit__christmas.tnef").attachments
    assert [(one.size, one.parent) for one in found if one.parent is not None] == [(375081, 2)]


def test_files_that_are_empty_stay_empty(shared: Path) -> None:
    """AUTOEXEC.BAT and CONFIG.SYS have no bytes: their declared size is that of their icon."""
    item, _ = read(shared / "tnef" / "MimeKit__data-before-name.tnef")
    assert [len(one.data or b"") for one in item.attachments] == [0, 0, 289]
