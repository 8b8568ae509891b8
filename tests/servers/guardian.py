"""Run a command that must not outlive the tests: `guardian.py FD USER SIGNAL COMMAND...`.

USER is the number of the user it runs as, or -; SIGNAL the number of what tells it to stop. FD is
the reading end of a pipe whose other end only the tests hold. When that is closed, by them or by
their death, the command is told to stop, and after a while everything that it started is killed,
also what made itself a session of its own. The same happens when the command ends by itself.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_S = 10.0


def children_of(process: int) -> list[int]:
    """List a process's children (Linux)."""
    found = []
    for thread in Path(f"/proc/{process}/task").glob("*"):
        try:
            found += map(int, (thread / "children").read_text().split())
        except OSError:
            continue
    return found


def descendants_of(process: int) -> list[int]:
    """List all that a process started, at any depth."""
    found = []
    pending = children_of(process)
    while pending:
        child = pending.pop()
        found.append(child)
        pending += children_of(child)
    return found


def signal_all(number: signal.Signals) -> bool:
    """Send a signal to every descendant; say whether there was one."""
    descendants = descendants_of(os.getpid())
    for process in descendants:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue
    return bool(descendants)


def reap() -> None:
    """Take the exit codes of whatever was left to this process."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def main() -> None:
    lifeline, command = int(sys.argv[1]), sys.argv[4:]
    user = None if sys.argv[2] == "-" else int(sys.argv[2])
    stop = signal.Signals(int(sys.argv[3]))
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # A keyboard interrupt is for the tests; they close the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(
        command,
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )

    def stop_with_the_tests() -> None:
        os.read(lifeline, 1)
        process.send_signal(stop)

    threading.Thread(target=stop_with_the_tests, daemon=True).start()

    def kill_after_a_while() -> None:
        os.read(lifeline, 1)
        time.sleep(_PATIENCE_S)
        signal_all(signal.SIGKILL)

    threading.Thread(target=kill_after_a_while, daemon=True).start()
    code = process.wait()
    while signal_all(signal.SIGKILL):
        time.sleep(0.02)
        reap()
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
