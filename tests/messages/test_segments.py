"""Own words, history, forwards, signatures and footers."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_audit.messages.records import SegmentKind
from email_audit.messages.segments import is_bare_forward, joined, split_segments
from email_audit.messages.signatures import without_signatures
from tests.messages.mail import corpus, message, read


def kinds(body: str, subject: str = "") -> list[tuple[str, str]]:
    """The segments of a body as (kind, text), blank ones left out."""
    found = [
        (part.kind.value, body[part.start : part.end].strip())
        for part in split_segments(body, subject)
    ]
    return [(kind, text) for kind, text in found if text]


def own(body: str, subject: str = "") -> str:
    return joined(body, split_segments(body, subject), (SegmentKind.OWN,))


HISTORY = {
    "outlook": "-----Original Message-----\nFrom: Kate\nSent: Monday\nTo: Joe\nSubject: x\n\nold",
    "outlook with a tag": "[Luka, Kate]  -----Original Message-----\nFrom: Kate\n\nold",
    "outlook in spanish": "-----Mensaje original-----\nDe: Kate\nEnviado el: lunes\n\nold",
    "outlook without dashes": "From: Kate\nSent: Monday, March 3\nTo: Joe\nSubject: x\n\nold",
    "outlook in order of its own": "From: Kate\nTo: Joe\nSent: Thu 3/30/2023 10:41\nold",
    "outlook on the web": f"{'_' * 32}\nFrom: Kate <k@b>\nSent: Monday\nSubject: x\n\nold",
    "spanish header": "De: Kate\nEnviado: lunes\nPara: Joe\nAsunto: x\n\nold",
    "bold header": "*From:* Kate\n*Sent:* Monday\n*To:* Joe\n*Subject:* x\n\nold",
    "gmail": "On Mon, Mar 3, 2025 at 9:12 AM Kate Luka <kate@example.org> wrote:\n> old",
    "gmail wrapped": (
        "On Mon, Mar 3, 2025 at 9:12 AM Kate Luka\n<kate@example.org>\nwrote:\n\n> old"
    ),
    "gmail without marks": "On Mon, Mar 3, 2025 at 9:12 AM Kate <k@b> wrote:\n\nold",
    "gmail in spanish": "El lun, 3 mar 2025 a las 9:12, Kate (<k@b>) escribió:\n\n> old",
    "gmail in french": "Le lun. 3 mars 2025 à 09:12, Kate <k@b> a écrit :\n\n> old",
    "gmail in german": "Am Mo., 3. März 2025 um 09:12 Uhr schrieb Kate <k@b>:\n\n> old",
    "eudora": "At 09:26 AM 11/26/01 -0600, you wrote:\nold",
    "aol": "In a message dated 9/13/01 5:59:30 PM Pacific Daylight Time, Kate\nwrites:\n\nold",
    "lotus": (
        "Kate Luka on 09/16/2001 01:27:06 AM\nPlease respond to k@b\nTo:\tJoe\ncc:\t \n\n"
        "Subject:\tx\n\nold"
    ),
    "lotus below a name": (
        "Kate Luka\n08/02/2000 10:55 AM\nTo: Joe/HOU/EES\ncc:  \nSubject: x\n\nold"
    ),
    "lotus indented": (
        "Kate Luka\nSent by: Ann\n08/08/01 12:51 PM\n\n        To:     Joe\n        cc:\n"
        "        Subject:  x\n\nold"
    ),
    "lotus on the web": "-----Kate Luka/NNG wrote: -----\n\nTo: Joe\nFrom: Kate\n\nold",
    "marks alone": "> old\n> older",
    "hotmail": "----Original Message Follows----\nFrom: Kate\n\nold",
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORY)
def test_history_below_an_answer_is_quoted(name: str) -> None:
    body = f"will do, all 14 are in\n\n{HISTORY[name]}\n"
    assert own(body, "RE: x") == "will do, all 14 are in"
    assert kinds(body, "RE: x") == [
        ("own", "will do, all 14 are in"),
        ("quoted", HISTORY[name].strip()),
    ]


def test_answers_between_quoted_lines_are_own() -> None:
    body = "On Mon, 3 Mar 2025, Kate <k@b> wrote:\n> first?\nyes\n\n> second?\n>\n> third?\nno\n"
    assert own(body) == "yes\nno"


def test_a_line_that_mbox_quoted_is_own() -> None:
    assert own("words\n>From here on\nmore") == "words\n>From here on\nmore"


@pytest.mark.parametrize(
    "body",
    [
        "From: what I hear he is gone.\nCall me.",
        "He wrote: nothing.\nThen he left.",
        "Two things:\n- one\n- two",
        "Meet at 10:00 AM\nTo: the usual place",
        "On Monday he wrote:\n",
        "Date: tomorrow\nTime: 10",
        "it is > 3\nand < 4",
    ],
)
def test_words_that_only_look_like_history_are_own(body: str) -> None:
    assert own(body) == body.strip()


FORWARDS = {
    "gmail": (
        "---------- Forwarded message ---------\nFrom: Kate <k@b>\nDate: Mon, Mar 3\n"
        "Subject: x\nTo: <j@b>\n\n\n"
    ),
    "apple": "Begin forwarded message:\n\nFrom: Kate <k@b>\nSubject: x\nDate: March 3\nTo: Joe\n\n",
    "lotus": (
        "---------------------- Forwarded by Joe/HOU on 04/25/2001 \n07:58 AM "
        "---------------------------\n\n\nk@b on 04/24/2001 11:28:52 AM\nTo: Joe\ncc:  "
        "\n\nSubject: x\n\n"
    ),
    "outlook": "-----Original Message-----\nFrom: Kate\nSent: Monday\nTo: Joe\nSubject: x\n\n",
    "outlook without dashes": "From: Kate\nSent: Monday\nTo: Joe\nSubject: x\n\n",
    "thunderbird": (
        "-------- Forwarded Message --------\nSubject: \tx\nDate: \tMon\nFrom: \tKate\n"
        "To: \tJoe\n\n"
    ),
    "spanish": (
        "---------- Mensaje reenviado ----------\nDe: Kate\nFecha: lunes\nAsunto: x\n"
        "Para: Joe\n\n"
    ),
}  # fmt: skip
SENT_ON = "Put these eleven on notify."
NOTES = (
    "", "fyi", "FYI.", "See below.", "pls see below", "below", "Tony, fyi", "FYI - see attached",
    "for your info", "as discussed", "Para tu información", "ver abajo", "fwd",
    "Joe -\n\nFYI\n\nKate",
    "Sgt. Kate Luka\n40 Squad",
)  # fmt: skip


@pytest.mark.parametrize("name", FORWARDS)
@pytest.mark.parametrize("note", NOTES)
def test_a_bare_forward_sends_its_content_on(name: str, note: str) -> None:
    body = f"{note}\n\n{FORWARDS[name]}{SENT_ON}\n"
    parsed = read(message(body, "Subject: FW: x"))
    assert parsed.own_text.endswith(SENT_ON)
    assert "Kate <k@b>" not in parsed.own_text
    assert SENT_ON in parsed.quoted_text


@pytest.mark.parametrize("name", FORWARDS)
def test_a_forward_with_words_of_its_own_is_judged_by_them(name: str) -> None:
    parsed = read(message(f"Can you handle this?\n\n{FORWARDS[name]}{SENT_ON}\n", "Subject: FW: x"))
    assert parsed.own_text == "Can you handle this?"
    assert SENT_ON in parsed.quoted_text


def test_history_inside_of_a_bare_forward_stays_quoted() -> None:
    body = FORWARDS["outlook"] + SENT_ON + "\n\n" + HISTORY["outlook"]
    parsed = read(message(body, "Subject: FW: x"))
    assert parsed.own_text == SENT_ON


def test_a_forward_of_a_forward_sends_the_innermost_on() -> None:
    body = FORWARDS["lotus"] + "see below\n\nKate\n\n" + FORWARDS["outlook"] + SENT_ON
    parsed = read(message(body, "Subject: Fwd: Fwd: x"))
    assert parsed.own_text == SENT_ON


def test_a_reply_without_words_is_no_forward() -> None:
    parsed = read(message(HISTORY["outlook"], "Subject: RE: x"))
    assert parsed.own_text == ""


def test_a_quoted_forward_below_a_reply_is_no_forward() -> None:
    body = (
        "no\n\nOn Mon, 3 Mar 2025, Kate <k@b> wrote:\n> ---------- Forwarded message ---------\n> a"
    )
    segments = split_segments(body, "Re: x")
    assert own(body, "Re: x") == "no"
    assert not is_bare_forward(body, segments)


SIGNATURES = [
    "-- \nKate Luka\nanything at all",
    "Sent from my iPhone",
    "Enviado desde mi iPhone",
    "Get Outlook for iOS",
    "Thanks,\nKate",
    (
        "Regards,\n\nKate J. Luka\nSpecial Agent, Group VG-2\nHomeland Security "
        "Investigations New York\n(347) 555-0142 cell"
    ),
    "Sgt. Luka\nBrooklyn Court Section, 3rd platoon",
    (
        "Hanne Luka | Special Agent\nU.S. Immigration and Customs Enforcement - Homeland "
        "Security Investigations"
    ),
    "Saludos,\nSgto. Luka",
    "V/R\nDet Luka\n40 Sqd\n\nSent from my iPhone",
    "Hanne Luka\nDeportation Officer\nEnforcement and Removal Operations",
    "H. Luka, Supervisory Detention and Deportation Officer",
    "Hanne Luka\nOficial de Deportación\nICE",
    "-- \nRelease Desk. The Department does not honor civil immigration detainers.",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_told_from_the_words_above(signature: str) -> None:
    body = f"He is at the desk until nine.\n\n{signature}\n"
    assert kinds(body) == [("own", "He is at the desk until nine."), ("signature", signature)]


CONTENT = [
    "Thanks for holding him. Call ERO when he pops.",
    "1. Jose Perez, A098-765-432\n2. Juan Lopez, A 087654321",
    "Jose Perez\nDOB 1/2/1985\n120 Schermerhorn",
    "Thanks,\nKate\n\nP.S. He is at 120 Schermerhorn, the ICE hold is in the file.",
    "Thanks,\nplease pick up Garcia Lopez",
    "- fax the list to ERO\n- call the desk sergeant when he is out",
    "Garcia Lopez\nICE detainer, hold until Friday",
    "Garcia Lopez, Unit 4B",
    "Garcia Lopez, hold for the Deportation Officer",
    "-- \nhold Garcia till the Deportation Officer comes",
]


@pytest.mark.parametrize("content", CONTENT)
def test_content_is_never_taken_for_a_signature(content: str) -> None:
    body = f"Here is what you need.\n\n{content}\n"
    assert own(body) == body.strip()


def test_a_bare_thanks_stays_with_its_author() -> None:
    assert own("Thanks,\nKate\n") == "Thanks,"
    assert own("Thank you!\n") == "Thank you!"


FOOTERS = [
    (
        "CONFIDENTIALITY NOTICE: This e-mail and any attachments are for the intended "
        "recipient only.\nIf you received it in error please delete it."
    ),
    (
        "This email and any files transmitted with it are confidential and intended "
        "solely for the use of the\naddressee. Unauthorized disclosure is prohibited."
    ),
    "LAW ENFORCEMENT SENSITIVE",
    "LAW ENFORCEMENT SENSITIVE: the property of DHS/ICE. Do not disseminate; not to be released.",
    "_______________________________________________\nUnit-7 mailing list\nUnit-7@b\nhttp://b/x",
    "AVISO: Este correo es confidencial y solo para su destinatario.",
    '"This message may contain law enforcement sensitive information."',
    "This e-mail may contain information relating to aliens and is for official use only.",
    "________\nYou are receiving this because your agency (ICE-ERO, CBP) takes part.",
    "UNCLASSIFIED U.S. Department of State Case No. F-2014-20439 Doc No. C05795391 B6",
    "RELEASE IN PART B6, 1.4(D)",
    "Reason: 1.4(D) - Declassify on: 01/09/2029",
]


@pytest.mark.parametrize("footer", FOOTERS)
def test_a_legal_or_list_footer_never_counts(footer: str) -> None:
    body = f"He is at the desk until nine.\n\n{footer}\n"
    assert kinds(body) == [("own", "He is at the desk until nine."), ("footer", footer)]


@pytest.mark.parametrize(
    "body",
    [
        "This email is about the hotel sweep.\n\nPlease hold him.",
        "LAW ENFORCEMENT SENSITIVE\nThe sweep is at 0600, bring the van.",
        "If you have the list, send it over.",
        "To unsubscribe him from bail, call ERO.",
        "Case No. 25-0412, he is out at nine",
        "We asked for a RELEASE IN PART",
        "CONFIDENTIAL, delete after reading, do not distribute: Garcia A098-765-432 is out at 9.",
    ],
)
def test_content_near_a_banner_stays(body: str) -> None:
    assert body.rsplit("\n", 1)[-1] in own(body)


def test_stamps_between_the_words_of_a_page_are_footers() -> None:
    body = "He is out at nine.\n\nRELEASE IN FULL\n\nBring the van.\n"
    assert kinds(body) == [
        ("own", "He is out at nine."),
        ("footer", "RELEASE IN FULL"),
        ("own", "Bring the van."),
    ]


def test_a_stamp_may_run_over_several_lines() -> None:
    body = (
        "He is out at nine.\n\n          RELEASE IN\n          PART\n\n     B1,1.4(B),1.4(D),\n"
        "Classified by DAS, A/GIS, DoS on 09/30/2015 \u2014 Class: CONFIDENTIAL \u2014 Reason:\n"
        "1.4(B), 1.4(D) \u2014 Declassify on: 03/03/2025\nBring the van.\n     B6\nNo warrant.\n"
    )
    assert own(body) == "He is out at nine.\nBring the van.\nNo warrant."


def test_a_code_on_a_page_without_stamps_stays() -> None:
    assert own("Case No. 25-0412, he is in\nB5\n") == "Case No. 25-0412, he is in\nB5"


def test_a_stamped_page_sends_on_what_is_below_its_header_lines() -> None:
    body = (
        "UNCLASSIFIED U.S. Department of State Case No. F-2014-20439 Doc No. C05795391\n"
        "   RELEASE IN FULL\n\nFrom: A. Holm <a.holm@b.example>\n"
        "Sent: Friday, May 6, 2011 12:26 AM\nTo: 'L. Ray'\nSubject: Tonight\n\nThey fly at six.\n"
    )
    assert is_bare_forward(body, split_segments(body, ""))
    assert kinds(body)[-1] == ("forwarded", "They fly at six.")


def test_who_wrote_what_is_sent_on_does_not_sign_the_forward() -> None:
    body = (
        "---------- Forwarded message ---------\nFrom: Luka <luka@b.example>\n"
        "Date: Mon, 3 Mar 2025\nSubject: softball\n\nAre you in?\n\n"
        "Luka Holm\nDeportation Officer\nICE\n"
    )
    assert ("forwarded", "Are you in?") in kinds(body)
    assert kinds(body)[-1] == ("quoted", "Luka Holm\nDeportation Officer\nICE")


def test_carried_text_is_read_without_who_signed_it() -> None:
    carried = (
        "On Mon, 3 Mar 2025, Luka wrote:\n> Are you in for softball?\n>\n> Hanne Luka\n"
        "> Deportation Officer\n> ICE\n>\n> This message may contain law enforcement sensitive "
        "information.\n>\n>> Who has the bats?\n"
    )
    assert without_signatures(carried) == (
        "On Mon, 3 Mar 2025, Luka wrote:\nAre you in for softball?\n\nWho has the bats?\n"
    )


def test_a_signature_above_history_and_one_inside_of_it_are_different() -> None:
    body = "He is out at nine.\n\nSent from my iPhone\n\n> old\n> Sent from my iPad\n"
    assert kinds(body) == [
        ("own", "He is out at nine."),
        ("signature", "Sent from my iPhone"),
        ("quoted", "> old\n> Sent from my iPad"),
    ]


_LINES = st.sampled_from(
    ["", "words", "> quoted", ">> more", "-----Original Message-----", "From: a", "Sent: b",
     "To: c",
     "Subject: d", "On Mon, 3 Mar 2025, a@b wrote:", "-- ", "Thanks,", "Sgt. Luka", "fyi",
     "1:00 PM",
     "Begin forwarded message:", "> Begin forwarded message:", "a on 1/1/2001 1:00 PM",
     "---------- Forwarded message ---------", "CONFIDENTIALITY NOTICE: confidential, delete",
     "Sent from my iPhone", "____________________", "--- Forwarded by x", "LES"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES, max_size=25).map("\n".join), st.sampled_from(["", "FW: x", "Re: x"]))
def test_segments_tile_the_body(body: str, subject: str) -> None:
    segments = split_segments(body, subject)
    assert "".join(body[part.start : part.end] for part in segments) == body
    assert all(part.start < part.end for part in segments)
    assert all(one.kind is not two.kind for one, two in pairwise(segments))


def test_the_validation_messages_keep_all_they_say(shared: Path) -> None:
    lines = (shared / "validation" / "messages.jsonl").read_text().splitlines()
    for entry in map(json.loads, lines):
        own_text = own(entry["body"], entry["subject"])
        assert own_text, entry["id"]
        assert "-----Original Message-----" not in own_text, entry["id"]


def test_little_history_leaks_into_own_text_of_real_mail(shared: Path) -> None:
    parsed = [read(original) for original in corpus(shared, "enron-5k.mbox.gz")]
    announced = [found for found in parsed if "-----Original Message-----" in found.body]
    leaked = [
        found
        for found in announced
        if "-----Original Message-----" in joined(found.body, found.segments, (SegmentKind.OWN,))
    ]
    assert len(announced) > 1000
    assert leaked == []
