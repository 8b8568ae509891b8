"""A message that kills, hangs or exhausts its reader costs that message; the rest is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from email_audit.isolation.process import IsolatedProcess
from email_audit.isolation.protocol import ProcessLimits
from email_audit.messages.records import Problem, ProblemCode
from email_audit.sources.base import Extent
from email_audit.steps.isolated import read_stretches
from tests.audits import mail, mbox
from tests.steps.hostile import HostilePlace, subject_or_reason

KILLED = "reader_failed: the process that read it was ended by SIGKILL"


@pytest.fixture
def process() -> Iterator[IsolatedProcess]:
    with IsolatedProcess(ProcessLimits(max_bytes=1 << 30, max_item_seconds=20)) as process:
        yield process


def contents(
    process: IsolatedProcess, *subjects: str, body: str = "x", problem: Problem | None = None
) -> list[str]:
    messages = [mail(subject, body, message_id="<1@x>") for subject in subjects]
    place = HostilePlace(mbox(*messages).encode(), problem)
    extent = Extent(0, len(place.content), 0, len(messages))
    items = [item for _, item in read_stretches(process, [(place, extent)], subject_or_reason)]
    assert [item.ordinal for item in items] == list(range(len(subjects)))
    return [item.content for item in items]


@pytest.mark.parametrize("where", ["in the message", "in the container"])
def test_what_kills_its_reader_is_the_one_row_that_is_lost(
    process: IsolatedProcess, where: str
) -> None:
    first, second, third, fourth, fifth = contents(
        process, "one", f"die {where}", "three", f"die {where}", "five"
    )
    assert [first, third, fifth] == ["one", "three", "five"]
    assert second.startswith(KILLED)
    assert fourth.startswith(KILLED)


def test_the_first_and_the_last_may_be_the_ones(process: IsolatedProcess) -> None:
    first, second, third = contents(process, "die in the message", "two", "die in the message")
    assert first.startswith(KILLED)
    assert second == "two"
    assert third.startswith(KILLED)


def test_a_reader_killed_for_another_reason_tries_again_and_nothing_is_lost(
    process: IsolatedProcess, tmp_path: Path
) -> None:
    subjects = ("one", "die once in the message", "three")
    assert contents(process, *subjects, body=str(tmp_path / "marker")) == list(subjects)


def test_what_fails_or_needs_too_much_memory_is_a_row_with_its_reason(
    process: IsolatedProcess,
) -> None:
    results = contents(
        process,
        *("one", "fail in the message", "fail in the container"),
        *("eat in the message", "eat in the container", "six"),
    )
    assert (results[0], results[5]) == ("one", "six")
    failed = "reader_failed: the reader failed with ZeroDivisionError; please report it"
    assert results[1] == results[2] == failed
    assert results[3] == results[4]
    assert results[3].startswith(f"limited: reading needs more memory than {1 << 30} bytes")


def test_what_hangs_is_given_up_after_its_time() -> None:
    with IsolatedProcess(ProcessLimits(max_bytes=1 << 30, max_item_seconds=1)) as process:
        first, second, third = contents(process, "one", "hang in the message", "three")
    assert (first, third) == ("one", "three")
    assert second.startswith("limited: reading took longer than 1 seconds")


def test_where_not_even_the_places_of_items_can_be_found_each_is_still_a_row(
    process: IsolatedProcess,
) -> None:
    first, *rest = contents(process, "one", "die in the container", "die in the structure", "four")
    assert first == "one"
    assert all(content.startswith(KILLED) for content in rest)


def test_what_is_wrong_with_the_container_is_said_of_every_message(
    process: IsolatedProcess,
) -> None:
    problem = Problem(ProblemCode.DAMAGED, "the content does not fit its checksum")
    assert contents(process, "one", "two", problem=problem) == ["one damaged", "two damaged"]


def test_a_death_in_one_of_many_files_costs_that_file_only(process: IsolatedProcess) -> None:
    places = [
        HostilePlace(mbox(mail(subject, message_id="<1@x>")).encode())
        for subject in ("a", "die in the container", "c", "die in the message", "e")
    ]
    stretches = [(place, Extent(0, len(place.content), 0, 1)) for place in places]
    found = list(read_stretches(process, stretches, subject_or_reason))
    assert [position for position, _ in found] == [0, 1, 2, 3, 4]
    assert [found[n][1].content for n in (0, 2, 4)] == ["a", "c", "e"]
    assert [found[n][1].content[: len(KILLED)] for n in (1, 3)] == [KILLED, KILLED]
