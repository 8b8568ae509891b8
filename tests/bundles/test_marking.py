"""Marked text: nothing is lost, nothing is run, nothing hides."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.bundles.marking import Span, marked, plain


class Shown(HTMLParser):
    """What a browser would show, with the references of the marks in braces."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.shape: list[tuple[str, ...]] = []
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.shape.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_span_is_marked_with_its_label_and_number() -> None:
    assert marked("call me Monday", [Span(8, 14, 3, "a day")]) == (
        'call me <mark title="a day" data-n="3">Monday</mark>'
    )


def test_overlapping_spans_are_split_and_keep_both_labels() -> None:
    assert marked("abcdef", [Span(0, 4, 1, "one"), Span(2, 6, 2, "two")]) == (
        '<mark title="one" data-n="">ab</mark>'
        '<mark title="one; two" data-n="1">cd</mark>'
        '<mark title="two" data-n="2">ef</mark>'
    )


def test_markup_in_text_and_label_is_escaped() -> None:
    html = marked("<b>&", [Span(0, 3, 1, '"><script>')])
    assert Shown(html).tags == ["mark"]
    assert Shown(html).text == "<b>&"


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\u200b", "U+200B"),
        ("\ufeff", "U+FEFF"),
        ("\u00ad", "U+00AD"),
        ("\u061c", "U+061C"),
        ("\u3164", "U+3164"),
        ("\U000e0041", "U+E0041"),
        ("\U000e0100", "U+E0100"),
        ("\u2028", "U+2028"),
        ("\x00", "U+0000"),
        ("\x1b", "U+001B"),
        ("\udc80", "U+DC80"),
    ],
)
def test_what_cannot_be_seen_is_written_out(hidden: str, shown: str) -> None:
    assert Shown(marked(f"a{hidden}b", [])).text == f"a{shown}b"
    assert plain(f"a{hidden}b") == f"a[{shown}]b"


def test_ordinary_writing_in_any_language_stays_as_it_is() -> None:
    text = "año, Grüße\t\u05e9\u05dc\u05d5\u05dd 你好 naïve 👍 ❤\ufe0f\nline two"
    assert marked(text, []) == text
    assert plain(text) == text


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=8),
)
def test_marking_never_changes_the_text(text: str, places: list[tuple[int, int]]) -> None:
    spans = [Span(start, end, n, f"<{n}>") for n, (start, end) in enumerate(places)]
    html = marked(text, spans)
    html.encode()
    bare = marked(text, [])
    if "\r\n" not in text:
        assert Shown(html).text == Shown(bare).text
    assert set(Shown(html).tags) <= {"mark", "span"}


def test_a_list_with_a_mark_on_every_line_keeps_them_all() -> None:
    line = "A 201 443 118\n"
    spans = [Span(n * len(line), (n + 1) * len(line) - 1, n, "A-number") for n in range(20_000)]
    assert marked(line * 20_000, spans).count("</mark>") == 20_000
