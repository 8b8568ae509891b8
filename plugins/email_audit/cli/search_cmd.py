"""`email-audit search`."""

import json
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import click

from email_audit.cli.options import json_option, workspace_option
from email_audit.settings import Settings

if TYPE_CHECKING:
    from email_audit.search.interface import SearchHit


@click.command("search")
@workspace_option
@click.argument("query")
@click.option("--sort", "sort", multiple=True, metavar="FIELD[:desc]", help="Sort by a field.")
@click.option("--size", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--all", "every", is_flag=True, help="Print every result, page after page.")
@json_option
def command(
    workspace: Path, query: str, sort: tuple[str, ...], size: int, *, every: bool, as_json: bool
) -> None:
    """Find hits with Lucene syntax, for instance: kinds:alert AND from:hsi AND date:[2025 TO *].

    The fields are listed in docs/fields.md.
    """
    from email_audit.search.documents import search_contract
    from email_audit.search.interface import BY_RELEVANCE, SortKey
    from email_audit.search.opening import open_index
    from email_audit.search.paging import pages

    index = open_index(Settings.create(workspace=workspace))
    keys = [
        SortKey(name, descending=order.lower() == "desc")
        for name, _, order in (item.partition(":") for item in sort)
    ]
    for number, page in enumerate(pages(index, query, sort=keys or BY_RELEVANCE, size=size)):
        if number == 0 and not as_json:
            click.echo(f"{page.total} hits")
        for hit in page.hits:
            contract = search_contract(hit)
            click.echo(json.dumps(contract, ensure_ascii=False) if as_json else _text(hit))
        if not every:
            return


def _text(hit: "SearchHit") -> str:
    """Give a result for people: when, who, what kind, the subject and the first passage."""
    document = hit.document
    when = "no date" if document.date is None else f"{document.date:%Y-%m-%d %H:%M} UTC"
    who = "" if document.sender is None else document.sender.address or document.sender.name
    lines = [
        f"{when}  {who}  score {document.score:.2f}  [{', '.join(document.kinds)}]",
        f"    {document.subject}",
    ]
    passage = next((text for texts in hit.highlights.values() for text in texts), "")
    if passage:
        plain = unescape(passage.replace("<em>", "").replace("</em>", ""))
        lines.append(f"    ... {' '.join(plain.split())}")
    return "\n".join(lines)
