"""`email-audit read`."""

import json
from pathlib import Path

import click

from email_audit.cli.options import EXISTING_PATH


@click.command("read")
@click.argument("paths", nargs=-1, required=True, type=EXISTING_PATH, metavar="PATH...")
@click.option("--json", "_as_json", is_flag=True, help="The default and only form.")
def command(paths: tuple[Path, ...], *, _as_json: bool) -> None:
    """Print one JSON line for each message found in files and folders.

    Nothing is stored. Threads are computed over all messages of the call.
    """
    from email_audit.steps.loose import read_loose, threads_of

    threads = threads_of(paths)
    for found in read_loose(paths):
        click.echo(json.dumps(found.as_contract(next(threads)), ensure_ascii=False))
