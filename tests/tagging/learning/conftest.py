"""The scripts of nlp/ as modules."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def agreement_kappa(repository: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """The function `kappa` of nlp/scripts/agreement.py."""
    monkeypatch.syspath_prepend(str(repository / "nlp" / "scripts"))
    return importlib.import_module("agreement").kappa
