"""What a MAPI item looks like as a message: headers, people, bodies, attachments."""

import gzip
import mailbox
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.mapi.eml import render_item
from email_audit.mapi.properties import PropertySet, Tag
from email_audit.mapi.records import AnsiText, MapiAttachment, MapiItem, NamedProperty
from email_audit.messages.limits import ReadLimits
from email_audit.messages.mime import read_entity
from email_audit.messages.parse import parse_message
from email_audit.messages.problems import Problems
from email_audit.messages.records import Address, Message, Problem, ProblemCode, ReadStatus
from tests.mapi.builders import addresses, times

LIMITS = ReadLimits()
SENT = datetime(2025, 3, 3, 15, 0, tzinfo=UTC)
DN = "/O=CITY/OU=EXCHANGE/CN=RECIPIENTS/CN=ANN"
MAIL = MapiItem(
    {
        Tag.SUBJECT: "Plan",
        Tag.BODY: "We go on Monday.\r\n",
        Tag.CLIENT_SUBMIT_TIME: SENT,
        Tag.SENDER_NAME: "Ann Lee",
        Tag.SENDER_EMAIL_ADDRESS: "ann@city.example",
        Tag.INTERNET_MESSAGE_ID: "<1@city.example>",
    },
    recipients=(
        {Tag.DISPLAY_NAME: "Bob", Tag.EMAIL_ADDRESS: "bob@city.example", Tag.RECIPIENT_TYPE: 1},
        {Tag.DISPLAY_NAME: "Cy", Tag.EMAIL_ADDRESS: "cy@city.example", Tag.RECIPIENT_TYPE: 2},
        {Tag.DISPLAY_NAME: "Di", Tag.EMAIL_ADDRESS: "di@city.example", Tag.RECIPIENT_TYPE: 3},
    ),
)
EML = (
    "From: Ann Lee <ann@city.example>\r\nTo: Bob <bob@city.example>\r\n"
    "Cc: Cy <cy@city.example>\r\nDate: Mon, 3 Mar 2025 10:00:00 -0500\r\nSubject: Plan\r\n"
    "Message-ID: <1@city.example>\r\n"
)


def read(item: MapiItem) -> Message:
    rendered = render_item(item)
    return parse_message(rendered.original, limits=LIMITS, container_problems=rendered.problems)


def having(item: MapiItem = MAIL, **changes: object) -> MapiItem:
    """The item with these properties, by the names of their tags."""
    properties = dict(item.properties)
    for name, value in changes.items():
        properties[Tag[name]] = value  # type: ignore[assignment]
    return replace(item, properties=properties)


def original(body: str, kind: str = "text/plain") -> Message:
    return parse_message(f"{EML}Content-Type: {kind}\r\n\r\n{body}".encode(), limits=LIMITS)


def test_a_mail_has_the_identity_of_the_copy_that_was_sent() -> None:
    assert read(MAIL).content_sha256 == original("We go on Monday.\n").content_sha256
    assert read(MAIL).mih == original("").mih


def test_bcc_recipients_are_there_and_do_not_change_the_identity() -> None:
    assert read(MAIL).bcc == (Address("Di", "di@city.example"),)
    without = replace(MAIL, recipients=MAIL.recipients[:2])
    assert read(without).content_sha256 == read(MAIL).content_sha256


def test_transport_headers_stay_as_they_are_but_for_the_mime_structure() -> None:
    headers = (
        "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a\r\n\tby b; now\r\n"
        f"{EML}X-Own: kept\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n"
        "\tboundary=x\r\nContent-Transfer-Encoding: base64\r\nContent-Class: urn:x\r\n\r\n"
        "--x\r\nContent-Type: text/plain\r\nX-Part: dropped\r\n"
    )
    shown = render_item(having(TRANSPORT_MESSAGE_HEADERS=headers)).original
    assert shown.startswith(b"Received: from a\r\n\tby b; now\r\n" + EML.encode("ascii"))
    assert b"X-Own: kept\r\n" in shown
    assert b"Content-Class: urn:x\r\n" in shown
    assert shown.lower().count(b"content-type:") == 1
    assert b"boundary=x" not in shown
    assert b"X-Part" not in shown
    assert shown.count(b"\r\nBcc:") == 1
    assert read(having(TRANSPORT_MESSAGE_HEADERS=headers)).content_sha256 == (
        read(MAIL).content_sha256
    )


