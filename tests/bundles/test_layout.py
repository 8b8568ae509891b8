"""Signals are offsets into the own text; the page marks them where the body has them."""

from dataclasses import replace

from email_audit.bundles.layout import lay_out
from email_audit.bundles.marking import Span
from email_audit.messages.records import Message, SegmentKind
from tests.bundles.cases import FORWARDED, OWN, QUOTED, SIGNATURE, message


def span_of(content: Message, text: str) -> Span:
    start = content.own_text.index(text)
    return Span(start, start + len(text), 1, "label")


def marks(content: Message, text: str) -> list[tuple[SegmentKind, str]]:
    layout = lay_out(content, [span_of(content, text)])
    assert layout.judged is None
    return [
        (block.kind, str(part).partition("</mark>")[0].partition(">")[2])
        for block in layout.blocks
        for part in block.html.split("<mark ")[1:]
    ]


def test_a_signal_below_a_quotation_is_marked_in_its_own_block() -> None:
    content = message([(OWN, "  Yes.\n\n"), (QUOTED, "> hold him?\n"), (OWN, "\nWill hold him.\n")])
    assert marks(content, "hold him") == [(OWN, "hold him")]


def test_a_signal_across_a_quotation_is_marked_on_both_sides() -> None:
    content = message([(OWN, "we hold\n"), (QUOTED, "> hm\n"), (OWN, "him today\n")])
    assert marks(content, content.own_text[3:12]) == [(OWN, "hold"), (OWN, "him")]


def test_a_bare_forward_is_marked_in_the_forwarded_block_and_said_to_be_judged() -> None:
    content = message(
        [(OWN, "fyi\n"), (QUOTED, "From: x\n\n"), (FORWARDED, "ERO wants him.\n")],
        judged=frozenset({OWN, FORWARDED}),
    )
    assert marks(content, "ERO wants") == [(FORWARDED, "ERO wants")]
    layout = lay_out(content, [])
    assert [block.is_judged for block in layout.blocks] == [True, False, True]


def test_a_forward_with_own_words_leaves_the_forwarded_part_unjudged() -> None:
    content = message([(OWN, "No way.\n"), (FORWARDED, "ERO wants him.\n")])
    assert [block.is_judged for block in lay_out(content, []).blocks] == [True, False]


def test_own_text_that_is_not_in_the_body_is_shown_on_its_own() -> None:
    content = replace(message([(OWN, "as it was read\n")]), own_text="as it is read now")
    layout = lay_out(content, [Span(0, 2, 1, "label")])
    assert layout.judged is not None
    assert layout.judged.startswith("<mark")
    assert "<mark" not in layout.blocks[0].html


def test_blank_segments_make_no_block_and_indentation_stays() -> None:
    content = message([(OWN, "\n \n    indented\n\n"), (QUOTED, "\n\n"), (SIGNATURE, "-- \nL\n")])
    assert [(b.kind, str(b.html)) for b in lay_out(content, []).blocks] == [
        (OWN, "    indented"),
        (SIGNATURE, "-- \nL"),
    ]
