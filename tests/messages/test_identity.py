"""The MIH and the content hash: what they are blind to and what they are not."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from email_audit.messages.contract import as_contract
from email_audit.messages.identity import mih
from email_audit.messages.records import ContentHash
from tests.messages.mail import message, read, split_mbox

HEAD = (
    "From: Kate Luka <Kate@Example.org>",
    "To: joe@b, Ann <ann@b>",
    "Date: Mon, 03 Mar 2025 10:00:00 -0500",
    "Subject: the list",
    "Message-ID: <1@b>",
)


def digest(original: bytes) -> ContentHash:
    return read(original).content_sha256


def test_the_mih_is_the_published_one() -> None:
    found = mih("<CALckR-a8UDkRjO4xJyjd_s0GPxQWw@mail.gmail.com>")
    assert found == "1de319c276884bd0c9e2f1621ada26cc"


SAME = {
    "line ends": message("a\nb", *HEAD).replace(b"\r\n", b"\n"),
    "final line break": message("a\nb\n\n", *HEAD),
    "case of addresses": message("a\nb", "From: KATE@example.ORG", *HEAD[1:]),
    "names of people": message("a\nb", "From: K. L. <kate@example.org>", *HEAD[1:]),
    "order of recipients": message("a\nb", HEAD[0], "To: ann@b, joe@b", *HEAD[2:]),
    "zone of the date": message(
        "a\nb", *HEAD[:2], "Date: Mon, 03 Mar 2025 15:00:00 +0000", *HEAD[3:]
    ),
    "folding": message("a\nb", *HEAD[:3], "Subject: the\r\n\t list", HEAD[4]),
    "transport": message("a\nb", "Received: from x by y; Mon, 3 Mar 2025 15:00:01 +0000", *HEAD),
    "blind copies": message("a\nb", "Bcc: secret@b", *HEAD),
    "message id": message("a\nb", *HEAD[:4]),
    "transfer encoding": message("YQpi", *HEAD, "Content-Transfer-Encoding: base64"),
    "container part": message(
        "--x\n\na\nb\n--x--", *HEAD, 'Content-Type: multipart/mixed; boundary="x"'
    ),
}
DIFFERENT = {
    "body": message("a\nc", *HEAD),
    "subject": message("a\nb", *HEAD[:3], "Subject: Re: the list"),
    "sender": message("a\nb", "From: ann@b", *HEAD[1:]),
    "recipient": message("a\nb", *HEAD, "Cc: x@b"),
    "to and cc": message("a\nb", HEAD[0], "To: joe@b", "Cc: ann@b", *HEAD[2:]),
    "date": message("a\nb", *HEAD[:2], "Date: Mon, 03 Mar 2025 10:00:01 -0500", *HEAD[3:]),
    "attachment": message(
        "--x\n\na\nb\n--x\nContent-Type: text/csv\n\n1\n--x--",
        *HEAD,
        'Content-Type: multipart/mixed; boundary="x"',
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_exports_and_transport_do_not_change_the_content_hash(name: str) -> None:
    assert digest(SAME[name]) == digest(message("a\nb", *HEAD))


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_an_author_sent_changes_the_content_hash(name: str) -> None:
    assert digest(DIFFERENT[name]) != digest(message("a\nb", *HEAD))


def test_the_hash_of_a_known_message_never_changes() -> None:
    # A change of this value makes every stored identity stale: see docs/identity.md.
    assert digest(message("a\nb", *HEAD)) == (
        "07f144a0f49d81f36a8e04cc5f79260741f244624c2eb56b30e9d831fe16f943"
    )


def test_text_attachments_are_the_same_under_any_line_ends() -> None:
    head = (*HEAD, 'Content-Type: multipart/mixed; boundary="x"')
    body = "--x\n\na\n--x\nContent-Type: text/csv; name=n.csv\n\n1,2\n3,4\n--x--"
    crlf = message(body, *head)
    parsed, other = read(crlf), read(crlf.replace(b"\r\n", b"\n"))
    assert parsed.content_sha256 == other.content_sha256
    assert parsed.attachments[0].sha256 != other.attachments[0].sha256


_LENGTH = re.compile(rb"(?m)^Content-Length: (\d+)\r?\n")


def variants(shared: Path) -> dict[str, list[bytes]]:
    """The five mbox dialects of the same forty messages, quoting left as it is."""
    found: dict[str, list[bytes]] = {}
    for path in sorted((shared / "mbox" / "derived").iterdir()):
        data = path.read_bytes().replace(b"\r\n", b"\n")
        if "mboxcl" not in path.name:
            found[path.name] = split_mbox(data)
            continue
        # Only the lengths tell separators from body lines that begin with "From ".
        messages, position = [], 0
        while position < len(data):
            head = data.index(b"\n", position) + 1
            body = data.index(b"\n\n", head) + 2
            length = _LENGTH.search(data, head, body)
            assert length is not None
            position = body + int(length[1])
            messages.append(data[head:position])
            while data[position : position + 1] == b"\n":
                position += 1
        found[path.name] = messages
    return found


def test_the_dialects_of_mbox_give_the_same_identities(shared: Path) -> None:
    hashes = {
        name: [digest(original) for original in found] for name, found in variants(shared).items()
    }
    reference = hashes["variant-mboxrd.mbox"]
    assert len(reference) == 40
    assert {name for name, found in hashes.items() if found != reference} == set()


def test_the_contract_has_exactly_its_keys() -> None:
    body = "--x\n\na\n--x\nContent-Type: text/csv; name=n.csv\n\n1\n--x--"
    parsed = read(message(body, *HEAD, 'Content-Type: multipart/mixed; boundary="x"'))
    line = as_contract(parsed, source="a.mbox", path_in_source="message 1", thread="t")
    assert list(line) == [
        "source",
        "path_in_source",
        "message_id",
        "mih",
        "content_sha256",
        "date",
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "own_text",
        "quoted_text",
        "signature",
        "attachments",
        "thread",
        "item_class",
        "status",
        "problems",
    ]
    assert line["date"] == "2025-03-03T15:00:00Z"
    assert line["from"] == {"name": "Kate Luka", "address": "Kate@Example.org"}
    assert " ".join(line["attachments"][0]) == "filename content_type size sha256 text status"
    assert json.loads(json.dumps(line)) == line


def test_problems_are_codes_with_a_sentence_in_the_contract() -> None:
    line = as_contract(read(b"Subject: x\n\ny"), source="s", path_in_source="", thread="")
    assert line["problems"] == [
        {"code": "no_date", "detail": "the message has no Date"},
        {"code": "no_message_id", "detail": "the message has no Message-ID"},
    ]
    assert line["date"] is None
    assert line["from"] is None
    assert read(message("y", *HEAD)).date == datetime(2025, 3, 3, 15, tzinfo=UTC)
