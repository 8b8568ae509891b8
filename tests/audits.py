"""Small audits built by code, for tests of the steps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, select

from email_audit.ledger.models import (
    AcquisitionRow,
    AttachmentRow,
    Base,
    CustodyRow,
    ItemRow,
    TagRow,
)
from email_audit.roster import ROSTER_COLUMNS
from email_audit.search.opening import open_index
from email_audit.settings import Settings
from email_audit.steps.case import Case, open_case
from email_audit.steps.run import RunReport, run_audit
from tests.servers import databases

ENVELOPE = "From x@city.example Mon Mar  3 10:00:00 2025\n"


def mail(
    subject: str = "roll call",
    body: str = "See everybody at seven.",
    *,
    date: str | None = "Mon, 03 Mar 2025 10:00:00 -0500",
    message_id: str | None = None,
    sender: str = "ann@city.example",
    to: str = "bob@city.example",
    headers: Mapping[str, str] | None = None,
) -> str:
    """Give one message as RFC 5322 text with LF line ends."""
    fields = {
        "From": sender,
        "To": to,
        "Subject": subject,
        **({"Date": date} if date is not None else {}),
        **({"Message-ID": message_id} if message_id is not None else {}),
        **(headers or {}),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + f"\n{body}\n"


def mbox(*messages: str) -> str:
    """Give an mboxrd file of `messages` (none of them has a "From " line in its body)."""
    return "".join(f"{ENVELOPE}{message}\n" for message in messages)


@dataclass(frozen=True)
class Audit:
    """A folder with roster and mail, the workspace they are audited in, and its database."""

    folder: Path
    backend: databases.Backend = field(default_factory=lambda: databases.current)

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def roster(self) -> Path:
        return self.folder / "roster.csv"

    def settings(self, **values: Any) -> Settings:
        given = {"workspace": self.workspace, "roster": self.roster, "mail": self.mail}
        where = {"database_url": self.backend.url(self.workspace), "actor": "tester"}
        return Settings.create(**given | where | values)

    def write_roster(self, *rows: str) -> None:
        self.roster.write_text("\n".join([",".join(ROSTER_COLUMNS), *rows]) + "\n")

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.mail / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def run(self, *, processes: int = 1, **values: Any) -> RunReport:
        return run_audit(self.settings(**values), processes=processes, progress=silent)


def audit_in(folder: Path, **officers: str) -> Audit:
    """Make an audit whose roster has one unlimited assignment for each officer=mailboxes."""
    audit = Audit(folder)
    audit.mail.mkdir(parents=True)
    audit.write_roster(
        *(f"{officer},Name {officer},Det,{boxes},TF,HSI,," for officer, boxes in officers.items())
    )
    return audit


def sample_settings(
    repository: Path, workspace: Path, backend: databases.Backend, **values: Any
) -> Settings:
    """Give the settings of an audit of the bundled sample."""
    sample = repository / "sample"
    return Settings.create(
        workspace=workspace,
        database_url=backend.url(workspace),
        roster=sample / "roster.csv",
        mail=sample / "mail",
        requests=sample / "requests.csv",
        actor="tester",
        **values,
    )


def silent(_step: str, _done: int, _total: int) -> None:
    """Show no progress."""


def fates(case: Case) -> list[tuple[str, str, str, str]]:
    """List (custodian, path in source, fate, reason) of every ledger row, sorted.

    A hit and a non-hit are both "judged": which one is the classifier's business, not accounting's.
    """
    with case.database.session() as session:
        rows = session.execute(
            select(
                AcquisitionRow.custodian, ItemRow.path_in_source, ItemRow.fate, ItemRow.reason
            ).join(AcquisitionRow, ItemRow.acquisition_id == AcquisitionRow.id)
        )
        return sorted(
            (custodian, path, "judged" if fate in {"hit", "non_hit"} else fate, reason)
            for custodian, path, fate, reason in rows
        )


def database_text(settings: Settings) -> str:
    """Give every value that the case database holds, whatever its type."""
    with open_case(settings) as case, case.database.session() as session:
        return "\n".join(
            repr(tuple(row))
            for table in Base.metadata.sorted_tables
            for row in session.execute(select(table))
        )


def everything(settings: Settings) -> dict[str, Any]:
    """Give all that a run decides, in a form that does not depend on row numbers or the clock.

    Ledger rows, attachments, tags, the acquisitions, and the documents of the index.
    """
    with open_case(settings) as case, case.database.session() as session:
        acquisitions = {row.id: row for row in session.scalars(select(AcquisitionRow))}
        items = {row.id: row for row in session.scalars(select(ItemRow))}
        place = {
            item.id: (
                acquisitions[item.acquisition_id].custodian,
                acquisitions[item.acquisition_id].path,
                item.ordinal,
            )
            for item in items.values()
        }
        return {
            "acquisitions": sorted(
                _values(row, "id", "acquired_at") for row in acquisitions.values()
            ),
            "items": sorted(
                (place[row.id], _values(row, "id", "acquisition_id", "chunk_id", "member_id"))
                for row in items.values()
            ),
            "attachments": sorted(
                (place[row.item_id], _values(row, "id", "item_id"))
                for row in session.scalars(select(AttachmentRow))
            ),
            "tags": sorted(_values(row, "id") for row in session.scalars(select(TagRow))),
            "custody": sorted(
                (row.action, row.subject, repr(sorted(row.details.items())))
                for row in session.scalars(select(CustodyRow))
            ),
            "index": list(open_index(settings).ids()),
        }


def _values(row: object, *without: str) -> str:
    columns: Iterable[str] = inspect(type(row)).columns.keys()  # type: ignore[union-attr]
    return repr([(name, getattr(row, name)) for name in columns if name not in without])
