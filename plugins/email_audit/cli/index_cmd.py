"""`email-audit index`."""

import json
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from email_audit.cli.options import json_option, workspace_option
from email_audit.errors import RunError
from email_audit.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from email_audit.search.interface import IndexChange
    from email_audit.steps.case import Case


_COMMANDLINE = click.core.ParameterSource.COMMANDLINE


@click.group("index", invoke_without_command=True)
@click.option(
    "--out",
    "workspace",
    type=click.Path(path_type=Path),
    envvar="EMAIL_AUDIT_WORKSPACE",
    metavar="WORKSPACE",
    help="The audit's workspace folder.",
)
@click.pass_context
def command(context: click.Context, workspace: Path | None) -> None:
    """Make the search index hold exactly the hits of the case database.

    Texts are read again from the evidence. A missing, damaged or outdated index is written anew.
    It is derived: it can be deleted at any time.
    """
    if context.invoked_subcommand is not None:
        if workspace is not None and context.get_parameter_source("workspace") is _COMMANDLINE:
            raise click.UsageError(f"put --out after {context.invoked_subcommand}")
        return
    if workspace is None:
        raise click.MissingParameter(
            ctx=context, param=next(iter(context.command.params)), param_type="option"
        )
    _index(workspace, is_anew=False)


@command.command("rebuild")
@workspace_option
def rebuild(workspace: Path) -> None:
    """Write the whole index anew beside the one in use, then put it in its place.

    Searches go on meanwhile. A rebuild that broke off is gone on with.
    """
    _index(workspace, is_anew=True)


@command.command("status")
@workspace_option
@json_option
def status(workspace: Path, *, as_json: bool) -> None:
    """Say where the index is, how many hits it holds, and whether it is of this version."""
    from email_audit.search.opening import open_index

    found = open_index(Settings.create(workspace=workspace)).status()
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    count = "no index" if found.documents is None else f"{found.documents} hits"
    click.echo(f"{found.place}: {count}")
    for note in found.notes:
        click.echo(f"  {note}")


@command.command("remove")
@workspace_option
@click.argument("content_sha256")
@click.option("--reason", required=True, help="Who asked for it and why; for the custody log.")
def remove(workspace: Path, content_sha256: str, reason: str) -> None:
    """Take a message out of every index, and keep it out, on a request to delete or redact it.

    Evidence, ledger and bundles keep it. What other messages quote of it is theirs.
    """
    from email_audit.steps.removal import remove_from_index

    with _case(workspace) as case:
        removal = remove_from_index(case, content_sha256, reason=reason)
    done = "removed" if removal.documents else "was in no index"
    known = "" if removal.is_new else ", kept out already"
    click.echo(f"{content_sha256}: {done}{known}; no write of the index takes it in again")
    if removal.documents:
        click.echo(
            "no search finds it; its words leave the index's files when these are merged, or at "
            "once with `email-audit index rebuild`"
        )


@command.command("take-over")
@workspace_option
@click.option("--reason", required=True, help="Why, for the custody log.")
def take_over(workspace: Path, reason: str) -> None:
    """Have the index on the server be this audit's, where it is another's.

    For an audit that goes on in another one's place, for instance in a new workspace. The other one
    can write there no more; its hits stay until the next write of this one.
    """
    from email_audit.steps.taking_over import take_index_over

    with _case(workspace) as case:
        other, own = take_index_over(case, reason=reason), case.identity
    if other is None:
        click.echo("the index was no other audit's")
    else:
        click.echo(
            f"the index was that of audit {other[:12]} and is this one's, {own[:12]}; "
            "`email-audit index` or the next run makes it hold this audit's hits"
        )


def _index(workspace: Path, *, is_anew: bool) -> None:
    from email_audit.steps.index import index_hits, not_indexed

    with _case(workspace) as case:
        change = index_hits(case, is_anew=is_anew)
    click.echo(_summary(change))
    if missing := not_indexed(change):
        raise RunError(missing)


def _summary(change: "IndexChange") -> str:
    refused = f", {len(change.refused)} refused" if change.refused else ""
    return (
        f"index: {change.written} written, {change.removed} removed, "
        f"{change.unchanged} unchanged{refused}"
    )


@contextmanager
def _case(workspace: Path) -> "Iterator[Case]":
    """Open an audit that may be of an earlier version."""
    from email_audit.steps.case import open_case

    with open_case(Settings.create(workspace=workspace)) as case:
        case.database.migrate()
        yield case
