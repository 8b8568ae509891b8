"""What is read, in which pieces, and that every piece keeps its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.tagging.reading import WINDOW_CHARACTERS, read_input, reading_copy, windows
from email_audit.tagging.records import TagInput


@given(st.text())
def test_the_reading_copy_knows_the_place_of_every_character(text: str) -> None:
    copy, places = reading_copy(text)
    assert len(copy) == (len(text) if places is None else len(places))
    for character, place in zip(copy, range(len(text)) if places is None else places, strict=True):
        assert character == text[place] or character.isascii()


@pytest.mark.parametrize(
    "written",
    [
        "dep\u200bort\u00adation or\u2060der",
        "d\u0435p\u043ert\u0430tion \u043erder",
        "\uff44\uff45\uff50\uff4f\uff52\uff54\uff41\uff54\uff49\uff4f\uff4e order",
        "deporta\u0301tion o\u0301rder",
        "".join(chr(0x1D41A + ord(letter) - ord("a")) for letter in "deportation") + " order",
    ],
    ids=["invisible", "cyrillic", "full width", "combining", "mathematical"],
)
def test_a_masked_word_is_read(written: str) -> None:
    (window,) = windows([("own_text", f"a {written} b")])
    assert window.text == "a deportation order b"
    place = window.locate(2, window.text.index(" b"))
    assert place is not None
    assert f"a {written} b"[place[1] : place[2]] == written


def test_a_word_of_another_script_stays_what_it_is() -> None:
    assert (
        reading_copy("\u043f\u0440\u0438\u043a\u0430\u0437")[0]
        == "\u043f\u0440\u0438\u043a\u0430\u0437"
    )


def test_a_phrase_across_a_wrapped_line_is_joined() -> None:
    text = "please call the minute he is released because of the final\norder of removal"
    assert "final order" in reading_copy(text)[0]


def test_lines_of_a_list_stay_apart() -> None:
    assert reading_copy("GOMEZ, Luis\nPEREZ, Ana")[0] == "GOMEZ, Luis\nPEREZ, Ana"


@given(st.lists(st.text(alphabet="ab \n", max_size=30), max_size=4), st.integers(0, 3 * 8_000))
def test_windows_hold_every_character_once(texts: list[str], long: int) -> None:
    parts = [*((str(number), text) for number, text in enumerate(texts)), ("long", "x y\n" * long)]
    packed = windows(parts)
    assert all(len(window.text) <= WINDOW_CHARACTERS + 2 * len(parts) for window in packed)
    covered = {name: 0 for name, _ in parts}
    for window in packed:
        for piece in window.pieces:
            assert piece.start == covered[piece.part]
            covered[piece.part] = piece.end
            length = piece.end - piece.start
            assert window.locate(piece.offset, piece.offset + length) == (
                piece.part,
                piece.start,
                piece.end,
            )
    assert covered == {name: len(text) for name, text in parts}


def test_the_subject_of_a_reply_is_context() -> None:
    reading = read_input(TagInput("RE: Re: detainer", "ok", "hold him"))
    assert "subject" not in reading.parts
    assert reading.context.startswith("RE: Re: detainer")


def test_the_subject_of_a_new_message_or_forward_is_its_own() -> None:
    assert read_input(TagInput("Fwd: detainer", "ok", "")).parts["subject"] == "Fwd: detainer"


def test_a_long_text_does_not_take_its_meaning_from_what_it_quotes() -> None:
    assert read_input(TagInput("Re: x", "word " * 200, "hold him")).context_windows() == []


@pytest.mark.parametrize(
    ("own_text", "can_answer"), [("", False), (" \n", False), ("\U0001f44d", True)]
)
def test_without_a_word_of_its_own_a_message_adopts_nothing(
    own_text: str, can_answer: bool
) -> None:
    reading = read_input(TagInput("Re: sheet", own_text, "Flag all nine for the removal unit."))
    assert reading.is_short_answer is can_answer
