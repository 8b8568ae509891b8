"""A folder set up for a deployment, and the compose file with its values."""

import os
from pathlib import Path
from typing import Any

import pytest

from email_audit.deploy.folder import Owner, set_up
from tests.deploy import compose

OWNER = Owner(os.geteuid(), "operator")


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `email-audit deploy set-up` leaves it; tests only read from it."""
    folder = tmp_path_factory.mktemp("deployment")
    set_up(folder, OWNER)
    return folder


@pytest.fixture(scope="session")
def project(deployment: Path) -> dict[str, Any]:
    """docker-compose.yml with the values of that folder."""
    path = Path(__file__).parents[2] / "docker-compose.yml"
    return compose.load(path, compose.environment(deployment / ".env"))
