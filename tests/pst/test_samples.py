"""PST and OST: every real file is read whole, and as libpff reads it where that reads it."""

import io
from pathlib import Path

from email_audit.mapi.properties import Tag
from email_audit.messages.records import ProblemCode
from email_audit.pst.census import take_census
from tests.pst.reading import (
    attachments,
    content_of,
    embedded,
    items_of,
    lossy,
    opened,
    read_all,
    samples,
)

COUNTS = {
    "Outlook.bitflips-40.pst": (17, 34, 4),
    "aspose-Outlook-damaged-index.pst": (17, 34, 4),
    "aspose-Outlook-rev2.pst": (17, 34, 4),
    "aspose-Outlook.pst": (17, 34, 4),
    "aspose-Test_part1.pst": (61, 43, 10),
    "aspose-split-part0.pst": (2, 6, 0),
    "aspose-split-part1.pst": (11, 7, 4),
    "java-libpst-dist-list.pst": (4, 2, 2),
    "java-libpst-passworded.pst": (3, 0, 0),
    "outlook-pst-rs-Empty.pst": (0, 0, 0),
    "pstsdk-submessage.pst": (1, 1, 1),
    "pstsdk-test_ansi.pst": (1, 0, 0),
    "pstsdk-test_unicode.pst": (2, 0, 0),
    "ruby-msg-200-recipients.pst": (1, 0, 0),
    "ruby-msg-attachAndInline.pst": (1, 2, 0),
    "testPST.as-ost.ost": (7, 2, 1),
    "testPST.crypt-high.pst": (7, 2, 1),
    "testPST.crypt-none.pst": (7, 2, 1),
    "testPST.truncated-60pct.pst": (7, 2, 1),
    "tika-testPST-2.3MB.pst": (7, 2, 1),
    "tika-testPST-embedded.pst": (7, 2, 1),
}
"""Items, attachments at any depth, embedded items at any depth."""


def test_every_real_file_gives_all_its_items_attachments_and_embedded_items(shared: Path) -> None:
    found = {}
    for name, path in samples(shared).items():
        items = items_of(path.read_bytes()).values()
        found[name] = (len(items), sum(map(attachments, items)), sum(map(embedded, items)))
    assert found == COUNTS


def test_only_the_file_with_flipped_bits_has_damage(shared: Path) -> None:
    for name, path in samples(shared).items():
        read = read_all(path.read_bytes()).values()
        damaged = [message for message in read if message.item is None or lossy(message.item)]
        assert bool(damaged) == (name == "Outlook.bitflips-40.pst"), name


def test_the_census_agrees_with_the_reader_and_no_item_is_taken_for_deleted(shared: Path) -> None:
    for name, path in samples(shared).items():
        content = path.read_bytes()
        census = take_census(io.BytesIO(content))
        read = read_all(content)
        if census.is_whole:
            assert census.messages == len(read), name
        codes = {p.code for message in read.values() if message.item for p in message.item.problems}
        assert ProblemCode.DELETED not in codes, name
        assert not opened(content).index.lost_pages(), name
    census = take_census(io.BytesIO(samples(shared)["aspose-Outlook.pst"].read_bytes()))
    assert (census.messages, census.associated) == (17, 10)


def test_the_same_mailbox_in_every_encoding_and_container_gives_the_same_items(
    shared: Path,
) -> None:
    files = samples(shared)
    expected = items_of(files["tika-testPST-embedded.pst"].read_bytes())
    for name in (
        "testPST.crypt-none.pst",
        "testPST.crypt-high.pst",
        "testPST.as-ost.ost",
        "tika-testPST-2.3MB.pst",
        "testPST.truncated-60pct.pst",
    ):
        items = items_of(files[name].read_bytes())
        assert sorted(items) == sorted(expected)
        for nid, item in items.items():
            if name.startswith("testPST.crypt") or name.endswith("ost"):
                assert content_of(item) == content_of(expected[nid]), (name, nid)
            else:
                assert item.properties.get(Tag.BODY) == expected[nid].properties.get(Tag.BODY)


def test_a_damaged_index_still_leads_to_every_item(shared: Path) -> None:
    files = samples(shared)
    whole = items_of(files["aspose-Outlook.pst"].read_bytes())
    items = items_of(files["aspose-Outlook-damaged-index.pst"].read_bytes())
    assert sorted(items) == sorted(whole)
    for nid, item in items.items():
        assert item.properties.get(Tag.BODY) == whole[nid].properties.get(Tag.BODY)
        assert [part.data for part in item.attachments] == [
            part.data for part in whole[nid].attachments
        ]


def test_people_folders_times_and_named_properties_are_there(shared: Path) -> None:
    files = samples(shared)
    (message,) = read_all(files["ruby-msg-200-recipients.pst"].read_bytes()).values()
    assert message.item is not None
    assert len(message.item.recipients) == 200
    assert all(Tag.DISPLAY_NAME in row for row in message.item.recipients)
    read = read_all(files["aspose-Outlook.pst"].read_bytes())
    folders = sorted({message.folder for message in read.values()})
    assert folders == [
        "Freebusy Data",
        "Top of Personal Folders/Calendar",
        "Top of Personal Folders/Contacts",
        "Top of Personal Folders/Inbox",
        "Top of Personal Folders/Sent Items",
    ]
    appointment = read[0x2002C4].item
    assert appointment is not None
    assert len(appointment.named) > 20
    submitted = read[0x200044].item
    assert submitted is not None
    assert str(submitted.properties[Tag.CLIENT_SUBMIT_TIME]).startswith("2011-06-21 23:46:39")
