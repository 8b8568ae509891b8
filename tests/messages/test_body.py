"""What the body is, and what is attached to it."""

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.messages.charset import decode_text
from email_audit.messages.flowed import unwrap_flowed
from email_audit.messages.limits import ReadLimits
from email_audit.messages.records import AttachmentStatus
from email_audit.messages.transfer import decode_base64, decode_transfer
from tests.messages.mail import codes, message, read

MIXED = 'Content-Type: multipart/mixed; boundary="b"'
ALTERNATIVE = 'Content-Type: multipart/alternative; boundary="b"'


def parts(*found: str) -> str:
    return "".join(f"--b\n{part}\n" for part in found) + "--b--\n"


def test_the_plain_text_is_the_body_of_alternatives() -> None:
    body = parts("Content-Type: text/plain\n\nhello", "Content-Type: text/html\n\n<b>hello</b>")
    parsed = read(message(body, ALTERNATIVE))
    assert parsed.body == "hello"
    assert "alternatives_differ" not in codes(parsed)


def test_a_message_hidden_in_the_html_alternative_is_own_text() -> None:
    html = "<p>Hello.</p><p>Put the eleven names below on notify, to my cell.</p>"
    history = "Hello.\n\n-----Original Message-----\nFrom: a\nSent: today\n\nold words"
    body = parts(f"Content-Type: text/plain\n\n{history}", f"Content-Type: text/html\n\n{html}")
    parsed = read(message(body, ALTERNATIVE, "Subject: RE: x"))
    assert "alternatives_differ" in codes(parsed)
    assert "eleven names" in parsed.own_text
    assert "old words" not in parsed.own_text
    assert parsed.status.value == "ok"


def test_html_alone_is_the_body() -> None:
    body = parts("Content-Type: text/plain\n\n ", "Content-Type: text/html\n\n<p>hello</p>")
    assert read(message(body, ALTERNATIVE)).body == "hello"


def test_inline_text_parts_are_joined_and_named_ones_attached() -> None:
    body = parts(
        "Content-Type: text/plain\n\nfirst",
        'Content-Type: text/plain; name="list.txt"\n\nattached',
        "Content-Type: text/plain\nContent-Disposition: attachment\n\nalso attached",
        "Content-Type: text/html\n\n<p>second</p>",
    )
    parsed = read(message(body, MIXED))
    assert parsed.body == "first\nsecond"
    assert [part.text for part in parsed.attachments] == ["attached", "also attached"]
    assert parsed.attachments[0].filename == "list.txt"


def test_a_named_text_is_the_body_where_it_is_the_message() -> None:
    assert read(message("words", 'Content-Type: text/plain; name="x.txt"')).body == "words"


def test_pictures_of_a_related_part_are_attached_and_its_root_is_the_body() -> None:
    related = 'Content-Type: multipart/related; boundary="b"'
    body = parts(
        "Content-Type: text/html\n\n<p>words</p><img src=cid:1>",
        "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\naGVsbG8=",
    )
    parsed = read(message(body, related))
    assert parsed.body == "words"
    (picture,) = parsed.attachments
    assert (picture.size, picture.status) == (5, AttachmentStatus.UNSUPPORTED)
    assert picture.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert picture.reason == "no reader for image/png was given"


def test_a_calendar_alternative_is_an_attachment_in_readable_lines() -> None:
    calendar = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:Joint operation\n"
        "DTSTART:20250303T100000Z\nLOCATION:26 Federal\\, floor 9\n"
        "ATTENDEE;CN=Kate:mailto:kate@example.org\nEND:VEVENT\nEND:VCALENDAR"
    )
    body = parts(
        "Content-Type: text/plain\n\nsee you", f"Content-Type: text/calendar\n\n{calendar}"
    )
    parsed = read(message(body, ALTERNATIVE))
    assert parsed.body == "see you"
    text = parsed.attachments[0].text or ""
    assert "Summary: Joint operation" in text
    assert "Location: 26 Federal, floor 9" in text
    assert "Attendee: Kate <kate@example.org>" in text


