"""`email-audit read`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from email_audit.cli.options import EXISTING_PATH


@click.command("read")
@click.argument("paths", nargs=-1, required=True, type=EXISTING_PATH, metavar="PATH...")
@click.option("--json", "_as_json", is_flag=True, help="The default and only form.")
@click.option(
    "--second-reader",
    is_flag=True,
    help="Print, instead of messages, one JSON line for each difference between this reader and "
    "libpff over the PST and OST files among PATH; nothing where they agree.",
)
def command(paths: tuple[Path, ...], *, _as_json: bool, second_reader: bool) -> None:
    """Print one JSON line for each message found in files and folders.

    Nothing is stored. Threads are computed over all messages of the call.
    """
    from email_audit.exports import not_files
    from email_audit.steps.compare import compare_readers
    from email_audit.steps.loose import read_loose, threads_of

    if second_reader:
        for difference in compare_readers(paths):
            click.echo(json.dumps(asdict(difference), ensure_ascii=False))
        return
    for path in (path for given in paths for path in not_files(given)):
        click.echo(f"warning: {path} is a link or no file; it was not read.", err=True)
    threads = threads_of(paths)
    for found in read_loose(paths):
        click.echo(json.dumps(found.as_contract(next(threads)), ensure_ascii=False))
