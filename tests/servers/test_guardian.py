"""No server outlives the tests, whatever becomes of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.guardian import descendants_of

_PATIENCE_S = 30

TESTS = """
import sys, time
from pathlib import Path
from tests.servers.processes import guarded

# A server that starts a helper in a session of its own, as Airflow and Celery do.
server = [sys.executable, "-c", "import subprocess, sys, time; "
          "subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"]
with guarded(server, log=Path(sys.argv[1])):
    print("started", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_servers_end_with_tests_that_are_killed(
    tmp_path: Path, repository: Path, how: signal.Signals
) -> None:
    tests = subprocess.Popen(
        [sys.executable, "-c", TESTS, str(tmp_path / "log")],
        env={**os.environ, "PYTHONPATH": f"{repository}:{os.environ.get('PYTHONPATH', '')}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert tests.stdout is not None
    assert tests.stdout.readline() == "started\n"
    deadline = time.monotonic() + _PATIENCE_S
    while len(started := descendants_of(tests.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(started) == 3  # the guardian, the server, its helper
    tests.send_signal(how)
    tests.wait()
    tests.stdout.close()
    while any(map(is_running, started)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [process for process in started if is_running(process)]


def is_running(process: int) -> bool:
    """Say whether a process is there; one that ended and was not waited for yet is not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
