"""`email-audit run`."""

from pathlib import Path

import click

from email_audit.cli.options import PATH, default_processes, model_option, workspace_option
from email_audit.cli.progress import show_progress
from email_audit.settings import Settings


@click.command("run")
@click.option("--roster", type=PATH, required=True, help="roster.csv")
@click.option(
    "--mail",
    type=PATH,
    help="Folder of mailbox exports; may be left out after `email-audit sync`.",
)
@workspace_option
@click.option("--requests", type=PATH, help="requests.csv, the agency's own log of requests.")
@click.option("--margin-days", type=int, help="Days added to each assignment [default: 0].")
@click.option("--time-zone", help="Zone of the roster's days [default: America/New_York].")
@model_option
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=default_processes,
    help="Processes to work in [default: the processors there are, four at most].",
)
def command(
    roster: Path,
    mail: Path | None,
    workspace: Path,
    requests: Path | None,
    margin_days: int | None,
    time_zone: str | None,
    model: str | None,
    processes: int,
) -> None:
    """Do the whole audit in WORKSPACE, or finish what is missing of it.

    Running it again on the same input changes nothing. The last lines say what was found, whether
    the ledger balances, and how to search.
    """
    settings = Settings.create(
        workspace=workspace,
        roster=roster,
        mail=mail,
        requests=requests,
        margin_days=margin_days,
        time_zone=time_zone,
        model=model,
    )
    from email_audit.cli.tables import print_report
    from email_audit.steps.run import run_audit

    with show_progress() as progress:
        report = run_audit(settings, processes=processes, progress=progress)
    print_report(report, workspace)
