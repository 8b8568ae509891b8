"""`email-audit kibana`."""

import json
from pathlib import Path

import click

from email_audit.cli.options import PATH, json_option
from email_audit.errors import UserError


@click.group("kibana")
def command() -> None:
    """Give investigators their searches and dashboards in Kibana."""


@command.command("export")
@click.argument("file", type=PATH, metavar="FILE.ndjson")
@json_option
def export(file: Path, *, as_json: bool) -> None:
    """Write the searches and dashboards to a file for Kibana's own import.

    In Kibana: Stack Management, Saved Objects, Import. Where hashes lead to is set as
    EMAIL_AUDIT_REVIEW_URL, the index as EMAIL_AUDIT_ELASTICSEARCH_ALIAS.
    """
    from email_audit.search.kibana.build import object_set
    from email_audit.search.kibana.settings import ObjectSettings

    if file.suffix != ".ndjson":
        raise UserError(f"{file}: Kibana imports only files whose name ends in .ndjson")
    settings = ObjectSettings.create()
    objects = object_set(settings.elasticsearch_alias, settings.review_url)
    try:
        file.write_bytes(objects.as_ndjson())
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}") from error
    if as_json:
        record = {"file": str(file), "objects": len(objects.objects), "set": objects.digest}
        click.echo(json.dumps(record))
        return
    click.echo(f"{file}: {len(objects.objects)} objects, set {objects.digest}")


@command.command("set-up")
@json_option
def set_up(*, as_json: bool) -> None:
    """Make the space and roles for investigators and write their searches and dashboards.

    Run it again after every update of email-audit, or to put right what was changed: it can be
    repeated at any time. Kibana and the account are set as EMAIL_AUDIT_KIBANA_... variables
    (docs/investigator.md).
    """
    from email_audit.search.kibana.build import object_set
    from email_audit.search.kibana.client import Kibana
    from email_audit.search.kibana.installing import set_up as install
    from email_audit.search.kibana.settings import KibanaSettings

    settings = KibanaSettings.create()
    alias, space = settings.elasticsearch_alias, settings.kibana_space
    objects = object_set(alias, settings.review_url)
    done = install(Kibana(settings), space, alias, objects)
    if as_json:
        record = {
            "url": settings.kibana_url,
            "kibana": done.kibana_version,
            "space": {"id": space, "change": done.space},
            "roles": [{"name": name, "change": change} for name, change in done.roles.items()],
            "objects": {"written": done.written, "overwritten": done.overwritten},
            "set": objects.digest,
        }
        click.echo(json.dumps(record))
        return
    click.echo(f"Kibana {done.kibana_version} at {settings.kibana_url}")
    click.echo(f"space {space}: {done.space}")
    for name, change in done.roles.items():
        click.echo(f"role {name}: {change}")
    click.echo(
        f"objects: {done.written} written, {done.overwritten} of them over older ones, "
        f"set {objects.digest}"
    )
    click.echo(f"Give investigators the role {space}-investigator.")
