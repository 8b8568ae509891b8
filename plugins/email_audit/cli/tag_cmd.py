"""`email-audit tag`."""

import json
from pathlib import Path

import click

from email_audit.cli.options import EXISTING_PATH, model_option


@click.command("tag")
@click.argument("paths", nargs=-1, required=True, type=EXISTING_PATH, metavar="PATH...")
@model_option
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Score from which a message is a hit."
)
@click.option("--json", "_as_json", is_flag=True, help="The default and only form.")
def command(
    paths: tuple[Path, ...], model: str | None, threshold: float | None, *, _as_json: bool
) -> None:
    """Print what the classifier says of each message found in files and folders.

    Nothing is stored. A message is judged with the history it carries itself.
    """
    from email_audit.settings import Settings
    from email_audit.steps.loose import tag_loose
    from email_audit.tagging.contract import tag_contract
    from email_audit.tagging.tagger import load_tagger

    settings = Settings.create(workspace=Path(), model=model, threshold=threshold)
    tagger = load_tagger(settings.model, threshold=settings.threshold)
    for message, tag in tag_loose(paths, tagger):
        click.echo(json.dumps(tag_contract(message, tag), ensure_ascii=False))
