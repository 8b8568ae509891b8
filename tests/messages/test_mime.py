"""The MIME tree: the same leaves as the standard library's, and what that one loses."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.messages.limits import ReadLimits
from email_audit.messages.mime import Entity, read_entity
from email_audit.messages.problems import Problems
from tests.messages.mail import codes, corpus, eml_files, message, read

# Files whose leaves are not the standard library's, and why.
REPORT = "it splits message/delivery-status into headers, we keep the text"
MULTIPART = "a multipart without parts is a leaf of that type there, plain text here"
DELIMITER = "it drops the last line break though no delimiter follows, or an empty part"
DIFFERENT = {
    "CPython_3.10.13__data__msg_16.txt.eml": REPORT,
    "CPython_3.10.13__data__msg_25.txt.eml": "it misses a boundary that is named wrong",
    "MimeKit__messages__bounce.txt.eml": REPORT,
    "MimeKit__messages__empty-multipart.txt.eml": MULTIPART,
    "MimeKit__messages__feedback-report.txt.eml": "it finds no header after a byte order mark",
    "flanker__bounce__mailbox-full.eml": REPORT,
    "hoover-testdata__eml-9-pgp__encrypted-hushmail-knockoff.eml": DELIMITER,
    "hoover-testdata__eml-9-pgp__encrypted-hushmail-smashed-bytes.eml": DELIMITER,
    "hoover-testdata__eml-bom__with-bom.eml": "it finds no header after a byte order mark",
    "james-mime4j__mimetools-testmsgs__2002_06_12_doublebound.msg.eml": DELIMITER,
    "james-mime4j__mimetools-testmsgs__badbound.msg.eml": MULTIPART,
    "james-mime4j__mimetools-testmsgs__double-bound.msg.eml": DELIMITER,
    "james-mime4j__mimetools-testmsgs__jt-0498.msg.eml": DELIMITER,
    "james-mime4j__testmsgs__ending-boundaries.msg.eml": "it misses a boundary, we find it anew",
    "james-mime4j__testmsgs__missing-boundary.msg.eml": MULTIPART,
    "james-mime4j__testmsgs__missing-inner-boundary.msg.eml": MULTIPART,
    "james-mime4j__testmsgs__missing-inner-start-boundary.msg.eml": MULTIPART,
    "mail-parser__mails__mail_malformed_2.eml": REPORT,
    "mail-parser__malformed__000.eml": DELIMITER,
    "mail-parser__malformed__002.eml": MULTIPART,
    "mail-parser__malformed__005.eml": MULTIPART,
    "mail-parser__malformed__006.eml": DELIMITER,
    "mail-parser__malformed__008.eml": DELIMITER,
    "mail-parser__malformed__009.eml": DELIMITER,
    "mail-parser__malformed__017.eml": "it misses a boundary, we find it anew",
    "mail-parser__malformed__019.eml": "it finds no header: the first field's name has a space",
    "mail-parser__thirdparty__002.eml": "clear text behind base64 is kept here",
    "mail-parser__thirdparty__009.eml": "it opens message/partial, which is no message",
    "mail-parser__thirdparty__015.eml": MULTIPART,
    "mail__error_emails__missing_body.eml": MULTIPART,
    "mail__error_emails__must_supply_encoding.eml": MULTIPART,
    "mail__multipart_report_emails__multipart_report_multiple_status.eml": REPORT,
    "mail__multipart_report_emails__report_422.eml": REPORT,
    "mail__multipart_report_emails__report_530.eml": REPORT,
    "spamassassin-ham-700.mbox.gz 420": REPORT,
}


def leaves(entity: Entity) -> Iterator[tuple[str, bytes]]:
    pending = [entity]
    while pending:
        found = pending.pop()
        if found.children:
            pending.extend(reversed(found.children))
        else:
            yield found.kind, found.decoded(Problems())


def our_leaves(original: bytes) -> list[tuple[str, bytes]]:
    return list(leaves(read_entity(original, ReadLimits(), Problems())))


def reference_leaves(original: bytes) -> list[tuple[str, bytes]]:
    found = []
    for part in email.message_from_bytes(original, policy=email.policy.compat32).walk():
        if not part.is_multipart():
            data = part.get_payload(decode=True)
            found.append((part.get_content_type(), data if isinstance(data, bytes) else b""))
    return found


def test_the_leaves_of_every_test_message_are_the_standard_librarys(shared: Path) -> None:
    real = [(path.name, path.read_bytes()) for path in eml_files(shared)]
    for name in ("enron-5k.mbox.gz", "spamassassin-ham-700.mbox.gz"):
        real += [(f"{name} {rank}", data) for rank, data in enumerate(corpus(shared, name))]
    different = {name for name, data in real if our_leaves(data) != reference_leaves(data)}
    assert different <= set(DIFFERENT)


def test_a_message_of_ten_thousand_parts_is_read_whole() -> None:
    parts = "".join(f"--b\n\npart {number}\n" for number in range(10_000))
    parsed = read(message(parts + "--b--", 'Content-Type: multipart/mixed; boundary="b"'))
    assert "part 0\npart 1\n" in parsed.body
    assert parsed.body.endswith("part 9999")
    assert parsed.status.value == "ok"


def test_more_parts_than_the_limit_make_a_partial_message() -> None:
    parts = "".join(f"--b\n\npart {number}\n" for number in range(50))
    parsed = read(
        message(parts + "--b--", 'Content-Type: multipart/mixed; boundary="b"'),
        limits=ReadLimits(max_parts=20),
    )
    assert "too_many_parts" in codes(parsed)
    assert parsed.status.value == "partial"
    assert "part 1\n" in parsed.body


@pytest.mark.parametrize("depth", [200, 5_000])
def test_a_message_nested_too_deep_is_partial_and_its_rest_is_kept(depth: int) -> None:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
        for level in range(depth)
    )
    original = b"Subject: deep\n" + opening + b"\nthe innermost words\n"
    parsed = read(original)
    assert parsed.status.value == "partial"
    assert "too_deep" in codes(parsed)
    (rest,) = parsed.attachments
    assert rest.size > depth
    assert rest.text is None


def test_embedded_messages_nested_too_deep_are_partial() -> None:
    original = b"Content-Type: message/rfc822\n\n" * 300 + b"Subject: innermost\n\nwords\n"
    parsed = read(b"Subject: outer\n" + original)
    assert "too_deep" in codes(parsed)
    assert len(parsed.attachments) == 61


def test_a_wrong_boundary_is_found_anew() -> None:
    body = "--other\nContent-Type: text/plain\n\nthe words\n--other--"
    parsed = read(message(body, 'Content-Type: multipart/mixed; boundary="b"'))
    assert parsed.body == "the words"
    assert "broken_mime" in codes(parsed)
    assert parsed.status.value == "ok"


def test_a_multipart_without_parts_is_text() -> None:
    parsed = read(message("only words", 'Content-Type: multipart/mixed; boundary="b"'))
    assert parsed.own_text == "only words"
    assert "broken_mime" in codes(parsed)


def test_parts_behind_the_closing_boundary_are_read() -> None:
    body = "--b\n\nshown\n--b--\n--b\n\nhidden\n--b--"
    parsed = read(message(body, 'Content-Type: multipart/mixed; boundary="b"'))
    assert parsed.body == "shown\nhidden"


def test_preamble_and_epilogue_are_no_content() -> None:
    body = "This is a multi-part message.\n--b\n\nwords\n--b--\nafter"
    parsed = read(message(body, 'Content-Type: multipart/mixed; boundary="b"'))
    assert parsed.body == "words"


_TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters="\n"), max_size=300
)


@settings(max_examples=60, deadline=None)
@given(
    text=_TEXT,
    subject=st.text(st.characters(whitelist_categories=("L", "N", "P", "Zs")), max_size=60),
    attached=st.lists(st.binary(max_size=200), max_size=4),
)
def test_what_the_standard_library_writes_comes_back(
    text: str, subject: str, attached: list[bytes]
) -> None:
    written = EmailMessage()
    written["Subject"] = " ".join(subject.split())
    written["From"] = "Kate Łuka <kate@example.org>"
    written["Date"] = "Mon, 03 Mar 2025 10:00:00 -0500"
    written.set_content(text)
    for number, data in enumerate(attached):
        name = f"fïle {number}.bin"
        written.add_attachment(data, maintype="application", subtype="x-test", filename=name)
    parsed = read(written.as_bytes())
    assert " ".join(parsed.subject.split()) == " ".join(subject.split())
    assert parsed.body.split() == text.replace("\ufeff", "").split() or "\ufeff" in text
    assert [part.filename for part in parsed.attachments] == [
        f"fïle {number}.bin" for number in range(len(attached))
    ]
    assert [part.size for part in parsed.attachments] == [len(data) for data in attached]
    assert parsed.sender is not None
    assert parsed.sender.name == "Kate Łuka"
