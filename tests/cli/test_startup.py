"""Starting up is cheap: help and imports load none of the heavy libraries."""

import subprocess
import sys

import pytest

HEAVY = (
    "airflow",
    "spacy",
    "exchangelib",
    "elasticsearch",
    "sqlalchemy",
    "tantivy",
    "numpy",
    "requests",
)


@pytest.mark.parametrize(
    "statement",
    [
        "import email_audit",
        "import email_audit.cli as c; c.cli.main(['--help'], standalone_mode=False)",
        "import email_audit.cli as c; c.cli.main(['run', '--help'], standalone_mode=False)",
        "import email_audit.cli as c; c.cli.main(['search', '--help'], standalone_mode=False)",
        (
            "import email_audit.cli as c; "
            "c.cli.main(['kibana', 'set-up', '--help'], standalone_mode=False)"
        ),
    ],
)
def test_neither_import_nor_help_loads_a_heavy_library(statement: str) -> None:
    script = (
        f"{statement}\nimport sys\n"
        f"sys.stderr.write(' '.join(sorted(set({HEAVY!r}) & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
