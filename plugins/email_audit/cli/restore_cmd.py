"""`email-audit restore`."""

import json
from pathlib import Path

import click

from email_audit.cli.options import EXISTING_PATH, json_option, workspace_option
from email_audit.cli.progress import show_progress
from email_audit.errors import RunError
from email_audit.settings import Settings


@click.command("restore")
@click.argument("folder", type=EXISTING_PATH)
@workspace_option
@json_option
def command(folder: Path, workspace: Path, *, as_json: bool) -> None:
    """Restore the latest backup in FOLDER, or the one that FOLDER is (a folder in its backups/).

    The workspace, and the database and evidence store where settings name others, must be empty. An
    interrupted restore is no audit yet; run it again to finish. All evidence is hashed, ledger and
    custody log are compared with the backup's record, and the search index is written anew. Ends
    with exit code 1 if anything is not as it was.
    """
    settings = Settings.create(workspace=workspace)
    from email_audit.backup.restore import restore_backup

    with show_progress() as progress:
        report = restore_backup(folder, settings, progress=progress)
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        click.echo(
            f"{workspace}: restored from {report.backup}, made {report.manifest.made_at}: "
            f"{report.manifest.evidence_blobs} blobs, {report.documents} hits in the index"
        )
        if report.unindexed:
            click.echo(f"the index is not written yet: {report.unindexed}")
    if report.faults:
        raise RunError("restored, but not as it was:\n  " + "\n  ".join(report.faults))
