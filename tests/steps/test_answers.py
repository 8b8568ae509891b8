"""What the index says of a hit beyond its words: whether it was answered, when, by whom to whom."""

from pathlib import Path

import pytest

from email_audit.search.interface import HitDocument
from email_audit.search.opening import open_index
from email_audit.search.paging import every_hit
from tests.audits import Audit, audit_in, mail, mbox

ASKED = "<asked@city.example>"
REPLY = {"In-Reply-To": ASKED, "References": ASKED}


def at(hour: int) -> str:
    return f"Mon, 03 Mar 2025 {hour:02}:00:00 -0500"


def indexed(audit: Audit) -> dict[str, HitDocument]:
    """Audit with every message a hit; give the documents by their own text."""
    audit.run(threshold=0.0)
    hits = every_hit(open_index(audit.settings()), "*")
    return {hit.document.own_text.strip(): hit.document for hit in hits}


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return audit_in(tmp_path, P1="a.mbox", P2="b.mbox")


def asked(sender: str) -> str:
    return mail("ICE detainer", "asked", message_id=ASKED, date=at(10), sender=sender)


def test_a_later_message_of_somebody_else_in_the_thread_is_an_answer(audit: Audit) -> None:
    audit.write("a.mbox", mbox(asked("ann@city.example")))
    reply = mail("RE: ICE detainer", "told", sender="bob@city.example", date=at(11), headers=REPLY)
    audit.write("b.mbox", mbox(reply))
    found = indexed(audit)
    assert found["asked"].is_answered
    assert not found["told"].is_answered


def test_a_reminder_by_the_same_person_is_no_answer(audit: Audit) -> None:
    reminder = mail(
        "RE: ICE detainer", "again", sender="ANN@city.example", date=at(11), headers=REPLY
    )
    audit.write("a.mbox", mbox(asked("Ann <ann@city.example>"), reminder))
    assert not indexed(audit)["asked"].is_answered


def test_a_reply_counts_whatever_its_clock_says(audit: Audit) -> None:
    early = mail("RE: ICE detainer", "told", sender="bob@x.example", date=at(9), headers=REPLY)
    undated = mail(
        "RE: second detainer",
        "told too",
        sender="bob@x.example",
        date=None,
        headers={"In-Reply-To": "<2@x>"},
    )
    second = mail("second detainer", "asked too", message_id="<2@x>", date=at(10))
    audit.write("a.mbox", mbox(asked("ann@city.example"), early, second, undated))
    found = indexed(audit)
    assert found["asked"].is_answered
    assert found["asked too"].is_answered


def test_an_answer_out_of_scope_is_known_without_being_searchable(audit: Audit) -> None:
    audit.write_roster("P1,Name,Det,a.mbox,TF,HSI,2025-03-03,2025-03-03")
    reply = mail(
        "RE: ICE detainer",
        "told",
        sender="bob@city.example",
        date="Tue, 04 Mar 2025 09:00:00 -0500",
        headers=REPLY,
    )
    audit.write("a.mbox", mbox(asked("ann@city.example"), reply))
    found = indexed(audit)
    assert list(found) == ["asked"]
    assert found["asked"].is_answered


def test_the_senders_own_time_keeps_its_zone(audit: Audit) -> None:
    audit.write(
        "a.mbox",
        mbox(
            mail("ICE detainer", "zoned", date="Mon, 03 Mar 2025 23:30:00 -0500"),
            mail("ICE detainer", "no zone", date="Mon, 03 Mar 2025 23:30:00"),
            mail("ICE detainer", "undated", date=None),
        ),
    )
    found = indexed(audit)
    assert found["zoned"].date_written == "2025-03-03T23:30:00-05:00"
    assert found["no zone"].date_written is None
    assert found["undated"].date_written is None
