"""`email-audit ledger`."""

import json
from pathlib import Path

import click

from email_audit.cli.options import json_option, workspace_option
from email_audit.errors import RunError
from email_audit.settings import Settings


@click.command("ledger")
@workspace_option
@json_option
@click.option(
    "--verify-evidence",
    is_flag=True,
    help="Hash every stored byte again and check the custody log's chain.",
)
@click.option(
    "--exceptions",
    is_flag=True,
    help="List what could not be read or indexed, with the reason of each.",
)
def command(workspace: Path, *, as_json: bool, verify_evidence: bool, exceptions: bool) -> None:
    """Print the account of every acquisition: declared = found = the sum of all fates.

    Ends with exit code 1 if an acquisition does not balance or evidence is damaged.
    """
    if verify_evidence and exceptions:
        raise click.UsageError("choose one of --verify-evidence and --exceptions")
    from email_audit.ledger.balance import balances, faults, total
    from email_audit.steps.case import open_case

    with open_case(Settings.create(workspace=workspace)) as case:
        if verify_evidence:
            from email_audit.steps.verify_evidence import verify_evidence as verify

            verification = verify(case)
            if as_json:
                click.echo(json.dumps(verification.as_json()))
            else:
                click.echo(
                    f"{verification.blobs} blobs hashed, {len(verification.faults)} damaged; "
                    f"custody log of {verification.entries} entries, last hash "
                    f"{verification.last_hash}"
                )
            if verification.faults:
                raise RunError("evidence is damaged:\n  " + "\n  ".join(verification.faults))
            return
        if exceptions:
            from email_audit.ledger.exceptions import unread

            case.database.migrate()  # an audit of an earlier version has no table of refusals
            with case.database.session() as session:
                for exception in unread(session):
                    click.echo(json.dumps(exception) if as_json else "\t".join(exception.values()))
            return
        with case.database.session() as session:
            lines = balances(session)
    if as_json:
        for line in [*lines, total(lines)]:
            click.echo(json.dumps(line.as_contract()))
    else:
        from email_audit.cli.tables import print_ledger

        print_ledger(lines)
    wrong = list(faults(lines))
    if wrong:
        raise RunError("the ledger does not balance:\n  " + "\n  ".join(wrong))
