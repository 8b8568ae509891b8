"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

pytest_plugins = ["tests.elasticsearch_node.plugin"]

REPOSITORY = Path(__file__).resolve().parents[1]


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
