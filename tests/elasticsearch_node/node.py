"""Runs a node; several processes can share one that ends with the first of them."""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.elasticsearch_node.assembly import Installation, NodeUnavailableError
from tests.servers.processes import free_port

_START_S = 240
_POLL_S = 0.05


def wait_for_url(data: Path, process: "subprocess.Popen[bytes]") -> str:
    """Give the address of a node once it answers.

    Raises:
        NodeUnavailableError: where it ended, or did not answer in four minutes.
    """
    deadline = time.monotonic() + _START_S
    ports = data / "logs" / "http.ports"
    while time.monotonic() < deadline and process.poll() is None:
        if ports.is_file() and (lines := ports.read_text().split()):
            url = f"http://{lines[0]}"
            if _answers(url):
                return url
        time.sleep(_POLL_S)
    process.kill()
    lines = (data / "node.log").read_text(errors="replace").splitlines()
    raise NodeUnavailableError(f"the Elasticsearch node did not start: {' | '.join(lines[-5:])}")


def launch(
    installation: Installation, data: Path, *, stdin: int, port: int = 0, is_brief: bool = True
) -> "subprocess.Popen[bytes]":
    """Start a node that ends when `stdin` ends; `wait_for_url` says when it answers."""
    (data / "logs").mkdir(parents=True, exist_ok=True)
    (data / "logs" / "http.ports").unlink(missing_ok=True)
    with (data / "node.log").open("ab") as log:
        return subprocess.Popen(
            installation.command(data, port, is_brief=is_brief),
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class Node:
    """A node of one's own, to be killed, stopped for a while, and started again on its data."""

    def __init__(self, installation: Installation, data: Path, *, is_brief: bool = True) -> None:
        self._installation = installation
        self._data = data
        self._is_brief = is_brief
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # Whoever notices the death may start it anew while `kill` has not returned yet.
        self._changing = threading.Lock()
        self.url = ""

    def start(self) -> None:
        """Start it, each time on the same port, and wait until it answers."""
        with self._changing:
            process = self._process = launch(
                self._installation,
                self._data,
                stdin=subprocess.PIPE,
                port=self._port,
                is_brief=self._is_brief,
            )
        self.url = wait_for_url(self._data, process)

    def kill(self) -> None:
        """End it as a power cut would."""
        with self._changing:
            self._send(signal.SIGKILL)
            assert self._process
            assert self._process.stdin
            self._process.wait()
            self._process.stdin.close()
            self._process = None

    def pause(self) -> None:
        """Let it answer nothing, its connections open."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None:
            self.kill()

    def _send(self, which: signal.Signals) -> None:
        assert self._process
        os.kill(self._process.pid, which)


def ask(url: str, path: str, *, method: str = "GET", body: Any = None) -> Any:
    """Send one request to a node, without the client under test."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{url}/{path}", data, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def _answers(url: str) -> bool:
    try:
        return bool(ask(url, "_cluster/health?wait_for_status=yellow&timeout=1s")["status"])
    except (URLError, OSError, KeyError):
        return False
