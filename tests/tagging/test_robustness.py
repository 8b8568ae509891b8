"""The same message in another dress keeps its decision: the sample's messages, through the reader.

What a sender, a phone, a scanner or a mail client does to a message must not decide about it.
"""

import html
import json
import logging
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.steps.tag import tag_input
from email_audit.tagging.learning.noise import recognised_badly, typed_badly
from email_audit.tagging.tagger import SpacyTagger

log = logging.getLogger(__name__)

pytestmark = pytest.mark.long

_LOOK_ALIKES = str.maketrans("aeopcxi", "\u0430\u0435\u043e\u0440\u0441\u0445\u0456")
_QUOTED_PAGE = (
    "On Mon, Mar 3, 2025 at 9:00 AM Fleet Desk <fleet@pmpd.example> wrote:\n"
    + "> The van is at the shop until Thursday and the spare has no heater.\n" * 220
)
_FOOTER = """

--\x20
Det. Ana Ruiz
Task Force Officer
Immigration and Customs Enforcement / ERO liaison
26 Federal Plaza

CONFIDENTIALITY NOTICE: This e-mail and any attachments are intended only for the use of the
addressee. U.S. Immigration and Customs Enforcement, Enforcement and Removal Operations, DHS. If
you received it in error, delete it.
"""


def _mail(subject: str, body: str, kind: str = "plain", extra: str = "") -> bytes:
    return (
        f"From: a@pmpd.example\nTo: b@pmpd.example\nSubject: {subject}\n"
        "Date: Mon, 3 Mar 2025 10:00:00 -0500\nMessage-ID: <1@pmpd.example>\n"
        f"MIME-Version: 1.0\n{extra}Content-Type: text/{kind}; charset=utf-8\n\n{body}\n"
    ).encode()


def _as_html(subject: str, body: str) -> bytes:
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in body.split("\n"))
    return _mail(subject, f"<html><body>{lines}</body></html>", "html")


def _attached(subject: str, body: str) -> bytes:
    return _mail(
        subject,
        body,
        extra='Content-Disposition: attachment; filename="note.txt"\n',
    )


def _masked(subject: str, body: str) -> bytes:
    words = body.translate(_LOOK_ALIKES).split(" ")
    return _mail(subject, " ".join(word[:2] + "\u200b" + word[2:] for word in words))


DRESSES: dict[str, Callable[[str, str], bytes]] = {
    "typing": lambda subject, body: _mail(subject, typed_badly(body, 0.02, Random(5))),
    "scan": lambda subject, body: _mail(subject, recognised_badly(body, 0.04, Random(5))),
    "no capitals": lambda subject, body: _mail(subject.lower(), body.lower()),
    "capitals": lambda subject, body: _mail(subject.upper(), body.upper()),
    "HTML": _as_html,
    "attachment": _attached,
    "long thread": lambda subject, body: _mail(subject, f"{body}\n\n{_QUOTED_PAGE}"),
    "masked letters": _masked,
}


@pytest.fixture(scope="module")
def messages(repository: Path) -> list[tuple[str, str]]:
    """Subjects and bodies of the sample that carry no history: hits, and as many others."""
    records = [
        json.loads(line)
        for path in sorted((repository / "sample" / "messages").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    plain = [
        record
        for record in records
        if not record.get("attachments") and ">" not in record["body"] and len(record["body"]) > 60
    ]
    hits = [record for record in plain if record["enforcement"]]
    others = [record for record in plain if not record["enforcement"]][: len(hits)]
    return [(record["subject"], record["body"]) for record in (*hits, *others)]


def _decisions(tagger: SpacyTagger, mails: list[bytes]) -> list[bool]:
    parsed = [parse_message(mail, limits=ReadLimits()) for mail in mails]
    inputs = (tag_input(message, None) for message in parsed)
    return [decision.enforcement for decision in tagger.decide(inputs)]


@pytest.fixture(scope="module")
def plain(tagger: SpacyTagger, messages: list[tuple[str, str]]) -> list[bool]:
    """The decisions on the messages as they are."""
    return _decisions(tagger, [_mail(*message) for message in messages])


def test_another_dress_changes_few_decisions(
    tagger: SpacyTagger, messages: list[tuple[str, str]], plain: list[bool]
) -> None:
    kept = {}
    for name, dress in DRESSES.items():
        dressed = _decisions(tagger, [dress(*message) for message in messages])
        kept[name] = sum(one == other for one, other in zip(plain, dressed, strict=True))
    log.info("kept of %d messages in each dress: %s", len(messages), kept)
    assert sum(kept.values()) >= 0.95 * len(messages) * len(DRESSES), kept
    assert min(kept.values()) >= 0.85 * len(messages), kept


def test_signatures_and_footers_change_no_decision(
    tagger: SpacyTagger, messages: list[tuple[str, str]], plain: list[bool]
) -> None:
    signed = _decisions(tagger, [_mail(subject, body + _FOOTER) for subject, body in messages])
    assert signed == plain


def test_taking_the_signals_away_lowers_nearly_every_score(
    tagger: SpacyTagger, messages: list[tuple[str, str]]
) -> None:
    tried = lowered = 0
    for subject, body in messages:
        message = tag_input(parse_message(_mail(subject, body), limits=ReadLimits()), None)
        (tag,) = tagger.tag([message])
        own = [signal for signal in tag.signals if signal.part == "own_text"]
        if not tag.enforcement or len(own) < len(tag.signals):
            continue
        text = message.own_text
        for signal in sorted(own, key=lambda signal: -signal.start):
            text = text[: signal.start] + text[signal.end :]
        (without,) = tagger.decide([type(message)(message.subject, text, message.context)])
        lowered += without.score < tag.score
        tried += 1
    assert tried >= 10
    assert lowered >= 0.9 * tried, f"{lowered} of {tried}"
