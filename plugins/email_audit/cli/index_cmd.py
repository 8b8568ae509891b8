"""`email-audit index`."""

from pathlib import Path

import click

from email_audit.cli.options import workspace_option
from email_audit.settings import Settings


@click.command("index")
@workspace_option
def command(workspace: Path) -> None:
    """Make the search index hold exactly the hits of the case database.

    Texts are read again from the evidence. A missing, damaged or outdated index is written anew;
    its folder can be deleted at any time.
    """
    from email_audit.steps.case import open_case
    from email_audit.steps.index import index_hits

    with open_case(Settings.create(workspace=workspace)) as case:
        change = index_hits(case)
    click.echo(
        f"index: {change.written} written, {change.removed} removed, {change.unchanged} unchanged"
    )
