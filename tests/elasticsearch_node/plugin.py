"""The pytest fixtures of the node: one for a whole test run, shared by the workers of xdist.

The controller of the run holds the writing end of a pipe that is the node's standard input; the
node ends when the controller closes it, or dies in any way.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.elasticsearch_node.assembly import Installation, NodeUnavailableError, install, locked
from tests.elasticsearch_node.node import Node, ask, launch, wait_for_url

_URL = "EMAIL_AUDIT_TEST_ELASTICSEARCH_URL"
_FOLDER = "EMAIL_AUDIT_TEST_NODE_FOLDER"
_STOP_S = 60
_HOLD = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    folder = Path(tempfile.mkdtemp(prefix="email-audit-elasticsearch-"))
    os.mkfifo(folder / "hold")
    config.stash[_HOLD] = os.open(folder / "hold", os.O_RDWR)
    os.environ[_FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    hold = config.stash.get(_HOLD, None)
    if hold is None:
        return
    folder = Path(os.environ.pop(_FOLDER))
    os.close(hold)
    deadline = time.monotonic() + _STOP_S
    while _is_running(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _is_running(folder: Path) -> bool:
    """Say whether a node still holds the reading end of its pipe."""
    try:
        os.close(os.open(folder / "hold", os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def elasticsearch_installation(pytestconfig: pytest.Config) -> Installation:
    """The parts of a node; skipped where they cannot be had."""
    assert pytestconfig.cache
    try:
        return install(pytestconfig.cache.mkdir("elasticsearch-node"))
    except NodeUnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def elasticsearch_url(request: pytest.FixtureRequest) -> str:
    """The address of an Elasticsearch: the one the environment names, or a node of this run."""
    if url := os.environ.get(_URL):
        return url.rstrip("/")
    installation: Installation = request.getfixturevalue("elasticsearch_installation")
    folder = Path(os.environ[_FOLDER])
    known = folder / "url"
    with locked(folder / "lock"):
        if not known.is_file():
            hold = os.open(folder / "hold", os.O_RDONLY | os.O_NONBLOCK)
            os.set_blocking(hold, True)
            try:
                process = launch(installation, folder / "node", stdin=hold)
                known.write_text(wait_for_url(folder / "node", process))
            except NodeUnavailableError as reason:
                pytest.skip(str(reason))
            finally:
                os.close(hold)
    return known.read_text()


@pytest.fixture
def elasticsearch_alias(elasticsearch_url: str) -> Iterator[str]:
    """A name of a test's own for an alias; its indices and templates are removed afterwards."""
    alias = f"test-{uuid4().hex[:12]}"
    yield alias
    for name in ask(elasticsearch_url, f"_settings/index.uuid?index={alias}-*"):
        ask(elasticsearch_url, name, method="DELETE")
    for kind in ("_index_template", "_component_template"):
        for template in ask(elasticsearch_url, kind)[f"{kind[1:]}s"]:
            if template["name"].startswith(alias):
                ask(elasticsearch_url, f"{kind}/{template['name']}", method="DELETE")


@pytest.fixture
def own_node(elasticsearch_installation: Installation, tmp_path: Path) -> Iterator[Node]:
    """A node for one test that may be killed; skipped where none can be started."""
    node = Node(elasticsearch_installation, tmp_path / "node")
    try:
        node.start()
    except NodeUnavailableError as reason:
        pytest.skip(str(reason))
    yield node
    node.close()
