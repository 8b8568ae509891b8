"""Header text, people, dates and identifiers, as real mail writes them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.messages.addresses import parse_addresses
from email_audit.messages.dates import parse_date
from email_audit.messages.headers import content_type, decode_words, parameters, unfolded
from email_audit.messages.records import Address
from tests.messages.mail import codes, message, read


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"folded\r\n\tover  \n  three", "folded over three"),
        (b"=?utf-8?q?se=C3=B1al?=", "señal"),
        (b"=?UTF-8?B?c2XDsWFs?= and more", "señal and more"),
        (b"=?utf-8?b?c2XD?= =?utf-8?b?sWFs?=", "señal"),
        (b"=?utf-8?q?se=C3?=\r\n =?utf-8?q?=B1al?=", "señal"),
        (b"=?iso-8859-1?q?se=F1al?= =?utf-8?q?_otra?=", "señal otra"),
        (b"=?iso-8859-1*es?q?se=F1al?=", "señal"),
        (b"=?utf-8?q?with spaces=21?=", "with spaces!"),
        (b"a=?utf-8?q?b?=c", "abc"),
        (b"=?utf-8?b?c2XDsWFs", "=?utf-8?b?c2XDsWFs"),
        (b"=?x-nobody-knows?q?se=C3=B1al?=", "señal"),
        (b"=?ks_c_5601-1987?B?waa48Q==?=", "제목"),
        (b"se\xc3\xb1al", "señal"),
        (b"se\xf1al", "señal"),
        (b"=?utf-7?q?+2AA-?=", "\ufffd"),
    ],
)
def test_header_text_is_decoded(raw: bytes, text: str) -> None:
    assert decode_words(unfolded(raw)) == text


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs"))))
def test_text_without_encoded_words_stays_as_it_is(text: str) -> None:
    if "=?" not in text and "\ufeff" not in text:
        assert decode_words(unfolded(text.encode())) == text


@pytest.mark.parametrize(
    ("value", "filename"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename=a.txt; size=3", "a.txt"),
        ("attachment; filename*=utf-8'es'se%C3%B1al.txt", "señal.txt"),
        ('attachment; filename*0="one "; filename*1*=%C3%B1; filename*2=.txt', "one ñ.txt"),
        ("attachment; filename*1*=b.txt; filename*0*=iso-8859-1''%F1", "ñb.txt"),
        ('attachment; filename="=?utf-8?q?se=C3=B1al.txt?="', "señal.txt"),
        ('attachment; filename="C:\\mail\\a.txt"', "C:\\mail\\a.txt"),
        ('attachment; filename="say \\"yes\\".txt"', 'say "yes".txt'),
        ('attachment; filename="never closed.txt', "never closed.txt"),
        ("attachment", ""),
    ],
)
def test_parameters_are_read(value: str, filename: str) -> None:
    assert parameters(value).get("filename", "") == filename


def test_a_malformed_content_type_has_no_name() -> None:
    assert content_type("text")[0] == ""
    assert content_type("TEXT / HTML; charset=utf-8") == ("text/html", {"charset": "utf-8"})


@pytest.mark.parametrize(
    ("value", "people"),
    [
        ("kate@example.org", [("", "kate@example.org")]),
        ("Kate <Kate@Example.org>, joe@b", [("Kate", "Kate@Example.org"), ("", "joe@b")]),
        ('"Łuka, Kate" <kate@example.org>', [("Łuka, Kate", "kate@example.org")]),
        ("=?utf-8?q?Luka,_Kate?= <k@b>, j@b", [("Luka, Kate", "k@b"), ("", "j@b")]),
        ('"=?utf-8?q?Luka,_Kate?=" <k@b>', [("Luka, Kate", "k@b")]),
        ("=?utf-8?q?Kate_<k@b>?=", [("Kate", "k@b")]),
        ("kate@b (Kate Luka)", [("Kate Luka", "kate@b")]),
        ("Team: a@b, Joe <j@b>;", [("", "a@b"), ("Joe", "j@b")]),
        ("undisclosed-recipients:;", []),
        ("a@b; Joe <j@b>", [("", "a@b"), ("Joe", "j@b")]),
        ("", []),
        ("<>", []),
        ("Smith", [("Smith", "")]),
        (
            "Smith, Joe </O=ORG/OU=NA/CN=RECIPIENTS/CN=JSMITH>",
            [("Smith", ""), ("Joe", "/O=ORG/OU=NA/CN=RECIPIENTS/CN=JSMITH")],
        ),
        ("legal <.hall@enron.com>", [("legal", ".hall@enron.com")]),
        ("a@b, , c@d,", [("", "a@b"), ("", "c@d")]),
    ],
)
def test_address_lists_are_read(value: str, people: list[tuple[str, str]]) -> None:
    assert parse_addresses(value) == tuple(Address(*person) for person in people)


@given(st.text(max_size=80))
def test_any_address_list_is_read(value: str) -> None:
    assert all(person.name or person.address for person in parse_addresses(value))


def test_several_to_fields_are_one_list() -> None:
    parsed = read(message("x", "To: a@b", "To: c@d", "Cc: e@f", "Bcc: g@h"))
    assert [person.address for person in parsed.to] == ["a@b", "c@d"]
    assert parsed.cc[0].address == "e@f"
    assert parsed.bcc[0].address == "g@h"


def test_the_sender_is_the_author_and_else_who_sent_it() -> None:
    author = read(message("x", "Sender: s@b", "From: a@b")).sender
    assert author == Address("", "a@b")
    assert read(message("x", "Sender: s@b")).sender == Address("", "s@b")
    assert read(message("x")).sender is None


@pytest.mark.parametrize(
    ("value", "utc", "zone"),
    [
        ("Mon, 03 Mar 2025 10:00:00 -0500", "2025-03-03T15:00:00", -300),
        ("3 Mar 2025 10:00 +0530", "2025-03-03T04:30:00", 330),
        ("Mon, 3 Mar 2025 10:00:00 -0500 (EST)", "2025-03-03T15:00:00", -300),
        ("Mon, 3 Mar 25 10:00:00 EST", "2025-03-03T15:00:00", -300),
        ("Monday, March 3, 2025 10:00:00 GMT", "2025-03-03T10:00:00", 0),
        ("Mon, 3 Mar 2025 10:00:60 +0000", "2025-03-03T10:00:59", 0),
        ("Mon Mar  3 10:00:00 2025", "2025-03-03T10:00:00", None),
    ],
)
def test_dates_are_utc_with_their_zone(value: str, utc: str, zone: int | None) -> None:
    expected = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert parse_date(value) == (expected, zone)


@pytest.mark.parametrize(
    "value",
    [
        "yesterday", "Mon, 31 Dec 1979 23:00:00 +0000", "Mon, 1 Jan 2101 00:00:00 +0000",
        "Sun, 31 Feb 2025 10:00:00 +0000", "Mon, 3 Mar 2025 10:00:00 +9900", "9" * 5000,
        "Wed, 4 Jan 0002 11:31:42 -0800 (PST)",
    ],
)  # fmt: skip
def test_unusable_dates_are_none(value: str) -> None:
    assert parse_date(value) is None


@given(st.text(max_size=60))
def test_any_date_is_none_or_within_the_years(value: str) -> None:
    parsed = parse_date(value)
    assert parsed is None or 1979 <= parsed[0].year <= 2101


def test_a_missing_and_a_bad_date_are_different_findings() -> None:
    assert "no_date" in codes(read(message("x", "Subject: y")))
    assert "bad_date" in codes(read(message("x", "Date: soon")))


def test_transport_dates_are_those_of_the_received_fields() -> None:
    parsed = read(
        message(
            "x",
            "Received: from a by b; Mon, 3 Mar 2025 10:00:05 +0000",
            "Received: from c by a (x; y)",
            "Received: from d by c;\r\n\tMon, 3 Mar 2025 05:00:01 -0500 (EST)",
        )
    )
    assert [date.second for date in parsed.transport_dates] == [5, 1]


@pytest.mark.parametrize(
    ("value", "identifier"),
    [
        ("<a@b>", "<a@b>"),
        (" <A@b> (added by relay)", "<A@b>"),
        ("\r\n <a@b>", "<a@b>"),
        ("a@b", "a@b"),
    ],
)
def test_the_message_id_is_kept_as_found(value: str, identifier: str) -> None:
    assert read(message("x", f"Message-ID: {value}")).message_id == identifier


def test_a_missing_message_id_loses_nothing() -> None:
    parsed = read(message("x", "Date: Mon, 03 Mar 2025 10:00:00 -0500"))
    assert parsed.message_id is None
    assert parsed.mih is None
    assert codes(parsed) == {"no_message_id"}
    assert parsed.status.value == "ok"


def test_references_are_their_identifiers() -> None:
    parsed = read(
        message("x", "References: <a@b>\r\n <c@d>", 'In-Reply-To: Your message of "Monday" <c@d>')
    )
    assert parsed.references == ("<a@b>", "<c@d>")
    assert parsed.in_reply_to == ("<c@d>",)


def test_headers_in_raw_utf8_and_latin1_are_read(shared: Path) -> None:
    parsed = read(
        (shared / "eml" / "MSGReader__SampleFiles__EmailWithISO_8859_1_From.eml").read_bytes()
    )
    assert parsed.sender is not None
    assert "\ufffd" not in parsed.sender.name