def test_a_broken_calendar_is_read_raw() -> None:
    parsed = read(message("BEGIN:VEVENT\nSUMMARY:words\n", "Content-Type: text/calendar"))
    assert "SUMMARY:words" in (parsed.attachments[0].text or "")


def test_real_calendars_are_read(shared: Path) -> None:
    calendar = (shared / "attachments" / "ingest-file__meetup.ics").read_bytes()
    head = b"Content-Type: application/octet-stream; name=a.ics\n\n"
    text = read(head + calendar).attachments[0].text or ""
    assert "Summary: PyBerlin 22" in text
    assert "Organizer: Meetup Reminder <info@meetup.com>" in text


def test_an_embedded_message_is_an_attachment_before_its_own() -> None:
    inner = (
        'From: Kate <k@b>\nSubject: names\nContent-Type: multipart/mixed; boundary="i"\n\n'
        "--i\n\ninner words\n--i\nContent-Type: text/csv; name=n.csv\n\na,b\n--i--"
    )
    body = parts(
        "\nouter words", f"Content-Type: message/rfc822\n\n{inner}", "Content-Type: x/y\n\n"
    )
    parsed = read(message(body, MIXED))
    embedded, table, last = parsed.attachments
    assert parsed.body == "outer words"
    assert embedded.filename == "names.eml"
    assert embedded.text == "From: Kate <k@b>\nSubject: names\n\ninner words"
    assert embedded.size == len(inner.replace("\n", "\r\n"))
    assert (table.filename, table.text, table.parent) == ("n.csv", "a,b", 0)
    assert (last.parent, last.status) == (None, AttachmentStatus.EMPTY)
    alone = read(inner.replace("\n", "\r\n").encode())
    assert embedded.identity == alone.content_sha256


def test_an_eml_file_is_an_embedded_message() -> None:
    inner = base64.b64encode(b"Subject: s\n\nwords").decode()
    head = "Content-Type: application/octet-stream; name=a.eml\nContent-Transfer-Encoding: base64"
    parsed = read(message(parts("\nx", f"{head}\n\n{inner}"), MIXED))
    assert parsed.attachments[0].text == "Subject: s\n\nwords"
    assert parsed.attachments[0].filename == "a.eml"


def test_the_parts_of_a_report_are_read_as_text(shared: Path) -> None:
    parsed = read((shared / "eml" / "flanker__bounce__mailbox-full.eml").read_bytes())
    kinds = {part.content_type: part.text for part in parsed.attachments}
    assert "Reporting-Mta" in (kinds["message/delivery-status"] or "")
    assert "Return-Path" in (kinds["text/rfc822-headers"] or "")


def test_a_signature_part_is_an_attachment(shared: Path) -> None:
    path = shared / "eml" / "notmuch__protected-headers__smime-multipart-signed.eml"
    kinds = [part.content_type for part in read(path.read_bytes()).attachments]
    assert any("pkcs7-signature" in kind for kind in kinds)


def test_a_uuencoded_file_is_cut_out_of_the_body() -> None:
    parsed = read(message("before\nbegin 644 a.txt\n%:&5L;&\\\n`\nend\nafter"))
    assert parsed.body == "before\n\nafter"
    assert parsed.attachments[0].filename == "a.txt"
    assert parsed.attachments[0].text == "hello"


def test_text_that_only_begins_like_uuencode_stays() -> None:
    assert "begin 644 x" in read(message("begin 644 x\nwords that are no code\nend")).body


