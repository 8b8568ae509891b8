"""Servers for tests: started under a guardian, so that none outlives the tests."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

GUARDIAN = Path(__file__).with_name("guardian.py")
_SERVER_PORTS = (20_000, 32_768)


def free_port() -> int:
    """Give a TCP port of the loopback that nobody listens on, for a server that starts later.

    The kernel gives none of these to outgoing connections (net.ipv4.ip_local_port_range), so that
    a server killed and started again finds its port free.
    """
    while True:
        port = random.randrange(*_SERVER_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def guarded(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command until the end of the block, or of the tests, whichever comes first."""
    reading, writing = os.pipe()
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, str(GUARDIAN), str(reading)),
                    "-" if user is None else str(user),
                    str(int(stop)),
                    *command,
                ],
                env=environment,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[reading],
                start_new_session=True,
            )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    try:
        yield process
    finally:
        os.close(writing)
        process.wait()


def wait_until(
    is_ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path, *, seconds: float
) -> None:
    """Ask until a server is ready; fail with its log when it ended or takes too long."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{log.name}: the server did not come up\n{log.read_text()[-3000:]}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Say whether something takes connections at a port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
