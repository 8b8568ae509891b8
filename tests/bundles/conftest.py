"""A bundle as it comes out of the writer, for tests that read it or tamper with it."""

from pathlib import Path

import pytest

from email_audit.bundles.write import write_bundle
from tests.bundles.cases import CASE, custody, messages


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A fresh bundle of three messages and four custody entries."""
    return write_bundle(tmp_path / "bundle", CASE, messages(), custody()).folder
