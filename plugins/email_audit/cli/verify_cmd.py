"""`email-audit verify`."""

from pathlib import Path

import click

from email_audit.errors import RunError


@click.command("verify")
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--expect", metavar="SHA256", help="The manifest's SHA-256, as written down.")
def command(bundle: Path, expect: str | None) -> None:
    """Check a case bundle with nothing but the bundle; say which file is wrong."""
    from email_audit.bundles.verifier import verify

    findings = verify(bundle, expect)
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise RunError(f"{bundle}: {len(findings)} findings; the bundle is not as it was written")
    click.echo(f"{bundle}: every file is as it was written")
