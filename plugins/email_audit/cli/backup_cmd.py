"""`email-audit backup`."""

import json
from pathlib import Path

import click

from email_audit.cli.options import PATH, json_option, workspace_option
from email_audit.cli.progress import show_progress
from email_audit.errors import RunError
from email_audit.settings import Settings


@click.command("backup")
@workspace_option
@click.option("--to", type=PATH, required=True, help="Folder of backups, new or used before.")
@json_option
def command(workspace: Path, to: Path, *, as_json: bool) -> None:
    """Copy an audit's case database and evidence to a folder of backups.

    Evidence that the folder holds already is hashed again and not copied; each backup of the
    database is kept beside the earlier ones. The search index is not copied: it is derived from the
    two. An audit may go on meanwhile. Ends with exit code 1 if evidence is damaged; the backup then
    holds everything else.
    """
    settings = Settings.create(workspace=workspace)
    from email_audit.backup.make import make_backup
    from email_audit.steps.case import open_case

    with open_case(settings) as case, show_progress() as progress:
        report = make_backup(case, to, progress=progress)
    manifest = report.manifest
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        click.echo(
            f"{report.folder}: {manifest.database_kind} database of {manifest.database_bytes} "
            f"bytes, {manifest.evidence_blobs} blobs of {manifest.evidence_bytes} bytes\n"
            f"SHA-256 of its record (write it down elsewhere): {report.manifest_sha256}"
        )
    if manifest.damaged:
        raise RunError(
            "evidence is missing or damaged, and so not in the backup:\n  "
            + "\n  ".join(manifest.damaged)
        )
