"""RTF bodies: decompressed as another reader does, and read as what they were made from."""

import re
from collections.abc import Iterator
from pathlib import Path

import compressed_rtf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.mapi.eml import render_item
from email_audit.mapi.properties import Tag
from email_audit.mapi.records import MapiItem
from email_audit.mapi.rtf import Encapsulated, read_rtf, rtf_text
from email_audit.mapi.rtf_compression import Decompressed, decompress_rtf, rtf_checksum
from email_audit.mapi.values import Values, item_values
from email_audit.messages.charset import decode_text
from email_audit.messages.html import html_text
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import ProblemCode
from email_audit.msg.reader import read_msg
from email_audit.tnef.reader import read_tnef

LIMITS = ReadLimits()
LINK = re.compile(r"\s*[<\[](?:https?|mailto|cid):[^>\]]*[>\]]\s*|_{5,}")


def bodies(shared: Path, folder: str) -> Iterator[tuple[str, Values, bytes]]:
    read = read_msg if folder == "msg" else read_tnef
    for path in sorted((shared / folder).iterdir()):
        if path.is_file():
            values = item_values(read(path.read_bytes(), LIMITS), Problems())
            compressed = values.data(Tag.RTF_COMPRESSED)
            if compressed:
                yield path.name, values, compressed


def decompress(data: bytes) -> Decompressed:
    return decompress_rtf(data, LIMITS.max_text_chars)


def squeezed(text: str) -> str:
    return "".join(LINK.sub("", text).split())


@pytest.mark.parametrize(("folder", "count"), [("msg", 59), ("tnef", 9)])
def test_every_compressed_body_is_whole_and_as_another_reader_has_it(
    shared: Path, folder: str, count: int
) -> None:
    found = list(bodies(shared, folder))
    assert len(found) == count
    for name, _, compressed in found:
        ours = decompress(compressed)
        assert not ours.fault, name
        assert ours.data.rstrip(b"\0") == compressed_rtf.decompress(compressed).rstrip(b"\0"), name


OTHER_TEXT = {
    "Aspose.Email-for-.NET__EmbeddedImage.msg": "made with a plain body of its own",
    "Aspose.Email-for-.NET__EmbeddedImage1.msg": "the same",
    "poi__bug66335.msg": "pictures: the plain body has addresses, ours their descriptions",
    "tika__test-outlook2003.msg": "a trade mark sign that Outlook kept as byte 0x99",
}
"""Bodies whose text is not the plain body's beyond links, and why."""


def test_the_text_of_all_59_rtf_bodies_is_that_of_the_plain_body(shared: Path) -> None:
    different = set()
    for name, values, compressed in bodies(shared, "msg"):
        body = read_rtf(decompress(compressed).data)
        assert body.text.strip() or not values.text(Tag.BODY).strip(), name
        is_html = body.made_from is Encapsulated.HTML
        text = html_text(body.text) if is_html else body.text
        if squeezed(text) != squeezed(values.text(Tag.BODY)):
            different.add(name)
    assert different == OTHER_TEXT.keys()


def test_html_out_of_rtf_reads_as_the_html_beside_it(shared: Path) -> None:
    count = 0
    for name, values, compressed in bodies(shared, "msg"):
        html = values.data(Tag.HTML)
        body = read_rtf(decompress(compressed).data)
        if html and body.made_from is Encapsulated.HTML:
            charset = f"cp{values.number(Tag.INTERNET_CODEPAGE)}"
            charset = {"cp28591": "iso-8859-1", "cp65001": "utf-8"}.get(charset, charset)
            beside = html_text(decode_text(html, charset)[0])
            assert html_text(body.text).split() == beside.split(), name
            count += 1
    assert count == 4


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (rb"{\rtf1\ansi Hello\par World}", "Hello\nWorld"),
        (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
        (rb"{\rtf1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}}\f1 \'cf\f0  \'e9}", "П é"),
        (rb"{\rtf1{\fonttbl{\f0\fcharset128 G;}}\f0 \'82\'a0\'82\'a2}", "あい"),
        (rb"{\rtf1 \u1055?\u1088?}", "Пр"),
        (rb"{\rtf1 \uc2 \u1055??\u1088\'41\'42!}", "Пр!"),
        (rb"{\rtf1 \u-10179?\u-8704?}", "😀"),
        (rb"{\rtf1 a{\*\unknown hidden}b{\pict 00ff}c}", "abc"),
        (rb"{\rtf1 kept{\deleted gone?}{\v quiet}}", "keptgone?quiet"),
        (rb"{\rtf1 x{\*\annotation a note}}", "xa note"),
        (rb"{\rtf1 a\bin5 {}{}{b}", "ab"),
        (rb"{\rtf1 \{braces\} \\ \~\_\endash\tab\lquote}", "{braces} \\ \xa0\u2011\u2013\t\u2018"),
        (rb"{\rtf1 unclosed {\b group", "unclosed group"),
        (rb"no rtf at all", "no rtf at all"),
    ],
)
def test_rtf_is_read_as_its_text(rtf: bytes, text: str) -> None:
    assert rtf_text(rtf) == text