def test_a_line_that_is_no_field_does_not_end_the_header() -> None:
    item = having(TRANSPORT_MESSAGE_HEADERS="From: a@b.example\r\nno field\r\nTo: c@d.example\r\n")
    rendered = render_item(item)
    assert read(item).to == (Address("", "c@d.example"),)
    assert [problem.code for problem in rendered.problems] == [ProblemCode.BROKEN_HEADER]


def test_a_sender_known_by_directory_name_only_stays_visible() -> None:
    item = having(SENDER_EMAIL_ADDRESS=DN, SENDER_NAME="Lee, Ann")
    assert read(item).sender == Address("Lee, Ann", DN)
    item = having(item, SENDER_SMTP_ADDRESS="ann@city.example")
    assert read(item).sender == Address("Lee, Ann", "ann@city.example")


def test_a_name_that_stands_where_an_address_should_is_no_address() -> None:
    item = having(SENDER_EMAIL_ADDRESS="Unknown", SENDER_NAME="Unknown")
    assert read(item).sender == Address("Unknown", "")


def test_a_directory_name_is_resolved_where_the_person_is_a_recipient_too() -> None:
    row = {Tag.DISPLAY_NAME: "Ann", Tag.EMAIL_ADDRESS: DN, Tag.SMTP_ADDRESS: "ann@city.example"}
    item = replace(having(SENDER_EMAIL_ADDRESS=DN.lower()), recipients=(row,))
    assert read(item).sender == Address("Ann Lee", "ann@city.example")


def test_an_address_is_found_in_a_one_off_entry_identifier() -> None:
    texts = "Ann\0SMTP\0ann@city.example\0".encode("utf-16-le")
    entry = bytes(4) + bytes.fromhex("812b1fa4bea310199d6e00dd010f5402") + b"\0\0\1\x90" + texts
    item = having(SENDER_EMAIL_ADDRESS=DN, SENDER_ENTRY_ID=entry)
    assert read(item).sender == Address("Ann Lee", "ann@city.example")
    listed = b"\1\0\0\0" + bytes(4) + len(entry).to_bytes(4, "little") + entry
    shown = render_item(having(REPLY_RECIPIENT_ENTRIES=listed)).original
    assert b"Reply-To: Ann <ann@city.example>\r\n" in shown


def test_a_delegate_is_the_sender_and_the_principal_the_author() -> None:
    item = having(SENT_REPRESENTING_NAME="Chief", SENT_REPRESENTING_EMAIL_ADDRESS="ch@city.example")
    shown = render_item(item).original
    assert b"From: Chief <ch@city.example>\r\nSender: Ann Lee <ann@city.example>\r\n" in shown


def test_a_pst_subject_loses_its_prefix_marks() -> None:
    assert read(having(SUBJECT="\x01\x05Re: Plan")).subject == "Re: Plan"
    item = having(SUBJECT="", SUBJECT_PREFIX="Re: ", NORMALIZED_SUBJECT="Plan")
    assert read(item).subject == "Re: Plan"


def test_mail_sent_as_html_only_stays_html_only() -> None:
    html = "<p>We go on <b>Monday</b> <a href='http://x.example'>there</a>.</p>"
    headers = f"{EML}Content-Type: text/html; charset=utf-8\r\n"
    item = having(
        TRANSPORT_MESSAGE_HEADERS=headers,
        HTML=html.encode(),
        BODY="We go on Monday there<http://x.example>.",
    )
    assert read(item).content_sha256 == original(html, "text/html").content_sha256
    assert "but not these" in read(having(item, BODY="We go, but not these words")).body


