"""Tables for people: what a run found, and the ledger."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from email_audit.ledger.balance import Balance, balances, total
from email_audit.ledger.models import AssignmentRow
from email_audit.steps.case import Case
from email_audit.steps.hits import list_hits
from email_audit.steps.run import RunReport

_NUMBERS = (
    ("declared", "declared"),
    ("found", "found"),
    ("hits", "hits"),
    ("non_hits", "non-hits"),
    ("duplicates", "duplicates"),
    ("out_of_scope", "out of scope"),
    ("unreadable", "unreadable"),
)


def print_ledger(lines: Sequence[Balance]) -> None:
    """Print one row for each acquisition and the totals."""
    console = _console()
    table = Table(title="Ledger", title_justify="left", title_style="bold")
    table.add_column("custodian")
    table.add_column("export", overflow="fold")
    for _, label in _NUMBERS:
        table.add_column(label, justify="right")
    table.add_column("balanced")
    for line in lines:
        table.add_row(*_cells(line))
    table.add_section()
    table.add_row(*_cells(total(list(lines))))
    console.print(table)


def print_officers(case: Case) -> None:
    """Print one row for each officer: exports, messages found and hits, and then the ledger.

    A message in several mailboxes is counted for each officer who has it; the ledger counts it
    once.
    """
    with case.database.session() as session:
        lines = balances(session)
        names = dict(
            session.execute(
                select(AssignmentRow.officer_id, AssignmentRow.name).order_by(AssignmentRow.id)
            ).all()
        )
    hits = Counter(officer for record in list_hits(case) for officer in record.custodians)
    table = Table(title="Officers", title_justify="left", title_style="bold")
    for label in ("officer", "name"):
        table.add_column(label)
    for label in ("exports", "messages", "hits in the mailbox"):
        table.add_column(label, justify="right")
    for officer, name in names.items():
        own = [line for line in lines if line.custodian == officer]
        found = sum(line.found for line in own)
        table.add_row(officer, name, str(len(own)), str(found), str(hits[officer]))
    _console().print(table)
    print_ledger(lines)


def print_report(report: RunReport, workspace: Path) -> None:
    """Print what a run did, what does not fit the roster, the ledger, and what to do next."""
    print_ledger(report.balances)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    custodians = Counter(line.custodian for line in report.balances)
    console.print(
        f"{len(custodians)} officers, {len(report.balances)} exports: "
        f"{report.messages_read} messages read and {report.messages_tagged} tagged in this run; "
        f"index: {report.index.written} written, {report.index.removed} removed, "
        f"{report.index.unchanged} unchanged."
    )
    for path in report.registration.unassigned:
        console.print(f"warning: {path} belongs to no officer of the roster; it was not read.")
    for path in report.registration.not_files:
        console.print(f"warning: {path} is a link or no file; what it leads to was not read.")
    for officer in report.registration.without_export:
        console.print(f"warning: officer {officer} has no export in the mail folder.")
    console.print(f"Search:  email-audit search --out {workspace} 'kinds:alert'")
    console.print(f"Bundle:  email-audit bundle --out {workspace} --case CASE --to FOLDER")


def _console() -> Console:
    """Give where tables go. No markup: the name of an export may hold brackets."""
    return Console(markup=False, width=None if Console().is_terminal else 140)


def _cells(line: Balance) -> list[str]:
    return [
        line.custodian or "all",
        line.source,
        *(str(getattr(line, field)) for field, _ in _NUMBERS),
        "yes" if line.is_balanced else "NO",
    ]
