"""A child process may die, hang, run out of memory or fail: the caller is told, and goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from email_audit.errors import RunError
from email_audit.isolation.process import InterruptedReadError, IsolatedProcess
from email_audit.isolation.protocol import Interruption, ProcessLimits
from email_audit.messages.records import ProblemCode
from tests.isolation import hostile
from tests.isolation.gone import is_gone


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
    assert error.why is Interruption.DIED
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
        assert error.why is Interruption.LATE
        assert process.pid is None


def test_memory_is_bounded_and_its_end_is_no_death(process: IsolatedProcess) -> None:
    taken, error = interrupted(process.stream(hostile.eats_memory))
    assert taken == [0]
    assert error.problem.code is ProblemCode.LIMITED
    assert str(1 << 30) in error.problem.detail
    assert list(process.stream(hostile.numbers, 2)) == [0, 1]


def test_a_request_that_the_memory_does_not_hold_is_told_and_the_process_goes_on() -> None:
    with IsolatedProcess(ProcessLimits(max_bytes=512 << 20, max_item_seconds=60)) as process:
        assert list(process.stream(hostile.length_of, b"short")) == [5]
        pid = process.pid
        _, error = interrupted(process.stream(hostile.length_of, bytes(600 << 20)))
        assert error.why is Interruption.MEMORY
        assert list(process.stream(hostile.length_of, b"short")) == [5]
        assert process.pid == pid


def test_a_process_killed_while_it_waits_is_replaced(process: IsolatedProcess) -> None:
    (first,) = process.stream(hostile.pids)
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    (second,) = process.stream(hostile.pids)
    assert second != first


def test_more_time_is_given_where_the_reader_asks_for_it() -> None:
    with IsolatedProcess(ProcessLimits(max_bytes=1 << 30, max_item_seconds=0.2)) as process:
        assert list(process.stream(hostile.takes_half_a_second, more=60)) == [1]
        taken, error = interrupted(process.stream(hostile.takes_half_a_second, more=0))
        assert (taken, error.why) == ([], Interruption.LATE)


def test_what_a_reader_started_ends_with_it(process: IsolatedProcess) -> None:
    (started,) = process.stream(hostile.starts_another)
    process.close()
    assert is_gone(started)


def test_a_readers_own_failure_is_told_without_words_of_mail(
    capfd: pytest.CaptureFixture[str], process: IsolatedProcess
) -> None:
    _, error = interrupted(process.stream(hostile.fails))
    assert error.problem.code is ProblemCode.READER_FAILED
    assert "ZeroDivisionError" in error.problem.detail
    assert "somebody" not in error.problem.detail
    process.close()
    logged = capfd.readouterr().err
    assert "ZeroDivisionError at hostile.py" in logged
    assert "somebody" not in logged


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
        "from email_audit.isolation.process import IsolatedProcess\n"
        "from email_audit.isolation.protocol import ProcessLimits\n"
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
    assert is_gone(child)
