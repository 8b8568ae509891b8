"""`email-audit model`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from email_audit.cli.options import EXISTING_PATH, PATH, json_option, model_option

if TYPE_CHECKING:
    from email_audit.tagging.learning.figures import Figures

_DEFAULT_MODEL = "en_email_audit"


@click.group("model")
def command() -> None:
    """Measure the classifier on labelled messages, or adapt it to them.

    A file of labels has one JSON object a line: id, subject, body, attachments (each with a text),
    enforcement, kinds; storyline, difficulty (plain or hard) and language where known. The fields
    and what a label means: docs/classifier.md.
    """


@command.command("evaluate")
@click.argument("labels", type=EXISTING_PATH, metavar="LABELS.jsonl")
@model_option
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Score from which a message is a hit."
)
@json_option
def evaluate(labels: Path, model: str | None, threshold: float | None, *, as_json: bool) -> None:
    """Print recall, precision, calibration and the kinds' F1 on labelled messages."""
    from email_audit.tagging.learning.figures import as_json as figures_json
    from email_audit.tagging.learning.figures import figures
    from email_audit.tagging.learning.labels import read_labels
    from email_audit.tagging.tagger import load_tagger

    known = read_labels(labels)
    tagger = load_tagger(model or _DEFAULT_MODEL, threshold=threshold)
    result = figures(known, list(tagger.decide(label.message for label in known)))
    if as_json:
        record = {"model": tagger.version, "threshold": tagger.threshold, "messages": len(known)}
        click.echo(json.dumps(record | figures_json(result)))
        return
    click.echo(f"{tagger.version}, threshold {tagger.threshold:g}, {len(known)} messages")
    _print(result)


@command.command("train")
@click.argument("labels", type=EXISTING_PATH, metavar="LABELS.jsonl")
@model_option
@click.option("--to", "target", type=PATH, required=True, help="Folder for the adapted model.")
def train(labels: Path, model: str | None, target: Path) -> None:
    """Adapt the classifier to an agency's own labels and write it to a folder.

    What its parts say of a message stays; how they are weighed and from which score a message is a
    hit is fitted anew. Three storylines in ten are kept for testing, always the same ones, and the
    figures printed are theirs. Use the folder with --model. To train all anew: nlp/README.md.
    """
    from email_audit.tagging.learning.adapting import adapt
    from email_audit.tagging.learning.labels import read_labels

    result = adapt(model or _DEFAULT_MODEL, read_labels(labels), target)
    click.echo(f"learned from {result.learned} messages; on {result.tested} others, before:")
    _print(result.before)
    click.echo("after:")
    _print(result.after)
    click.echo(f"use it with: --model {target}")


def _print(result: "Figures") -> None:
    click.echo(f"  {'':20} {'messages':>8}  {'recall':34} precision")
    for part in result.slices:
        recall = str(part.recall)
        click.echo(f"  {part.name:20} {part.messages:8}  {recall:34} {part.precision}")
    click.echo(f"  false hits in everyday mail {result.false_hits}")
    click.echo(f"  area under the ROC curve {result.area:.3f}")
    click.echo(f"  expected calibration error {result.calibration:.3f}")
    click.echo(f"  kinds, macro F1 {result.macro_f1:.3f}, of hits {result.macro_f1_of_hits:.3f}")
    for figure in result.kinds:
        click.echo(f"    {figure.kind.value:12} {figure.messages:5}  F1 {figure.f1:.3f}")
