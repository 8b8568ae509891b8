"""`email-audit settings`."""

import json
from pathlib import Path

import click

from email_audit.cli.options import PATH, json_option


@click.command("settings")
@click.option("--out", "workspace", type=PATH, metavar="WORKSPACE", help="The audit's workspace.")
@json_option
def command(workspace: Path | None, *, as_json: bool) -> None:
    """Print every setting in force, and where each was set. Secrets are masked.

    Each comes from the first of these that sets it: an option, an EMAIL_AUDIT_... variable, the
    settings file that EMAIL_AUDIT_SETTINGS names, the default. All are listed in docs/settings.md.
    """
    from email_audit.settings import Settings
    from email_audit.settings_sources import effective

    settings = effective(Settings, {"workspace": workspace})
    if as_json:
        for setting in settings:
            click.echo(json.dumps(setting.as_json(), ensure_ascii=False))
        return
    widths = [
        max(len(getattr(setting, part)) for setting in settings) for part in ("name", "value")
    ]
    for setting in settings:
        click.echo(f"{setting.name:{widths[0]}}  {setting.value:{widths[1]}}  {setting.source}")
