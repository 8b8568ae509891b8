"""Fixtures shared by all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from email_audit.settings import Settings
from email_audit.steps.run import run_audit
from tests.audits import sample_settings, silent
from tests.servers import databases
from tests.servers.postgresql import PostgreSQL, running_postgresql
from tests.servers.s3 import S3, running_s3

pytest_plugins = ["tests.elasticsearch_node.plugin"]

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The project's root folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real mail beside the project; tests that need it are skipped without it."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared test mail (../shared/data) is not there")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A real PostgreSQL server, one for each process of the tests."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def sampled(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The bundled sample, audited on SQLite for tests that only look, one for each process."""
    workspace = tmp_path_factory.mktemp("sample")
    settings = sample_settings(repository, workspace, databases.SQLITE)
    run_audit(settings, processes=1, progress=silent)
    return settings


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> databases.Backend:
    """Each kind of database in turn: where the audits of a test that takes this keep cases."""
    if request.param == "postgresql":
        return databases.Backend("postgresql", request.getfixturevalue("postgresql"))
    return databases.SQLITE


@pytest.fixture(autouse=True)
def _cases_are_kept_in_the_backend(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only a test's own audits: what several tests share is on SQLite, or names its database."""
    if "backend" in request.fixturenames:
        databases.use(request.getfixturevalue("backend"))
    yield
    databases.use(databases.SQLITE)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server that speaks S3, one for each process of the tests."""
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server
