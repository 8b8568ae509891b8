"""HTML as the text a reader sees."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.messages.html import html_text
from tests.messages.mail import eml_files, read


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("one<br>two", "one\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p class=MsoNormal>one</p><p class=MsoNormal>two</p>", "one\ntwo"),
        ("<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>b</p>", "a\n\nb"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("a<b>b</b>c <i> d</i>", "abc d"),
        ("  a \n  b&nbsp;c ", "a b c"),
        ("<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc"),
        ("<ul><li>a<li><p>b</p></ul>c", "- a\n- b\n\nc"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "a\tb\n1\t2"),
        ("<a href='https://x.org/y'>here</a>", "here <https://x.org/y>"),
        ("<a href='https://x.org/'>x.org</a>", "x.org"),
        ("<a href='mailto:a@b'>a@b</a>", "a@b"),
        ("<a href='javascript:x()'>here</a>", "here"),
        ("<img src=x width=1 height=1 alt=pixel>a", "a"),
        ("<img src=x alt='the plan'>", "the plan"),
        ("<head><title>t</title></head><style>s</style><script>x</script><!--c-->a", "a"),
        ("<span style='display:none'>hidden</span> a", "hidden a"),
        ("&lt;b&gt; &amp; &#241;", "<b> & ñ"),
        ("<blockquote type=cite>a<div>b</div></blockquote>c", "> a\n> b\nc"),
        ("<blockquote type=cite>a<blockquote type=cite>b</blockquote></blockquote>", "> a\n> > b"),
        ("<blockquote type=cite><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<blockquote style='margin:0 0 0 40px;border:none'>mine</blockquote>", "mine"),
        ("", ""),
    ],
)
def test_html_becomes_lines(html: str, text: str) -> None:
    assert html_text(html) == text


def test_quoted_history_of_mail_programs_is_told_from_own_text() -> None:
    html = (
        "<div>will do</div><br><div class='gmail_quote'><div class='gmail_attr'>On Mon, Mar 3, 2025"
        " at 9:00 AM Kate &lt;k@b&gt; wrote:<br></div><blockquote class='gmail_quote'"
        " style='border-left:1px solid'>flag these</blockquote></div>"
    )
    parsed = read(b"Subject: Re: x\nContent-Type: text/html\n\n" + html.encode())
    assert parsed.own_text == "will do"
    assert "flag these" in parsed.quoted_text


def test_outlooks_header_division_begins_history() -> None:
    html = (
        "<p class=MsoNormal>done</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'>"
        "<p class=MsoNormal><b>From:</b> Kate &lt;k@b&gt;<br><b>Sent:</b> Monday 9:00 AM<br>"
        "<b>To:</b> Joe<br><b>Subject:</b> x</p></div><p class=MsoNormal>flag these</p>"
    )
    parsed = read(b"Subject: RE: x\nContent-Type: text/html\n\n" + html.encode())
    assert parsed.own_text == "done"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<div>", "</div>", "<li>", "<ul>", "</ul>", "<a href=http://x>", "</a>",
             "<td>", "<table>", "</table>", "<blockquote type=cite>", "</blockquote>", "<br>",
             "<pre>", "</pre>", " ", "&nbsp;", "<b>", "\n", "<ol>", "</ol>"]
        )
        | st.text(alphabet="xyz", min_size=1, max_size=4),
        max_size=40,
    )
)  # fmt: skip
def test_no_visible_letter_is_lost(pieces: list[str]) -> None:
    text = html_text("".join(pieces))
    words = "".join(piece for piece in pieces if not piece.startswith(("<", "&")))
    shown = text.replace("<http://x>", "")
    # Text in a table outside of its cells is moved before it: the letters are the same.
    assert sorted(c for c in shown if c in "xyz") == sorted(c for c in words if c in "xyz")


def test_every_html_test_message_has_text(shared: Path) -> None:
    for path in eml_files(shared):
        assert "<body" not in read(path.read_bytes()).own_text.lower(), path.name
