"""`email-audit bundle`."""

from pathlib import Path

import click

from email_audit.cli.options import PATH, workspace_option
from email_audit.settings import Settings


@click.command("bundle")
@workspace_option
@click.option("--case", "name", required=True, help="The case's name, as it stands in the bundle.")
@click.option("--to", "target", type=PATH, required=True, help="A new or empty folder.")
@click.option("--officer", help="Only hits of which this officer_id has a copy.")
@click.option("--query", help="Only hits that this search query finds.")
def command(
    workspace: Path, name: str, target: Path, officer: str | None, query: str | None
) -> None:
    """Export a case: every hit, or those of one officer or of one search.

    Prints the SHA-256 of the manifest: write it down outside the bundle.
    """
    from email_audit.steps.bundle import export_bundle
    from email_audit.steps.case import open_case

    with open_case(Settings.create(workspace=workspace)) as case:
        summary = export_bundle(case, name=name, target=target, officer=officer, query=query)
    click.echo(f"bundle: {summary.folder}")
    click.echo(f"messages: {summary.messages}, files: {summary.files}")
    click.echo(f"SHA-256 of the manifest: {summary.manifest_sha256}")
    click.echo(f"check it: python3 {summary.folder / 'verify.py'}")
