"""Documentation that cannot rot: generated pages are current, links lead somewhere."""

import importlib.util
import re
from pathlib import Path

import click
import pytest

from email_audit.cli import cli


def test_generated_pages_are_current(repository: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate", repository / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for path, text in generate.generated().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run `make docs`"


def test_every_command_is_in_the_manual_for_operators(repository: Path) -> None:
    manual = (repository / "docs" / "operator.md").read_text(encoding="utf-8")
    for command in cli.list_commands(click.Context(cli)):
        assert f"email-audit {command}" in manual


@pytest.mark.parametrize(
    "page",
    [
        path.relative_to(Path(__file__).parents[1]).as_posix()
        for path in sorted(Path(__file__).parents[1].rglob("*.md"))
        if not {".venv", "workspace"} & set(path.parts)
    ],
)
def test_links_inside_the_project_lead_somewhere(repository: Path, page: str) -> None:
    path = repository / page
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{page}: {target}"
