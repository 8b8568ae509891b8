"""Whatever the bytes are, a record comes out, and soon."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.messages.records import Message, Problem, ProblemCode, ReadStatus
from tests.messages.mail import codes, corpus, eml_files, message, read

_PIECES = st.sampled_from(
    [
        b"From: a@b\n", b"Subject: =?utf-8?b?", b"?=", b"\n\n", b"\r\n", b"--b\n", b"--b--",
        b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: text/html\n",
        b"Content-Type: message/rfc822\n\n", b"Content-Transfer-Encoding: base64\n", b"=", b"> ",
        b"Date: Mon, 99 Foo 20255 99:99\n", b"To: \"a, (b <c@d>\n", b"begin 644 x\n", b"\xff\xfe",
        b"-----Original Message-----\n", b"<blockquote type=cite>", b"charset=utf-7", b"\0",
        b"On Mon, a@b wrote:\n", b"=?x?q?=3D", b"; name*0*=''%", b"-- \n", b"From: x\nSent: y\n",
        b"Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\n", b"1:00 PM\nTo: x\n",
        b"Forwarded by x", b"---------- Forwarded message ---------\n", b"((((((", b"Received: ;",
    ]
)  # fmt: skip


def check(parsed: Message) -> None:
    """What holds for every record."""
    assert "".join(parsed.body[part.start : part.end] for part in parsed.segments) == parsed.body
    assert all(part.start < part.end for part in parsed.segments)
    for text in (parsed.body, parsed.subject, *(part.text or "" for part in parsed.attachments)):
        text.encode("utf-8")
        assert "\0" not in text
    for rank, part in enumerate(parsed.attachments):
        assert part.parent is None or part.parent < rank
    assert all(problem.detail for problem in parsed.problems)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.lists(_PIECES, max_size=40).map(b"".join))
def test_arbitrary_bytes_never_raise(original: bytes) -> None:
    check(read(original))


def test_every_test_message_is_read_and_none_is_unreadable(shared: Path) -> None:
    for path in eml_files(shared):
        parsed = read(path.read_bytes())
        check(parsed)
        assert parsed.status is not ReadStatus.UNREADABLE, path.name


@pytest.mark.parametrize("name", ["enron-5k.mbox.gz", "spamassassin-ham-700.mbox.gz"])
def test_every_message_of_the_corpora_is_ok(shared: Path, name: str) -> None:
    found = corpus(shared, name)
    assert len(found) == {"enron-5k.mbox.gz": 5009, "spamassassin-ham-700.mbox.gz": 702}[name]
    for original in found:
        parsed = read(original)
        check(parsed)
        assert parsed.status is ReadStatus.OK


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_damaged_real_messages_never_raise(shared: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(eml_files(shared)))
    original = bytearray(path.read_bytes()[:40_000])
    for _ in range(data.draw(st.integers(1, 20))):
        place = data.draw(st.integers(0, max(0, len(original) - 1)))
        original[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    check(read(bytes(original)))


_MANY = 100_000
_LARGE = {
    "one line": "x" * 5_000_000,
    "quote marks": "> quoted\n" * _MANY,
    "alternating": "> quoted\nown\n" * (_MANY // 2),
    "from lines": "From: x\n" * _MANY,
    "headers": "From: x\nTo: a,\n" * (_MANY // 2),
    "originals": "-----Original Message-----\n" * _MANY,
    "forwards": "---------- Forwarded by x\n" * _MANY,
    "attributions": "On Mon, 3 Mar 2025, a@b wrote:\n" * _MANY,
    "wrote": "wrote:\n" * _MANY,
    "times": "9/9/2025 1:00 PM\n" * _MANY,
    "footers": "CONFIDENTIALITY NOTICE: this\n" * _MANY,
    "dashes": "-- \n" * _MANY,
    "closings": "Thanks,\nKate\n\n" * (_MANY // 2),
    "uuencode": "begin 644 x\n" * _MANY,
    "rules": "_" * 100 + "\n" + "-" * 1_000_000,
    "blank": "\n" * 2_000_000,
    "spaces": " " * 2_000_000 + ":",
    "brackets": "=?utf-8?q?" * _MANY,
}


@pytest.mark.parametrize("name", _LARGE)
@pytest.mark.parametrize("subject", ["Subject: FW: x", "Subject: x"])
def test_enormous_bodies_are_read_in_linear_time(name: str, subject: str) -> None:
    # A quadratic step would make this test take minutes or hours instead of a second.
    check(read(message(_LARGE[name], subject)))


@pytest.mark.parametrize(
    "header",
    [
        "Subject: " + "=?utf-8?q?a" * _MANY,
        "To: " + "(" * _MANY,
        "To: " + '"a' * _MANY,
        "To: " + "a@b, " * 20_000,
        "References: " + "<a@b> " * _MANY,
        "References: " + "<" * _MANY,
        "Content-Type: text/plain" + "; a=" * _MANY,
        'Content-Type: text/plain; name="' + "\\" * _MANY,
        "Date: " + "9" * _MANY,
        "X" * _MANY,
        "Received: " + "; " * _MANY,
    ],
)
def test_enormous_headers_are_read_in_linear_time(header: str) -> None:
    check(read(message("words", header)))


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 20_000 + "deep words",
        "<b>" * 20_000 + "deep words",
        "<blockquote type=cite>" * 2_000 + "deep words",
        "<table><tr><td>" * 5_000 + "deep words",
        "<p><b class=a><i class=b>" * 20_000 + "deep words",
        "<div>" * 1_000_000 + "deep words",
        "<" * 1_000_000 + " deep words",
    ],
)
def test_hostile_html_is_read(html: str) -> None:
    parsed = read(message(html, "Content-Type: text/html"))
    check(parsed)
    assert "deep words" in parsed.body


@pytest.mark.parametrize("original", [b"", b" \r\n\t\n", b"\xef\xbb\xbf"[:0], b"\0\1\2" * 500])
def test_what_is_no_message_is_unreadable(original: bytes) -> None:
    parsed = read(original)
    assert parsed.status is ReadStatus.UNREADABLE
    assert codes(parsed) == {"not_a_message"}


def test_unreadable_items_are_equal_only_when_their_bytes_are() -> None:
    one, same, other = read(b"\0\1" * 500), read(b"\0\1" * 500), read(b"\0\2" * 500)
    assert one.content_sha256 == same.content_sha256 != other.content_sha256


def test_text_without_a_header_is_body_and_partial() -> None:
    parsed = read(b"just a note\nof two lines\n")
    assert parsed.own_text == "just a note\nof two lines"
    assert parsed.status is ReadStatus.PARTIAL
    assert "no_headers" in codes(parsed)


def test_a_truncated_tail_is_the_containers_finding() -> None:
    truncated = Problem(ProblemCode.TRUNCATED, "the file ends within this message")
    parsed = read(b"Subject: x\n\nwor", problems=(truncated,))
    assert parsed.problems[0] is truncated
    assert parsed.status is ReadStatus.PARTIAL


def test_a_line_that_is_no_field_begins_the_body() -> None:
    parsed = read(b"Subject: x\nno field here\nmore\n")
    assert parsed.body == "no field here\nmore\n"
    assert "broken_header" in codes(parsed)


def test_a_message_saved_as_utf16_is_read() -> None:
    parsed = read("Subject: señal\r\n\r\nañil\r\n".encode("utf-16"))
    assert (parsed.subject, parsed.own_text) == ("señal", "añil")
