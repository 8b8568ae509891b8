"""Promises of every answer, whatever the message: places, batches, versions, sizes."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.errors import UserError
from email_audit.messages.records import ContentHash, Message, ReadStatus
from email_audit.tagging.contract import tag_contract
from email_audit.tagging.records import Decision, Kind, Tag, TagInput
from email_audit.tagging.tagger import SpacyTagger, load_tagger
from email_audit.tagging.version import model_version
from tests.tagging.conftest import REQUEST

_WORDS = st.sampled_from(
    [
        *("ICE", "detainer", "ERO", "final", "order", "no", "crim", "detective", "release", "date"),
        *(
            "will",
            "do",
            "\u201cpaper\u201d",
            "on",
            "him\nhe\u2019s",
            "deportaci\u00f3n",
            "\U0001f44d",
        ),
        *("\n\n", ">", "\u00a0", "A-number", "custody", "Honduras,", "8", "USC", "1326", "can't"),
    ]
)
_TEXTS = st.lists(st.one_of(_WORDS, st.text(max_size=8)), max_size=40).map(" ".join)
_INPUTS = st.builds(TagInput, _TEXTS, _TEXTS, _TEXTS, st.lists(_TEXTS, max_size=2).map(tuple))


def _part(message: TagInput, name: str) -> str:
    kind, _, number = name.partition(":")
    return message.attachments[int(number)] if number else getattr(message, kind)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(message=_INPUTS)
def test_every_signal_lies_where_it_says(tagger: SpacyTagger, message: TagInput) -> None:
    tag = next(tagger.tag([message]))
    assert 0.0 <= tag.score <= 1.0
    assert tag.enforcement == (tag.score >= tagger.threshold)
    assert bool(tag.signals) == tag.enforcement
    assert bool(tag.kinds) == tag.enforcement
    for signal in tag.signals:
        assert _part(message, signal.part)[signal.start : signal.end] == signal.text


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(messages=st.lists(_INPUTS, min_size=2, max_size=6))
def test_batches_change_nothing(tagger: SpacyTagger, messages: list[TagInput]) -> None:
    together = list(tagger.tag(messages))
    alone = [next(tagger.tag([message])) for message in reversed(messages)]
    assert together == alone[::-1]


def test_what_is_decided_is_what_is_tagged(tagger: SpacyTagger) -> None:
    messages = [
        TagInput("list", REQUEST, ""),
        TagInput("Re: list", "will do", REQUEST),
        TagInput("lunch", "Pizza at noon?", ""),
    ]
    tags = list(tagger.tag(messages))
    assert [tag.enforcement for tag in tags] == [True, True, False]
    assert list(tagger.decide(messages)) == [
        Decision(tag.enforcement, tag.score, tag.kinds) for tag in tags
    ]


def test_five_megabytes_are_read_to_the_end(tagger: SpacyTagger) -> None:
    line = "Sector C answered 61 jobs and the detective vouchered a bicycle at the precinct.\n"
    sentence = "ICE wants us to hold Gomez for ERO, he has a final order of removal, no crim.\n"
    text = line * (5_000_000 // len(line)) + sentence
    tag = next(tagger.tag([TagInput("log", text, "")]))
    assert tag.enforcement
    assert any(signal.start >= len(text) - len(sentence) for signal in tag.signals)


def test_a_line_without_end_is_read(tagger: SpacyTagger) -> None:
    tag = next(tagger.tag([TagInput("", "x" * 300_000 + " deported", "")]))
    assert 0.0 <= tag.score <= 1.0


def test_real_mail_gets_the_same_answers_twice(tagger: SpacyTagger, shared: Path) -> None:
    mail = gzip.decompress((shared / "corpora" / "enron-5k.mbox.gz").read_bytes())
    messages = [
        TagInput("", body.decode("latin-1").partition("\n\n")[2], "")
        for body in mail.split(b"\nFrom ")[:60]
    ]
    first = list(tagger.tag(messages))
    assert first == list(tagger.tag(iter(messages)))


def test_the_tag_carries_name_version_and_hash_of_the_model(tagger: SpacyTagger) -> None:
    assert tagger.version == model_version("en_email_audit")
    assert tagger.version.startswith("en_email_audit-0.5.0+")


def test_a_threshold_of_ones_own_replaces_that_of_the_model(tagger: SpacyTagger) -> None:
    message = TagInput("", "ICE put a detainer on him, he has a final order of removal", "")
    (usual,) = tagger.tag([message])
    strict = load_tagger("en_email_audit", threshold=1.0)
    assert usual.enforcement
    assert not next(strict.tag([message])).enforcement
    assert strict.version != tagger.version


def test_a_missing_model_is_named_with_the_cure() -> None:
    with pytest.raises(UserError, match=r"no_such_model.*nlp/packages"):
        load_tagger("no_such_model")


def test_the_contract_line_has_exactly_the_promised_fields(tagger: SpacyTagger) -> None:
    text = "ICE put a detainer on him, he has a final order of removal"
    message = Message(
        subject="",
        sender=None,
        to=(),
        cc=(),
        bcc=(),
        date=datetime(2025, 3, 1, tzinfo=UTC),
        zone_minutes=0,
        message_id="<1@example>",
        in_reply_to=(),
        references=(),
        body=text,
        segments=(),
        own_text=text,
        quoted_text="",
        signature="",
        attachments=(),
        content_sha256=ContentHash("0" * 64),
        mih=None,
        status=ReadStatus.OK,
    )
    (tag,) = tagger.tag([TagInput("", text, "")])
    line = json.loads(json.dumps(tag_contract(message, tag)))
    assert list(line) == [
        "message_id",
        "content_sha256",
        "enforcement",
        "score",
        "kinds",
        "signals",
    ]
    assert list(line["signals"][0]) == ["text", "start", "end", "part", "label"]
    assert line["kinds"] == [kind.value for kind in tag.kinds]
    empty = tag_contract(replace(message, message_id=None), Tag(False, 0.01, (), ()))
    assert empty["message_id"] is None
    assert empty["kinds"] == []
    assert set(tag.kinds) <= set(Kind)
