"""Threads: by reference headers first, by subject only where much speaks for it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from email_audit.messages.threads import ThreadKeys, assign_threads, key_of, split_reply_prefix

START = datetime(2025, 3, 1, tzinfo=UTC)


def keys(
    name: str,
    *,
    refers: tuple[str, ...] = (),
    subject: str = "",
    reply: bool = False,
    people: tuple[str, ...] = ("ann", "bob"),
    days: float = 0,
    has_id: bool = True,
) -> ThreadKeys:
    return ThreadKeys(
        message=key_of(name) if has_id else None,
        content=key_of(f"content of {name}"),
        references=tuple(map(key_of, refers)),
        parent=key_of(refers[-1]) if refers else None,
        subject=key_of(subject) if subject else None,
        is_reply=reply,
        sender=key_of(people[0]),
        participants=tuple(map(key_of, people)),
        sent=START + timedelta(days=days),
    )


def test_replies_share_the_thread_of_what_they_refer_to_even_if_it_is_missing() -> None:
    one, two, other = assign_threads(
        [keys("b", refers=("a",)), keys("c", refers=("a", "b")), keys("z")]
    )
    assert one == two != other
    assert len(one) == 16


def test_a_subject_joins_a_reply_to_the_latest_message_between_the_same_people() -> None:
    first, reply = assign_threads(
        [
            keys("a", subject="the van on 9th", people=("ann", "bob")),
            keys("b", subject="the van on 9th", reply=True, people=("bob", "ann"), days=1),
        ]
    )
    assert first == reply


def test_a_subject_alone_joins_nothing() -> None:
    first = keys("a", subject="the van on 9th", people=("ann", "bob"))
    others = [
        keys("no reply prefix", subject="the van on 9th", people=("bob", "ann"), days=1),
        keys("strangers", subject="the van on 9th", reply=True, people=("eve", "mal"), days=1),
        keys("too late", subject="the van on 9th", reply=True, people=("bob", "ann"), days=45),
        keys("earlier", subject="the van on 9th", reply=True, people=("bob", "ann"), days=-1),
    ]
    for other in others:
        one, two = assign_threads([first, other])
        assert one != two


def test_copies_that_lost_their_headers_stay_with_the_copy_that_has_them() -> None:
    with_id = keys("a", refers=("root",))
    without = keys("a", has_id=False)
    assert len(set(assign_threads([with_id, without, keys("root")]))) == 1


@given(
    st.lists(st.tuples(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=3)), max_size=40),
    st.randoms(use_true_random=False),
)
def test_the_order_of_reading_does_not_matter(links, random) -> None:  # type: ignore[no-untyped-def]
    messages = [keys(str(name), refers=tuple(map(str, refers))) for name, refers in links]
    threads = dict(zip(map(id, messages), assign_threads(messages), strict=True))
    shuffled = messages[:]
    random.shuffle(shuffled)
    for message, thread in zip(shuffled, assign_threads(shuffled), strict=True):
        assert threads[id(message)] == thread


def test_a_long_chain_is_one_thread() -> None:
    chain = [keys(str(n), refers=(str(n - 1),)) for n in range(1, 3000)]
    assert len(set(assign_threads(chain))) == 1


def test_reply_prefixes_of_several_languages_and_list_tags_are_taken_off() -> None:
    assert split_reply_prefix("[unit] Re: AW: RV: Fwd: The  Van") == ("the van", True)
    assert split_reply_prefix("[unit] The van") == ("the van", False)
    assert split_reply_prefix("Regarding the van") == ("regarding the van", False)
    assert split_reply_prefix("Re[2]: van") == ("van", True)