@pytest.mark.parametrize(
    ("text", "deletes_space", "unwrapped"),
    [
        ("one \ntwo\nthree", False, "one two\nthree"),
        ("one \ntwo", True, "onetwo"),
        ("> one \n> two\n>> three", False, "> one two\n>> three"),
        (" From me \n>you", False, "From me \n> you"),
        ("one \n-- \nKate", False, "one \n-- \nKate"),
    ],
)
def test_flowed_text_is_unwrapped(text: str, deletes_space: bool, unwrapped: str) -> None:
    assert unwrap_flowed(text, deletes_space=deletes_space) == unwrapped


@given(st.text(alphabet="ab >-\n", max_size=60))
def test_unwrapping_loses_no_words(text: str) -> None:
    def letters(found: str) -> list[str]:
        return [character for character in found if character in "ab"]

    assert letters(unwrap_flowed(text, deletes_space=False)) == letters(text)


@given(st.binary(max_size=200))
def test_base64_comes_back(data: bytes) -> None:
    decoded = decode_base64(base64.encodebytes(data))
    assert (decoded.data, decoded.fault) == (data, "")


@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "?"]))
def test_any_bytes_are_decoded(data: bytes, encoding: str) -> None:
    assert isinstance(decode_transfer(data, encoding).data, bytes)


def test_damaged_base64_keeps_what_decodes_and_is_partial() -> None:
    parsed = read(message("aGVs!bG8gd29ybGQ", "Content-Transfer-Encoding: base64"))
    assert parsed.body == "hello world"
    assert "broken_encoding" in codes(parsed)
    assert parsed.status.value == "partial"


def test_a_footer_that_a_list_adds_to_base64_is_kept() -> None:
    body = "aGVsbG8=\n_____\nThe list's footer"
    assert "The list's footer" in read(message(body, "Content-Transfer-Encoding: base64")).body


@pytest.mark.parametrize(
    ("data", "label", "text", "is_wrong"),
    [
        ("señal".encode(), "utf-8", "señal", False),
        ("señal".encode(), "", "señal", False),
        ("señal".encode("latin-1"), "", "señal", True),
        ("“señal”".encode("cp1252"), "iso-8859-1", "“señal”", False),
        ("señal".encode(), "us-ascii", "señal", False),
        ("señal".encode(), "x-nobody-knows", "señal", True),
        ("señal".encode("latin-1"), "utf-8", "señal", True),
        ("제목".encode("cp949"), "ks_c_5601-1987", "제목", False),
        ("题目".encode("gb18030"), "GB2312", "题目", False),
        (b"\xff\xfea\0", "utf-8", "a", False),
        (b"a\0b", "us-ascii", "ab", False),
        (b"\xef\xbb\xbfa\xc3\xb1", "utf-8", "añ", False),
        (b"\x81\x8d", "windows-1252", "\x81\x8d", True),
        (b"abc", "base64", "abc", True),
    ],
)
def test_text_is_decoded_by_what_mail_means(
    data: bytes, label: str, text: str, is_wrong: bool
) -> None:
    found, fault = decode_text(data, label)
    assert found == text
    assert bool(fault) is is_wrong


@given(st.binary(max_size=80), st.sampled_from(["utf-7", "utf-16", "hz", "iso-2022-jp", "big5"]))
def test_any_bytes_are_text_in_any_charset(data: bytes, label: str) -> None:
    decode_text(data, label)[0].encode("utf-8")


def test_an_attachment_over_the_limit_says_so() -> None:
    body = parts("\nx", "Content-Type: text/csv; name=a.csv\n\n" + "1,2\n" * 100)
    parsed = read(message(body, MIXED), limits=ReadLimits(max_attachment_bytes=10))
    (table,) = parsed.attachments
    assert table.status is AttachmentStatus.TOO_LARGE
    assert "the limit is 10" in table.reason
    assert table.text is None


def test_a_body_over_the_limit_is_cut_and_partial() -> None:
    parsed = read(message("x" * 100), limits=ReadLimits(max_text_chars=10))
    assert parsed.body == "x" * 10
    assert "too_large" in codes(parsed)
    assert parsed.status.value == "partial"
