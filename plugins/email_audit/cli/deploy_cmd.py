"""`email-audit deploy`."""

import json
import os
import pwd
from pathlib import Path

import click

from email_audit.cli.options import EXISTING_PATH, PATH, json_option
from email_audit.errors import UserError


@click.group("deploy")
def command() -> None:
    """Prepare the containers of docker-compose.yml (docs/deployment.md)."""


@command.command("set-up")
@click.argument("folder", type=PATH, default=Path())
@click.option(
    "--profile",
    type=click.Choice(["laptop", "cluster"]),
    default="laptop",
    show_default=True,
    help="One node of Elasticsearch, or three; changed in .env after `docker compose down`.",
)
@click.option(
    "--uid",
    type=click.IntRange(1),
    help="Number of the account that containers run as [default: yours; needed as root].",
)
@click.option(
    "--host", "hosts", multiple=True, help="Another name or address of Kibana's; repeat for more."
)
@click.option(
    "--renew-certificates", is_flag=True, help="Make all certificates anew, by the same authority."
)
@json_option
def set_up(
    folder: Path,
    profile: str,
    uid: int | None,
    hosts: tuple[str, ...],
    *,
    renew_certificates: bool,
    as_json: bool,
) -> None:
    """Write .env and secrets/ into FOLDER [default: here, where docker-compose.yml is].

    Every password, key and certificate is random and its own; nothing that is there is replaced,
    so run it again after an update or after removing a file for a new secret. No secret is printed.
    """
    from email_audit.deploy import folder as deployment

    uid = _account(uid)
    done = deployment.set_up(
        folder,
        deployment.Owner(uid, _name(uid)),
        profile=profile,
        hosts=hosts,
        renew_certificates=renew_certificates,
    )
    if as_json:
        record = {"folder": str(folder), "made": done.made, "renewed": done.renewed}
        click.echo(json.dumps(record | {"kept": done.kept, "warnings": done.warnings}))
        return
    for label, names in (("made", done.made), ("renewed", done.renewed)):
        if names:
            click.echo(f"{label}: {', '.join(names)}")
    click.echo(f"left as they were: {len(done.kept)}")
    for warning in done.warnings:
        click.echo(f"warning: {warning}")
    is_here = folder.resolve() == Path.cwd()
    option = "" if is_here else f" --env-file {folder / '.env'}"
    click.echo(
        f"Airflow's administrator is `admin`, Kibana's is `elastic`; their passwords are in "
        f"{folder / 'secrets'}. Copy that folder to a safe place apart from backups.\n"
        f"Start, where docker-compose.yml is:  docker compose{option} up -d --build"
    )


def _account(uid: int | None) -> int:
    own = os.geteuid()
    if uid is None and own == 0:
        raise UserError(
            "containers must not run as root: name the account that they run as (--uid NUMBER), or "
            "call this as that account"
        )
    if uid is not None and own not in {0, uid}:
        raise UserError(f"--uid {uid}: only root can give files to another account")
    return own if uid is None else uid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@command.command("access")
@click.option(
    "--kibana-password",
    type=EXISTING_PATH,
    required=True,
    help="File that holds the password of Kibana's own account, kibana_system.",
)
@click.option("--writer-key", type=PATH, required=True, help="File for the key that writes hits.")
@click.option("--set-up-key", type=PATH, required=True, help="File for the key that makes indices.")
def access(kibana_password: Path, writer_key: Path, set_up_key: Path) -> None:
    """Give Kibana and the audit their accounts in Elasticsearch.

    The server and a superuser are set as EMAIL_AUDIT_ELASTICSEARCH_... variables. Keys that work
    are left alone; remove a key's file for a new one, which makes the old one invalid.
    """
    from email_audit.deploy.access import grant_access, privileges
    from email_audit.search.elasticsearch.connection import clear_errors, connect
    from email_audit.settings import Settings

    settings = Settings.create()
    alias = settings.elasticsearch_alias
    files = dict(zip(privileges(alias), (writer_key, set_up_key), strict=True))
    with clear_errors(settings.elasticsearch_url):
        grants = grant_access(
            connect(settings),
            alias=alias,
            kibana_password=kibana_password.read_text(encoding="utf-8").strip(),
            files=files,
        )
    for grant in grants:
        click.echo(f"key {grant.name}: {'made' if grant.is_new else 'left as it was'}")