def test_html_is_taken_out_of_its_encapsulation() -> None:
    rtf = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}}"
        rb"{\*\htmltag19 <html>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 One \'e9 {\*\htmltag84 &lt;}"
        rb"\htmlrtf <\htmlrtf0{\*\mhtmltag84 <a href=x>}\par{\*\htmltag72 </p>}"
        rb"\htmlrtf\par}\htmlrtf0{\*\htmltag27 </html>}}"
    )
    body = read_rtf(rtf)
    assert body.made_from is Encapsulated.HTML
    assert body.text == "<html><p>One é &lt;\n</p></html>"


def test_plain_text_is_taken_out_of_its_encapsulation() -> None:
    body = read_rtf(rb"{\rtf1\ansi\fromtext \fs20 line one\par \line two}")
    assert body == type(body)(Encapsulated.TEXT, "line one\n\ntwo")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_text_written_as_rtf_is_read_back(text: str) -> None:
    units = text.encode("utf-16-le")
    words = (int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2))
    rtf = "".join(f"\\u{word - 65536 if word > 32767 else word}?" for word in words)
    assert rtf_text(b"{\\rtf1 " + rtf.encode("ascii") + b"}") == text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(
    [b"{", b"}", b"\\", b"\\*", b"\\fromhtml1 ", b"\\htmltag1 ", b"\\htmlrtf ", b"\\u99999999?",
     b"\\'zz", b"\\bin9999999999", b"\\fonttbl", b"\\f1", b"\\fcharset128", b"\\uc999", b"\xff",
     b"\\ansicpg1", b"\\rtf1", b"text", b"\0"]
)))  # fmt: skip
def test_no_rtf_is_too_broken_to_read(pieces: list[bytes]) -> None:
    read_rtf(b"".join(pieces))


def test_work_grows_with_the_size_not_with_the_nesting() -> None:
    """A hundred thousand open groups are read with a stack, not by recursion."""
    assert rtf_text(b"{\\b " * 100_000 + b"deep") == "deep"


# Compression


def compressed(raw: bytes, content: bytes) -> bytes:
    header = (len(content) + 12, len(raw), 0x75465A4C, rtf_checksum(content))
    return b"".join(number.to_bytes(4, "little") for number in header) + content


@given(st.binary(max_size=3000) | st.text("ab{}\\ ", max_size=9000).map(str.encode))
def test_what_another_program_compresses_is_read_back(raw: bytes) -> None:
    found = decompress(compressed_rtf.compress(raw, compressed=True))
    assert (found.data, found.fault) == (raw, "")
    stored = decompress(compressed_rtf.compress(raw, compressed=False))
    assert (stored.data, stored.fault) == (raw, "")


@given(st.binary(max_size=400))
def test_no_compressed_rtf_is_too_broken_and_none_grows_beyond_nine_times(data: bytes) -> None:
    decompress(data)
    assert len(decompress(compressed(b"", data)).data) <= 9 * len(data) + 18


def test_a_wrong_checksum_and_a_missing_end_are_faults() -> None:
    whole = compressed_rtf.compress(b"{\\rtf1 some text to compress, some text}", compressed=True)
    assert "checksum" in decompress(whole[:-3]).fault
    changed = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]
    assert "checksum" in decompress(changed).fault
    assert decompress(whole[:10]).fault
    assert decompress(compressed(b"abc", b"\x00ab")).fault == "the compressed RTF is cut off"


def test_a_body_over_the_limit_is_read_up_to_it_and_says_so() -> None:
    bomb = compressed(b"", b"\x01a" + b"\xff" + b"\x0f\xff" * 8)
    whole = compressed_rtf.compress(b"{\\rtf1 " + b"x" * 5000 + b"}", compressed=True)
    found = decompress_rtf(whole, 1000)
    assert found.is_limited
    assert 1000 < len(found.data) < 1200
    assert len(decompress_rtf(bomb, 10).data) < 200
    item = MapiItem({Tag.RTF_COMPRESSED: whole})
    rendered = render_item(item, limits=ReadLimits(max_text_chars=1000))
    assert [problem.code for problem in rendered.problems] == [ProblemCode.LIMITED]