def test_a_generated_plain_text_stays_where_nothing_says_html_only() -> None:
    item = having(HTML=b"<p>We go on Monday.</p>")
    assert read(item).content_sha256 == read(MAIL).content_sha256
    shown = render_item(item).original
    assert b"multipart/alternative" in shown


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({Tag.BODY: AnsiText(b"\xcf\xf0"), Tag.MESSAGE_CODEPAGE: 1251}, "Пр"),
        ({Tag.BODY: AnsiText(b"\xcf\xf0"), Tag.MESSAGE_LOCALE_ID: 0x0419}, "Пр"),
        ({Tag.BODY: AnsiText(b"\x82\xa0"), Tag.MESSAGE_CODEPAGE: 932}, "あ"),
        ({Tag.BODY: AnsiText(b"\xe9")}, "é"),
        ({Tag.HTML: "<p>\u041f</p>"}, "П"),
        ({Tag.HTML: b"<p>\xcf\xf0</p>", Tag.INTERNET_CODEPAGE: 1251}, "Пр"),
        ({Tag.HTML: b"<meta charset=windows-1251><p>\xcf\xf0</p>"}, "Пр"),
        ({Tag.HTML: "<p>\u041f</p>".encode(), Tag.INTERNET_CODEPAGE: 65001}, "П"),
    ],
)
def test_text_is_read_in_the_item_s_code_page(properties: dict[int, object], text: str) -> None:
    assert read(MapiItem(properties)).body.strip() == text  # type: ignore[arg-type]


def test_attachments_keep_order_name_type_and_content_id() -> None:
    picture = {
        Tag.ATTACH_LONG_FILENAME: "plän.png",
        Tag.ATTACH_MIME_TAG: "image/png",
        Tag.ATTACH_CONTENT_ID: "p1@x",
    }
    item = replace(
        MAIL,
        attachments=(
            MapiAttachment(picture, data=b"\x89PNG"),
            MapiAttachment({Tag.ATTACH_FILENAME: "a.txt", Tag.ATTACH_MIME_TAG: "text/plain"}, b"x"),
            MapiAttachment({Tag.ATTACH_LONG_FILENAME: "inner"}, item=MAIL),
        ),
    )
    found = read(item).attachments
    assert [(one.filename, one.content_type) for one in found] == [
        ("plän.png", "image/png"),
        ("a.txt", "text/plain"),
        ("inner", "message/rfc822"),
    ]
    assert found[2].identity == read(MAIL).content_sha256
    assert b"Content-ID: <p1@x>\r\n" in render_item(item).original


def test_a_text_file_without_a_type_has_the_identity_of_the_one_that_was_sent() -> None:
    file = MapiAttachment({Tag.ATTACH_LONG_FILENAME: "list.txt"}, data=b"one\r\ntwo\r\n")
    sent = parse_message(
        f"{EML}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nWe go on Monday.\r\n"
        "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=list.txt"
        "\r\n\r\none\ntwo\r\n--b--\r\n".encode("ascii"),
        limits=LIMITS,
    )
    assert read(replace(MAIL, attachments=(file,))).content_sha256 == sent.content_sha256


def test_attached_text_is_never_taken_for_the_body() -> None:
    row = {Tag.ATTACH_MIME_TAG: "text/html", Tag.ATTACH_CONTENT_ID: "x"}
    found = read(replace(MAIL, attachments=(MapiAttachment(row, data=b"<p>aside</p>"),)))
    assert found.body.strip() == "We go on Monday."
    assert [one.text for one in found.attachments] == ["aside"]


def test_an_attachment_by_reference_is_an_empty_part_that_says_where() -> None:
    reference = {Tag.ATTACH_METHOD: 4, Tag.ATTACH_LONG_PATHNAME: "\\\\server\\plan.doc"}
    item = replace(MAIL, attachments=(MapiAttachment(reference),))
    assert b"X-Attachment-Reference: \\\\server\\plan.doc\r\n" in render_item(item).original
    assert read(item).status is ReadStatus.PARTIAL


def test_what_a_container_lost_is_in_the_problems() -> None:
    lost = Problem(ProblemCode.DAMAGED, "block 7")
    inner = replace(MAIL, problems=(lost,))
    inner = replace(MAIL, attachments=(MapiAttachment({}, item=inner),))
    item = replace(MAIL, attachments=(MapiAttachment({}, item=inner), MapiAttachment({}, b"x")))
    (problem,) = render_item(item).problems
    assert problem == Problem(ProblemCode.DAMAGED, "an embedded item: block 7")
    item = replace(MAIL, attachments=(MapiAttachment({}, b"x", problems=(lost,)),))
    assert render_item(item).problems == (Problem(ProblemCode.DAMAGED, "an attachment: block 7"),)


