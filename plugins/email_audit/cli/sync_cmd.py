"""`email-audit sync`."""

import json
from datetime import datetime
from pathlib import Path

import click

from email_audit.cli.options import PATH, json_option, workspace_option
from email_audit.errors import RunError
from email_audit.settings import Settings


@click.command("sync")
@click.option("--roster", type=PATH, required=True, help="roster.csv")
@workspace_option
@click.option(
    "--mail", type=PATH, help="Folder of mailbox exports: addresses with an export are left out."
)
@click.option(
    "--mailbox",
    "mailboxes",
    multiple=True,
    metavar="ADDRESS",
    help="Only this mailbox of the roster, even if it has an export; may be repeated.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Only items received or sent on this day or later (YYYY-MM-DD).",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Items of any date, not only those of the officers' assignments.",
)
@json_option
def command(
    roster: Path,
    workspace: Path,
    mail: Path | None,
    mailboxes: tuple[str, ...],
    since: datetime | None,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """Acquire what is new in the officers' live mailboxes on an Exchange server.

    The server and the service account are set as EMAIL_AUDIT_EXCHANGE_... variables
    (docs/exchange.md). Read and judge what came with `email-audit run`. Ends with exit code 1 if a
    mailbox could not be synced, or the server counts other items than were taken.
    """
    settings = Settings.create(workspace=workspace, roster=roster, mail=mail)
    from email_audit.exchange.settings import ExchangeSettings, Range

    server = ExchangeSettings.create(range=Range.ALL if everything else None)
    from email_audit.exchange.client import Exchange
    from email_audit.steps.case import open_case
    from email_audit.steps.register import register_mailboxes
    from email_audit.steps.sync import sync_mailbox

    failures: list[str] = []
    with open_case(settings, create=True) as case:
        exchange = Exchange(server)
        for mailbox_id in register_mailboxes(case, mailboxes):
            try:
                report = sync_mailbox(
                    case, exchange, mailbox_id, since=None if since is None else since.date()
                )
            except RunError as error:
                failures.append(str(error))
                continue
            failures += report.findings
            if as_json:
                click.echo(json.dumps(report.as_json()))
            else:
                click.echo(
                    f"{report.mailbox} ({report.custodian}): {report.taken} new items from "
                    f"{report.folders} folders, {report.deleted} deletions noticed, "
                    f"{report.outside} outside the dates; {report.known} known of {report.server} "
                    "on the server"
                )
    if failures:
        raise RunError("not everything could be taken:\n  " + "\n  ".join(failures))
