"""The annotation guide's rules as behaviour of the packaged classifier, in words of our own."""

import pytest

from email_audit.tagging.records import Kind
from tests.tagging.conftest import REQUEST, Officer


def test_a_detainer_with_a_request_to_hold_is_a_hit(officer: Officer) -> None:
    tag = officer.writes(
        "ICE lodged an immigration detainer on Gomez, A-number 204 113 992. Can you hold him at "
        "central booking until ERO picks him up?",
        subject="Detainer",
    )
    assert tag.enforcement
    assert Kind.CUSTODY in tag.kinds


def test_shop_talk_without_a_keyword_is_a_hit(officer: Officer) -> None:
    tag = officer.writes(
        "our friends downtown want a heads up when he pops, they've got paper on him, no crim"
    )
    assert tag.enforcement
    assert "says that no crime is behind it" in {signal.label for signal in tag.signals}


def test_a_subject_alone_may_be_a_hit(officer: Officer) -> None:
    tag = officer.writes("", subject="ICE detainer on Gomez - hold for ERO pickup at 0500")
    assert tag.enforcement
    assert {signal.part for signal in tag.signals} == {"subject"}


@pytest.mark.parametrize("words", ["will do", "done, all 14 are in", "copy", "roger that"])
def test_a_reply_to_a_request_is_tagged_when_it_agrees(officer: Officer, words: str) -> None:
    tag = officer.answers(words)
    assert tag.enforcement
    assert {signal.part for signal in tag.signals} == {"own_text"}
    assert "agrees to the quoted request" in {signal.label for signal in tag.signals}


def test_a_reply_that_judges_the_request_is_a_refusal(officer: Officer) -> None:
    tag = officer.answers("You can't ask us that. Need a judicial warrant, I'm copying Legal.")
    assert tag.enforcement
    assert Kind.REFUSAL in tag.kinds


@pytest.mark.parametrize(
    "words",
    [
        "I am out of the office until Monday and have limited access to e-mail.",
        "away until Monday",
        "wrong Mike, I work in the motor pool",
        "Are you bringing the cooler to softball on Saturday?",
    ],
)
def test_a_reply_that_does_not_adopt_the_request_is_no_hit(officer: Officer, words: str) -> None:
    assert not officer.answers(words).enforcement


def test_quoted_text_under_other_business_is_no_hit(officer: Officer) -> None:
    text = (
        "Unrelated question: the overtime slips for the parade are due on Friday, have you yours?"
    )
    assert not officer.writes(text, subject="Parade slips", quoting=REQUEST).enforcement


def test_a_bare_forward_is_tagged_by_what_it_sends_on(officer: Officer) -> None:
    # The reader counts the forwarded text of a bare forward as the author's own.
    assert officer.writes(f"fyi\n{REQUEST}", subject="Fwd: list").enforcement


def test_a_list_in_an_attachment_is_a_hit(officer: Officer) -> None:
    table = (
        "Name,DOB,COB,A-number\nGOMEZ Luis,1990-01-02,Honduras,A204113992\n"
        "PEREZ Ana,1988-03-04,Guatemala,A204113993"
    )
    tag = officer.writes("See attached.", subject="per our call", attached=("", table))
    assert tag.enforcement
    assert "attachment:1" in {signal.part for signal in tag.signals}


def test_spanish_is_read_too(officer: Officer) -> None:
    tag = officer.writes(
        "La migra va a hacer una redada en el mercado el jueves a las 5, quieren que cerremos la "
        "calle. Todos tienen orden de deportación."
    )
    assert tag.enforcement


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Snow removal",
            "Snow removal of the lot starts at 6 am. The ICE machine is out of order.",
        ),
        (
            "wire",
            (
                "HSI and the DEA will hit the stash house Tuesday: two kilos of fentanyl, search "
                "warrant signed by Judge Marrero, three targets charged with narcotics conspiracy."
            ),
        ),
        (
            "U visa cert",
            (
                "Please sign the attached U visa certification for the victim of the robbery, her "
                "lawyer needs Supplement B by Monday."
            ),
        ),
        (
            "prisoner",
            (
                "New Jersey lodged a criminal detainer for a parole violation on your prisoner, "
                "extradition is on Tuesday."
            ),
        ),
        (
            "tour change",
            "I need the slips for the parade detail by Friday, Lt. Ruiz has the roster.",
        ),
    ],
)
def test_the_same_words_in_another_sense_are_no_hit(
    officer: Officer, subject: str, text: str
) -> None:
    assert not officer.writes(text, subject=subject).enforcement


def test_one_sentence_in_two_pages_is_found(officer: Officer) -> None:
    chat = "The softball game was great and the kids had fun, thanks for the cooler and the chairs."
    toner = "The printer on the third floor is out of toner and nobody has answered the ticket yet."
    sentence = (
        "ICE wants to know when Gomez is released so they can deport him, he has a final order of "
        "removal."
    )
    pages = "\n\n".join([chat] * 25 + [sentence] + [toner] * 25)
    tag = officer.writes(pages, subject="weekend")
    assert tag.enforcement
    assert all(sentence.find(signal.text) >= 0 for signal in tag.signals)


def test_the_score_falls_when_the_telling_words_are_taken_away(officer: Officer) -> None:
    told = officer.writes("Heads up when Gomez pops, he has a final order and an A-number, no crim")
    untold = officer.writes("Heads up when Gomez pops, he has a")
    assert untold.score < told.score


def test_an_empty_message_is_no_hit(officer: Officer) -> None:
    tag = officer.writes("")
    assert not tag.enforcement
    assert tag.signals == ()
    assert tag.kinds == ()
