"""Write the parts of the documentation that the code already says.

    make docs

`docs/fields.md` comes from the index's field list, `docs/commands.md` from the commands' help,
`docs/settings.md` from the classes of settings.
A test fails when either is stale (tests/test_docs.py).
"""

from pathlib import Path

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from email_audit.cli import cli
from email_audit.exchange.settings import ExchangeSettings
from email_audit.search.fields import fields_markdown
from email_audit.search.kibana.settings import KibanaSettings
from email_audit.settings import Settings
from email_audit.settings_sources import DAG_VARIABLES, PREFIX, variable_of

DOCS = Path(__file__).parent


def commands_markdown() -> str:
    """Give the manual of the command: its help texts, one section each."""
    context = click.Context(
        cli, info_name="email-audit", max_content_width=88, **cli.context_settings
    )
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


_SETTINGS_HEAD = """# Settings

This page is printed by `make docs` from the settings themselves. `email-audit settings` prints
which are in force on a machine, and where each was set.

Each setting comes from the first of these that sets it:

1. an option of the command; under Airflow a parameter of the DAG run, or a connection it names;
2. its `EMAIL_AUDIT_...` variable in the environment (an empty one is not set);
3. the settings file, TOML, that `EMAIL_AUDIT_SETTINGS` names;
4. under Airflow, the Variable `email_audit_settings`: a JSON object;
5. its default.

A key in the file and in the Airflow Variable is the name in the first column. What is set on a
machine wins over what is set for all of them in Airflow, so that one worker can have its own folder
or less memory. A key or an `EMAIL_AUDIT_...` variable that is no setting is refused: a typing error
must not change an audit in silence. Everything that is wrong is told at once, with the file and
key, or the variable, of each.

Secrets are masked wherever settings are printed, and never logged. Airflow shows its Variables to
whoever may see them, so keep secrets in connections, in the environment, or in a settings file that
only the service's user can read.

```toml
# /etc/email-audit.toml, with EMAIL_AUDIT_SETTINGS=/etc/email-audit.toml
workspace = "/srv/audit"
database_url = "postgresql://audit@db.city.example/audit"   # password: PGPASSFILE, or in the URL
evidence_url = "s3://audit-evidence/2026"
margin_days = 30
exchange_server = "mail.city.example"
```
"""

_S3_VARIABLES = """## Keys of an object store

Not ours: the drivers read their own usual variables and files. For S3 that is `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL` (a server that is not Amazon's), a
profile in `~/.aws`, or the role of the machine. `pip install 'email-audit[s3]'` brings the driver.
"""


def settings_markdown() -> str:
    """Give the page of all settings: one table for each class, and the DAGs' variables."""
    sections = [
        _SETTINGS_HEAD,
        _settings_section("The audit", Settings),
        _settings_section("Exchange servers", ExchangeSettings),
        _settings_section("Kibana", KibanaSettings, without=Settings),
        _dag_section(),
        _S3_VARIABLES,
    ]
    return "\n".join(sections)


def _settings_section(
    title: str, cls: type[BaseSettings], *, without: type[BaseSettings] | None = None
) -> str:
    lines = [
        f"## {title}",
        "",
        "| setting | variable | default | what it is |",
        "|---|---|---|---|",
    ]
    for name, field in cls.model_fields.items():
        if without is not None and name in without.model_fields:
            continue
        variable = variable_of(cls, name)
        key = variable.removeprefix(PREFIX).lower()
        what = f"{field.description} {_unit(name)}".strip()
        lines.append(f"| `{key}` | `{variable}` | {_default(name, field)} | {what} |")
    return "\n".join(lines) + "\n"


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    if field.default_factory is not None:
        return "who runs it"
    value = field.default
    if value is PydanticUndefined or value is None or value in ("", ()):
        return ""
    if isinstance(value, SecretStr):
        return ""
    if name.endswith("_bytes") and isinstance(value, int):
        for power, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
            if value >= 1 << power and value % (1 << power) == 0:
                return f"{value} ({value >> power} {unit})"
    if isinstance(value, tuple):
        return ", ".join(f"`{part}`" for part in value)
    return f"`{value}`" if isinstance(value, str) else str(value)


def _unit(name: str) -> str:
    units = {"_bytes": "In bytes.", "_seconds": "In seconds.", "_s": "In seconds."}
    return next((told for end, told in units.items() if name.endswith(end)), "")


def _dag_section() -> str:
    lines = [
        "## Variables of the DAG files",
        "",
        "Read when Airflow parses the DAGs: set them in the environment of its DAG processor.",
        "",
        "| variable | what it is |",
        "|---|---|",
        *(f"| `{PREFIX}{name}` | {what} |" for name, what in DAG_VARIABLES.items()),
    ]
    return "\n".join(lines) + "\n"


def generated() -> dict[Path, str]:
    """Give every generated page by its path."""
    return {
        DOCS / "fields.md": fields_markdown(),
        DOCS / "commands.md": commands_markdown(),
        DOCS / "settings.md": settings_markdown(),
    }


def main() -> None:
    """Write the pages."""
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
