"""The same mail in several containers: one identity, or it is said what differs."""

import io
from pathlib import Path

import pytest

from email_audit.messages.records import Message
from email_audit.sources.base import FoundItem, ReadOptions
from email_audit.sources.registry import detect_source

OPTIONS = ReadOptions(max_message_bytes=1 << 30)


def messages(path: Path) -> list[Message]:
    blob = io.BytesIO(path.read_bytes())
    source = detect_source(blob, path.name, OPTIONS)
    extents = list(source.extents(blob, max_items=1000, max_bytes=1 << 30))
    found = [item for extent in extents for item in source.items(blob, extent)]
    return [source.parse(item) for item in found if isinstance(item, FoundItem)]


@pytest.mark.parametrize(
    "names",
    [
        # Received and sent, with transport headers and without, Unicode and not.
        ["poi__example_received_regular", "poi__example_received_unicode"],
        ["poi__example_received_unicode", "poi__example_sent_regular"],
        ["poi__example_sent_regular", "poi__example_sent_unicode"],
        ["msgreader__Attach_sample_eml_received", "msgreader__Attach_sample_eml_sent"],
        # Copies of one mail that differ in the archive's own dates only.
        ["poi__message_1979", "poi__message_1980", "poi__message_1981"],
    ],
)
def test_copies_of_one_mail_in_msg_files_are_one(shared: Path, names: list[str]) -> None:
    (identity,) = {
        message.content_sha256
        for name in names
        for message in messages(shared / "msg" / f"{name}.msg")
    }
    assert identity


@pytest.mark.parametrize(
    ("msg", "pst"),
    [
        ("msgreader__200_recipients", "ruby-msg-200-recipients"),
        ("msgreader__attachAndInline", "ruby-msg-attachAndInline"),
    ],
)
def test_a_mail_in_msg_and_in_pst_is_one(shared: Path, msg: str, pst: str) -> None:
    pytest.importorskip("email_audit.pst", reason="the PST reader is not there")
    (by_msg,) = messages(shared / "msg" / f"{msg}.msg")
    by_pst = messages(shared / "pst" / f"{pst}.pst")
    assert by_msg.content_sha256 in {message.content_sha256 for message in by_pst}


def test_a_winmail_dat_by_itself_reads_as_the_one_inside_its_mail(shared: Path) -> None:
    """The mail's identity is another: its attachment is winmail.dat, and it has recipients."""
    (alone,) = messages(shared / "tnef" / "MimeKit__christmas.tnef")
    (mail,) = messages(shared / "eml" / "MimeKit__tnef__rich-text.eml")
    inside = [one.identity for one in mail.attachments if one.parent == 0]
    assert inside == [one.identity for one in alone.attachments if one.parent is None]
    assert mail.body == alone.body
    assert mail.content_sha256 != alone.content_sha256