def test_an_opaque_s_mime_message_is_its_one_part() -> None:
    row = {Tag.ATTACH_LONG_FILENAME: "smime.p7m", Tag.ATTACH_MIME_TAG: "application/pkcs7-mime"}
    item = replace(having(MESSAGE_CLASS="IPM.Note.SMIME", BODY=""), attachments=(
        MapiAttachment(row, data=b"\x30\x82enveloped"),
    ))  # fmt: skip
    root = read_entity(render_item(item).original, LIMITS, Problems())
    assert root.kind == "application/pkcs7-mime"
    assert [one.size for one in read(item).attachments] == [11]


def test_fields_the_server_kept_by_name_come_back_where_there_are_no_headers() -> None:
    named = {
        NamedProperty(PropertySet.INTERNET_HEADERS, "X-Own"): "kept",
        NamedProperty(PropertySet.INTERNET_HEADERS, "subject"): "not this one",
        NamedProperty(PropertySet.INTERNET_HEADERS, "bad name"): "never",
        NamedProperty(PropertySet.PUBLIC_STRINGS, "Keywords"): ("red", "blue"),
    }
    shown = render_item(replace(MAIL, named=named)).original
    assert b"X-Own: kept\r\n" in shown
    assert b"Keywords: red, blue\r\n" in shown
    assert shown.lower().count(b"\r\nsubject:") == 1
    assert b"never" not in shown


def test_real_mail_put_into_properties_keeps_its_identity(shared: Path, tmp_path: Path) -> None:
    """A hundred Enron messages, as an exporter would fill an item: with headers, and without."""
    path = tmp_path / "enron.mbox"
    path.write_bytes(gzip.decompress((shared / "corpora" / "enron-5k.mbox.gz").read_bytes()))
    box = mailbox.mbox(path, create=False)
    compared = 0
    for position in range(0, len(box), 50):
        raw = box.get_bytes(position)
        message = parse_message(raw, limits=LIMITS)
        if message.attachments or message.sender is None or message.date is None:
            continue
        header = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii", "replace")
        with_headers = MapiItem({Tag.TRANSPORT_MESSAGE_HEADERS: header, Tag.BODY: message.body})
        assert read(with_headers).content_sha256 == message.content_sha256, position
        rows = [
            {Tag.DISPLAY_NAME: one.name, Tag.EMAIL_ADDRESS: one.address, Tag.RECIPIENT_TYPE: kind}
            for kind, people in ((1, message.to), (2, message.cc), (3, message.bcc))
            for one in people
        ]
        from_properties = MapiItem(
            {
                Tag.SUBJECT: message.subject,
                Tag.BODY: message.body,
                Tag.CLIENT_SUBMIT_TIME: message.date,
                Tag.SENDER_NAME: message.sender.name,
                Tag.SENDER_EMAIL_ADDRESS: message.sender.address,
            },
            recipients=tuple(rows),
        )
        assert read(from_properties).content_sha256 == message.content_sha256, position
        compared += 1
    assert compared > 90


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200), st.text(max_size=60), addresses, times, st.text(max_size=80))
def test_any_text_comes_out_of_the_header_as_it_went_in(
    subject: str, name: str, address: str, moment: datetime, filename: str
) -> None:
    item = MapiItem(
        {
            Tag.SUBJECT: subject,
            Tag.CLIENT_SUBMIT_TIME: moment,
            Tag.SENDER_NAME: name,
            Tag.SENDER_EMAIL_ADDRESS: address,
        },
        attachments=(MapiAttachment({Tag.ATTACH_LONG_FILENAME: filename}, data=b"x"),),
    )
    found = read(item)
    assert found.date == moment.replace(microsecond=0)
    assert found.sender is not None
    assert found.sender.address == address
    if subject.isprintable() and not subject.startswith("\x01"):
        assert found.subject == " ".join(subject.split())
    if name.isprintable() and name.strip("'\"") != address:
        assert found.sender.name == " ".join(name.split())
    if filename.isprintable():
        assert found.attachments[0].filename == " ".join(filename.split())
