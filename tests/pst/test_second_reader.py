"""libpff as a second reader: what it sees differently is listed, and its death is survived."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from email_audit.errors import UserError
from email_audit.mapi.properties import Tag
from email_audit.pst.second_reader import disagreements, require_second_reader
from tests.pst.reading import items_of, samples


def test_libpff_sees_what_we_see_but_for_what_it_cannot_read(shared: Path) -> None:
    pytest.importorskip("pypff")
    seen: dict[tuple[str, str], int] = {}
    for name, path in samples(shared).items():
        for difference in disagreements(path, max_item_bytes=1 << 28):
            if difference.what == "subject":
                assert difference.theirs is None
                assert difference.path_in_source.startswith("Freebusy Data ")
            key = (name, difference.what)
            seen[key] = seen.get(key, 0) + 1
    freebusy = {
        "Outlook.bitflips-40.pst",
        "aspose-Outlook-rev2.pst",
        "aspose-Outlook.pst",
        "java-libpst-dist-list.pst",
        "java-libpst-passworded.pst",
    }
    assert seen == {
        ("aspose-Outlook-damaged-index.pst", "failed"): 1,
        ("aspose-Test_part1.pst", "unread"): 1,
        ("aspose-Test_part1.pst", "only_ours"): 12,
        ("aspose-split-part0.pst", "unread"): 1,
        ("aspose-split-part1.pst", "unread"): 1,
        **{(name, "subject"): 1 for name in freebusy},
    }


def test_bodies_and_attachments_have_the_bytes_that_libpff_gives(shared: Path) -> None:
    pytest.importorskip("pypff")
    compared = 0
    for name, path in samples(shared).items():
        if name in {"aspose-Outlook-damaged-index.pst", "Outlook.bitflips-40.pst"}:
            continue
        items = items_of(path.read_bytes())
        for theirs in messages_by_libpff(path):
            ours = items[theirs.identifier]
            html, body = getattr(theirs, "html_body", None), ours.properties.get(Tag.HTML)
            if isinstance(body, bytes) and html is not None:
                assert body == html, name
                compared += 1
            for number in range(getattr(theirs, "number_of_attachments", 0)):
                data, attached = ours.attachments[number].data, theirs.get_attachment(number)
                if data:
                    assert _digest(attached.read_buffer(attached.size)) == _digest(data), name
                    compared += 1
    assert compared > 100


def messages_by_libpff(path: Path) -> Iterator[Any]:
    """Yield what libpff can read; it gives up on a whole folder for one list it cannot read."""
    import pypff

    file = pypff.file()
    file.open(str(path))
    folders = [file.get_root_folder()]
    while folders:
        folder = folders.pop()
        folders += [folder.get_sub_folder(n) for n in range(folder.number_of_sub_folders)]
        with suppress(OSError):
            for position in range(folder.number_of_sub_messages):
                yield folder.get_sub_message(position)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_second_reader_that_is_not_installed_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pypff", None)
    with pytest.raises(UserError, match=r"second-reader\]' and run again"):
        require_second_reader()


def test_a_second_reader_that_dies_is_a_difference_of_its_own(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    path = samples(shared)["pstsdk-test_unicode.pst"]
    (difference,) = disagreements(path, max_item_bytes=1 << 20)
    assert (difference.what, difference.ours) == ("failed", 2)
    assert difference.theirs == "libpff's process ended with 1"


def test_the_command_prints_one_line_a_difference_and_skips_other_formats(
    shared: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pypff")
    (tmp_path / "note.txt").write_text("no PST")
    path = samples(shared)["aspose-Outlook-damaged-index.pst"]
    done = subprocess.run(
        [sys.executable, "-m", "email_audit", "read", "--second-reader", tmp_path, path],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = map(json.loads, done.stdout.splitlines())
    assert line == {
        "source": str(path),
        "path_in_source": "",
        "what": "failed",
        "ours": 17,
        "theirs": "libpff cannot open the file",
    }
