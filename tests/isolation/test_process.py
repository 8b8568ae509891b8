"""A child process may die, hang, run out of memory or fail: the caller is told, and goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from email_audit.errors import RunError
from email_audit.isolation.process import InterruptedReadError, IsolatedProcess, ProcessLimits
from email_audit.messages.records import ProblemCode
from tests.isolation import hostile


@pytest.fixture
def process() -> Iterator[IsolatedProcess]:
    limits = ProcessLimits(max_bytes=1 << 30, max_item_seconds=60)
    with IsolatedProcess(limits) as process:
        yield process


def interrupted(results: Iterator[int]) -> tuple[list[int], InterruptedReadError]:
    """Take results until they are interrupted."""
    taken: list[int] = []
    with pytest.raises(InterruptedReadError) as caught:
        taken.extend(results)  # keeps what came before the error
    return taken, caught.value


def test_results_come_in_order_from_one_process_that_is_kept(process: IsolatedProcess) -> None:
    assert list(process.stream(hostile.numbers, 1000)) == list(range(1000))
    first, second = (list(process.stream(hostile.pids)) for _ in range(2))
    assert first == second == [process.pid]
    assert process.pid != os.getpid()


def test_what_a_reader_prints_is_not_taken_for_a_result(process: IsolatedProcess) -> None:
    assert list(process.stream(hostile.chatter)) == ["a result"]


def test_results_that_nobody_takes_do_not_get_into_the_next_call(process: IsolatedProcess) -> None:
    assert next(process.stream(hostile.numbers, 10)) == 0
    assert list(process.stream(hostile.numbers, 3)) == [0, 1, 2]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_death_is_told_with_its_signal_after_all_results_before_it(
    process: IsolatedProcess, number: signal.Signals
) -> None:
    taken, error = interrupted(process.stream(hostile.dies_after, 3, number))
    assert taken == [0, 1, 2]
    assert error.is_death
    assert error.problem.code is ProblemCode.READER_FAILED
    assert number.name in error.problem.detail
    assert list(process.stream(hostile.numbers, 2)) == [0, 1]


def test_a_process_that_just_leaves_is_a_death_too(process: IsolatedProcess) -> None:
    _, error = interrupted(process.stream(hostile.leaves_after, 1))
    assert "ended with code 3" in error.problem.detail


def test_an_item_that_takes_too_long_is_given_up() -> None:
    with IsolatedProcess(ProcessLimits(max_bytes=1 << 30, max_item_seconds=0.2)) as process:
        _, error = interrupted(process.stream(hostile.never_ends_after, 0))
        assert error.problem.code is ProblemCode.LIMITED
        assert "0.2 seconds" in error.problem.detail
        assert not error.is_death
        assert process.pid is None


def test_memory_is_bounded_and_its_end_is_no_death(process: IsolatedProcess) -> None:
    taken, error = interrupted(process.stream(hostile.eats_memory))
    assert taken == [0]
    assert error.problem.code is ProblemCode.LIMITED
    assert str(1 << 30) in error.problem.detail
    assert list(process.stream(hostile.numbers, 2)) == [0, 1]


def test_a_readers_own_failure_is_told_without_words_of_mail(process: IsolatedProcess) -> None:
    _, error = interrupted(process.stream(hostile.fails))
    assert error.problem.code is ProblemCode.READER_FAILED
    assert "ZeroDivisionError" in error.problem.detail
    assert "somebody" not in error.problem.detail


@pytest.mark.parametrize(
    ("function", "error"),
    [(hostile.cannot_go_on, RunError), (hostile.cannot_open, PermissionError)],
)
def test_what_is_not_the_items_fault_is_raised_as_it_was(
    process: IsolatedProcess, function: Callable[[], Iterator[int]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        list(process.stream(function))
    assert list(process.stream(hostile.numbers, 1)) == [0]


def test_a_child_that_cannot_begin_is_an_error_of_the_run(process: IsolatedProcess) -> None:
    with pytest.raises(RunError, match="before it began"):
        list(process.stream(_only_here()))


def _only_here() -> Callable[[], Iterator[int]]:
    """Give a function that pickles by a name which is nowhere in the child."""
    module = type(sys)("module_of_the_parent")
    exec("def nothing():\n    yield 0", module.__dict__)
    module.nothing.__module__ = module.__name__
    sys.modules[module.__name__] = module
    function: Callable[[], Iterator[int]] = module.nothing
    return function


def test_a_child_ends_with_its_parent_in_the_middle_of_an_item() -> None:
    program = (
        "import os, sys\n"
        "from email_audit.isolation.process import IsolatedProcess, ProcessLimits\n"
        "from tests.isolation import hostile\n"
        "process = IsolatedProcess(ProcessLimits(1 << 30, 60))\n"
        "next(process.stream(hostile.never_ends_after, 1))\n"
        "print(process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    # The child holds the other end of standard error only; this pipe ends with the parent.
    child = int(parent.stdout.read())
    parent.wait()
    with pytest.raises(ProcessLookupError):
        for _ in range(10_000_000):
            os.kill(child, 0)
