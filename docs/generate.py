"""Write the parts of the documentation that the code already says.

    make docs

`docs/fields.md` comes from the index's field list, `docs/commands.md` from the commands' help.
A test fails when either is stale (tests/test_docs.py).
"""

from pathlib import Path

import click

from email_audit.cli import cli
from email_audit.search.fields import fields_markdown

DOCS = Path(__file__).parent


def commands_markdown() -> str:
    """Give the manual of the command: its help texts, one section each."""
    context = click.Context(cli, info_name="email-audit", max_content_width=88)
    sections = [
        "# Commands\n\nThis page is printed by `make docs`; it is what `--help` says.",
        (
            "Every command ends with 0 on success, 2 on bad usage or bad input, 1 on failure, and "
            "says in one clear message on standard error what was wrong."
        ),
        f"```\n{cli.get_help(context)}\n```",
    ]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None:
            own = click.Context(command, info_name=name, parent=context, max_content_width=88)
            sections.append(f"## {name}\n\n```\n{command.get_help(own)}\n```")
            if isinstance(command, click.Group):
                for part in command.list_commands(own):
                    inner = command.commands[part]
                    help_text = inner.get_help(
                        click.Context(inner, info_name=part, parent=own, max_content_width=88)
                    )
                    sections.append(f"### {name} {part}\n\n```\n{help_text}\n```")
    return "\n\n".join(sections) + "\n"


def generated() -> dict[Path, str]:
    """Give every generated page by its path."""
    return {DOCS / "fields.md": fields_markdown(), DOCS / "commands.md": commands_markdown()}


def main() -> None:
    """Write the pages."""
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
