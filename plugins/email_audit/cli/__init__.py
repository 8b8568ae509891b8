"""The `email-audit` command: one module for each sub-command, loaded only when it is called."""

import importlib
import logging
import os
import signal
import sys
from types import FrameType
from typing import Never

import click

from email_audit import __version__
from email_audit.errors import EmailAuditError, RunError

_COMMANDS = {
    "backup": "Copy an audit's database and evidence, so that they can be checked and restored.",
    "bundle": "Export a case bundle that can be verified offline.",
    "deploy": "Prepare the containers of docker-compose.yml: secrets, certificates, keys.",
    "index": "Write the search index, say what is in it, take messages out.",
    "kibana": "Give investigators their searches and dashboards in Kibana.",
    "ledger": "Print the account of every acquisition, or verify the evidence.",
    "model": "Measure the classifier on labelled messages, or adapt it to them.",
    "read": "Print every message of files and folders as JSON lines.",
    "restore": "Bring an audit back from a backup, and check it.",
    "run": "Do the whole audit: acquire, read, tag, index, check the ledger.",
    "search": "Find hits in the index.",
    "sync": "Acquire what is new in live mailboxes on an Exchange server.",
    "tag": "Print what the classifier says of every message of files and folders.",
    "verify": "Check a case bundle with nothing but the bundle.",
}


class _LazyGroup(click.Group):
    """Imports a sub-command's module when it is called: `--help` must not load spaCy."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"email_audit.cli.{cmd_name}_cmd")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="email-audit")
@click.option("-v", "--verbose", is_flag=True, help="Log every step to standard error.")
def cli(*, verbose: bool) -> None:
    """Audit officers' e-mail for civil immigration enforcement."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )


def main() -> Never:
    """Run the command; every failure of ours is one clear message and an exit code."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        cli.main(prog_name="email-audit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("email-audit: stopped; run again to finish what is missing", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output, for instance `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except EmailAuditError as error:
        click.echo(f"email-audit: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(0)


def _stop(_signal: int, _frame: FrameType | None) -> Never:
    raise RunError("stopped by a signal; everything committed is kept, run again to finish")
